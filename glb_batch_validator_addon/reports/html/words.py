"""Figures, dates, names and verdicts in words for the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, unquote

from ...model.finding import Saving
from ...model.text import printable

NOTHING = "–"
MAX_TEXT = 1000
"""Characters of a text that comes from an asset, in which a name may be as long as the file."""

VERDICTS: Mapping[str, tuple[str, str]] = {
    "error": ("Not processed", "The file, or Blender's importer, failed"),
    "fail": ("Failed", "The profile sees an error"),
    "unsupported": ("Unsupported", "It needs something that this Blender lacks"),
    "warn": ("Warnings", "The profile sees nothing worse than a warning"),
    "pass": ("Passed", "It is as the profile wants it"),
    "pending": ("Not looked at", "The run was interrupted before its turn"),
}
"""Label and meaning, the worst first; pending ones have none."""

SEVERITIES: Mapping[str, tuple[str, str]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "info": ("info", "infos"),
    "hint": ("hint", "hints"),
}
"""One, and several."""

NEEDS: Mapping[str, str] = {
    "file": "The glTF document",
    "data": "Vertex and animation data",
    "khronos": "Conformance by the Khronos validator",
    "scene": "What Blender imports",
    "meshes": "Quality of the meshes",
    "pixels": "Decoded images",
    "deep": "What takes long",
    "preview": "Picture",
    "custom": "The studio's own rules",
    "rule": "A rule",
}

BYTES: Mapping[str, str] = {
    "textures": "Textures",
    "geometry": "Geometry",
    "animations": "Animations",
    "json": "JSON",
    "rest": "Rest",
}

MEASURES: Mapping[str, str] = {
    "size_bytes": "File size",
    "triangles": "Triangles",
    "gpu_bytes": "GPU memory",
    "texel_density": "Texel density",
    "size_m": "Size",
}


class Span(NamedTuple):
    """A piece of a rule's text. `tag` is an HTML element, "" for plain text."""

    tag: str
    text: str


def number(value: float | None) -> str:
    """Whole, with thousands separated."""
    return NOTHING if value is None else f"{value:,.0f}"


def size(value: float | None) -> str:
    """Bytes in decimal units, as file managers and `Details` of the panel show them."""
    if value is None:
        return NOTHING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"


def plural(count: int, one: str, several: str = "") -> str:
    """ "1 asset", "2,000 assets"."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def percent(part: float, whole: float) -> str:
    """One digit after the point. Never 100 % of what is not whole, never 0 % of what is not nothing."""
    if not whole:
        return NOTHING
    share = 1000 * part / whole
    rounded = round(share)
    if rounded == 1000 and part < whole:
        rounded = 999
    elif rounded == 0 and part > 0:
        rounded = 1
    return f"{rounded / 10:.1f}".removesuffix(".0") + " %"


def figure(value: float) -> str:
    """Three digits that count, and never an exponent where a person would not write one."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def measured(measure: str, value: float) -> str:
    """With its unit."""
    if measure in ("size_bytes", "gpu_bytes"):
        return size(value)
    if measure == "triangles":
        return number(value)
    return f"{figure(value)} {'px/m' if measure == 'texel_density' else 'm'}"


def factor(value: float, median: float) -> str:
    """How many times as much, or as little, as is usual."""
    if not (value and median):
        return NOTHING
    return f"{figure(value / median)} ×" if value >= median else f"1/{figure(median / value)} ×"


def moment(text: str) -> str:
    """`2026-12-31T23:59:59Z` as "2026-12-31 23:59 UTC"; what is no date stays as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """ "4.3 s", "12 min 5 s", "2 h 7 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def savings(saves: Saving) -> list[str]:
    """What putting it right saves, each as a text; nothing of what it does not."""
    texts = (
        (saves.bytes, size(saves.bytes)),
        (saves.gpu_bytes, f"{size(saves.gpu_bytes)} GPU"),
        (saves.draw_calls, plural(saves.draw_calls, "draw call")),
        (saves.triangles, plural(saves.triangles, "triangle")),
    )
    return [text for value, text in texts if value]


def short(text: str) -> str:
    """Cut to `MAX_TEXT`."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def one_line(text: str) -> str:
    """A text from an asset, fit for a cell: cut, and with an escape for each character that cannot be seen."""
    return printable(short(text), None)


def spans(text: str) -> list[Span]:
    """A rule's text, which knows two marks: `code` and *emphasis*."""
    pieces = re.split(r"(`[^`]+`|\*\S[^*]*\*)", text)
    tags = {"`": "code", "*": "em"}
    # Every other piece is one that the pattern matched.
    return [
        Span(tags[piece[0]], piece[1:-1]) if index % 2 else Span("", piece)
        for index, piece in enumerate(pieces)
        if piece
    ]


def kind_of(error: str) -> str:
    """The type of a failure in words: `OutOfMemory` as "Out of memory"."""
    first, *others = re.findall(r"[A-Z]\d+|[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]", error) or [error]
    return " ".join((first, *(word if word.isupper() else word.lower() for word in others)))


def place_of(library: str) -> str:
    """A library's address to be read: `file:` URIs with the characters that stand for themselves."""
    return printable(unquote(library, errors="surrogateescape") if library.startswith("file:") else library, None)


def root_of(library: str) -> str:
    """What the keys of a library begin with and nobody needs to read: the folder that its prefix is in, or is."""
    if not library.startswith("s3://"):
        return ""
    prefix = library.removeprefix("s3://").partition("/")[2]
    return prefix[: prefix.rfind("/") + 1]


def name_of(key: str, root: str) -> str:
    """A key as it is shown: below the library, in one line, with an escape for each character that cannot be seen."""
    return printable(key.removeprefix(root), None)


def route_of(key: str, root: str) -> str:
    """An asset's page within the page, the fragment without `#/asset/`. It tells apart what looks the same."""
    return quote(key.removeprefix(root), safe="/!'()*", errors="surrogatepass")


def link_of(uri: str) -> str | None:
    """Where a link may lead: to local files only, for a page from disk may open nothing else without asking."""
    return uri if uri.startswith("file:///") else None
