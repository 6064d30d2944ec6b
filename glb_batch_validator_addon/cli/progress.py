"""What a person or a program sees of a run while it goes on."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from ..engine.events import (
    AssetDone,
    AssetSkipped,
    Event,
    Planned,
    RunFinished,
    RunPaused,
    RunStarted,
    RunTroubled,
    WorkerLost,
    WorkerRecycled,
    as_json,
)
from ..model.finding import VERDICTS
from ..model.text import printable

PLAIN_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""
OPENJD_SECONDS = 1.0
"""The same for a scheduler."""


class View(Protocol):
    """Shows events. `AssetSkipped` comes once per asset, so a view counts it and prints nothing."""

    def show(self, event: Event) -> None: ...

    def close(self) -> None: ...


class JsonView:
    """Events as JSON lines."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, event: Event) -> None:
        print(json.dumps(as_json(event)), file=self._out, flush=True)

    def close(self) -> None:
        pass


def print_event(name: str, **values: Any) -> None:
    """An event of the program itself as a JSON line on stdout, beside those of a run."""
    print(json.dumps({"event": name, **values}), flush=True)


class Tally:
    """Counts and rate, from events, by a clock that stands still while the run is paused."""

    def __init__(self) -> None:
        self.plan = Planned(listed=0, pending=0, skipped=0, pending_bytes=0, complete=False)
        self.done = 0
        self.counts = dict.fromkeys(reversed(VERDICTS), 0)
        self._watched = False
        self._since: float | None = None  # the rate counts from then on
        self._before = 0  # done by then
        self._paused_since: float | None = None
        self._pauses = 0.0

    def clock(self) -> float:
        """Seconds since any point in time, without those of pauses."""
        return (self._paused_since or time.monotonic()) - self._pauses

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted) and event.done is not None:
            self._watched, self._since, self._before = True, self.clock(), event.done
        elif isinstance(event, Planned):
            self.plan = event
            if self._watched and self.done <= self._before:  # nothing is done yet since we came
                self._since = self.clock()
        elif isinstance(event, AssetDone):
            self.done += 1
            self.counts[event.verdict] += 1
            if self._since is None:
                self._since, self._before = self.clock(), self.done
        elif isinstance(event, RunPaused):
            now = time.monotonic()
            self._pauses += now - (self._paused_since or now)
            self._paused_since = now if event.paused else None

    @property
    def per_second(self) -> float:
        """Assets, since the first one was done; 0 before the second one. Of a run that is watched since then, however
        much of it had been done before."""
        if self._since is None or self.done <= self._before:
            return 0.0
        return (self.done - self._before) / max(self.clock() - self._since, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """None before there is a rate."""
        return max(self.plan.pending - self.done, 0) / self.per_second if self.per_second else None

    def __str__(self) -> str:
        parts = [f"{number:,} {verdict}" for verdict, number in self.counts.items() if number]
        if self.plan.skipped:
            parts.append(f"{self.plan.skipped:,} unchanged")
        return ", ".join(parts)


def start_of(event: RunStarted) -> str:
    """A line for the start of a run."""
    if event.done is not None:
        return f"{event.library}: run {event.run} of the farm, {event.done:,} done before"
    resumed = ", resumed" if event.resumed else ""
    return f"{event.library}: run {event.run}{resumed}, {event.workers} workers"


def line_of(event: Event) -> str | None:
    """A line for events that a person should read one by one."""
    if isinstance(event, AssetDone) and event.verdict in ("error", "unsupported", "fail"):
        said = [*filter(None, [event.brief.get("error")]), *event.brief.get("findings", ())]
        return f"{event.verdict}: {event.key}: {said[0]['message'] if said else ''}"
    if isinstance(event, WorkerLost) and (event.retried or not event.key):  # the second time its report says it
        what = event.key or "no asset"
        return f"worker {event.worker} lost at {what}: {event.reason}" + (
            " Trying once more, alone." if event.retried else ""
        )
    if isinstance(event, RunPaused):
        return "Paused." if event.paused else "Going on."
    if isinstance(event, RunTroubled):
        return f"A worker could not go on: {event.reason}" if event.reason else "Workers go on."
    return None


class PlainView:
    """Lines, for logs: what went wrong at once, progress now and then."""

    def __init__(self, out: TextIO, *, verbose: bool) -> None:
        self._out = out
        self._verbose = verbose
        self._tally = Tally()
        self._last = time.monotonic()

    def show(self, event: Event) -> None:
        self._tally.take(event)
        if isinstance(event, RunStarted):
            self._print(start_of(event))
        elif line := line_of(event):
            self._print(line)
        elif self._verbose and isinstance(event, (AssetDone, AssetSkipped, WorkerRecycled)):
            self._print(json.dumps(as_json(event)))
        if time.monotonic() - self._last > PLAIN_SECONDS:
            self._last = time.monotonic()
            plan, tally = self._tally.plan, self._tally
            total = f"{plan.pending:,}" if plan.complete else f"{plan.pending:,}+"
            self._print(f"{tally.done:,} of {total}, {tally.per_second:.1f}/s: {tally}")

    def close(self) -> None:
        pass

    def _print(self, text: str) -> None:
        # A library's names may hold anything, and logs may have any encoding.
        print(printable(text, self._out.encoding), file=self._out, flush=True)


class _TimeLeft(ProgressColumn):
    """By the rate of the tally. Rich's own would take for speed what is told at once to whoever begins to watch."""

    max_refresh = 0.5

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:
        left = self._tally.seconds_left
        return Text("-:--:--" if left is None else str(timedelta(seconds=round(left))), style="progress.remaining")


class BarView:
    """A progress bar with counts, rate and time left, and a line above it for each asset that failed."""

    def __init__(self, console: Console) -> None:
        self._tally = Tally()
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            _TimeLeft(self._tally),
            TextColumn("{task.fields[counts]}"),
            console=console,
            refresh_per_second=5,
        )
        self._task: TaskID = self._progress.add_task("", total=None, rate="", counts="listing")
        self._progress.start()

    def show(self, event: Event) -> None:
        self._tally.take(event)
        tally = self._tally
        if isinstance(event, (Planned, AssetDone)):
            listing = "" if tally.plan.complete else f"listing, {tally.plan.listed:,} so far; "
            self._progress.update(
                self._task,
                completed=tally.done,
                total=tally.plan.pending,
                counts=listing + str(tally),
                rate=f"{tally.per_second:.1f}/s" if tally.per_second else "",
            )
        if line := line_of(event):
            self._progress.console.print(
                escape(printable(line, "utf-8")),
                style="red" if line.startswith(("error", "fail")) else "yellow",
                highlight=False,
            )

    def close(self) -> None:
        self._progress.stop()


class OpenJDView:
    """Progress and status for an OpenJD scheduler, which reads lines of its own on stdout; the rest as `beside`."""

    def __init__(self, out: TextIO, beside: View) -> None:
        self._out = out
        self._beside = beside
        self._tally = Tally()
        self._next = 0.0

    def show(self, event: Event) -> None:
        self._beside.show(event)
        self._tally.take(event)
        if not isinstance(event, RunFinished) and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + OPENJD_SECONDS
        plan, tally = self._tally.plan, self._tally
        # While the library is being listed, the share of what is known would run backwards.
        share = tally.done / plan.pending if plan.complete and plan.pending else float(plan.complete)
        listing = "" if plan.complete else "listing, "
        print(f"openjd_progress: {100 * share:.1f}", file=self._out)
        counts = f": {tally}" if str(tally) else ""
        print(f"openjd_status: {listing}{tally.done:,} of {plan.pending:,}{counts}", file=self._out, flush=True)

    def close(self) -> None:
        self._beside.close()


def make_view(*, as_json_lines: bool, verbose: bool) -> View:
    if as_json_lines:
        return JsonView(sys.stdout)
    console = Console(stderr=True)
    return BarView(console) if console.is_terminal and not verbose else PlainView(sys.stderr, verbose=verbose)
