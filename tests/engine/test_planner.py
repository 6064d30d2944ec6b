"""Which assets are part of a run, and where their reports go."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from glb_batch_validator_addon.model.shard import Shard
from glb_batch_validator_addon.storage.folder import FolderStorage
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import Bench, fill

KEYS = ["a.glb", "chairs/a.glb", "chairs/old/b.glb", "chairs/z.GLB", "tables/c.glb"]


@pytest.fixture
def library() -> MemoryStorage:
    storage = MemoryStorage()
    fill(storage, dict.fromkeys(KEYS, "ok 1"))
    return storage


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"limit": 2}, ["a.glb", "chairs/a.glb"]),
        ({"include": ("chairs/*",)}, ["chairs/a.glb", "chairs/old/b.glb", "chairs/z.GLB"]),
        ({"include": ("chairs/*",), "exclude": ("*/old/*",)}, ["chairs/a.glb", "chairs/z.GLB"]),
        ({"include": ("chairs/*",), "limit": 1}, ["chairs/a.glb"]),
        ({"exclude": ("*",)}, []),
    ],
)
def test_filters_come_before_the_limit(bench: Bench, options: dict[str, object], expected: list[str]) -> None:
    assert sorted(bench.run(**options).done) == expected


def test_a_limited_run_after_a_limited_run_finds_its_work_done(bench: Bench) -> None:
    bench.run(limit=2)
    outcome = bench.run(limit=3)
    assert (outcome.done, len(outcome.skipped)) == (["chairs/old/b.glb"], 2)


def test_shards_do_not_overlap_and_leave_nothing_out(bench: Bench, tmp_path: Path) -> None:
    done = [key for index in range(3) for key in bench.run(shard=Shard(index, index, 3)).done]
    assert sorted(done) == sorted(KEYS)


def test_twins_that_differ_in_the_case_of_their_suffix_get_two_reports(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.GLB": "ok 2", "a.glb": "ok 1", "a.Glb": "ok 3"})
    outcome = bench.run(include=("a.*",))
    triangles = sorted(report["facts"]["triangles"] for report in outcome.reports.values())
    assert triangles == [1, 2, 3]
    again = bench.run(include=("a.*",))
    assert (again.done, len(again.skipped)) == ([], 3)


def test_the_name_of_reports_can_be_chosen(bench: Bench) -> None:
    outcome = bench.run(report_name="qa/{stem}.{uid}.json", limit=1)
    (key,) = outcome.reports
    assert key.startswith("qa/a.")
    assert bench.run(report_name="qa/{stem}.{uid}.json", limit=1).done == []


def test_reports_can_go_elsewhere(bench: Bench, library: MemoryStorage) -> None:
    elsewhere = MemoryStorage(name="reports", prefix="qa/")
    outcome = bench.run(reports=elsewhere)
    assert outcome.reports == {}
    assert [item.key for item in elsewhere.list()] == [
        "qa/a_report.json",
        "qa/chairs/a_report.json",
        "qa/chairs/old/b_report.json",
        "qa/chairs/z_report.json",
        "qa/tables/c_report.json",
    ]
    assert bench.run(reports=elsewhere).done == []
    bench.ledger_path.unlink()
    assert bench.run(reports=elsewhere).done == []


def test_a_manifest_takes_the_place_of_the_listing(bench: Bench) -> None:
    manifest = ["tables/c.glb", "a.glb", "gone.glb", "a.glb"]
    outcome = bench.run(manifest=manifest)
    assert sorted(outcome.done) == ["a.glb", "gone.glb", "tables/c.glb"]
    assert outcome.reports["gone_report.json"]["error"]["type"] == "NotFound"
    assert sorted(bench.run(manifest=manifest).skipped) == ["a.glb", "tables/c.glb"]


def test_a_manifest_gives_only_keys_of_the_library(tmp_path: Path) -> None:
    storage = MemoryStorage(prefix="props/")
    fill(storage, {"props/a.glb": "ok 1", "tables/c.glb": "ok 1"})
    outcome = Bench(storage, tmp_path / "ledger.sqlite").run(manifest=["tables/c.glb", "x.glb", "props/a.glb"])
    assert (outcome.done, list(outcome.reports)) == (["props/a.glb"], ["props/a_report.json"])


def test_twins_are_in_one_shard_which_tells_their_reports_apart(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {f"c{number}.{suffix}": "ok 1" for number in range(20) for suffix in ("glb", "GLB")})
    for index in range(4):
        outcome = bench.run(include=("c*.*",), exclude=("chairs/*",), shard=Shard(index, index, 4))
    assert len(outcome.reports) == 40


def test_a_key_that_reports_cannot_have_elsewhere_is_that_assets_error(tmp_path: Path) -> None:
    storage = MemoryStorage()
    fill(storage, {"a.glb": "ok 1", "b//c.glb": "ok 1", f"{'n' * 250}.glb": "ok 1"})
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    (tmp_path / "reports").mkdir()
    outcome = bench.run(reports=FolderStorage(tmp_path / "reports"))
    assert outcome.error is None
    assert (outcome.finished.counts["pass"], outcome.finished.counts["error"]) == (1, 2)


class Shuffled(MemoryStorage):
    """Some servers list in an order of their own."""

    def list(self):  # type: ignore[no-untyped-def]
        items = list(super().list())
        random.Random(1).shuffle(items)
        return iter(items)


def test_an_unsorted_listing_costs_work_but_no_asset(tmp_path: Path) -> None:
    storage = Shuffled()
    fill(storage, {f"{number:03}.glb": "ok 1" for number in range(100)})
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    first, second = bench.run(), bench.run()
    assert len(first.done) == 100
    assert sorted(second.done + second.skipped) == sorted(first.done)
