"""What becomes of a run when its workers die, hang or talk nonsense: every asset has its report all the same."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.events import (
    AssetDone,
    Event,
    WorkerLost,
    WorkerRecycled,
)
from glb_batch_validator_addon.engine.launcher import Launcher
from glb_batch_validator_addon.engine.run import Run
from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import FAKE, Bench, each_asset_ended_once, fill
from tests.engine.fake_worker import LONG


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


def test_a_worker_gets_no_secrets(bench: Bench, library: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which it asserts itself: it would not come up."""
    for name in ("AWS_SECRET_ACCESS_KEY", "GLBV_DATABASE", "GLBV_BROKER", "GLBV_BROKER_FILE"):
        monkeypatch.setenv(name, "secret")
    fill(library, {"a.glb": "ok 1"})
    assert bench.run().finished.counts["pass"] == 1


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
