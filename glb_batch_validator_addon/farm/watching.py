"""`farm watch`: a run of the farm as the events of a local one, for a terminal, a program or the panel."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from ..cli.control import Control
from ..engine.events import AssetDone, AssetSkipped, Event, Planned, RunFinished, RunStarted, RunTroubled
from ..engine.ledger import Ledger
from ..storage.port import Storage
from .batches import Batches, FarmRun

POLL_SECONDS = 1.0

COUNT_SHARE = 20
"""Counting all assets takes a database a while if they are a million: it has a twentieth of the time, at most."""

COUNT_SECONDS = 60.0
"""All assets are counted at least so often, whatever it takes."""

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
    census = _Census(run, ledger)
    counts = census.take()
    on_event(
        RunStarted(
            library=known.uri, run=run, resumed=True, workers=0, ledger=batches.database.name, done=_done(counts)
        )
    )
    on_event(_planned(counts, known))
    tail = _Tail(run, batches, reports, on_event)
    trouble = ""
    while True:
        if control.cancel:
            batches.cancel(run)
            control.cancel = False
        known = batches.run(run)
        if known.trouble != trouble:
            trouble = known.trouble
            on_event(RunTroubled(reason=trouble))
        cancelled = known.cancelled and not batches.states(run)["running"]
        all_told = tail.follow()
        if reason := control.stop_reason:
            if stop_cancels:
                batches.cancel(run)
            break
        if all_told and (known.finished is not None or cancelled):
            reason = "" if known.finished is not None else "the run was cancelled"
            break
        if census.is_due:
            on_event(_planned(census.take(), known))
        if all_told:
            _sleep(POLL_SECONDS, control)
    finished = finished_of(known, ledger, reason)
    on_event(_planned(finished.counts, known))
    on_event(finished)
    return finished


def finished_of(run: FarmRun, ledger: Ledger, reason: str = "") -> RunFinished:
    """How a run stands, as the last event of a local one."""
    counts = ledger.counts(run.id)
    if run.finished is not None and not counts["total"]:
        reason = "a later run over the same library has taken its assets over"
    end = run.finished or time.time()
    return RunFinished(
        interrupted=bool(reason),
        reason=reason,
        counts=counts,
        done=_done(counts),
        seconds=end - run.started,
        busy=0.0,
    )


def _done(counts: dict[str, int]) -> int:
    return counts["total"] - counts["skipped"] - counts["pending"]


def _planned(counts: dict[str, int], run: FarmRun) -> Planned:
    return Planned(
        listed=counts["total"],
        pending=counts["total"] - counts["skipped"],
        skipped=counts["skipped"],
        pending_bytes=counts["pending_bytes"],
        complete=run.listed,
    )


class _Census:
    """Counts all assets of a run, now and then."""

    def __init__(self, run: int, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        return time.monotonic() > self._next

    def take(self) -> dict[str, int]:
        begun = time.monotonic()
        counts = self._ledger.counts(self._run)
        self._next = begun + min((time.monotonic() - begun) * COUNT_SHARE, COUNT_SECONDS)
        return counts


class _Tail:
    """The assets that have ended since the last look, each once."""

    def __init__(self, run: int, batches: Batches, reports: Storage, on_event: Callable[[Event], None]) -> None:
        self._run = run
        self._batches = batches
        self._reports = reports
        self._on_event = on_event
        self._told: dict[str, float] = {}  # those of the overlap
        self._last = 0.0
        self._after = 0.0

    def follow(self) -> bool:
        """Tell a page of them, as there is more to do than to tell; returns whether that is all for now."""
        rows = self._batches.ended_since(self._run, self._after, PAGE)
        for row in rows:
            if self._told.get(row.key) != row.ended:
                self._told[row.key] = row.ended
                kind = AssetSkipped if row.state == "skipped" else AssetDone
                uri = self._reports.uri(row.report_key)
                brief = json.loads(row.brief or "{}")
                self._on_event(kind(key=row.key, verdict=row.verdict, report=uri, brief=brief))
        if rows:
            self._last = max(self._last, rows[-1].ended)
        limit = self._last - 2 * OVERLAP_SECONDS
        self._told = {key: ended for key, ended in self._told.items() if ended > limit}
        is_all = len(rows) < PAGE
        self._after = self._last - OVERLAP_SECONDS if is_all else rows[-1].ended
        return is_all


def _sleep(seconds: float, control: Control) -> None:
    end = time.monotonic() + seconds
    while not (control.stop_reason or control.cancel) and time.monotonic() < end:
        time.sleep(0.1)


def add_watching(parser: argparse.ArgumentParser) -> None:
    """The options of `watch`."""
    parser.add_argument("--stop-cancels", action="store_true", help="stopping to watch cancels the run as well")
