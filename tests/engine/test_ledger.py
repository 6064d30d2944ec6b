"""What the ledger keeps of findings, so that a run can say what has changed since the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.ledger import Known, Ledger, Plan, Row
from glb_batch_validator_addon.model.entry import Extract, Place
from glb_batch_validator_addon.model.library import StoredObject
from tests.reports.entries import entry, finding

ITEM = StoredObject(key="a.glb", size_bytes=1, etag="1", last_modified="")
PLAN = Plan(item=ITEM, report_key="a_report.json")
A, B = Place("A", "/meshes/0"), Place("B", "/meshes/1")


@pytest.fixture
def ledger(connect: Callable[[], Database]) -> Ledger:
    return Ledger(connect())


def extract(*places: Place, waived: bool = False) -> Extract:
    found = (finding(place.code, pointer=place.where, waived=waived) for place in places)
    made = entry("a.glb", *found).extract
    assert made
    return made


def a_run(ledger: Ledger, plan: Plan = PLAN, *, found: tuple[Place, ...] | None = None, **how: Any) -> Row:
    """A run over the one asset, which finds these, or finds it unchanged."""
    run = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(run, [plan], "digest")
    if found is not None:
        record(ledger, run, *found, **how)
    ledger.finish_run(run)
    (row,) = ledger.rows(run)
    return row


def record(ledger: Ledger, run: int, *found: Place, **how: Any) -> None:
    plan = replace(PLAN, run=run)
    ledger.record(
        plan, ITEM, digest="digest", report_etag="r", verdict="pass", brief={}, extract=extract(*found, **how)
    )


def known(*found: Place | None) -> Plan:
    """As the planner knows it: from a report, or with None from the ledger."""
    places = [place for place in found if place]
    return replace(
        PLAN, known=Known(verdict="pass", brief={}, report_etag="r", extract=extract(*places) if places else None)
    )


def test_the_first_run_has_nothing_before_it(ledger: Ledger) -> None:
    row = a_run(ledger, found=(A,))
    assert row.before is None
    assert row.extract == extract(A)


def test_a_later_run_knows_what_was_found_before(ledger: Ledger) -> None:
    a_run(ledger, found=(A,))
    row = a_run(ledger, found=(B,))
    assert row.before == [A]
    assert row.extract == extract(B)
    assert a_run(ledger, found=()).before == [B]


def test_what_is_unchanged_has_what_it_had(ledger: Ledger) -> None:
    a_run(ledger, found=(A,))
    a_run(ledger, found=(B,))
    row = a_run(ledger, known(None))
    assert (row.before, row.extract) == ([B], extract(B))


def test_a_run_that_comes_to_an_asset_twice_still_compares_with_the_run_before(ledger: Ledger) -> None:
    a_run(ledger, found=(A,))
    run = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(run, [PLAN], "digest")
    record(ledger, run, B)
    record(ledger, run)
    (row,) = ledger.rows(run)
    assert row.before == [A]


def test_what_a_report_tells_that_the_ledger_lost_is_nothing_new(ledger: Ledger) -> None:
    row = a_run(ledger, known(A))
    assert (row.before, row.extract) == ([A], extract(A))


def test_what_another_machine_wrote_meanwhile_is_compared_too(ledger: Ledger) -> None:
    a_run(ledger, found=(A,))
    assert a_run(ledger, known(B)).before == [A]


def test_what_is_waived_is_not_there(ledger: Ledger) -> None:
    a_run(ledger, found=(A,), waived=True)
    assert a_run(ledger, found=(A,)).before == []


def test_a_name_that_is_no_unicode_is_kept(ledger: Ledger) -> None:
    item = replace(ITEM, key="\udcff.glb")
    run = ledger.start_run("s3://b/", (0, 1), {})
    plan = replace(PLAN, item=item, run=run)
    ledger.add(run, [plan], "digest")
    ledger.record(plan, item, digest=None, report_etag=None, verdict="fail", brief={}, extract=extract(A))
    (row,) = ledger.rows(run)
    assert (row.key, row.extract) == ("\udcff.glb", extract(A))


def test_names_are_kept_whatever_is_in_them(ledger: Ledger) -> None:
    names = ["", "NULL", '"{a,b}"', "\\", "'; --", " ", "\n", "%s :of", "\N{WHITE SMILING FACE}", "\x7f", "\udcff"]
    plans = [replace(PLAN, item=replace(ITEM, key=f"{name}.glb"), report_key=f"{name}.json") for name in names]
    run = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(run, plans, "digest")
    keys = {plan.item.key for plan in plans}
    assert {row.key for row in ledger.rows(run)} == ledger.planned(run, [*keys, "other.glb"]) == keys
    owners = {plan.report_key: plan.item.key for plan in plans}
    assert ledger.report_owners(run, list(owners)) == owners


def test_a_plan_takes_the_place_of_that_of_an_earlier_run(ledger: Ledger) -> None:
    a_run(ledger, found=(A,))
    assert set(ledger.outcomes(["a.glb", "b.glb"], "digest")) == {"a.glb"}
    run = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(run, [PLAN, replace(PLAN, item=replace(ITEM, key="b.glb"), report_key="b.json")], "digest")
    assert ledger.outcomes(["a.glb", "b.glb"], "digest") == {}
    assert ledger.counts(run)["pending"] == 2


def test_what_an_earlier_run_still_finds_is_not_written_into_a_later_one(ledger: Ledger) -> None:
    earlier = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(earlier, [PLAN], "digest")
    later = ledger.start_run("s3://b/", (0, 1), {})
    ledger.add(later, [PLAN], "another digest")
    record(ledger, earlier, A)
    assert ledger.counts(later)["pending"] == 1
    record(ledger, later, B)
    (row,) = ledger.rows(later)
    assert row.extract == extract(B)


def test_history_tells_of_runs_that_came_to_their_end(ledger: Ledger) -> None:
    for number in range(3):
        run = ledger.start_run("s3://b/", (0, 1), {})
        ledger.keep_counts(run, {"number": number})
        if number != 1:
            ledger.finish_run(run)
    assert [counts["number"] for _, _, counts in ledger.history("s3://b/", (0, 1), 9)] == [0, 2]
    assert [counts["number"] for _, _, counts in ledger.history("s3://b/", (0, 1), 1)] == [2]
    assert ledger.history("s3://b/", (1, 2), 9) == []
