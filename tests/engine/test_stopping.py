"""Runs that are paused, stopped, and gone on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.events import (
    AssetDone,
    Event,
    Planned,
    RunFinished,
    RunPaused,
    RunStarted,
    WorkerStarted,
)
from glb_batch_validator_addon.engine.ledger import Ledger
from glb_batch_validator_addon.engine.pool import QUEUED_AT_WORKER
from glb_batch_validator_addon.engine.run import Run
from glb_batch_validator_addon.engine.worker_process import WorkerProcess
from glb_batch_validator_addon.model.settings import RunSettings
from glb_batch_validator_addon.model.wire import Request
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import FAKE, Bench, but_run, fill, judge_by_name, keys

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
    deadline = time.monotonic() + 30
    while not paused.done or (paused.done < len(sent) and time.monotonic() < deadline):
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
