"""Blender's own switch for the network, which extensions have to respect."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..errors import UsageError
from ..storage.s3_options import S3Options
from . import database
from .history import farm_run
from .words import in_panel_words


def refusal(options: Sequence[str]) -> str:
    """Why Blender's settings forbid what these options of the engine ask for, "" if they do not.

    A server on this machine is no network.
    """
    if bpy.app.online_access:
        return ""
    try:
        if _stays_here(options):
            return ""
    except (UsageError, OSError, ValueError) as error:
        return in_panel_words(str(error))
    if not bpy.app.background:
        return "Blender's online access is off: allow it in Preferences, System, Network"
    # Who names a bucket on a command line wants the network, unless that same line forbids it.
    return "Blender was started with --offline-mode: start it without" if bpy.app.online_access_override else ""


def _stays_here(options: Sequence[str]) -> bool:
    """Whether the engine needs no other machine. Raises `UsageError`, OSError, ValueError."""

    def value(name: str) -> str:
        return next((option.partition("=")[2] for option in options if option.startswith(f"{name}=")), "")

    if farm_run(options):
        return database.is_here(value("--database"))
    if not any(option.startswith(("--bucket=", "--reports-to=s3://")) for option in options):
        return True
    return S3Options(bucket="", endpoint_url=value("--endpoint-url"), allow_http=True).on_this_machine
