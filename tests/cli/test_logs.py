"""Logs on stderr: every line an object for a collector and nothing secret in any, from whatever thread or library."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.samples import write_samples
from glb_batch_validator_addon.cli import logs
from glb_batch_validator_addon.cli import main as program
from glb_batch_validator_addon.cli.logs import LogFormat, LogView, chosen_format, context, set_up_logging
from glb_batch_validator_addon.cli.main import main
from glb_batch_validator_addon.engine.events import (
    AssetDone,
    AssetSkipped,
    Event,
    Planned,
    RunFinished,
    RunPaused,
    RunStarted,
    WorkerLost,
    WorkerRecycled,
    WorkerStarted,
)
from tests.conftest import ROOT

COUNTS = {"total": 40, "pass": 1, "error": 1}
EVENTS: list[Event] = [
    RunStarted(library="s3://lib/props/", run=3, resumed=False, workers=2, ledger="l.sqlite"),
    Planned(listed=40, pending=30, skipped=10, pending_bytes=900, complete=False),
    AssetSkipped(key="old.glb", verdict="pass", report="s3://lib/old_report.json"),
    WorkerStarted(worker=1, seconds=1.5, versions={}),
    AssetDone(key="a.glb", verdict="pass", report="s3://lib/a_report.json", seconds={"import": 0.25}),
    WorkerLost(worker=1, key="crash.glb", kind="Crashed", reason="Blender crashed.", retried=True),
    WorkerRecycled(worker=2, kind="memory", reason="it keeps 900 MB"),
    AssetDone(key="b.glb", verdict="error", report="r", brief={"error": {"message": "This is an HTML page."}}),
    RunPaused(paused=True),
    RunFinished(interrupted=False, reason="", counts=COUNTS, done=2, seconds=4.0, busy=0.5),
]


class Log:
    """What is on stderr, from `start` on: pytest sets its own between a fixture and its test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._out = io.StringIO()

    def start(self, log_format: LogFormat | None = "json") -> Log:
        """Catch stderr; with a format, set up logging there."""
        self._patch.setattr(sys, "stderr", self._out)
        if log_format:
            set_up_logging(log_format)
        return self

    @property
    def lines(self) -> list[str]:
        return self._out.getvalue().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """What a process sets up once is afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(logs, "_context", {})
    yield Log(monkeypatch)
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def test_the_format_is_known_before_the_options_are_parsed():
    assert chosen_format(["--folder", "f", "--log-format", "json"]) == "json"
    assert chosen_format(["--log-format=json", "--no-such-option"]) == "json"
    assert chosen_format(["--folder", "json", "--log-format", "text"]) == "text"


def test_a_line_is_an_object_with_time_level_logger_and_message(log):
    log.start()
    logging.getLogger("kombu.connection").warning("The broker has gone: %s", "away")
    (record,) = log.records
    time = datetime.fromisoformat(record.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert abs((datetime.now(UTC) - time).total_seconds()) < 60
    assert record == {"level": "WARNING", "logger": "kombu.connection", "message": "The broker has gone: away"}


def test_libraries_are_heard_from_warnings_on_and_what_we_say_from_info_on(log):
    log.start()
    for name in ("botocore.retries", "kombu", "celery.worker.strategy", "glb_batch_validator_addon.farm.tasks"):
        logging.getLogger(name).debug("no")
        logging.getLogger(name).info("info of %s", name)
        logging.getLogger(name).warning("warning")
    said = [record["message"] for record in log.records if record["level"] == "INFO"]
    assert said == ["info of celery.worker.strategy", "info of glb_batch_validator_addon.farm.tasks"]
    assert sum(record["level"] == "WARNING" for record in log.records) == 4


def test_what_a_record_is_about_is_in_those_of_other_threads_too_and_ends_with_the_block(log):
    log.start()

    def warn() -> None:
        logging.getLogger("botocore").warning("slow down")

    with context(run=7, batch="b1"), context(asset="a.glb", batch="b2"):
        thread = threading.Thread(target=warn)
        thread.start()
        thread.join()
    warn()
    inside, outside = log.records
    assert (inside["run"], inside["batch"], inside["asset"]) == (7, "b2", "a.glb")
    assert outside.keys() == {"time", "level", "logger", "message"}


def test_events_are_records_with_their_values(log):
    log.start()
    view = LogView()
    with context(shard="0/10"):
        for event in EVENTS:
            view.show(event)
    view.close()
    assert [(r["level"], r["message"]) for r in log.records] == [
        ("INFO", "s3://lib/props/: run 3, 2 workers"),
        ("INFO", "Blender 1 started in 1.5 s"),
        ("INFO", "pass: a.glb"),
        ("WARNING", "Blender 1 lost at crash.glb: Blender crashed. Trying once more, alone."),
        ("INFO", "Blender 2 is replaced: it keeps 900 MB"),
        ("INFO", "error: b.glb: This is an HTML page."),
        ("INFO", "Paused."),
        ("INFO", "Run finished: 2 assets in 4.0 s: 1 pass, 1 error, 10 unchanged"),
    ]
    _, started, good, lost, _, bad, _, finished = log.records
    assert all((record["run"], record["shard"]) == (3, "0/10") for record in log.records)
    assert (good["asset"], good["verdict"], good["seconds"]) == ("a.glb", "pass", {"import": 0.25})
    assert (lost["asset"], lost["blender"], lost["retried"]) == ("crash.glb", 1, True)
    assert (bad["asset"], bad["verdict"], "seconds" in bad, started["blender"]) == ("b.glb", "error", False, 1)
    assert (finished["counts"], finished["done"], finished["busy"]) == (COUNTS, 2, 0.5)


def test_the_run_of_a_farm_is_not_replaced_by_that_of_the_batch(log):
    log.start()
    with context(run="farm-12", batch=4):
        LogView().show(EVENTS[0])
    assert log.records[0]["run"] == "farm-12"


def test_progress_comes_now_and_then(log, monkeypatch):
    log.start()
    monkeypatch.setattr(logs, "PLAIN_SECONDS", 0.0)
    view = LogView()
    for event in EVENTS[:5]:
        view.show(event)
    last = log.records[-1]
    assert last["message"].startswith("1 of 30+, ")
    assert (last["done"], last["pending"], last["planned"]) == (1, 30, False)


def test_what_is_printed_to_stderr_is_a_record_a_line_even_of_two_threads_at_once(log):
    log.start()

    def say(word: str) -> None:
        for _ in range(200):
            print(word * 20, file=sys.stderr)

    threads = [threading.Thread(target=say, args=(word,)) for word in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("error: no such bucket\n", file=sys.stderr)
    warnings.warn("this is going away", DeprecationWarning, stacklevel=1)
    *printed, error, warning = log.records
    assert sorted(record["message"] for record in printed) == ["a" * 20] * 200 + ["b" * 20] * 200
    assert (error["level"], error["message"]) == ("ERROR", "error: no such bucket")
    assert (warning["level"], warning["logger"]) == ("WARNING", "py.warnings")


def test_setting_up_again_as_after_a_fork_does_not_log_twice(log):
    log.start()
    set_up_logging("json")
    print("once", file=sys.stderr)
    logging.getLogger("celery").info("once")
    assert [record["message"] for record in log.records] == ["once", "once"]


def test_names_of_a_library_forge_no_line(log):
    log.start()
    done = AssetDone(key='a\n{"level": "x"}\udc80.glb', verdict="pass", report="r")
    LogView().show(done)
    assert [record["asset"] for record in log.records] == [done.key]
    log.start("text")
    LogView().show(done)
    _, line = log.lines
    assert line.endswith(r"""INFO glb_batch_validator_addon.cli.logs: pass: a\n{"level": "x"}\udc80.glb""")


# Secrets

SIGNED = "https://b.s3.amazonaws.com/a.glb?X-Amz-Credential=AKIA%2F20261129&X-Amz-Signature=5ecre7&X-Amz-Date=20261129"
SAID = (
    f"Retrying after a connection broken: {SIGNED}",
    "Cannot connect to amqp://farm:5ecre7@broker:5671/vhost",
    "could not connect: postgresql+pg8000://farm:5ecre7@db/glbv",
    "https://b.s3.amazonaws.com/a?AWSAccessKeyId=AKIA&Signature=5ecre7&Expires=1",
    "{'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=5ecre7'}",
    "X-Amz-Security-Token=5ecre7",
)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_secrets_are_blotted_out_of_messages_values_and_tracebacks(log, log_format):
    log.start(log_format)
    for text in SAID:
        logging.getLogger("somebody").warning("%s", text)
        logging.getLogger("somebody").warning("value", extra={"told": text})
        try:
            raise ConnectionError(text)
        except ConnectionError:
            logging.getLogger("somebody").exception("failed")
    logging.getLogger("celery.app.trace").info("done", extra={"data": {"args": "(5ecre7,)"}})
    shown = "\n".join(log.lines)
    assert len(log.lines) >= 3 * len(SAID) + 1
    assert "5ecre7" not in shown
    assert "AKIA" not in shown
    for kept in ("amqp://farm:***@broker:5671/vhost", "postgresql+pg8000://farm:***@db/glbv", "X-Amz-Date=20261129"):
        assert kept in shown
    if log_format == "json":
        assert all(log.records)


# The program


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    write_samples(tmp_path / "library")
    return tmp_path / "library"


def test_an_error_that_ends_the_program_is_a_record(samples, log):
    log.start(None)
    assert main(["--folder", str(samples), "--blender", "/no/such/blender", "--log-format", "json"]) == 2
    (record,) = log.records
    assert record["level"] == "ERROR"
    assert record["message"].startswith("error: /no/such/blender is not a Blender")


def test_so_is_every_line_about_options_that_are_not_understood(log):
    log.start(None)
    with pytest.raises(SystemExit):
        main(["--log-format", "json", "--no-such-option"])
    records = log.records
    assert (records[0]["level"], records[-1]["level"]) == ("INFO", "ERROR")


def test_a_fault_of_ours_is_one_record_with_its_traceback(samples, monkeypatch, log):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(program, "find_launcher", fail)
    log.start(None)
    assert main(["--folder", str(samples), "--data-folder", str(samples / "data"), "--log-format", "json"]) == 70
    (record,) = log.records
    assert (record["level"], record["message"]) == ("CRITICAL", "An internal error")
    assert record["exc_info"].endswith("RuntimeError: boom")


# A farm's worker

WORKER = """
import sys
from celery import Celery, signals
from glb_batch_validator_addon.cli.logs import context, set_up_logging

set_up_logging("json")
app = Celery(broker="memory://farm:5ecre7@localhost//")
signals.setup_logging.connect(lambda **_: set_up_logging("json"), weak=False)

@app.task
def fail(word):
    with context(batch=5):
        print("printed", file=sys.stderr)
        raise ValueError(f"amqp://farm:{word}@broker")

@signals.worker_ready.connect
def ready(sender, **_):
    fail.delay("5ecre7")

@signals.task_postrun.connect
def done(**_):
    raise SystemExit  # of the worker: its pool is this very process

app.worker_main(["--quiet", "worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "INFO"])
"""


def test_every_line_of_a_celery_worker_is_an_object():
    worker = subprocess.run([sys.executable, "-c", WORKER], cwd=ROOT, text=True, capture_output=True, timeout=120)
    records = [json.loads(line) for line in worker.stderr.splitlines()]
    said = [(record["logger"], record["level"], record.get("batch")) for record in records]
    assert ("glb_batch_validator_addon.cli.logs", "INFO", 5) in said, worker.stdout
    assert any(r["logger"].startswith("celery") and "received" in r["message"] for r in records)
    assert any(r["logger"].startswith("celery") and "ValueError" in r.get("exc_info", "") for r in records)
    assert "5ecre7" not in worker.stderr + worker.stdout
