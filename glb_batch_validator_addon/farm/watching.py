"""`farm watch`: a run of the farm as the events of a local one, for a terminal, a program or the panel."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from ..cli.control import Control
from ..engine.events import AssetDone, AssetSkipped, Event, Planned, RunFinished, RunStarted
from ..engine.ledger import Ledger
from ..storage.port import Storage
from .batches import Batches, FarmRun

POLL_SECONDS = 1.0
POLL_SHARE = 20
"""Looks take at most a twentieth of the time: counting a million assets takes a database a while."""

OVERLAP_SECONDS = 15.0
"""Results are looked for so far back: clocks differ, and what ended earlier may be written later."""

PAGE = 1000


def watch(
    run: int,
    batches: Batches,
    *,
    reports: Storage,
    on_event: Callable[[Event], None],
    control: Control,
    stop_cancels: bool = False,
) -> RunFinished:
    """Tell what happens until the run ends, or the watching is stopped, which leaves the run alone unless
    `stop_cancels`. `control.cancel` cancels it, and goes on to its end."""
    control.cancel = False
    known = batches.run(run)
    ledger = Ledger(batches.database, library=known.library)
    on_event(RunStarted(library=known.uri, run=run, resumed=True, workers=0, ledger=batches.database.name))
    tail = _Tail(run, batches, reports, on_event)
    reason = ""
    while True:
        begun = time.monotonic()
        if control.cancel:
            batches.cancel(run)
            control.cancel = False
        known = batches.run(run)
        counts = ledger.counts(run)
        on_event(
            Planned(
                listed=counts["total"],
                pending=counts["total"] - counts["skipped"],
                skipped=counts["skipped"],
                pending_bytes=counts["pending_bytes"],
                complete=known.listed,
            )
        )
        tail.follow()
        if control.stop_reason:
            reason = control.stop_reason
            if stop_cancels:
                batches.cancel(run)
            break
        if known.finished is not None:
            break
        if known.cancelled and not batches.states(run)["running"]:
            reason = "the run was cancelled"
            break
        took = time.monotonic() - begun
        _sleep(max(POLL_SECONDS, took * POLL_SHARE), control)
    finished = finished_of(known, ledger, reason)
    on_event(finished)
    return finished


def finished_of(run: FarmRun, ledger: Ledger, reason: str = "") -> RunFinished:
    """How a run stands, as the last event of a local one."""
    counts = ledger.counts(run.id)
    end = run.finished or time.time()
    return RunFinished(
        interrupted=bool(reason),
        reason=reason,
        counts=counts,
        done=counts["total"] - counts["skipped"] - counts["pending"],
        seconds=end - run.started,
        busy=0.0,
    )


class _Tail:
    """The assets that have ended since the last look, each once."""

    def __init__(self, run: int, batches: Batches, reports: Storage, on_event: Callable[[Event], None]) -> None:
        self._run = run
        self._batches = batches
        self._reports = reports
        self._on_event = on_event
        self._told: dict[str, float] = {}  # those of the overlap
        self._last = 0.0

    def follow(self) -> None:
        after = self._last - OVERLAP_SECONDS
        while rows := self._batches.ended_since(self._run, after, PAGE):
            for row in rows:
                if self._told.get(row.key) != row.ended:
                    self._told[row.key] = row.ended
                    kind = AssetSkipped if row.state == "skipped" else AssetDone
                    uri = self._reports.uri(row.report_key)
                    brief = json.loads(row.brief or "{}")
                    self._on_event(kind(key=row.key, verdict=row.verdict, report=uri, brief=brief))
            self._last = max(self._last, rows[-1].ended)
            after = rows[-1].ended
            if len(rows) < PAGE:
                break
        limit = self._last - 2 * OVERLAP_SECONDS
        self._told = {key: ended for key, ended in self._told.items() if ended > limit}


def _sleep(seconds: float, control: Control) -> None:
    end = time.monotonic() + seconds
    while not (control.stop_reason or control.cancel) and time.monotonic() < end:
        time.sleep(0.1)


def add_watching(parser: argparse.ArgumentParser) -> None:
    """The options of `watch`."""
    parser.add_argument("--stop-cancels", action="store_true", help="stopping to watch cancels the run as well")
