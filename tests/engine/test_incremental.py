"""A second run looks only at what is new; the reports in the library are the truth."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.events import AssetDone, AssetSkipped
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import FAKE, Bench, fill


class Counting(MemoryStorage):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def read(self, item: StoredObject) -> bytes:
        self.fetched.append(item.key)
        return super().read(item)


@pytest.fixture
def library() -> Counting:
    storage = Counting()
    fill(storage, {"a.glb": "ok 1", "b/c.glb": "error Truncated", "d.glb": "ok 2"})
    return storage


def test_a_second_run_fetches_nothing_and_says_so(bench: Bench, library: Counting) -> None:
    first = bench.run()
    library.fetched.clear()
    second = bench.run()
    assert library.fetched == ["a_report.json", "b/c_report.json", "d_report.json"], (
        "only this test has read the reports"
    )
    assert second.done == []
    assert second.finished.counts["skipped"] == 3
    assert second.finished.counts["error"] == first.finished.counts["error"] == 1


def test_what_changed_is_validated_again(bench: Bench, library: Counting) -> None:
    bench.run()
    fill(library, {"d.glb": "ok 5"})
    outcome = bench.run()
    assert outcome.done == ["d.glb"]
    assert outcome.reports["d_report.json"]["facts"]["triangles"] == 5


def test_a_deleted_report_is_made_again(bench: Bench, library: Counting) -> None:
    bench.run()
    library.delete("a_report.json")
    assert bench.run().done == ["a.glb"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "foreign", ['{"mine": true}', '{"schema_version": "2.1", "chair": "mine"}', "no JSON", "[]", "[" * 200_000]
)
def test_a_file_of_somebody_else_is_not_overwritten(bench: Bench, library: Counting, foreign: str, force: bool) -> None:
    fill(library, {"a_report.json": foreign})
    for _ in range(2):
        bench.run(force=force)
        item = library.stat("a_report.json")
        assert library.read(item) == foreign.encode()
    (key,) = [item.key for item in library.list() if item.key.startswith("a_") and item.key != "a_report.json"]
    assert key.endswith("_report.json")
    assert bench.run().done == []


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: b"",
    lambda data: bytes(len(data)),
    lambda data: data[:10],
    lambda data: data[:100],
    lambda data: data.replace(b'"verdict": "pass"', b'"verdict": "x"'),
    lambda data: data.replace(b'"vertices": 3', b'"vertices": NaN'),
    lambda data: data.replace(b'"materials": [', b'"materials": 5, "x": ['),
    lambda data: data.replace(b'"facts": {', b'"facts": [], "x": {'),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_report_is_made_again(
    bench: Bench, library: Counting, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """As a power cut leaves it, or a hand."""
    bench.run()
    bench.ledger_path.unlink()
    data = library.read(library.stat("a_report.json"))
    assert damage(data) != data
    fill(library, {"a_report.json": damage(data).decode()})
    assert bench.run().done == ["a.glb"]
    assert bench.run().done == []
    assert json.loads(library.read(library.stat("a_report.json")))["verdict"] == "pass"


def test_a_report_of_another_version_is_replaced(bench: Bench, library: Counting) -> None:
    bench.run()
    data = library.read(library.stat("a_report.json"))
    fill(library, {"a_report.json": data.decode().replace('"schema_version": ', '"schema_version": 1')})
    assert bench.run().done == ["a.glb"]


def test_force_validates_all(bench: Bench, library: Counting) -> None:
    bench.run()
    assert len(bench.run(force=True).done) == 3


class Unlisted(Counting):
    """A library that is too large to be listed."""

    listings = 0

    def list(self) -> Iterator[StoredObject]:
        self.listings += 1
        return super().list()


def test_one_asset_is_validated_again_without_a_listing(tmp_path: Path) -> None:
    library = Unlisted()
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 1", "c.glb": "ok 1"})
    bench = Bench(library, tmp_path / "ledger.sqlite")
    bench.run()
    library.listings = 0
    library.fetched.clear()
    outcome = bench.run(force=True, manifest=["b.glb"])
    assert (outcome.done, outcome.skipped) == (["b.glb"], [])
    assert [key for key in library.fetched if key.endswith(".glb")] == ["b.glb"]
    assert library.listings == 1, "only this test has listed, to read the reports"
    assert bench.run().done == []


@pytest.mark.parametrize("ledger", ["the same", "another"])
def test_one_asset_that_is_validated_again_leaves_the_report_of_its_twin_alone(
    bench: Bench, library: Counting, ledger: str, tmp_path: Path
) -> None:
    fill(library, {"chair.GLB": "ok 1", "chair.glb": "ok 2"})
    about = {key: report["asset"]["key"] for key, report in bench.run().reports.items()}
    assert about["chair_report.json"] == "chair.glb"
    if ledger == "another":
        bench.ledger_path = tmp_path / "another.sqlite"
    for key in ("chair.GLB", "chair.glb"):
        outcome = bench.run(force=True, manifest=[key])
        assert outcome.done == [key]
        assert {key: report["asset"]["key"] for key, report in outcome.reports.items()} == about
    library.delete("chair.glb")
    assert bench.run(force=True, manifest=["chair.GLB"]).reports["chair_report.json"]["asset"]["key"] == "chair.GLB"


def test_an_unchanged_asset_comes_with_its_report_and_its_brief(bench: Bench, library: Counting) -> None:
    done = {event.key: (event.verdict, event.report, event.brief) for event in bench.run().of(AssetDone)}
    assert done["a.glb"][1] == "memory://library/a_report.json"
    assert done["a.glb"][2]["triangles"] == 1
    for _ in ("as the ledger has it", "as the report has it"):
        skipped = {event.key: (event.verdict, event.report, event.brief) for event in bench.run().of(AssetSkipped)}
        assert skipped == done
        bench.ledger_path.unlink()


def test_a_deleted_ledger_is_rebuilt_from_the_library(bench: Bench, library: Counting) -> None:
    bench.run()
    bench.ledger_path.unlink()
    library.fetched.clear()
    outcome = bench.run()
    assert [key for key in library.fetched if key.endswith(".glb")] == []
    assert outcome.finished.counts["skipped"] == 3
    assert outcome.finished.counts["error"] == 1


def test_other_limits_or_another_blender_series_validate_all(bench: Bench, library: Counting) -> None:
    bench.run()
    assert len(bench.run(limits=Limits(max_nodes=10)).done) == 3
    assert len(bench.run(launcher=replace(FAKE, blender="5.2.2"), limits=Limits(max_nodes=10)).done) == 3
    assert bench.run(launcher=replace(FAKE, blender="5.2.3"), limits=Limits(max_nodes=10)).done == []


def test_more_workers_or_time_validate_nothing_anew(bench: Bench, library: Counting) -> None:
    bench.run()
    assert bench.run(workers=1, timeout_seconds=5.0, batch_size=2).done == []


def test_what_ended_a_worker_is_tried_again_as_the_next_run_may_have_more_luck(bench: Bench, library: Counting) -> None:
    fill(library, {"crash.glb": "crash"})
    bench.run()
    assert bench.run().done == ["crash.glb"]
    bench.ledger_path.unlink()
    assert bench.run().done == ["crash.glb"]


def test_a_plan_leaves_no_trace(bench: Bench, library: Counting) -> None:
    outcome = bench.run(plan_only=True)
    assert outcome.finished.counts["pending"] == 3
    assert outcome.reports == {}


def test_a_ledger_of_an_older_version_is_begun_anew(bench: Bench, library: Counting) -> None:
    bench.run()
    with sqlite3.connect(bench.ledger_path) as database:
        database.executescript("DROP TABLE runs; CREATE TABLE runs (id INTEGER PRIMARY KEY); PRAGMA user_version = 1;")
    database.close()
    assert bench.run().done == [], "what it knew is in the reports"
