"""One asset in full, as the details panel shows it. No bpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .results import Row
from .words import drawable, in_panel_words


@dataclass(frozen=True, slots=True)
class Details:
    """Texts, made once when an asset is chosen."""

    path: str
    findings: tuple[tuple[str, str], ...]
    """Outcome and sentence."""
    facts: tuple[tuple[str, str], ...]
    """Name and value."""

    @classmethod
    def of(cls, row: Row) -> Details:
        """Those of a row."""
        return cls(path=row.path, findings=tuple(_findings(row)), facts=tuple(_facts(row)))


def _findings(row: Row) -> Iterator[tuple[str, str]]:
    brief = row.brief
    if error := brief.get("error"):
        yield row.outcome, drawable(in_panel_words(error["message"]))
    missing = brief.get("missing") or ()
    for what in missing:
        yield "incomplete", drawable(f"{what['what'].capitalize()} {what['name']}: {what['reason']}")
    if (more := (brief.get("missing_count") or 0) - len(missing)) > 0:
        yield "incomplete", f"{more:,} more are missing: see the report."


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
