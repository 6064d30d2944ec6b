"""What a person or a program sees while a run goes on."""

from __future__ import annotations

import io
import json

from rich.console import Console

from glb_batch_validator_addon.cli import progress
from glb_batch_validator_addon.cli.progress import BarView, JsonView, PlainView, printable
from glb_batch_validator_addon.engine.events import AssetDone, AssetSkipped, Event, Planned, RunStarted, WorkerLost

ERROR = {"error": {"message": "This is not a GLB but an HTML page."}}
EVENTS: list[Event] = [
    RunStarted(library="s3://lib/props/", run=3, resumed=False, workers=2, ledger="l.sqlite"),
    Planned(listed=40, pending=30, skipped=10, pending_bytes=900, complete=False),
    AssetSkipped(key="old.glb", status="ok"),
    AssetDone(key="a.glb", status="ok", report="s3://lib/a_report.json"),
    WorkerLost(worker=1, key="crash.glb", reason="Blender crashed.", retried=True),
    WorkerLost(worker=2, key="crash.glb", reason="Blender crashed.", retried=False),
    AssetDone(key="bad.glb", status="error", report="s3://lib/bad_report.json", brief=ERROR),
    Planned(listed=40, pending=30, skipped=10, pending_bytes=900, complete=True),
]


def test_json_lines_carry_every_event_with_its_name() -> None:
    out = io.StringIO()
    view = JsonView(out)
    for event in EVENTS:
        view.show(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "run_started", "planned", "asset_skipped", "asset_done", "worker_lost", "worker_lost", "asset_done", "planned",
    ]  # fmt: skip
    assert lines[6]["brief"] == ERROR


def test_plain_lines_name_what_went_wrong_once_and_leave_out_the_rest() -> None:
    out = io.StringIO()
    view = PlainView(out, verbose=False)
    for event in EVENTS:
        view.show(event)
    assert out.getvalue().splitlines() == [
        "s3://lib/props/: run 3, 2 workers",
        "worker 1 lost at crash.glb: Blender crashed. Trying once more, alone.",
        "error: bad.glb: This is not a GLB but an HTML page.",
    ]


def test_plain_progress_comes_now_and_then(monkeypatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    view = PlainView(out, verbose=False)
    for event in EVENTS:
        view.show(event)
    last = out.getvalue().splitlines()[-1]
    assert last.startswith("2 of 30, ")
    assert last.endswith("1 ok, 1 error, 10 unchanged")


def test_the_bar_shows_done_of_total_and_failures_above_it() -> None:
    out = io.StringIO()
    view = BarView(Console(file=out, force_terminal=True, width=120))
    for event in EVENTS:
        view.show(event)
    view.close()
    shown = out.getvalue()
    assert "2/30" in shown
    assert "1 ok, 1 error, 10 unchanged" in shown
    assert "bad.glb: This is not a GLB but an HTML page." in shown


def test_names_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b]0;title\x07\u202eglb\n.glb"
    shown = printable(hostile, "utf-8")
    assert shown == "a\\x1b]0;title\\x07\\u202eglb\\n.glb"
    assert printable("stół\udcff", "ascii") == "st\\xf3\\u0142\\udcff"
