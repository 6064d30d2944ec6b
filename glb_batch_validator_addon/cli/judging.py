"""Judges the facts of a stored report under another profile, without Blender."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any, TypeVar

import cattrs

from ..model.facts import Facts, Gap, facts_members
from ..model.finding import PREFIX, Finding, Vector
from ..model.khronos import KhronosReport
from ..model.profile import Demand
from ..model.report import Report
from ..rules.judgement import CUT, Uncovered, judge
from ..rules.registry import Subject

T = TypeVar("T")

_CONVERTER = cattrs.Converter(forbid_extra_keys=True)


def judge_again(report: Report, demand: Demand) -> Report:
    """The report under `demand`; `run` is left as it was. Raises ValueError if its blocks are not those of a report.

    Custom rules are not run: their findings stay, under the severities and waivers of `demand`.
    """
    subject = subject_of(report, expected_m=demand.expected_m)
    findings, coverage = _read(report.findings, list[Finding]), _read(report.coverage, list[Uncovered])
    of_khronos = {CUT, *(message.code for message in subject.khronos.messages)} if subject.khronos else set()
    judgement = judge(
        subject,
        demand,
        gaps=[
            Gap(need=entry.need, reason=entry.reason, places=entry.places) for entry in coverage if entry.need != "rule"
        ],
        kept=[finding for finding in findings if _is_custom(finding.code) and finding.code not in of_khronos],
    )
    return replace(
        report,
        verdict=judgement.verdict,
        findings=[asdict(finding) for finding in judgement.findings],
        coverage=[asdict(entry) for entry in _with_custom(judgement.coverage, coverage, demand)],
    )


def _with_custom(judged: Iterable[Uncovered], before: list[Uncovered], demand: Demand) -> Iterator[Uncovered]:
    """The coverage, with the custom rules that it named before at the same gaps, and those that failed."""
    custom = [
        tuple(code for code in entry.rules if _is_custom(code) and demand.profile.levels.get(code) != "off")
        for entry in before
    ]
    gaps = [codes for entry, codes in zip(before, custom, strict=True) if entry.need != "rule"]
    for entry, codes in zip(judged, itertools.chain(gaps, itertools.repeat(())), strict=False):
        yield replace(entry, rules=(*entry.rules, *codes))
    yield from (entry for entry, codes in zip(before, custom, strict=True) if entry.need == "rule" and codes)


def _is_custom(code: str) -> bool:
    return not code.startswith(PREFIX)


def subject_of(report: Report, *, expected_m: Vector | None = None) -> Subject:
    """What rules see of a stored report. Raises ValueError if its blocks are not those of a report."""
    facts = _read(_members(report.facts), Facts) if report.facts else None
    khronos = _read(report.khronos, KhronosReport) if report.khronos else None
    return Subject(asset=report.asset, facts=facts, khronos=khronos, error=report.error, expected_m=expected_m)


def _members(document: dict[str, Any]) -> dict[str, Any]:
    try:
        return facts_members(document)
    except KeyError as error:
        raise ValueError(f"its facts lack {error}") from error


def _read(values: Any, kind: type[T]) -> T:
    try:
        return _CONVERTER.structure(values, kind)
    except Exception as error:  # cattrs raises groups of errors of many kinds
        raise ValueError(f"its facts are not those of this version ({type(error).__name__})") from error
