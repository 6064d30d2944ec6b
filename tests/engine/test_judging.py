"""Another profile is judged from the facts that reports hold; Blender is asked only for what they do not hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.events import Planned, WorkerStarted
from glb_batch_validator_addon.engine.launcher import Launcher
from glb_batch_validator_addon.model.finding import Waiver
from glb_batch_validator_addon.model.profile import Policy, Profile
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import Bench, fill

NO_BLENDER = Launcher(command=("no such program",), blender="0.0")
FAILS_B = Policy(profile=Profile(name="b"))
"""`judge_by_name` fails the asset b.glb under it."""


@pytest.fixture
def validated(bench: Bench, library: MemoryStorage) -> Bench:
    """Three assets with reports under the default profile."""
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 2", "c.glb": "error Bad"})
    assert bench.run().finished.counts["pass"] == 2
    return bench


def test_another_profile_needs_no_blender(validated: Bench) -> None:
    before = validated.run().reports
    outcome = validated.run(policy=FAILS_B, launcher=NO_BLENDER)
    assert outcome.error is None
    assert sorted(outcome.done) == ["a.glb", "b.glb", "c.glb"]
    assert {key: report["verdict"] for key, report in outcome.reports.items()} == {
        "a_report.json": "pass",
        "b_report.json": "fail",
        "c_report.json": "pass",
    }
    for key, report in outcome.reports.items():
        assert report["facts"] == before[key]["facts"]
        assert report["run"]["settings"] != before[key]["run"]["settings"]
        assert report["run"]["versions"] == before[key]["run"]["versions"]
    assert not outcome.of(WorkerStarted)
    assert validated.run(policy=FAILS_B, launcher=NO_BLENDER).done == []


def test_another_depth_needs_blender(validated: Bench) -> None:
    assert validated.run(policy=Policy(depth="deep")).of(WorkerStarted)


def test_judging_alone_takes_facts_of_any_depth_and_starts_no_blender(
    validated: Bench, library: MemoryStorage, tmp_path: Path
) -> None:
    fill(library, {"new.glb": "ok 1"})
    fill(library, {"a.glb": "ok 7"})  # its report is about other bytes
    policy = replace(FAILS_B, depth="deep")
    for ledger in (validated.ledger_path, tmp_path / "another.sqlite"):
        outcome = Bench(library, ledger).run(judge_only=True, policy=policy, launcher=NO_BLENDER)
        assert outcome.error is None
        assert outcome.finished.without_facts == 2
        assert outcome.finished.counts["total"] == 2
        assert not outcome.finished.interrupted
        assert outcome.reports["b_report.json"]["verdict"] == "fail"
    assert outcome.done == [], "the second one finds all judged already"
    after = validated.run(policy=FAILS_B)
    assert sorted(after.done) == ["a.glb", "new.glb"], "a judged report keeps the depth that it was made with"


def test_a_waiver_that_expires_is_judged_anew_on_that_day(validated: Bench) -> None:
    waiver = Waiver(code="X", pattern="*", owner="td", reason="test", expires="2026-06-30")
    policy = Policy(waivers=(waiver,), today="2026-06-29")
    assert len(validated.run(policy=policy).done) == 3
    assert validated.run(policy=replace(policy, today="2026-06-30")).done == []
    assert len(validated.run(policy=replace(policy, today="2026-07-01"), launcher=NO_BLENDER).done) == 3


def test_a_report_that_goes_or_cannot_be_judged_costs_its_asset_alone(validated: Bench, library: MemoryStorage) -> None:
    def harm(event: object, run: object) -> None:
        if isinstance(event, Planned) and event.complete:
            library._objects.pop("a_report.json", None)
            fill(library, {"b_report.json": "{"})

    validated.on_event = harm
    judged = validated.run(policy=FAILS_B, judge_only=True)
    assert not judged.finished.interrupted
    assert (judged.finished.counts["error"], judged.finished.counts["pass"]) == (2, 1)
    assert not judged.of(WorkerStarted)

    fill(library, {"d.glb": "ok 1"})
    validated.run()
    again = validated.run(policy=FAILS_B)
    assert again.finished.counts["pass"] == 4, "a and b are validated anew, by the fake worker"
    assert again.of(WorkerStarted)
