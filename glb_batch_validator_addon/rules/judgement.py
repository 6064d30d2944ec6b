"""From a subject and what is asked of it to findings, coverage and a verdict."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..model.facts import Gap, Need, Sample
from ..model.finding import PREFIX, SEVERITIES, Finding, Issue, Severity, Verdict, Waiver
from ..model.khronos import KhronosMessage, KhronosReport
from ..model.profile import Demand, KhronosOptions
from .catalogue import RULES, Rule
from .registry import Subject

MAX_FINDINGS_PER_RULE = 100
"""Findings of one rule that a report names one by one; the last one then says how many more there are."""

CUT = "TOO_MANY_ISSUES"
"""The code of the finding that stands for the Khronos messages beyond `max-issues`."""

_SEVERITY: dict[str, int] = {severity: number for number, severity in enumerate(SEVERITIES)}
_ISSUE = tuple(field.name for field in fields(Issue))


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """What was not checked: "no findings" says nothing about it."""

    need: Need
    """What could not be looked at."""
    reason: str
    places: Sample | None
    """Where; None if it could not be looked at anywhere."""
    rules: tuple[str, ...]
    """Codes of the rules that say nothing, or not all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    verdict: Verdict
    findings: tuple[Finding, ...]
    """The worst first; those that are waived last."""
    coverage: tuple[Uncovered, ...]


def judge(subject: Subject, demand: Demand, *, gaps: Iterable[Gap], kept: Iterable[Finding] = ()) -> Judgement:
    """Judge by every rule that can look. Never raises: a rule that does is named in the coverage.

    `kept` are findings of rules that are not loaded here, which an earlier judgement made.
    """
    gaps = tuple(gaps)
    blind = {gap.need for gap in gaps if gap.places is None}
    findings: list[Finding] = []
    failed: list[Uncovered] = []
    on = {code: rule for code, rule in RULES.items() if demand.profile.levels.get(code, rule.severity) != "off"}
    for code, rule in on.items():
        if blind.isdisjoint(rule.needs):
            level = demand.profile.levels.get(code, rule.severity)
            at = {**rule.defaults(), **demand.profile.thresholds.get(code, {})}
            try:
                findings += list(_of_rule(code, level, list(rule.check(subject, at))))
            except (Exception, SystemExit) as error:  # of a custom rule, or a fault of ours: the other rules go on
                reason = f"The rule failed: {type(error).__name__}: {str(error)[:200]}"
                failed.append(Uncovered(need="rule", reason=reason, places=None, rules=(code,)))
    findings += [_as_asked(finding, demand) for finding in kept if demand.profile.levels.get(finding.code) != "off"]
    if subject.khronos:
        findings += khronos_findings(subject.khronos, demand.profile.khronos)
    findings = [_waived(finding, demand) for finding in findings]
    findings.sort(key=lambda finding: (finding.waived, _SEVERITY[finding.severity]))  # stable
    return Judgement(
        verdict=_verdict(subject, findings),
        findings=tuple(findings),
        coverage=(*(_uncovered(gap, on) for gap in gaps), *failed),
    )


def _of_rule(code: str, level: Any, issues: list[Issue]) -> Iterator[Finding]:
    for issue in issues[:MAX_FINDINGS_PER_RULE]:
        if not code.startswith(PREFIX):
            json.dumps(asdict(issue), allow_nan=False)  # raises: a report could not hold it
        yield Finding(code=code, severity=level, **{name: getattr(issue, name) for name in _ISSUE})
    if (more := len(issues) - MAX_FINDINGS_PER_RULE) > 0:
        yield Finding(code=code, severity=level, message=f"{more:,} more like these.", count=more)


def khronos_findings(report: KhronosReport, options: KhronosOptions) -> list[Finding]:
    """The validator's messages, folded by code and by place without its indices: the first, and how many there are.

    Those beyond the report's cap of a code, whose places are not known, count with its first place.
    """
    folded: dict[tuple[str, str, str], tuple[KhronosMessage, int]] = {}
    for message in report.messages:
        if message.code in options.ignore or (options.only and message.code not in options.only):
            continue
        level = options.override.get(message.code, message.severity)
        if level != "off":
            key = (level, message.code, re.sub(r"/\d+(?=/|$)", "/*", message.pointer or ""))
            first, count = folded.get(key, (message, 0))
            folded[key] = (first, count + 1)
    beyond = {overflow.code: overflow.found - overflow.kept for overflow in report.truncated}
    found = [
        _of_khronos(level, first, count + beyond.pop(code, 0)) for (level, code, _), (first, count) in folded.items()
    ]
    found.sort(key=lambda finding: _SEVERITY[finding.severity])
    cut = options.max_issues or len(found)
    if len(found) > cut:
        rest = Counter(finding.severity for finding in found[cut:])
        worst = min(rest, key=_SEVERITY.__getitem__)
        text = ", ".join(f"{number:,} of severity {severity}" for severity, number in rest.items())
        found[cut:] = [Finding(code=CUT, severity=worst, message=f"{text} are left out (max-issues).")]
    return found


def _as_asked(finding: Finding, demand: Demand) -> Finding:
    level: Any = demand.profile.levels.get(finding.code, finding.severity)
    return replace(finding, severity=level, waiver=None, waived=False)


def _of_khronos(severity: Any, message: KhronosMessage, count: int) -> Finding:
    pointer = message.pointer if message.offset is None else f"offset:{message.offset}"
    return Finding(code=message.code, severity=severity, message=message.message, pointer=pointer, count=count)


def _waived(finding: Finding, demand: Demand) -> Finding:
    """With the waiver that names it, if there is one; of several one that still holds."""
    named: list[Waiver] = [waiver for waiver in demand.waivers if waiver.code == finding.code]
    if not named:
        return finding
    waiver = max(named, key=lambda waiver: waiver.expires)
    return replace(finding, waiver=waiver, waived=waiver.expires >= demand.today)


def _verdict(subject: Subject, findings: Iterable[Finding]) -> Verdict:
    severities: set[Severity] = {finding.severity for finding in findings if not finding.waived}
    if subject.error and not subject.error.unsupported:
        return "error"
    if "error" in severities:
        return "fail"
    if subject.error:
        return "unsupported"
    return "warn" if "warning" in severities else "pass"


def _uncovered(gap: Gap, rules: Mapping[str, Rule]) -> Uncovered:
    needing = tuple(code for code, rule in rules.items() if gap.need in rule.needs)
    return Uncovered(need=gap.need, reason=gap.reason, places=gap.places, rules=needing)
