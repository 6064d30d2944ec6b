"""One run over one library: an object that its owner steps, be it a loop on a terminal, a timer in Blender or a test.

    listing --> ledger --> fetch (threads) --> pool of workers --> report --> write (threads) --> ledger

One thread, the one that calls `step`, owns all state. Other threads only list, fetch, write and read pipes, and say so
through one queue.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import FullError, UnavailableError, UsageError
from ..model.preview import Order
from ..model.report import Failure
from ..model.settings import RunSettings
from ..storage.port import Storage
from .crew import Crew
from .events import AssetSkipped, OnEvent, Planned, RunFinished, RunPaused, RunStarted
from .launcher import Launcher
from .ledger import Ledger, Plan
from .planner import Planner
from .threads import ClosedError, Threads
from .work import Judge, Work
from .worker_process import FromWorker

PLANNER_THREADS = 8
"""For the reports and manifest entries that a plan has to look up, besides `RunSettings.io_threads`."""

PLANS_AHEAD = 16
"""Batches of the planner that wait to be taken in: bounds memory when the owner steps slowly."""

CLOSE_SECONDS = 6.0
"""A person who pressed Ctrl-C waits for it."""

STEP_SECONDS = 0.1
"""The longest a step waits for something to happen, and so the precision of time-outs."""


Cut = Callable[[list[Plan]], list[Plan]]
Admit = Callable[[Plan], Failure | None]


class Run:
    """`start`, then `step` until `done`, `close` in any case. `pause` and `cancel` whenever; all from one thread."""

    def __init__(
        self,
        *,
        storage: Storage,
        ledger: Ledger,
        launcher: Launcher,
        settings: RunSettings,
        on_event: OnEvent,
        reports: Storage | None = None,
        manifest: Iterable[str] | None = None,
        resume: bool = False,
        recorded: dict[str, Any] | None = None,
        plan_only: bool = False,
        judge: Judge,
        pictures: Path | None = None,
        cut: Cut | None = None,
        batch: tuple[int, int] | None = None,
        crew: Crew | None = None,
        admit: Admit | None = None,
        priority: int = 0,
    ) -> None:
        """`reports` is where reports go if not beside the assets; `judge` is for assets whose facts are there already;
        `pictures` is a folder that keeps previews for later runs.

        `recorded` are the options that a resumed run needs; with `plan_only` it ends when the plan is in the ledger.

        Of a farm: `cut` gives the assets of a plan the numbers of their batches; `batch` (numbers of run and batch) is
        all that is done of a run that was planned elsewhere, by a `crew` that outlives it, and `admit` is asked before
        each asset and may say why it is given up.
        """
        self._storage = storage
        self._reports = reports or storage
        self._ledger = ledger
        self._launcher = launcher
        self._settings = settings
        self._on_event = on_event
        self._manifest = manifest
        self._resume = resume
        self._recorded = recorded or {}
        self._plan_only = plan_only
        self._digest = settings.digest(product=__version__, blender=launcher.blender)

        self._batch = batch
        self._cut = cut
        self._admit = admit
        self._priority = priority

        self._own_crew = crew is None
        self._crew = crew or Crew(launcher, settings)
        self._inbox, self._pool, self.folder = self._crew.inbox, self._crew.pool, self._crew.folder
        self._pool.tell(on_event)
        self._planner = threading.Thread(target=self._plan, name="planner", daemon=True)
        self._plans_ahead = threading.Semaphore(PLANS_AHEAD)
        self._threads = Threads(settings.io_threads, name="storage")
        self._planner_threads = Threads(PLANNER_THREADS, name="planner")
        self._pool_started = False
        self._work = Work(
            storage=storage,
            reports=self._reports,
            ledger=ledger,
            settings=settings,
            digest=self._digest,
            judge=judge,
            order=_order(settings, pictures or self.folder / "pictures"),
            folder=self.folder,
            pool=self._pool,
            threads=self._threads,
            inbox=self._inbox,
            on_event=on_event,
            stopped=lambda: self._stop_reason is not None,
            stop=self.cancel,
            fail=self._fail,
            another_turn=self._give_back,
        )
        self._next: deque[Plan] = deque()  # a few of the ledger's pending assets
        self._cursor = ""  # the last key taken from the ledger
        self._taken = 0  # of the pending assets: in work or done
        self._planned = Planned(listed=0, pending=0, skipped=0, pending_bytes=0, complete=False)
        self._without_facts = 0
        self._stop_reason: str | None = None
        self._stop_by = 0.0
        self._failure: Exception | None = None
        self._started = time.monotonic()
        self.id = 0
        self.paused = False
        self.done = False

    # The owner's side

    def start(self) -> None:
        """Begin. Raises `UsageError` before any work when the library cannot be used."""
        if self._batch:
            self._start_batch(self._batch)
            return
        elsewhere = self._reports is not self._storage
        self._storage.check(write=not elsewhere and not self._plan_only)
        if elsewhere:
            self._reports.check(write=not self._plan_only)
        listed = False
        library, shard = self._storage.uri(), self._settings.shard
        unfinished = self._ledger.unfinished_run(library, shard) if self._resume else None
        if unfinished:
            self.id, _, listed = unfinished
        else:
            self.id = self._ledger.start_run(library, shard, self._recorded, priority=self._priority)
        self._tell_start(resumed=unfinished is not None)
        if unfinished:
            self._tell_counts(complete=listed)
        if not listed:
            self._planner.start()

    def _start_batch(self, batch: tuple[int, int]) -> None:
        """Of a library that was looked at when its run was planned."""
        self.id = batch[0]
        self._tell_start(resumed=True)
        self._tell_counts(complete=True)
        self._advance()  # a step would first wait for something to happen

    def _tell_start(self, *, resumed: bool) -> None:
        self._on_event(
            RunStarted(
                library=self._storage.uri(),
                run=self.id,
                resumed=resumed,
                workers=self._settings.workers,
                ledger=self._ledger.path,
            )
        )

    def _tell_counts(self, *, complete: bool) -> None:
        counts = self._counts()
        self._tell_plan(counts["total"], counts["pending"], counts["skipped"], counts["pending_bytes"], complete)

    def _counts(self) -> dict[str, int]:
        return self._ledger.counts(self.id, batch=self._batch[1] if self._batch else None)

    def step(self, seconds: float = STEP_SECONDS) -> None:
        """Take in what has happened, waiting up to `seconds` for it, and hand out new work.

        Raises what stopped the run: `UsageError` if it cannot go on as a whole, anything else is a fault of ours.
        It can be resumed.
        """
        deadline = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            message = self._inbox.get(timeout=seconds)
            while True:
                self._take(message)
                if time.monotonic() > deadline:
                    break
                message = self._inbox.get_nowait()
        try:
            self._ledger.flush()
        except (FullError, UnavailableError) as error:
            self.cancel(str(error))
        self._pool.watch()
        self._advance()
        if self.done and self._failure:
            raise self._failure

    def pause(self) -> None:
        """Hand out nothing new; workers finish what they were sent and stay. A paused run is not done."""
        if not self.paused:
            self.paused = True
            self._pool.pause()
            self._on_event(RunPaused(paused=True))

    def resume(self) -> None:
        """Go on after `pause`."""
        if self.paused:
            self.paused = False
            self._pool.resume()
            self._on_event(RunPaused(paused=False))

    def cancel(self, reason: str = "interrupted") -> None:
        """Stop: nothing new begins, workers end at once, reports that are being written are finished."""
        if not self._stop_reason:
            self._stop_reason, self._stop_by = reason, time.monotonic() + CLOSE_SECONDS
            self._pool.stop()

    @property
    def interrupted(self) -> str:
        """Why it was stopped, "" if it was not."""
        return self._stop_reason or ""

    def worker_pids(self) -> list[int]:
        """Process ids of the present workers."""
        return self._pool.pids()

    def close(self) -> None:
        """Let go of everything; a run that is not done is left to be resumed.

        Requests that are under way have `CLOSE_SECONDS` to end. Those that take longer are left to themselves: what
        they write is written whole or not at all.
        """
        self._stop_reason = self._stop_reason or "closed"
        try:
            if self._own_crew:
                self._pool.stop()
            self._planner_threads.close(seconds=CLOSE_SECONDS / 3)
            self._threads.close(seconds=CLOSE_SECONDS / 3)
            if self._planner.ident:
                self._planner.join(CLOSE_SECONDS / 3)
        finally:  # also when a second Ctrl-C comes
            if self._own_crew:
                self._crew.close()

    # Planning

    def _plan(self) -> None:
        """In a thread of its own."""
        try:
            planner = Planner(
                storage=self._storage,
                reports=self._reports,
                ledger=self._ledger,
                settings=self._settings,
                digest=self._digest,
                run=self.id,
                manifest=self._manifest,
                threads=self._planner_threads,
                stopped=lambda: self._stop_reason is not None,
                cut=self._cut,
            )
            for plans in planner.plan():
                while not self._plans_ahead.acquire(timeout=STEP_SECONDS):
                    if self._stop_reason:
                        return
                self._inbox.put(partial(self._take_plans, plans))
            self._without_facts = planner.without_facts
            self._inbox.put(self._plan_complete)
        except ClosedError:
            pass
        except UnavailableError as error:
            self._inbox.put(partial(self.cancel, f"The listing broke off: {error}"))
        except FullError as error:  # of the ledger
            self._inbox.put(partial(self.cancel, str(error)))
        except Exception as error:
            self._inbox.put(partial(self._fail, error))

    def _take_plans(self, plans: list[Plan]) -> None:
        self._plans_ahead.release()
        skipped = pending = size = 0
        for plan in plans:
            if plan.known:
                skipped += 1
                self._on_event(
                    AssetSkipped(
                        key=plan.item.key,
                        verdict=plan.known.verdict,
                        report=self._reports.uri(plan.report_key),
                        brief=plan.known.brief,
                    )
                )
            else:
                pending += 1
                size += plan.item.size_bytes
        before = self._planned
        self._tell_plan(
            before.listed + len(plans), before.pending + pending, before.skipped + skipped, before.pending_bytes + size
        )

    def _plan_complete(self) -> None:
        if not self._stop_reason:
            if not self._cut:  # its batches are not all there yet
                self._ledger.mark_listed(self.id)
            self._tell_plan(
                self._planned.listed, self._planned.pending, self._planned.skipped, self._planned.pending_bytes, True
            )

    def _tell_plan(self, listed: int, pending: int, skipped: int, pending_bytes: int, complete: bool = False) -> None:
        self._planned = Planned(
            listed=listed, pending=pending, skipped=skipped, pending_bytes=pending_bytes, complete=complete
        )
        self._on_event(self._planned)

    # Stepping

    def _take(self, message: FromWorker | Callable[[], None]) -> None:
        if not isinstance(message, FromWorker):
            message()
            return
        try:
            answer = self._pool.handle(message)
        except (UsageError, OSError) as error:
            self._fail(error if isinstance(error, UsageError) else _not_started(error))
        else:
            if answer:
                self._work.take_answer(answer)

    def _advance(self) -> None:
        if self._stop_reason:
            if not self.done and (not self._work.writing or time.monotonic() > self._stop_by):
                self._finish()
        elif not self.paused:
            while plan := self._affordable():
                self._begin(plan)
            idle = not self._work.jobs and not self._next
            if self._planned.complete and idle and (self._plan_only or not self._from_ledger()):
                self._finish()

    def _affordable(self) -> Plan | None:
        """The next asset, if its turn has come by count and bytes."""
        jobs = self._work.jobs
        full = len(jobs) >= self._settings.batch_size
        if full or self._stop_reason or self._plan_only or self._taken >= self._planned.pending:
            return None
        if not self._next:
            self._next.extend(self._from_ledger())
        ahead = sum(job.item.size_bytes for job in jobs.values())
        if not self._next or (jobs and ahead + self._next[0].item.size_bytes > self._settings.max_ahead_bytes):
            return None
        return self._next.popleft()

    def _from_ledger(self) -> list[Plan]:
        """The next pending assets; from the start again when the end is reached, as keys may have come in between."""
        in_work = {job.plan.item.key for job in self._work.jobs.values()}
        for after in (self._cursor, ""):
            number = self._batch[1] if self._batch else None
            plans = self._ledger.pending(self.id, after=after, count=self._settings.batch_size, batch=number)
            if plans:
                self._cursor = plans[-1].item.key
            if fresh := [plan for plan in plans if plan.item.key not in in_work]:
                return fresh
        return []

    def _finish(self) -> None:
        self.done = True
        counts = self._counts()
        if counts["total"] < self._planned.listed and not self._stop_reason:
            self._stop_reason = "another run over this library took over the ledger"
        interrupted = self._stop_reason is not None
        busy = self._pool.busy
        if self._own_crew:
            self._pool.stop()
        if not interrupted and not self._batch and not self._plan_only:
            self._ledger.finish_run(self.id)
        self._on_event(
            RunFinished(
                interrupted=interrupted,
                reason=self._stop_reason or "",
                counts=counts,
                done=self._work.done,
                seconds=time.monotonic() - self._started,
                busy=busy,
                without_facts=self._without_facts,
            )
        )

    def _fail(self, error: Exception) -> None:
        """The run cannot go on: it is stopped, and `step` raises."""
        self._failure = self._failure or error
        self.cancel(str(error))

    def _begin(self, plan: Plan) -> None:
        self._taken += 1
        if failure := self._admit(plan) if self._admit else None:
            self._work.give_up(plan, failure)
            return
        if not plan.judge and not self._pool_started:
            self._pool_started = True
            try:
                self._pool.start()
            except OSError as error:
                self._taken -= 1
                self._fail(_not_started(error))
                return
        self._work.begin(plan)

    def _give_back(self) -> None:
        self._taken -= 1


def _order(settings: RunSettings, folder: Path) -> Order | None:
    if settings.previews == "off" or not settings.takes_pictures:
        return None
    return Order(
        engine=settings.previews, size=settings.preview_size, format=settings.preview_format, folder=str(folder)
    )


def _not_started(error: OSError) -> UsageError:
    return UsageError(f"Blender cannot be started: {error}.")
