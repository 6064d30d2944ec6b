"""What was found in an asset, rule by rule, in words for the panel. No bpy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.finding import in_words
from .words import drawable, plain

if TYPE_CHECKING:
    from ..rules.registry import Rule

KHRONOS_ISSUES = "https://github.com/KhronosGroup/glTF-Validator/blob/main/ISSUES.md"
"""Where the Khronos validator's codes are documented; the same file lies beside the validator."""

MAX_PLACES = 20
"""Findings of one rule that have a button: more would be no list to click through."""

# Words of codes that are no words.

_KINDS = {"vertex": "vertices", "edge": "edges", "face": "faces"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One finding in the opened asset: a button that selects what it is about."""

    number: int
    """Of the finding in its report."""
    text: str
    message: str
    object: str | None
    mesh: str | None
    """Names as a Blender gives them in an empty file."""
    pointer: str
    """`/nodes/3` or `/meshes/3` in the file, if it is about one; "" if not."""
    kind: str
    """Of the elements: `vertex`, `edge`, `face`; "" if there are none."""
    indices: tuple[int, ...]
    obstacle: str
    """Why there is nothing to select, "" if there is something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one rule found, and what there is to know about it."""

    code: str
    title: str
    severity: str
    count: int
    message: str
    """Of the first finding."""
    why: str = ""
    how: str = ""
    link: str = ""
    """Where it is documented, if it is not said here."""
    waived: bool = False
    waiver: str = ""
    """A sentence about the waiver that names it, also about one that has expired."""
    places: tuple[Place, ...] = ()


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule of ours by code. The first time takes as long as ten frames: see `source`."""
    from ..rules.catalogue import RULES

    return RULES


def title_of(code: str) -> str:
    """What is wrong, in a few words: the rule's title, or its code as words."""
    if rule := rules().get(code):
        return rule.title
    return in_words(drawable(code))


def of_brief(brief: Mapping[str, Any]) -> Iterator[Group]:
    """The rules that a brief names; their findings are counted, not listed."""
    for entry in brief.get("findings") or ():
        yield _group(entry["code"], entry["severity"], entry["message"], entry["count"])


def of_report(findings: Iterable[Mapping[str, Any]]) -> Iterator[Group]:
    """All findings of a report, in its order: the worst first, those that are waived last."""
    groups: dict[tuple[str, bool], list[tuple[int, Mapping[str, Any]]]] = {}
    for number, finding in enumerate(findings):
        groups.setdefault((finding["code"], finding["waived"]), []).append((number, finding))
    for (code, waived), found in groups.items():
        first = found[0][1]
        yield replace(
            _group(code, first["severity"], first["message"], len(found)),
            waived=waived,
            waiver=_waiver_sentence(first.get("waiver"), waived=waived),
            places=tuple(place for number, finding in found[:MAX_PLACES] if (place := _place(number, finding))),
        )


def _group(code: str, severity: str, message: str, count: int) -> Group:
    rule = rules().get(code)
    return Group(
        code=code,
        title=title_of(code),
        severity=severity,
        count=count,
        message=drawable(message),
        why=plain(rule.why) if rule else "",
        how=plain(rule.how) if rule else "",
        link=KHRONOS_ISSUES if code in _khronos_codes() else "",
    )


def _waiver_sentence(waiver: Mapping[str, Any] | None, *, waived: bool) -> str:
    if not waiver:
        return ""
    told = "Waived by {owner} until {expires}: {reason}" if waived else "The waiver of {owner} expired on {expires}"
    return drawable(told.format_map(waiver))


def _place(number: int, finding: Mapping[str, Any]) -> Place | None:
    """None for what is about the file as a whole."""
    elements, pointer = finding.get("elements"), finding.get("pointer")
    name = finding.get("mesh") or finding.get("object") or pointer
    if not name:
        return None
    part = "".join(re.findall(r"^/(?:nodes|meshes)/\d+", pointer or ""))
    kind = elements["kind"] if elements else ""
    text = f"{name}: {_counted(elements['count'], kind)}" if elements else name
    return Place(
        number=number,
        text=drawable(text),
        message=drawable(finding["message"]),
        object=finding.get("object"),
        mesh=finding.get("mesh"),
        kind=kind,
        indices=tuple(map(int, elements["first"])) if elements else (),
        pointer=part,
        obstacle="" if part or name != pointer else f"No object stands for {drawable(name)}: look there in the file",
    )


def _counted(count: int, kind: str) -> str:
    several = _KINDS[kind]
    return f"{count:,} {kind if count == 1 else several}"


@cache
def _khronos_codes() -> frozenset[str]:
    """Those in the validator's own documentation, a table of lines `|CODE|message|severity|`."""
    path = Path(__file__).parents[1] / "khronos" / "gltf-validator" / "ISSUES.md"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return frozenset(line.split("|")[1] for line in lines if line.count("|") >= 4)
