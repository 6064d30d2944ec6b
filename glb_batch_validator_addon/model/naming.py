"""Where the report of an asset goes."""

from __future__ import annotations

import hashlib
import re

from ..errors import UsageError
from .library import ASSET_SUFFIX, is_asset

DEFAULT_REPORT_NAME = "{stem}_report.json"
UID_DIGITS = 12

_FIELD = re.compile(r"\{(\w*)\}")


def check_template(template: str) -> None:
    """Raise `UsageError` unless the template gives each asset a JSON file: `{stem}` or `{uid}`, then `.json`."""
    fields = set(_FIELD.findall(template))
    if unknown := fields - {"stem", "uid"}:
        raise UsageError(f"--report-name knows {{stem}} and {{uid}}, not {{{min(unknown)}}}.")
    if not fields:
        raise UsageError("--report-name needs {stem} or {uid}, else all reports would have the same name.")
    if not template.endswith(".json") or template.startswith("/") or "\\" in template or ".." in template.split("/"):
        raise UsageError("--report-name is a relative name that ends in .json, such as {stem}_report.json.")


def uid(key: str) -> str:
    """A short name of a key that is the same in every run: the first digits of its SHA-256."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:UID_DIGITS]


def report_key(key: str, template: str, *, uid_of: str) -> str:
    """`props/Chair.glb` -> `props/Chair_report.json`; `uid_of` is the full key, which `{uid}` stands for."""
    folder, slash, name = key.rpartition("/")
    stem = name[: -len(ASSET_SUFFIX)] if is_asset(name) else name
    return folder + slash + _FIELD.sub(lambda found: stem if found[1] == "stem" else uid(uid_of), template)


def preview_key(report_key: str, template: str, *, suffix: str, uid_of: str | None = None) -> str:
    """`props/Chair_report.json` -> `props/Chair_preview.webp`; with the asset's uid before `_preview` on request.

    What the template does not end in is part of the asset's name: with `{stem}.json` only `.json` gives way.
    """
    ending = "_report.json" if template.endswith("_report.json") else ".json"
    return f"{report_key.removesuffix(ending)}{f'_{uid(uid_of)}' if uid_of else ''}_preview.{suffix}"


def twin_template(template: str) -> str:
    """For an asset whose report name is taken (`chair.GLB` beside `chair.glb`): the same with its uid in it."""
    return template if "{uid}" in template else template.replace("{stem}", "{stem}_{uid}", 1)
