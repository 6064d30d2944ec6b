"""From facts to findings, coverage and a verdict. The rules here are made up: the real ones have tests of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from glb_batch_validator_addon.model.facts import Gap, Place, Sample
from glb_batch_validator_addon.model.finding import Issue, Severity, Verdict, Waiver
from glb_batch_validator_addon.model.khronos import KhronosMessage, KhronosOverflow, KhronosReport
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.profile import Demand, KhronosOptions, Profile
from glb_batch_validator_addon.model.report import Failure
from glb_batch_validator_addon.rules.judgement import MAX_FINDINGS_PER_RULE, Judgement, judge
from glb_batch_validator_addon.rules.registry import RULES, Check, Subject, Threshold, Thresholds, rule

ASSET = StoredObject(key="a.glb", size_bytes=7, etag="", last_modified="")
SUBJECT = Subject(asset=ASSET, facts=None, khronos=None, error=None)
Registers = Callable[..., None]


@pytest.fixture
def only() -> Iterator[Registers]:
    """Registers a rule; those of the product are gone for the length of a test."""
    of_the_product = dict(RULES)
    RULES.clear()

    def register(
        code: str, check: Check, *, severity: Severity = "error", needs: tuple[str, ...] = (), **about: Any
    ) -> None:
        texts = dict.fromkeys(("title", "family", "what", "why", "how"), "")
        rule(code=code, severity=severity, needs=needs, **texts, **about)(check)

    yield register
    RULES.clear()
    RULES.update(of_the_product)


def finds(count: int = 1) -> Check:
    def check(subject: Subject, at: Thresholds) -> Iterator[Issue]:
        for number in range(count):
            yield Issue(message=f"Number {number} in {subject.asset.key}.", pointer=f"/nodes/{number}")

    return check


def judged(
    subject: Subject = SUBJECT, *, gaps: tuple[Gap, ...] = (), today: str = "2026-06-15", **profile: Any
) -> Judgement:
    waivers = profile.pop("waivers", ())
    demand = Demand(profile=Profile(name="test", **profile), today=today, waivers=waivers)
    return judge(subject, demand, gaps=gaps)


@pytest.mark.parametrize(
    ("severity", "verdict"), [("error", "fail"), ("warning", "warn"), ("info", "pass"), ("hint", "pass")]
)
def test_the_worst_severity_decides(only: Registers, severity: Severity, verdict: Verdict) -> None:
    only("MINOR", finds(), severity="hint")
    only("BAD", finds(), severity=severity)
    judgement = judged()
    assert judgement.verdict == verdict
    assert judgement.findings[0].severity == severity
    assert judged(levels={"BAD": "off"}).verdict == "pass"
    assert judged(levels={"MINOR": "error"}).verdict == "fail"


@pytest.mark.parametrize(
    ("unsupported", "severity", "verdict"),
    [
        (False, "hint", "error"),
        (False, "error", "error"),
        (True, "warning", "unsupported"),
        (True, "error", "fail"),
    ],
)
def test_what_is_broken_fails_even_where_this_blender_lacks_something(
    only: Registers, unsupported: bool, severity: Severity, verdict: Verdict
) -> None:
    only("BAD", finds(), severity=severity)
    failure = Failure(stage="import", type="X", message="It did not work.", unsupported=unsupported)
    assert judged(Subject(asset=ASSET, facts=None, khronos=None, error=failure)).verdict == verdict


def test_thresholds_come_from_the_profile_or_else_from_the_rule(only: Registers) -> None:
    seen = []

    def check(subject: Subject, at: Thresholds) -> Iterator[Issue]:
        seen.append(dict(at))
        return iter(())

    only("SIZED", check, thresholds={"max": Threshold(10, "the most"), "min": Threshold(None, "the least")})
    judged()
    judged(thresholds={"SIZED": {"max": None, "min": 3}})
    assert seen == [{"max": 10, "min": None}, {"max": None, "min": 3}]


def test_a_rule_that_cannot_look_says_nothing_and_is_in_the_coverage(only: Registers) -> None:
    only("LOOKS", finds(), needs=("file",))
    only("BLIND", finds(), needs=("scene",))
    only("HALF_BLIND", finds(), needs=("pixels",))
    only("NOT_ASKED", finds(), needs=("scene",))
    one = Sample(count=1, first=(Place(pointer="/images/0", name=""),))
    gaps = (Gap(need="scene", reason="Blender was not asked."), Gap(need="pixels", reason="Too large.", places=one))
    judgement = judged(gaps=gaps, levels={"NOT_ASKED": "off"})
    assert [finding.code for finding in judgement.findings] == ["LOOKS", "HALF_BLIND"]
    assert [(entry.need, entry.rules, entry.places) for entry in judgement.coverage] == [
        ("scene", ("BLIND",), None),
        ("pixels", ("HALF_BLIND",), one),
    ]


def test_a_rule_that_raises_costs_only_itself(only: Registers) -> None:
    def raises(subject: Subject, at: Thresholds) -> Iterator[Issue]:
        yield Issue(message="The first is fine.")
        raise ZeroDivisionError("by nothing")

    only("RAISES", raises)
    only("LOOKS", finds())
    judgement = judged()
    assert [finding.code for finding in judgement.findings] == ["LOOKS"]
    assert judgement.coverage[0].rules == ("RAISES",)
    assert "ZeroDivisionError: by nothing" in judgement.coverage[0].reason


def test_a_flood_of_one_rule_is_counted(only: Registers) -> None:
    only("FLOOD", finds(MAX_FINDINGS_PER_RULE + 25))
    *first, last = judged().findings
    assert len(first) == MAX_FINDINGS_PER_RULE
    assert (last.count, last.message) == (25, "25 more like these.")


# Waivers


def waiver(code: str, expires: str) -> Waiver:
    return Waiver(code=code, pattern="*", owner="td", reason="until the remake", expires=expires)


def test_a_waived_finding_stays_visible_and_does_not_count(only: Registers) -> None:
    only("BAD", finds())
    only("ODD", finds(), severity="warning")
    judgement = judged(waivers=(waiver("BAD", "2026-06-15"),))
    assert judgement.verdict == "warn"
    assert [(finding.code, finding.waived) for finding in judgement.findings] == [("ODD", False), ("BAD", True)]
    assert judgement.findings[1].waiver == waiver("BAD", "2026-06-15")


def test_an_expired_waiver_counts_again_and_is_named(only: Registers) -> None:
    only("BAD", finds())
    judgement = judged(waivers=(waiver("BAD", "2026-06-14"),))
    assert judgement.verdict == "fail"
    assert (judgement.findings[0].waived, judgement.findings[0].waiver) == (False, waiver("BAD", "2026-06-14"))
    both = judged(waivers=(waiver("BAD", "2026-06-14"), waiver("BAD", "2026-07-01")))
    assert both.verdict == "pass", "one of them still holds"


# Khronos


def message(code: str, severity: Any, pointer: str | None = None, offset: int | None = None) -> KhronosMessage:
    return KhronosMessage(code=code, severity=severity, message=f"{code} at {pointer}.", pointer=pointer, offset=offset)


def by_khronos(*messages: KhronosMessage, **options: Any) -> Judgement:
    counts = dict.fromkeys(("error", "warning", "info", "hint"), 0)
    report = KhronosReport(version="2.0.0", info={}, counts=counts, messages=messages)  # type: ignore[arg-type]
    subject = Subject(asset=ASSET, facts=None, khronos=report, error=None)
    return judged(subject, khronos=KhronosOptions(**options))


def test_messages_are_folded_by_code_and_by_place(only: Registers) -> None:
    judgement = by_khronos(
        *(message("A", "warning", f"/accessors/{number}") for number in range(40)),
        message("A", "warning", "/accessors/3/min"),
        message("B", "error", offset=12),
    )
    assert [(f.code, f.severity, f.pointer, f.count) for f in judgement.findings] == [
        ("B", "error", "offset:12", 1),
        ("A", "warning", "/accessors/0", 40),
        ("A", "warning", "/accessors/3/min", 1),
    ]
    assert judgement.verdict == "fail"


def test_the_validators_own_options(only: Registers) -> None:
    messages = (message("A", "error", "/a"), message("B", "warning", "/b"), message("C", "hint", "/c"))
    assert [f.code for f in by_khronos(*messages, ignore=("A",)).findings] == ["B", "C"]
    assert [f.code for f in by_khronos(*messages, only=("A",)).findings] == ["A"]
    assert by_khronos(*messages, override={"A": "info", "B": "off"}).verdict == "pass"
    cut = by_khronos(*messages, max_issues=2).findings
    assert [(f.code, f.severity) for f in cut] == [("A", "error"), ("B", "warning"), ("TOO_MANY_ISSUES", "hint")]


def test_messages_beyond_the_cap_of_a_code_are_counted(only: Registers) -> None:
    overflow = KhronosOverflow(code="A", severity="error", kept=2, found=1000, exact=True)
    counts: Any = {"error": 1000, "warning": 0, "info": 0, "hint": 0}
    messages = (message("A", "error", "/a/0"), message("A", "error", "/b/0"))
    report = KhronosReport(version="2.0.0", info={}, counts=counts, messages=messages, truncated=(overflow,))
    findings = judged(Subject(asset=ASSET, facts=None, khronos=report, error=None)).findings
    assert [(finding.pointer, finding.count) for finding in findings] == [("/a/0", 999), ("/b/0", 1)]


def test_max_issues_hides_no_error(only: Registers) -> None:
    errors = [message("A", "error", f"/x{number}") for number in range(5)]
    assert by_khronos(*errors, max_issues=1).findings[-1].severity == "error"
