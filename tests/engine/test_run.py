"""What a run does with a library: every asset once, whatever happens to the workers. No Blender needed."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.events import (
    AssetDone,
    Event,
    Planned,
    RunFinished,
    RunPaused,
    RunStarted,
    WorkerLost,
    WorkerRecycled,
    WorkerStarted,
)
from glb_batch_validator_addon.engine.launcher import Launcher
from glb_batch_validator_addon.engine.ledger import Ledger
from glb_batch_validator_addon.engine.pool import QUEUED_AT_WORKER
from glb_batch_validator_addon.engine.run import CLOSE_SECONDS, Run
from glb_batch_validator_addon.engine.worker_process import WorkerProcess
from glb_batch_validator_addon.errors import UnavailableError, UsageError
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.settings import RunSettings
from glb_batch_validator_addon.model.wire import Request
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import FAKE, Bench, Outcome, assets_in, but_run, fill, judge_by_name
from tests.engine.fake_worker import LONG


def each_asset_ended_once(outcome: Outcome, library: MemoryStorage) -> bool:
    return sorted(outcome.done + outcome.skipped) == sorted(assets_in(library))


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


# Workers that die


def test_an_asset_that_crashes_blender_is_tried_once_more_and_then_gets_a_report(
    bench: Bench, library: MemoryStorage
) -> None:
    fill(library, {f"{number:02}.glb": "crash" if number == 4 else "ok 1" for number in range(12)})
    outcome = bench.run()
    assert each_asset_ended_once(outcome, library)
    assert outcome.finished.counts["pass"] == 11
    error = outcome.reports["04_report.json"]["error"]
    assert (error["stage"], error["type"], error["signal"]) == ("import", "Crashed", "SIGSEGV")
    assert [(event.key, event.retried) for event in outcome.of(WorkerLost)] == [("04.glb", True), ("04.glb", False)]


def test_what_brings_blender_down_is_looked_at_without_it(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "crash", "b.glb": "memory"})
    reports = bench.run().reports
    assert [report["khronos"] for report in reports.values()] == [{"asked": "without Blender"}] * 2
    assert [report["error"]["type"] for report in reports.values()] == ["Crashed", "OutOfMemory"]


def test_a_crash_that_does_not_happen_again_leaves_no_trace_in_the_report(
    bench: Bench, library: MemoryStorage, tmp_path: Path
) -> None:
    fill(library, {"a.glb": f"crash-once {tmp_path / 'marker'}", "b.glb": "ok 1"})
    outcome = bench.run()
    assert outcome.finished.counts["pass"] == 2
    assert outcome.reports["a_report.json"]["error"] is None


def test_several_poisonous_assets_cost_no_other_asset_its_report(bench: Bench, library: MemoryStorage) -> None:
    poison = {3: "crash", 5: "exit 9", 6: "memory", 7: "crash", 20: "crash"}
    fill(library, {f"{number:02}.glb": poison.get(number, "ok 1") for number in range(24)})
    outcome = bench.run()
    assert each_asset_ended_once(outcome, library)
    types = {number: outcome.reports[f"{number:02}_report.json"]["error"]["type"] for number in poison}
    assert types == {3: "Crashed", 5: "Crashed", 6: "OutOfMemory", 7: "Crashed", 20: "Crashed"}
    assert outcome.finished.counts["pass"] == 19


def test_an_asset_that_hangs_is_ended_after_its_time(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "hang", "b.glb": "ok 1", "c.glb": "ok 1", "d.glb": "ok 1"})
    outcome = bench.run(timeout_seconds=1.0)
    error = outcome.reports["a_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("import", "TimedOut")
    assert "--timeout" in error["message"]
    assert outcome.finished.counts["pass"] == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_that_is_killed_from_outside_loses_nothing(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {f"{number:03}.glb": "ok 1" for number in range(200)})
    killed: list[int] = []

    def kill_two(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and len(killed) < 2 and int(event.key[:3]) > 20 + 60 * len(killed):
            killed.append(run.worker_pids()[0])
            os.kill(killed[-1], signal.SIGKILL)

    bench.on_event = kill_two
    outcome = bench.run()
    assert len(killed) == 2
    assert outcome.finished.counts["pass"] == 200
    assert each_asset_ended_once(outcome, library)


def test_requests_that_fill_the_pipe_of_a_hanging_worker_do_not_stop_the_clock(
    bench: Bench, library: MemoryStorage
) -> None:
    """Each of these keys is in its request many times over: six requests are more than the 64 kB of a pipe."""
    fill(library, {f"{LONG}/{number}.png": "x" for number in range(30)})
    fill(library, {"a.glb": "hang"})
    fill(library, {f"b{number}.glb": "needs-all" for number in range(6)})
    outcome = bench.run(timeout_seconds=1.5, workers=1)
    assert outcome.reports["a_report.json"]["error"]["type"] == "TimedOut"
    assert outcome.finished.counts["pass"] == 6


@pytest.mark.skipif(sys.platform == "win32", reason="a script of POSIX")
def test_a_script_around_blender_is_ended_with_what_it_started(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "hang", "b.glb": "ok 1"})
    script = f'"{FAKE.command[0]}" "{FAKE.command[1]}"; exit $?'
    outcome = bench.run(launcher=Launcher(command=("/bin/sh", "-c", script), blender="0.0"), timeout_seconds=1.0)
    assert outcome.reports["a_report.json"]["error"]["type"] == "TimedOut"
    assert outcome.finished.counts["pass"] == 1


def test_workers_are_replaced_after_their_share(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {f"{number:03}.glb": "ok 1" for number in range(100)})
    outcome = bench.run(assets_per_worker=10, workers=1)
    assert outcome.finished.counts["pass"] == 100
    assert len(outcome.of(WorkerRecycled)) >= 5
    assert not outcome.of(WorkerLost)


def test_a_blender_that_does_not_start_ends_the_run_with_its_own_words(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1"})
    silent = Launcher(command=(FAKE.command[0], "-c", "import sys; sys.exit('no GPU, no cry')"), blender="0.0")
    outcome = bench.run(launcher=silent)
    assert isinstance(outcome.error, UsageError)
    assert "no GPU, no cry" in str(outcome.error)
    assert outcome.finished.interrupted
    assert bench.run(resume=True).finished.counts["pass"] == 1


def test_a_worker_that_talks_nonsense_is_replaced(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1"})
    wrong = FAKE.command[1].replace("fake_worker", "no_such_worker")
    outcome = bench.run(launcher=replace(FAKE, command=(FAKE.command[0], wrong)))
    assert isinstance(outcome.error, UsageError)


# Objects that change under the run


def test_an_object_that_changed_after_the_listing_is_validated_as_it_is_now(
    bench: Bench, library: MemoryStorage
) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 1"})

    def change(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and event.key == "a.glb":
            fill(library, {"b.glb": "ok 7"})

    bench.on_event = change
    report = bench.run(batch_size=1).reports["b_report.json"]
    assert report["facts"]["triangles"] == 7
    assert report["asset"]["etag"] == library.stat("b.glb").etag


def test_an_object_that_was_deleted_after_the_listing_is_named(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 1"})

    def delete(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and event.key == "a.glb":
            library.delete("b.glb")

    bench.on_event = delete
    outcome = bench.run(batch_size=1)
    error = outcome.reports["b_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("fetch", "NotFound")
    assert outcome.finished.counts["error"] == 1


# Storage that does not answer


class Flaky(MemoryStorage):
    """Does not answer the first `times` reads of a key that is named."""

    def __init__(self, keys: set[str], *, times: int) -> None:
        super().__init__()
        self.left = dict.fromkeys(keys, times)

    def read(self, item: StoredObject) -> bytes:
        if self.left.get(item.key, 0) > 0:
            self.left[item.key] -= 1
            raise UnavailableError(f"{item.key} is not to be had now", key=item.key)
        return super().read(item)


def keys(count: int) -> list[str]:
    return [f"{number:03}.glb" for number in range(count)]


def test_an_asset_that_the_storage_does_not_give_has_another_turn(tmp_path: Path) -> None:
    storage = Flaky(set(keys(10)), times=1)
    fill(storage, dict.fromkeys(keys(30), "ok 1"))
    outcome = Bench(storage, tmp_path / "ledger.sqlite").run()
    assert outcome.finished.counts["pass"] == 30
    assert each_asset_ended_once(outcome, storage)


def test_an_asset_that_the_storage_never_gives_gets_a_report_and_is_tried_by_the_next_run(tmp_path: Path) -> None:
    storage = Flaky({"003.glb"}, times=2)
    fill(storage, dict.fromkeys(keys(10), "ok 1"))
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    error = bench.run().reports["003_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("fetch", "Unavailable")
    assert bench.run().done == ["003.glb"]


def test_a_storage_that_answers_nothing_any_more_stops_the_run(tmp_path: Path) -> None:
    storage = Flaky(set(keys(100)), times=1000)
    fill(storage, dict.fromkeys(keys(100), "ok 1"))
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    outcome = bench.run()
    assert outcome.finished.interrupted
    assert outcome.done == []
    storage.left.clear()
    assert bench.run(resume=True).finished.counts["pass"] == 100


class DeadReports(MemoryStorage):
    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        raise UnavailableError("nobody answers", key=key)


def test_a_place_for_reports_that_answers_nothing_stops_the_run(bench: Bench, library: MemoryStorage) -> None:
    fill(library, dict.fromkeys(keys(100), "ok 1"))
    outcome = bench.run(reports=DeadReports(), batch_size=8)
    assert outcome.finished.interrupted
    assert len(outcome.done) < 30


class BrokenListing(MemoryStorage):
    """The first listing breaks off."""

    broken = True

    def list(self) -> Iterator[StoredObject]:
        items = super().list()
        if self.broken:
            self.broken = False
            yield from itertools.islice(items, 700)
            raise UnavailableError("the second page does not come")
        yield from items


def test_a_listing_that_breaks_off_interrupts_the_run_which_is_resumed(tmp_path: Path) -> None:
    storage = BrokenListing()
    fill(storage, {f"{number:04}.glb": "ok 1" for number in range(900)})
    outcome = Bench(storage, tmp_path / "ledger.sqlite").run()
    assert outcome.finished.interrupted
    assert "broke off" in outcome.finished.reason
    assert Bench(storage, tmp_path / "ledger.sqlite").run(resume=True).finished.counts["pass"] == 900


def test_a_run_whose_ledger_another_run_took_over_does_not_claim_success(bench: Bench, library: MemoryStorage) -> None:
    fill(library, dict.fromkeys(keys(100), "ok 1"))
    events: list[Event] = []
    ledger, settings = Ledger(bench.ledger_path), RunSettings(workers=1, batch_size=4)
    run = Run(
        storage=library, ledger=ledger, launcher=FAKE, settings=settings, on_event=events.append, judge=judge_by_name
    )
    run.start()
    while not any(isinstance(event, AssetDone) for event in events):
        run.step()
    assert bench.run(force=True).finished.counts["pass"] == 100
    while not run.done:
        run.step()
    run.close()
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.interrupted
    assert "another run" in finished.reason


class Slow(MemoryStorage):
    """Does not come back from a read before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def read(self, item: StoredObject) -> bytes:
        self.free.wait(60)
        return super().read(item)


def test_a_request_that_does_not_come_back_holds_nobody_up(tmp_path: Path) -> None:
    storage = Slow()
    fill(storage, {"a.glb": "ok 1"})
    ledger = Ledger(tmp_path / "ledger.sqlite")
    run = Run(
        storage=storage,
        ledger=ledger,
        launcher=FAKE,
        settings=RunSettings(workers=1),
        on_event=lambda event: None,
        judge=judge_by_name,
    )
    run.start()
    for _ in range(5):
        run.step()
    run.cancel()
    while not run.done:
        run.step()
    before = time.monotonic()
    run.close()
    assert time.monotonic() - before < CLOSE_SECONDS + 5
    storage.free.set()


# Pausing


@dataclass
class Paused:
    """A run over 60 assets that pauses at the first one that is done."""

    run: Run
    events: list[Event]
    sent: list[int] = field(default_factory=list)
    """How many requests a worker had, itself included, at each one that it was sent."""
    sent_at_pause: list[int] = field(default_factory=list)
    """How many had been sent to workers by then: one number."""

    @property
    def done(self) -> int:
        return sum(isinstance(event, AssetDone) for event in self.events)

    def step(self, times: int) -> None:
        for _ in range(times):
            self.run.step(0.02)

    def step_to_the_end(self) -> RunFinished:
        while not self.run.done:
            self.run.step()
        finished = self.events[-1]
        assert isinstance(finished, RunFinished)
        return finished


@pytest.fixture
def paused(library: MemoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paused]:
    fill(library, dict.fromkeys(keys(60), "ok 1"))
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, AssetDone) and len([event for event in events if isinstance(event, AssetDone)]) == 1:
            run.pause()
            run.pause()
            sent_at_pause.append(len(sent))

    def send(worker: WorkerProcess, request: Request) -> None:
        send_before(worker, request)
        sent.append(len(worker.requests))

    sent: list[int] = []
    sent_at_pause: list[int] = []
    send_before = WorkerProcess.send
    monkeypatch.setattr(WorkerProcess, "send", send)
    ledger, settings = Ledger(tmp_path / "ledger.sqlite"), RunSettings(workers=2, batch_size=30)
    run = Run(storage=library, ledger=ledger, launcher=FAKE, settings=settings, on_event=on_event, judge=judge_by_name)
    run.start()
    paused = Paused(run, events, sent, sent_at_pause)
    while not paused.done:
        run.step()
    paused.step(20)
    yield paused
    run.close()
    ledger.close()


def test_a_paused_run_finishes_what_is_at_its_workers_and_hands_out_nothing_new(paused: Paused) -> None:
    done, workers = paused.done, paused.run.worker_pids()
    assert [done] == paused.sent_at_pause == [len(paused.sent)]
    assert max(paused.sent) <= QUEUED_AT_WORKER
    assert len(workers) == 2
    paused.step(20)
    assert paused.done == done
    assert not paused.run.done

    paused.run.resume()
    paused.run.resume()
    assert paused.step_to_the_end().counts["pass"] == 60
    assert paused.run.worker_pids() == workers, "idle workers stay"
    assert [event.paused for event in paused.events if isinstance(event, RunPaused)] == [True, False]


def test_a_paused_run_can_be_stopped_and_resumed(paused: Paused, bench: Bench) -> None:
    done = paused.done
    paused.run.cancel("enough")
    finished = paused.step_to_the_end()
    assert (finished.interrupted, finished.reason, finished.done) == (True, "enough", done)
    assert len(bench.run(resume=True).done) == 60 - done


@pytest.mark.parametrize("count", [0, 1])
def test_a_run_that_is_paused_from_the_start_makes_its_plan_and_starts_no_blender(
    library: MemoryStorage, tmp_path: Path, count: int
) -> None:
    fill(library, dict.fromkeys(keys(count), "ok 1"))
    events: list[Event] = []
    ledger, settings = Ledger(tmp_path / "ledger.sqlite"), RunSettings(workers=1)
    paused = Paused(
        Run(
            storage=library,
            ledger=ledger,
            launcher=FAKE,
            settings=settings,
            on_event=events.append,
            judge=judge_by_name,
        ),
        events,
    )
    paused.run.start()
    paused.run.pause()
    paused.step(20)
    assert not paused.run.done
    assert [event.pending for event in events if isinstance(event, Planned) and event.complete] == [count]
    assert not any(isinstance(event, WorkerStarted) for event in events)
    paused.run.resume()
    assert paused.step_to_the_end().counts["pass"] == count
    paused.run.close()
    ledger.close()


# Stopping and going on


def test_a_cancelled_run_is_resumed_with_the_same_result(bench: Bench, library: MemoryStorage, tmp_path: Path) -> None:
    contents = {f"{number:03}.glb": "error Bad" if number % 7 == 0 else f"ok {number}" for number in range(120)}
    fill(library, contents)
    whole = MemoryStorage()
    fill(whole, contents)
    undisturbed = Bench(whole, tmp_path / "whole.sqlite").run().reports

    def stop(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and event.key.startswith("04"):
            run.cancel()

    bench.on_event = stop
    first = bench.run()
    assert first.finished.interrupted
    assert 0 < first.finished.counts["pending"] < 120
    bench.on_event = lambda event, run: None
    second = bench.run(resume=True)
    assert second.of(RunStarted)[0].resumed
    assert not second.finished.interrupted
    assert sorted(first.done + second.done) == sorted(contents)
    assert but_run(second.reports) == but_run(undisturbed)


def test_a_run_that_was_cancelled_while_listing_lists_again(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {f"{number:04}.glb": "ok 1" for number in range(1200)})

    def stop(event: Event, run: Run) -> None:
        if isinstance(event, Planned) and not event.complete:
            run.cancel()

    bench.on_event = stop
    first = bench.run()
    assert first.finished.counts["total"] < 1200
    bench.on_event = lambda event, run: None
    assert bench.run(resume=True).finished.counts["pass"] == 1200


def test_nothing_is_left_in_the_temporary_folder(
    bench: Bench, library: MemoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    fill(library, {"a.glb": "needs b.png", "b.png": "x", "c.glb": "crash"})
    bench.run()
    assert list((tmp_path / "tmp").iterdir()) == []
