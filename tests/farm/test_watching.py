"""What whoever watches a run is told, and what of it stays: no broker, no worker, and a database in a file."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from glb_batch_validator_addon.cli.control import Control
from glb_batch_validator_addon.cli.progress import line_of
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.events import AssetDone, Event, Planned, RunFinished, RunStarted, RunTroubled
from glb_batch_validator_addon.engine.ledger import Ledger, Plan
from glb_batch_validator_addon.engine.tables import RUNS
from glb_batch_validator_addon.farm import watching
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.command import main
from glb_batch_validator_addon.farm.watching import watch
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.storage.folder import FolderStorage
from tests.reports.entries import entry

LIBRARY = "the library"


@dataclass
class Desk:
    """A database of runs, and somebody who watches them."""

    database: Path
    library: Path
    control: Control = field(default_factory=Control)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.batches = Batches(Database(self.database))
        self.ledger = Ledger(self.batches.database, library=LIBRARY)

    def run(self, *arguments: object, done: int = 0, pending: int = 0) -> int:
        """One that is listed, with one batch that waits."""
        options = ["--folder", str(self.library), *map(str, arguments)]
        uri = FolderStorage(self.library).uri()
        run = self.ledger.start_run(uri, "0/1", {"arguments": options, "digest": "d"})
        plans = [plan(number, run) for number in range(done + pending)]
        if plans:
            self.ledger.add(run, plans, "d")
        for each in plans[:done]:
            made = entry(each.item.key)
            self.ledger.record(
                each,
                each.item,
                digest="d",
                report_etag="e",
                verdict="pass",
                brief=made.brief,
                extract=made.extract or {},
            )
        self.ledger.flush(all_of_it=True)
        self.batches.add(run, [(1, "cpu")])
        self.ledger.mark_listed(run)
        return run

    def finish(self, run: int) -> int:
        self.ledger.finish_run(run)
        return run

    def watch(self, run: int) -> RunFinished:
        reports = FolderStorage(self.library)
        return watch(run, self.batches, reports=reports, on_event=self.events.append, control=self.control)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def plan(number: int, run: int) -> Plan:
    item = StoredObject(key=f"{number:04}.glb", size_bytes=10, etag="e", last_modified="")
    return Plan(item=item, report_key=f"{number:04}_report.json", run=run, batch=1)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("GLBV_DATABASE", str(tmp_path / "farm.sqlite"))
    monkeypatch.delenv("GLBV_BROKER", raising=False)
    (tmp_path / "library").mkdir()
    return Desk(tmp_path / "farm.sqlite", tmp_path / "library")


# Looks


def test_what_had_been_done_before_is_counted_first_and_told_each_once(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(watching, "PAGE", 3)
    run = desk.finish(desk.run(done=10))
    finished = desk.watch(run)
    assert [type(event) for event in desk.events[:3]] == [RunStarted, Planned, AssetDone]
    assert desk.of(RunStarted)[0].done == 10
    assert [event.key for event in desk.of(AssetDone)] == [f"{number:04}.glb" for number in range(10)]
    assert (finished.interrupted, finished.done) == (False, 10)


def test_that_a_run_was_cancelled_is_noticed_at_once_however_long_counting_takes(desk: Desk, monkeypatch) -> None:
    counted, count = [], Ledger.counts

    def slowly(ledger: Ledger, run: int) -> dict[str, int]:
        counted.append(run)
        time.sleep(0.5)
        return count(ledger, run)

    monkeypatch.setattr(Ledger, "counts", slowly)
    run = desk.run(done=1, pending=9)
    there = threading.Timer(2.0, lambda: Batches(Database(desk.database)).cancel(run))  # somebody else does it
    begun = time.monotonic()
    there.start()
    finished = desk.watch(run)
    assert time.monotonic() - begun < 5
    assert (finished.interrupted, finished.reason) == (True, "the run was cancelled")
    assert len(counted) == len(desk.of(Planned)) == 2, "at the start and at the end"


def test_to_cancel_does_not_wait_for_all_that_is_to_be_told(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(watching, "PAGE", 3)
    run = desk.run(done=10, pending=1)
    told: list[bool] = []

    def on_event(event: Event) -> None:
        if isinstance(event, AssetDone):
            desk.control.cancel = True
            told.append(desk.batches.run(run).cancelled)

    watch(run, desk.batches, reports=FolderStorage(desk.library), on_event=on_event, control=desk.control)
    assert told == [False] * 3 + [True] * 7


def test_why_workers_cannot_go_on_is_told_until_they_can(desk: Desk) -> None:
    run = desk.run(done=1, pending=1)
    desk.batches.tell_trouble(run, "The disk is full.")

    def on_event(event: Event) -> None:
        desk.events.append(event)
        if isinstance(event, RunTroubled):
            desk.batches.tell_trouble(run, "")
            desk.batches.cancel(run, cancelled=not event.reason)

    watch(run, desk.batches, reports=FolderStorage(desk.library), on_event=on_event, control=desk.control)
    assert [event.reason for event in desk.of(RunTroubled)] == ["The disk is full.", ""]
    assert [line_of(event) for event in desk.of(RunTroubled)] == [
        "A worker could not go on: The disk is full.",
        "Workers go on.",
    ]


# Runs that a later one took over


def test_a_run_that_was_taken_over_is_no_success_and_leaves_good_outputs_alone(desk: Desk, tmp_path, capsys) -> None:
    run, out = desk.finish(desk.run(done=3)), tmp_path / "out"
    assert main(["watch", str(run), "--output", str(out)]) == 0
    good = (out / "summary.json").read_bytes()
    later = desk.run(done=3)
    assert main(["watch", str(run), "--output", str(out), "--json"]) == 4
    assert (out / "summary.json").read_bytes() == good
    said = capsys.readouterr()
    assert f"Run {run} has no assets, so nothing is written: a later run over the same library" in said.err
    assert [json.loads(line)["event"] for line in said.out.splitlines()][-2:] == ["run_finished", "run_failed"]

    assert main(["status", "--json"]) == 0
    states = {row["run"]: row["state"] for row in json.loads(capsys.readouterr().out)["runs"]}
    assert states == {run: "taken over", later: "running"}


# What a machine that watches has to have


def test_files_of_the_submitter_are_not_needed_but_for_a_profile(desk: Desk, tmp_path: Path, capsys) -> None:
    elsewhere = tmp_path / "elsewhere"
    options = ("--manifest", elsewhere / "keys.txt", "--waivers", elsewhere / "w.toml", "--rules", elsewhere / "rules")
    run = desk.finish(desk.run(*options, "--reports-to", elsewhere / "reports", done=3))
    assert main(["watch", str(run), "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "summary.json").exists()
    assert not elsewhere.exists()

    run = desk.run("--profile", elsewhere / "studio.toml", pending=3)
    capsys.readouterr()
    assert main(["watch", str(run), "--json"]) == 2, "at once, and not when the run has ended"
    said = capsys.readouterr()
    assert "There is no profile" in said.err
    assert len(said.out.splitlines()) == 1


@pytest.mark.parametrize(("asked", "left"), [((), ["assets.csv", "findings.csv"]), (("--format", "none"), [])])
def test_formats_are_those_of_the_submission_unless_others_or_none_are_asked_for(
    desk: Desk, tmp_path: Path, asked: tuple[str, ...], left: list[str]
) -> None:
    run = desk.finish(desk.run("--format", "csv", done=3))
    assert main(["watch", str(run), "--output", str(tmp_path / "out"), *asked]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*left, "summary.json"]


@pytest.mark.parametrize("command", ["status", "watch", "cancel", "retry"])
def test_the_help_says_what_run_is_and_which_words_are_taken(command: str, capsys) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "its number, as `farm status` lists it" in said
    assert ("take the words stop and cancel" in said) == (command == "watch")


# `status`


def test_the_table_tells_when_a_run_was_started_and_what_is_the_trouble_with_it(desk: Desk, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    run = desk.run(done=1, pending=2)
    started = time.mktime((2026, 11, 20, 18, 5, 0, 0, 0, -1))
    desk.batches.database.write(lambda it: it.execute(update(RUNS).where(RUNS.c.id == run).values(started=started)))
    desk.batches.tell_trouble(run, "There is no profile studio.toml.")
    assert main(["status"]) == 0
    header, row, trouble = capsys.readouterr().out.splitlines()
    assert header.split()[:5] == ["run", "started", "state", "done", "of"]
    assert row.split()[:6] == [str(run), "2026-11-20", "18:05", "running", "1", "3"]
    assert trouble == f"Run {run}: There is no profile studio.toml."


def test_without_a_broker_that_answers_the_status_is_what_the_database_knows(desk: Desk, capsys, monkeypatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GLBV_BROKER", f"amqp://127.0.0.1:{free.getsockname()[1]}//")
    run = desk.run(done=1, pending=2)
    assert main(["status"]) == 0
    _, row, *_, last = capsys.readouterr().out.splitlines()
    assert row.split()[3:6] == ["running", "1", "3"]
    assert last == "The broker does not answer."
    assert main(["status", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queues"] is None
