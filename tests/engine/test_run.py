"""What a run does with a library: every asset once, within its limits. No Blender needed."""

from __future__ import annotations

from pathlib import Path

from glb_batch_validator_addon.engine.events import (
    AssetDone,
    Planned,
    RunFinished,
    RunStarted,
    WorkerStarted,
)
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import Bench, each_asset_ended_once, fill


def test_writes_a_report_beside_every_asset_and_tells_of_each_once(bench: Bench, library: MemoryStorage) -> None:
    fill(
        library,
        {"a.glb": "ok 12", "props/Chair.GLB": "ok 3", "props/bad.glb": "error Truncated", "readme.txt": "no asset"},
    )
    outcome = bench.run()
    assert set(outcome.reports) == {"a_report.json", "props/Chair_report.json", "props/bad_report.json"}
    assert each_asset_ended_once(outcome, library)
    assert outcome.reports["a_report.json"]["verdict"] == "pass"
    assert outcome.reports["a_report.json"]["asset"]["etag"] == library.stat("a.glb").etag
    assert outcome.reports["props/bad_report.json"]["error"]["type"] == "Truncated"
    counts = outcome.finished.counts
    assert (counts["total"], counts["pass"], counts["error"], counts["skipped"], counts["pending"]) == (3, 2, 1, 0, 0)
    assert not outcome.finished.interrupted


def test_events_come_in_an_order_that_a_view_can_rely_on(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1"})
    kinds = [type(event) for event in bench.run().events]
    assert kinds[0] is RunStarted
    assert kinds[-1] is RunFinished
    assert kinds.index(Planned) < kinds.index(AssetDone)
    assert WorkerStarted in kinds


def test_the_listed_etag_the_version_and_the_settings_go_into_the_metadata(
    bench: Bench, library: MemoryStorage
) -> None:
    fill(library, {"a.glb": "ok 1"})
    report = bench.run().reports["a_report.json"]
    assert library.metadata["a_report.json"] == {
        "glbv-etag": library.stat("a.glb").etag,
        "glbv-version": report["run"]["versions"]["glb_batch_validator"],
        "glbv-settings": report["run"]["settings"],
        "glbv-verdict": "pass",
    }


def test_an_empty_library_ends_at_once_and_starts_no_blender(bench: Bench) -> None:
    outcome = bench.run()
    assert outcome.finished.counts["total"] == 0
    assert not outcome.of(WorkerStarted)


def test_no_more_files_are_in_work_than_the_batch_size(bench: Bench, library: MemoryStorage, tmp_path: Path) -> None:
    fill(library, {f"{number:03}.glb": "ok 1" for number in range(60)})
    most = []
    bench.on_event = lambda event, run: most.append(len(list(run.folder.glob("*.glb"))))
    bench.run(batch_size=5)
    assert 1 < max(most) <= 5


def test_no_more_bytes_are_in_work_than_allowed_but_a_larger_file_goes_alone(
    bench: Bench, library: MemoryStorage
) -> None:
    fill(library, {f"{number:03}.glb": "ok 1" + " " * (996 if number else 4996) for number in range(12)})
    sizes: list[int] = []
    bench.on_event = lambda event, run: sizes.append(sum(path.stat().st_size for path in run.folder.glob("*.glb")))
    outcome = bench.run(max_ahead_bytes=3000)
    assert outcome.finished.counts["pass"] == 12
    assert max(sizes) <= 5000
    assert 1000 < sorted(set(sizes))[-2] <= 3000


def test_what_an_asset_refers_to_is_fetched_and_handed_over(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "needs tex/wood.png", "tex/wood.png": "rings", "b.glb": "needs tex/none.png"})
    outcome = bench.run()
    assert outcome.reports["a_report.json"]["facts"]["resource"] == "rings"
    assert outcome.reports["b_report.json"]["facts"]["resource"] == "There is no such file in the library."


def test_what_an_asset_refers_to_is_bounded_in_bytes(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "needs big.png", "big.png": "x" * 2000})
    outcome = bench.run(limits=Limits(max_reference_bytes=1000))
    assert "limit" in outcome.reports["a_report.json"]["facts"]["resource"]


def test_a_file_over_the_size_limit_gets_its_report_without_being_fetched(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"big.glb": "hang" + " " * 2000})
    error = bench.run(limits=Limits(max_size_bytes=1000)).reports["big_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("container", "TooLarge")
    assert "--max-size-mb" in error["message"]
