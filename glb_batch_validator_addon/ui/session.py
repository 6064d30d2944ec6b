"""What the panel knows: events in, one immutable snapshot out. Drawing reads the snapshot and nothing else. No bpy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .details import Details
from .results import OUTCOMES, WORDS, Results, Row, View
from .source import ENDED, Engine, Source
from .words import drawable, in_panel_words, local

STARTING, RUNNING, PAUSED, STOPPING = "starting", "running", "paused", "stopping"
IDLE, DONE, STOPPED, FAILED = "idle", "done", "stopped", "failed"
ACTIVE = frozenset({STARTING, RUNNING, PAUSED, STOPPING})
"""Phases in which there is a run."""

_GO_ON = "Validate again to go on: nothing is done twice."
_ON_ITS_OWN = "The farm goes on whether you watch it or not"
_GOES_ON = "The run goes on: watch it again to come back to it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is drawn. Texts are ready, numbers are counted."""

    phase: str = IDLE
    library: str = ""
    """As a person names it, "" before the first run."""
    farm_run: int = 0
    """Its number if it is a run of a farm, which is watched here and goes on without us."""
    message: str = ""
    """What there is to say about the run: where it is, how it ended, why it failed, what to do."""
    progress: float | None = None
    """0 to 1; None while the listing has not ended."""
    progress_text: str = ""
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    """Assets by outcome, unchanged ones included."""
    rows: tuple[Row, ...] = ()
    shown: tuple[int, ...] = ()
    """Numbers of the rows that pass the filter, in the order of the list."""
    position: int = -1
    """Of the chosen row in `shown`; -1 if it is not among them."""
    chosen: Row | None = None
    details: Details | None = None
    """Of the chosen row."""

    @property
    def active(self) -> bool:
        """Whether a run is going on."""
        return self.phase in ACTIVE


class Session:
    """The run of this Blender, or the one that it shows. For one thread: the main one."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._results = Results(View())
        self._chosen = -1
        self._reset()
        self._phase, self._message = IDLE, ""
        self.snapshot = Snapshot()

    def start(
        self,
        source: Source,
        *,
        library: str = "",
        keep_rows: bool = False,
        judging: bool = False,
        farm_run: int = 0,
    ) -> None:
        """Follow this source. With `keep_rows` what it tells is added to the rows that there are, of that library.

        Of a `farm_run` the source tells which library it is over.
        """
        assert self._source is None, "a run is going on"
        self._source = source
        self._reset()
        self._library = library or self.snapshot.library
        self._judging = judging
        self._farm_run = farm_run
        if farm_run:
            self._message = _ON_ITS_OWN
        if not keep_rows:
            self._results = Results(self._results.view)
            self._chosen = -1
        self._publish()

    def tick(self, budget_seconds: float = float("inf")) -> None:
        """Take in what has come, for so long at the most."""
        deadline = time.perf_counter() + budget_seconds
        changed = False
        while self._source and (event := self._source.take()):
            self._take(event)
            changed = True
            if time.perf_counter() > deadline:
                break
        if changed:
            self._publish()
        elif self._phase == RUNNING:  # rate and time left go on
            self.snapshot = replace(self.snapshot, progress_text=self._progress_text())

    def say(self, word: str) -> None:
        """Tell the engine to `pause` (what is in work is finished, nothing new begins) or to `resume`."""
        if self._source:
            self._source.say(word)

    def cancel(self) -> None:
        """Have the farm give up the run that is watched, and watch on to its end."""
        if self._source:
            self._cancelling = True
            self._source.say("cancel")
            self._publish()

    def stop(self) -> None:
        """End the run, or the watching of a farm's; what is done stays done."""
        if self._source:
            self._source.stop()
            self._phase = STOPPING
            self._publish()

    def close(self) -> None:
        """Let go of a run without waiting for its end."""
        if self._source:
            self._source.close()
            self._source = None
            self._phase, self._message = STOPPED, "The run was left."
            self._publish()

    def look(self, view: View) -> None:
        """Filter and sort the rows in another way."""
        self._results.look(view)
        self._publish()

    def acknowledge(self) -> None:
        """Take back what is said of the last run: the person has turned to something else."""
        if not self.snapshot.active:
            self._phase, self._message = IDLE, ""
            self._publish()

    def row(self, key: str) -> Row | None:
        """The row of an asset, if it is listed."""
        return self._results.row(key)

    def choose(self, position: int) -> None:
        """Choose the row at this position of the list."""
        shown = self.snapshot.shown
        self._chosen = shown[position] if 0 <= position < len(shown) else -1
        self._publish()

    def _reset(self) -> None:
        self._phase = STARTING
        self._message = "You can go on working"
        self._end: tuple[str, str] | None = None  # phase and message, once the run has said how it ended
        self._library = ""
        self._judging = False
        self._farm_run = 0
        self._cancelling = False
        self._planned: Mapping[str, Any] = {"listed": 0, "pending": 0, "skipped": 0, "complete": False}
        self._done = 0
        self._rate_from: tuple[float, int] | None = None  # when, and how many were done by then

    # Events

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind in ("asset_done", "asset_skipped"):
            self._results.put(Row.of(event))
            if kind == "asset_done":
                self._done += 1
                if not self._farm_run:
                    self._rate_from = self._rate_from or (time.monotonic(), self._done)
        elif kind == "run_started":
            self._phase = RUNNING if self._phase == STARTING else self._phase
            if self._farm_run:
                self._library = local(event["library"])
                self._rate_from = time.monotonic(), event["done"]
        elif kind == "planned":
            self._planned = event
            if self._farm_run and self._rate_from and self._done <= self._rate_from[1]:
                self._rate_from = time.monotonic(), self._rate_from[1]  # nothing is done yet since we came
        elif kind == "run_paused":
            if self._phase != STOPPING:
                self._phase = PAUSED if event["paused"] else RUNNING
            self._rate_from = None
        elif kind == "run_troubled":
            reason = event["reason"]
            self._message = f"A worker could not go on: {reason}" if reason else _ON_ITS_OWN
        elif kind == "run_failed":
            self._end = FAILED, event["message"]
        elif kind == "run_finished":
            self._end = self._finish(event)
        elif kind == ENDED:  # only now is the summary written, and the next run may begin
            self._phase, self._message = self._end or self._broken_off(event)
            self._source = None
            if len(self._results.rows()) == 1:
                self._chosen = 0

    def _finish(self, event: Mapping[str, Any]) -> tuple[str, str]:
        counts = event["counts"]
        if event["interrupted"] and self._farm_run:
            left = f"with {counts['pending']:,} left."
            if self._phase == STOPPING:
                return STOPPED, f"No longer watched, {left} {_GOES_ON}"
            retry = f"`farm retry {self._farm_run}` goes on with it."
            again = retry if self._planned["complete"] else "It was not listed to its end: submit it again."
            return STOPPED, f"{event['reason'].rstrip('.')}, {left} {again}"
        if event["interrupted"]:
            reason = "" if self._phase == STOPPING else f"{event['reason'].rstrip('.')}."
            left = f"Stopped with {counts['pending']:,} left. {_GO_ON}" if counts["total"] else ""
            return STOPPED, f"{reason} {left}".strip()
        unchanged = f", {counts['skipped']:,} unchanged" if counts["skipped"] else ""
        found = ", ".join(f"{counts[outcome]:,} {WORDS[outcome]}" for outcome in OUTCOMES if counts[outcome])
        what = "judged" if self._judging else "validated"
        told = f"{event['done']:,} {what} in {_duration(event['seconds'])}{unchanged}: {found or 'nothing'}."
        left = event.get("without_facts", 0)
        return DONE, f"{told} {left:,} have no facts to judge yet: validate them." if left else told

    def _broken_off(self, event: Mapping[str, Any]) -> tuple[str, str]:
        if not isinstance(self._source, Engine):
            return IDLE, event["message"]
        go_on = _GOES_ON if self._farm_run else _GO_ON
        if self._phase == STOPPING:
            return STOPPED, f"{'No longer watched' if self._farm_run else 'Stopped'}. {go_on}"
        said = self._source.last_words()
        said = f" It said: {said}" if said else ""
        return FAILED, f"The engine ended unexpectedly (exit code {event['code']}).{said} {go_on}"

    # The snapshot

    def _publish(self) -> None:
        results, planned = self._results, self._planned
        rows = results.rows()
        total = planned["pending"] + planned["skipped"]
        chosen = rows[self._chosen] if 0 <= self._chosen < len(rows) else None
        progress = min((self._done + planned["skipped"]) / total, 1.0) if planned["complete"] and total else None
        self.snapshot = Snapshot(
            phase=self._phase,
            library=drawable(self._library),
            farm_run=self._farm_run,
            message=drawable(in_panel_words(self._message)),
            progress=progress,
            progress_text=self._progress_text() if self._phase in ACTIVE else "",
            counts=dict(results.counts),
            rows=rows,
            shown=results.shown(),
            position=results.position(self._chosen),
            chosen=chosen,
            details=Details.of(chosen) if chosen else None,
        )

    def _progress_text(self) -> str:
        planned, done = self._planned, self._done + self._planned["skipped"]
        if self._phase == STARTING:
            return "Starting"
        if self._phase == STOPPING:
            return "Stopping"
        if not planned["complete"]:
            return f"Listing, {planned['listed']:,} found, {done:,} done"
        total = planned["pending"] + planned["skipped"]
        parts = [f"{done:,} of {total:,}"]
        if self._phase == PAUSED:
            parts.append("paused")
        elif self._cancelling:
            parts.append("cancelling")
        elif rate := self._rate():
            parts += [f"{rate:.1f}/s", f"{_duration((total - done) / rate)} left"]
        return ", ".join(parts)

    def _rate(self) -> float:
        """Assets a second since the first one, or since the last pause; of a farm's run since we came."""
        if self._rate_from is None or self._done <= self._rate_from[1]:
            return 0.0
        since, before = self._rate_from
        return (self._done - before) / max(time.monotonic() - since, 1e-6)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
