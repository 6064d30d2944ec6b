"""One asset in full: as the list knows it, or as its report tells once it is open. No bpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.report import Report
from .findings import Group, Place, of_brief, of_report
from .results import Row, words_of
from .words import drawable, in_panel_words, plain


@dataclass(frozen=True, slots=True)
class Details:
    """Texts, made once when an asset is chosen."""

    path: str
    picture: str | None
    """Name of its file in the folder that keeps pictures."""
    groups: tuple[Group, ...]
    rest: str
    """What there is besides the groups: rules that are not named, findings that are waived."""
    facts: tuple[tuple[str, str], ...]
    """Name and value."""

    @classmethod
    def of(cls, row: Row) -> Details:
        """Those of a row."""
        return cls(
            path=row.path,
            picture=row.brief.get("preview_file"),
            groups=tuple(_groups(row)),
            rest=_rest(row.brief),
            facts=tuple(_facts(row)),
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """What the panel says of an asset that is open in a scene of its own."""

    key: str
    name: str
    brief: Mapping[str, Any]
    """Of its report, or of its row where that could not be had."""
    groups: tuple[Group, ...]
    places: Mapping[int, Place]
    """Those of all groups, by number."""
    unchecked: tuple[str, ...]
    """What no rule could look at, and why."""
    note: str
    """What else there is to say."""

    @classmethod
    def of(cls, row: Row, report: Report | None) -> Opened:
        """The asset of a row. Raises ValueError if the report's blocks are not those of a report."""
        if report is None:
            note = "There is no report of it as it is now: validate it again."
            return cls(row.key, row.name, row.brief, tuple(_groups(row)), {}, (), note)
        try:
            groups = (*_error(report.brief()), *of_report(report.findings))
            places = {place.number: place for group in groups for place in group.places}
            unchecked = dict.fromkeys(drawable(plain(in_panel_words(gap["reason"]))) for gap in report.coverage)
            note = "" if groups else "Nothing was found."
            return cls(row.key, row.name, report.brief(), groups, places, tuple(unchecked), note)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a report: {error!r}") from error


def _groups(row: Row) -> Iterator[Group]:
    yield from _error(row.brief)
    yield from of_brief(row.brief)


def _error(brief: Mapping[str, Any]) -> Iterator[Group]:
    """Why it was not processed to the end, as if a rule had found it."""
    if error := brief.get("error"):
        message = drawable(in_panel_words(error["message"]))
        yield Group(code="", title=words_of(error["type"]), severity="error", count=1, message=message)


def _rest(brief: Mapping[str, Any]) -> str:
    named = sum(entry["count"] for entry in brief.get("findings") or ())
    more = sum((brief.get("finding_counts") or {}).values()) - named
    waived = brief.get("waived_count") or 0
    told = [f"{count:,} {what}" for count, what in ((more, "more"), (waived, "waived")) if count]
    return f"{' and '.join(told)}: open the asset, or read its report." if told else ""


def _facts(row: Row) -> Iterator[tuple[str, str]]:
    brief = row.brief
    yield "File Size", _bytes(brief["size_bytes"])
    if dimensions := brief.get("dimensions_m"):
        yield "Dimensions", " × ".join(f"{length:.3g}" for length in dimensions) + " m"
    for name, key in (
        ("Vertices", "vertices"),
        ("Triangles", "triangles"),
        ("Triangles Drawn", "rendered_triangles"),
        ("Draw Calls", "draw_calls"),
        ("Materials", "material_count"),
        ("Images", "image_count"),
        ("Animations", "animation_count"),
    ):
        if brief.get(key) is not None:
            yield name, f"{brief[key]:,}"
    if row.unchanged:
        yield "Validated", "Before, and unchanged since"


def _bytes(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"
