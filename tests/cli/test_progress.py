"""What a person or a program sees while a run goes on."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from glb_batch_validator_addon.cli import progress
from glb_batch_validator_addon.cli.progress import BarView, JsonView, OpenJDView, PlainView, Tally
from glb_batch_validator_addon.engine.events import (
    AssetDone,
    AssetSkipped,
    Event,
    Planned,
    RunPaused,
    RunStarted,
    WorkerLost,
)
from glb_batch_validator_addon.model.text import printable

ERROR = {"error": {"message": "This is not a GLB but an HTML page."}}
EVENTS: list[Event] = [
    RunStarted(library="s3://lib/props/", run=3, resumed=False, workers=2, ledger="l.sqlite"),
    Planned(listed=40, pending=30, skipped=10, pending_bytes=900, complete=False),
    AssetSkipped(key="old.glb", verdict="pass", report="s3://lib/old_report.json", brief={"triangles": 12}),
    AssetDone(key="a.glb", verdict="pass", report="s3://lib/a_report.json"),
    WorkerLost(worker=1, key="crash.glb", kind="Crashed", reason="Blender crashed.", retried=True),
    WorkerLost(worker=2, key="crash.glb", kind="Crashed", reason="Blender crashed.", retried=False),
    AssetDone(key="bad.glb", verdict="error", report="s3://lib/bad_report.json", brief=ERROR),
    Planned(listed=40, pending=30, skipped=10, pending_bytes=900, complete=True),
    RunPaused(paused=True),
    RunPaused(paused=False),
]


def test_json_lines_carry_every_event_with_its_name() -> None:
    out = io.StringIO()
    view = JsonView(out)
    for event in EVENTS:
        view.show(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "run_started", "planned", "asset_skipped", "asset_done", "worker_lost", "worker_lost", "asset_done", "planned",
        "run_paused", "run_paused",
    ]  # fmt: skip
    assert lines[2] == {
        "event": "asset_skipped",
        "key": "old.glb",
        "verdict": "pass",
        "report": "s3://lib/old_report.json",
        "brief": {"triangles": 12},
    }
    assert lines[6]["brief"] == ERROR
    assert [line["paused"] for line in lines[8:]] == [True, False]


def test_plain_lines_name_what_went_wrong_once_and_leave_out_the_rest() -> None:
    out = io.StringIO()
    view = PlainView(out, verbose=False)
    for event in EVENTS:
        view.show(event)
    assert out.getvalue().splitlines() == [
        "s3://lib/props/: run 3, 2 workers",
        "worker 1 lost at crash.glb: Blender crashed. Trying once more, alone.",
        "error: bad.glb: This is not a GLB but an HTML page.",
        "Paused.",
        "Going on.",
    ]


def test_an_openjd_scheduler_is_told_progress_and_status_and_nothing_that_a_name_could_forge(monkeypatch) -> None:
    """Lines of its own on stdout; a person's go to stderr as ever."""
    monkeypatch.setattr(progress, "OPENJD_SECONDS", 0.0)
    out, err = io.StringIO(), io.StringIO()
    view = OpenJDView(out, PlainView(err, verbose=False))
    for event in EVENTS:
        view.show(event)
    hostile = AssetDone(key="a\nopenjd_env: PATH=/tmp\n.glb", verdict="error", report="", brief=ERROR)
    view.show(hostile)
    lines = out.getvalue().splitlines()
    assert lines[0] == "openjd_progress: 0.0"
    assert "openjd_status: listing, 2 of 30: 1 pass, 1 error, 10 unchanged" in lines
    assert lines[-2:] == ["openjd_progress: 10.0", "openjd_status: 3 of 30: 1 pass, 2 error, 10 unchanged"]
    assert all(line.startswith(("openjd_progress: ", "openjd_status: ")) for line in lines)
    assert "error: bad.glb: This is not a GLB but an HTML page." in err.getvalue()
    assert not any(line.startswith("openjd_") for line in err.getvalue().splitlines())


def test_with_nothing_to_do_a_scheduler_is_told_that_all_is_done() -> None:
    out = io.StringIO()
    view = OpenJDView(out, JsonView(io.StringIO()))
    view.show(Planned(listed=0, pending=0, skipped=0, pending_bytes=0, complete=True))
    assert out.getvalue() == "openjd_progress: 100.0\nopenjd_status: 0 of 0\n"


def test_plain_progress_comes_now_and_then(monkeypatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    view = PlainView(out, verbose=False)
    for event in EVENTS:
        view.show(event)
    last = out.getvalue().splitlines()[-1]
    assert last.startswith("2 of 30, ")
    assert last.endswith("1 pass, 1 error, 10 unchanged")


def test_the_bar_shows_done_of_total_and_failures_above_it() -> None:
    out = io.StringIO()
    view = BarView(Console(file=out, force_terminal=True, width=120))
    for event in EVENTS:
        view.show(event)
    view.close()
    shown = out.getvalue()
    assert "2/30" in shown
    assert "1 pass, 1 error, 10 unchanged" in shown
    assert "bad.glb: This is not a GLB but an HTML page." in shown


def test_a_pause_counts_neither_for_the_rate_nor_for_the_time_left(monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    tally = Tally()
    done = AssetDone(key="a.glb", verdict="pass", report="s3://lib/a_report.json")
    for _ in range(11):
        tally.take(done)
        now += 1
    assert tally.per_second == 10 / 11
    for hours in (3, 5):
        clock = tally.clock()
        tally.take(RunPaused(paused=True))
        now += hours * 3600
        assert tally.clock() == clock
        assert tally.per_second == 10 / 11
        tally.take(RunPaused(paused=False))
    now += 9
    assert tally.per_second == 10 / 20


@pytest.mark.parametrize("before", [0, 500])
def test_of_a_run_that_is_watched_rate_and_time_left_count_from_when_we_came(monkeypatch, before: int) -> None:
    """What had been done before is told at once, and so are the results of a second."""
    now = 1000.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    tally = Tally()
    planned = Planned(listed=1000, pending=1000, skipped=0, pending_bytes=0, complete=True)
    done = AssetDone(key="a.glb", verdict="pass", report="r")
    tally.take(RunStarted(library="s3://l/", run=7, resumed=True, workers=0, ledger="db", done=before))
    for _ in range(before):
        tally.take(done)
    now += 3600
    assert (tally.per_second, tally.seconds_left) == (0.0, None)
    tally.take(planned)  # and nothing has been done meanwhile
    for second in (1, 2):
        now += 1
        for _ in range(50):
            tally.take(done)
        assert tally.per_second == 50
        assert tally.seconds_left == (1000 - before - 50 * second) / 50


def test_a_run_that_is_watched_says_how_far_it_was() -> None:
    out = io.StringIO()
    PlainView(out, verbose=False).show(
        RunStarted(library="s3://l/", run=7, resumed=True, workers=0, ledger="db", done=1500)
    )
    assert out.getvalue() == "s3://l/: run 7 of the farm, 1,500 done before\n"


def test_names_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b]0;title\x07\u202eglb\n.glb"
    shown = printable(hostile, "utf-8")
    assert shown == "a\\x1b]0;title\\x07\\u202eglb\\n.glb"
    assert printable("stół\udcff", "ascii") == "st\\xf3\\u0142\\udcff"
