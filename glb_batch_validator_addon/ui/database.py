"""The name of a farm's database: that it holds no password, and whether it is on this machine. No bpy."""

from __future__ import annotations

import os
from pathlib import Path

from ..model import address
from ..model.address import has_password, without_password

__all__ = ["NO_PASSWORD", "VARIABLE", "has_password", "is_here", "without_password"]

VARIABLE = "GLBV_DATABASE"
"""Of the environment; it may hold a whole URL. With `_FILE` behind it, the name of a file that does."""

NO_PASSWORD = f"Leave the password out: it would be kept where others can read it. Put the whole URL into ${VARIABLE}"


def is_here(database: str) -> bool:
    """Whether this database, or that of the environment where it is "", is a file or a server on this machine.

    What is named nowhere is left to the engine, which says so. Raises OSError.
    """
    url = database or os.environ.get(VARIABLE) or _in_file(os.environ.get(f"{VARIABLE}_FILE"))
    return "://" not in url or address.is_here(url)


def _in_file(name: str | None) -> str:
    return Path(name).read_text("utf-8").strip() if name else ""
