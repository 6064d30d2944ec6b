"""Decisions to live with a finding: what a person is asked for one, and the file that it is added to. No bpy."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from ..errors import UsageError
from ..model.finding import Waiver
from .words import unicode

DAYS = 90
"""For which a waiver holds if nobody says otherwise: long enough to ship, too short to be forgotten."""

FILE_NAME = "waivers.toml"
_FIELDS = {"code": "a code", "pattern": "a pattern", "owner": "an owner", "reason": "a reason"}


def pattern_of(key: str, options: Sequence[str]) -> str:
    """The glob that this asset alone matches: its key below the library's root."""
    prefix = next((option.partition("=")[2] for option in options if option.startswith("--prefix=")), "")
    below = key.removeprefix(prefix[: prefix.rfind("/") + 1])
    return unicode(re.sub(r"([*?[])", r"[\1]", below))  # what is no Unicode becomes "?", which matches it


def owner() -> str:
    """Who works at this machine, "" if it does not say."""
    try:
        return unicode(getpass.getuser())
    except (OSError, KeyError, ImportError):  # no such user; no module `pwd` under Windows
        return ""


def last_day() -> str:
    """The day from which on a waiver made today is due for another look."""
    return (date.today() + timedelta(days=DAYS)).isoformat()


def add(path: Path, waiver: Waiver) -> None:
    """Append a waiver to a file, which is made if need be. Raises `UsageError`, and then the file is as it was."""
    from ..rules.profiles import read_waivers, waiver_text

    if lacking := [what for name, what in _FIELDS.items() if not getattr(waiver, name).strip()]:
        raise UsageError(f"A waiver needs {lacking[0]}.")
    waiver = replace(waiver, expires=_day(waiver.expires))
    try:
        if path.exists():
            read_waivers(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8", newline="\n") as file:
            before = file.tell()
            file.write(waiver_text(waiver))
            file.flush()
            try:
                read_waivers(path)
            except UsageError:
                file.truncate(before)
                raise
    except OSError as error:
        raise UsageError(f"The waiver cannot be added to {path}: {error.strerror}.") from error


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"A waiver holds until a day such as {last_day()}, not until {text!r}.") from error
    if day < date.today():
        raise UsageError(f"{day} is over: a waiver until then would not hold.")
    return day.isoformat()
