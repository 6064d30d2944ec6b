"""The assets of a run as rows of a list: filtered, sorted, and kept so while more come in. No bpy."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.finding import VERDICTS
from .findings import title_of
from .words import drawable

MAX_ROWS = 100_000
"""Rows that the panel lists; the reports and the summary have all."""

OUTCOMES: tuple[str, ...] = VERDICTS
"""The worst first."""

WORDS = {
    "error": "not processed",
    "fail": "failed",
    "unsupported": "unsupported",
    "warn": "with warnings",
    "pass": "good",
}
"""What is said of so many assets."""

MEANINGS = {
    "error": "Assets that could not be processed: the file, or Blender's importer, failed",
    "fail": "Assets in which the profile sees an error",
    "unsupported": "Assets that need something that this Blender lacks",
    "warn": "Assets in which the profile sees nothing worse than a warning",
    "pass": "Assets that are as the profile wants them",
}

_NO_NUMBER = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One asset, with the texts that the list draws made once."""

    key: str
    outcome: str
    """One of `OUTCOMES`."""
    unchanged: bool
    """Its report is of an earlier run."""
    report: str
    """URI of its report."""
    brief: Mapping[str, Any]
    """`Report.brief`."""
    path: str
    """The key, drawable."""
    name: str
    triangles: str
    finding: str
    """What is most wrong with it in a word or two, "" if nothing is."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Row:
        """From an event `asset_done` or `asset_skipped`."""
        brief, key = event["brief"], event["key"]
        triangles = brief.get("triangles")
        return cls(
            key=key,
            outcome=event["verdict"],
            unchanged=event["event"] == "asset_skipped",
            report=event["report"],
            brief=brief,
            path=drawable(key),
            name=drawable(key.rpartition("/")[2]),
            triangles=_NO_NUMBER if triangles is None else f"{triangles:,}",
            finding=_worst(brief, event["verdict"]),
        )


@dataclass(frozen=True, slots=True)
class View:
    """Which rows to show, and in which order."""

    search: str = ""
    """Part of a key or of a finding, in any case."""
    outcomes: frozenset[str] = frozenset(OUTCOMES)
    sort: str = "SEVERITY"
    """One of `SORTS`."""
    reverse: bool = False

    def shows(self, row: Row) -> bool:
        """Whether a row passes the filter."""
        search = self.search.lower()
        return row.outcome in self.outcomes and (
            not search or search in row.key.lower() or search in row.finding.lower()
        )


SORTS: dict[str, Callable[[Row], tuple[Any, ...]]] = {
    "SEVERITY": lambda row: (OUTCOMES.index(row.outcome), row.key.lower(), row.key),
    "NAME": lambda row: (row.name.lower(), row.key),
    "TRIANGLES": lambda row: (-(row.brief.get("triangles") or 0), row.key),
    "SIZE": lambda row: (-(row.brief.get("size_bytes") or 0), row.key),
}
"""Keys to sort by; no two rows have the same."""


class Results:
    """All rows by number, and the numbers of those shown in their order. A row keeps its number."""

    def __init__(self, view: View) -> None:
        self._rows: list[Row] = []
        self._numbers: dict[str, int] = {}
        self.counts = dict.fromkeys(OUTCOMES, 0)
        """By outcome, also of rows that are too many to list."""
        self.look(view)

    def look(self, view: View) -> None:
        """Filter and sort anew."""
        self.view = view
        key = SORTS[view.sort]
        shown = sorted((key(row), number) for number, row in enumerate(self._rows) if view.shows(row))
        self._keys = [entry[0] for entry in shown]  # apart from the numbers, which are copied often
        self._shown = [entry[1] for entry in shown]

    def put(self, row: Row) -> None:
        """Add a row, or replace the one of the same asset."""
        number = self._numbers.get(row.key)
        if number is not None:
            before = self._rows[number]
            self.counts[before.outcome] -= 1
            if self.view.shows(before):
                place = self._place(before)
                del self._keys[place], self._shown[place]
            self._rows[number] = row
        elif len(self._rows) < MAX_ROWS:
            number = self._numbers[row.key] = len(self._rows)
            self._rows.append(row)
        self.counts[row.outcome] += 1
        if number is not None and self.view.shows(row):
            place = self._place(row)
            self._keys.insert(place, SORTS[self.view.sort](row))
            self._shown.insert(place, number)

    def row(self, key: str) -> Row | None:
        """The row of an asset; None if it is not listed."""
        number = self._numbers.get(key)
        return None if number is None else self._rows[number]

    def position(self, number: int) -> int:
        """Where in `shown()` a row stands; -1 if it is not shown."""
        if not (0 <= number < len(self._rows) and self.view.shows(self._rows[number])):
            return -1
        place = self._place(self._rows[number])
        return len(self._shown) - 1 - place if self.view.reverse else place

    def rows(self) -> tuple[Row, ...]:
        """All, by number."""
        return tuple(self._rows)

    def shown(self) -> tuple[int, ...]:
        """Numbers of the rows that are shown, in order."""
        return tuple(reversed(self._shown)) if self.view.reverse else tuple(self._shown)

    def _place(self, row: Row) -> int:
        return bisect_left(self._keys, SORTS[self.view.sort](row))


def _worst(brief: Mapping[str, Any], verdict: str) -> str:
    """A good asset may have hints, which are for its details."""
    if error := brief.get("error"):
        return words_of(error["type"])
    found = brief.get("findings") or ()
    if verdict == "pass" or not found:
        return ""
    return title_of(found[0]["code"]) + (f" +{len(found) - 1}" if len(found) > 1 else "")


def words_of(kind: str) -> str:
    """`GitLfsPointer` -> `Git Lfs Pointer`, `Version1` -> `Version 1`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])", " ", drawable(kind))
