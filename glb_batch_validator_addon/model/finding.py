"""What is said of an asset: findings, and the verdict on top of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info", "hint"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info", "hint")
"""The worst first: the position of each is its number at Khronos."""

Verdict = Literal["pass", "warn", "fail", "error", "unsupported"]
"""`fail`: a finding of severity `error`; `warn`: one of severity `warning`; `error`: it could not be processed;
`unsupported`: nothing is known against it, but it needs what this Blender lacks. Waived findings do not count."""

VERDICTS: tuple[Verdict, ...] = ("error", "fail", "unsupported", "warn", "pass")
"""The worst first."""

MAX_ELEMENTS = 100
"""Indices that are kept of one kind of fault in one mesh."""

PREFIX = "GLBV_"
"""Of the codes of our own rules: the Khronos validator's have none, and a studio's have another."""

Vector = tuple[float, float, float]

_SPELLED = {
    **{name.lower(): name for name in ("BIN", "GLB", "GPU", "IO", "JSON", "KHR", "MIME", "TRS", "URI", "UV")},
    "ibm": "inverse bind matrix",
    "npot": "non-power-of-two",
    "oob": "out of bounds",
}


def in_words(code: str) -> str:
    """A code as words, for those that have no title: Khronos' own, and a studio's."""
    words = [word for word in code.removeprefix(PREFIX).lower().split("_") if word]
    text = " ".join(_SPELLED.get(word, word) for word in words)
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Elements of one Blender mesh: how many, and the indices of the first, ascending."""

    kind: Literal["vertex", "edge", "face"]
    count: int
    first: tuple[int, ...]
    """At most `MAX_ELEMENTS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What putting it right saves: whole numbers, 0 where nothing or where it cannot be said."""

    bytes: int = 0
    """Of the file."""
    gpu_bytes: int = 0
    draw_calls: int = 0
    triangles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A studio's decision to live with a finding."""

    code: str
    pattern: str
    """Glob on keys below the library's root; `*` crosses "/"."""
    owner: str
    reason: str
    expires: str
    """The last day on which it holds, as 2026-12-31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing that is not as it should be: what a rule yields."""

    message: str
    """One sentence or more with the figures of this case."""
    pointer: str | None = None
    """JSON Pointer into the glTF document, or `offset:N` for a byte of the container."""
    object: str | None = None
    """Name of a Blender object that shows it."""
    mesh: str | None = None
    """Name of the Blender mesh."""
    elements: Elements | None = None
    position_m: Vector | None = None
    """World position of the first element, Blender's axes, at the first frame."""
    saves: Saving | None = None
    count: int = 1
    """How often it occurs; the rest tells of the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Issue):
    """An issue under a profile."""

    code: str
    """Of the rule; the Khronos validator's own codes are taken as they are."""
    severity: Severity
    waiver: Waiver | None = None
    """The waiver that names it; it counts in spite of it if the waiver has expired."""
    waived: bool = False
