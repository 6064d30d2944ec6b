"""Keeps N workers fed and alive, and says of every request what became of it.

A worker answers in order, so the first unanswered request is the one that killed it. That one is tried once more, alone
in a fresh worker; the others of the queue are innocent and go back to it.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import UsageError
from ..model.report import Failure, Stage
from ..model.settings import RunSettings
from ..model.wire import EXIT_MEMORY, Hello, Reply, Request
from .events import OnEvent, WorkerLost, WorkerRecycled, WorkerStarted
from .launcher import Launcher
from .worker_process import Exited, FromWorker, WorkerProcess, signal_name

QUEUED_AT_WORKER = 6
"""Requests at a worker at once: one in work and five waiting, so that it has the next when we are not scheduled."""

START_TIMEOUT_SECONDS = 120.0
"""For a Blender to say hello; a cold start from a slow disk takes tens of seconds."""

MEMORY_SHARE_KEPT = 0.75
"""Of the memory limit: a worker that keeps more between two assets has too little left for the next one."""

MAX_FAILED_STARTS = 3
"""In a row, then the run is given up: this Blender does not start here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: a worker's reply, or the failure of the second worker that died of it."""

    request: Request
    reply: Reply | Failure
    versions: dict[str, str]


class Pool:
    """Stepped by its owner: `submit` requests, `handle` each message of the inbox, `watch` the clock."""

    def __init__(
        self,
        *,
        launcher: Launcher,
        settings: RunSettings,
        folder: Path,
        inbox: queue.SimpleQueue[Any],
        on_event: OnEvent,
        key_of: Callable[[Request], str],
    ) -> None:
        self._launcher = launcher
        self._settings = settings
        self._folder = folder
        self._inbox = inbox
        self._on_event = on_event
        self._key_of = key_of
        self._workers: list[WorkerProcess] = []
        self._waiting: deque[Request] = deque()
        self._suspects: deque[Request] = deque()  # each killed one worker, and is tried once more on its own
        self._alone: set[int] = set()  # ids of suspects that are being tried
        self._finishing: set[int] = set()  # numbers of workers that were told to end
        self._versions: dict[str, str] = {}
        self._number = 0
        self._stopped = False
        self._paused = False
        self._failed_starts = 0
        self._busy_seconds = 0.0
        self._up_seconds = 0.0

    def start(self) -> None:
        """Bring it up to its number of workers."""
        while len(self._workers) < self._settings.workers:
            self._start_worker()

    def tell(self, on_event: OnEvent) -> None:
        """Send events there from now on: a pool may serve one run after the other."""
        self._on_event = on_event

    @property
    def busy(self) -> float:
        """Share of the workers' time since their hello in which they were at an asset."""
        now = time.monotonic()
        up = self._up_seconds + sum(now - worker.started for worker in self._workers if worker.ready)
        busy = self._busy_seconds + sum(worker.busy_seconds for worker in self._workers)
        return busy / up if up else 0.0

    def submit(self, request: Request) -> None:
        self._waiting.append(request)
        self._feed()

    def handle(self, received: FromWorker) -> Answer | None:
        """Take one message of a worker in. Raises `UsageError` when Blender does not start again and again."""
        worker, message = received.worker, received.message
        if isinstance(message, Hello):
            now = time.monotonic()
            self._on_event(WorkerStarted(worker=worker.number, seconds=now - worker.started, versions=message.versions))
            worker.ready, worker.started = True, now
            self._versions = message.versions
        elif isinstance(message, Exited):
            return self._lost(worker, message.code)
        else:
            try:
                request = worker.answered(message)
            except ValueError:
                worker.kill()  # it no longer knows what it answers: its `Exited` settles the rest
                return None
            self._failed_starts = 0
            self._alone.discard(request.id)
            self._recycle(worker, message.memory_bytes)
            self._feed()
            return Answer(request, message, self._versions)
        self._feed()
        return None

    def watch(self) -> None:
        """End workers that took too long over an asset, or to start."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.ready and worker.requests and now - worker.at_work_since > self._settings.timeout_seconds:
                worker.kill("TimedOut")
            elif not worker.ready and now - worker.started > START_TIMEOUT_SECONDS:
                worker.kill("StartTimedOut")

    def pause(self) -> None:
        """Let the workers finish what they were sent and send nothing new."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._feed()

    def stop(self) -> None:
        """End all workers at once; what they were at is answered no more."""
        self._stopped = True
        for worker in self._workers:
            worker.kill()

    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def _start_worker(self) -> None:
        self._number += 1
        self._workers.append(
            WorkerProcess(
                self._number,
                self._launcher,
                folder=self._folder,
                inbox=self._inbox,
                memory_limit_bytes=self._settings.memory_limit_bytes,
            )
        )

    def _feed(self) -> None:
        """Suspects first, each to an idle fresh worker of its own; then the rest, to the shortest queue."""
        if self._paused:
            return
        for worker in self._able():
            if self._suspects and worker.done == 0 and not worker.requests:
                suspect = self._suspects.popleft()
                self._alone.add(suspect.id)
                worker.send(suspect)
        while self._waiting:
            open_ = [w for w in self._able() if len(w.requests) < QUEUED_AT_WORKER and not self._is_alone(w)]
            if not open_:
                return
            min(open_, key=lambda w: len(w.requests)).send(self._waiting.popleft())

    def _able(self) -> Iterator[WorkerProcess]:
        return (w for w in self._workers if w.ready and w.number not in self._finishing and not w.killed_for)

    def _is_alone(self, worker: WorkerProcess) -> bool:
        return bool(worker.requests) and worker.requests[0].id in self._alone

    def _recycle(self, worker: WorkerProcess, memory_bytes: int) -> None:
        """Tell a worker to end that did its share or keeps too much; what it was sent before it still does."""
        if worker.number in self._finishing:
            return
        if worker.done >= self._settings.assets_per_worker:
            kind: Literal["assets", "memory"] = "assets"
            reason = f"after {worker.done} assets"
        elif memory_bytes > self._settings.memory_limit_bytes * MEMORY_SHARE_KEPT:
            kind, reason = "memory", f"it keeps {memory_bytes >> 20} MB"
        else:
            return
        self._on_event(WorkerRecycled(worker=worker.number, kind=kind, reason=reason))
        self._finishing.add(worker.number)
        worker.finish()

    def _lost(self, worker: WorkerProcess, code: int) -> Answer | None:
        """A worker has ended: replace it, and settle what it had been sent."""
        self._workers.remove(worker)
        if worker.ready:
            self._busy_seconds += worker.busy_seconds
            self._up_seconds += time.monotonic() - worker.started
        if self._stopped:
            return None
        if not worker.done and not worker.requests:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise UsageError(
                    f"Blender does not start as a worker ({self._launcher.command[0]}, {_ending(code)})."
                    f" It said last: {worker.log_tail() or 'nothing'}"
                )
        self._start_worker()
        if not worker.requests:
            worker.clear()
            return None
        culprit = worker.requests.popleft()
        self._waiting.extendleft(reversed(worker.requests))
        kind = worker.killed_for or ("OutOfMemory" if code == EXIT_MEMORY else "Crashed")
        failure = Failure(
            stage=_stage(worker.stage()),
            type=kind,
            message=self._sentence(kind, code, worker),
            signal=signal_name(code),
        )
        worker.clear()
        again = culprit.id not in self._alone
        self._on_event(
            WorkerLost(
                worker=worker.number, key=self._key_of(culprit), kind=kind, reason=failure.message, retried=again
            )
        )
        if again:
            self._suspects.append(culprit)
            return None
        self._alone.discard(culprit.id)
        return Answer(culprit, failure, self._versions)

    def _sentence(self, kind: str, code: int, worker: WorkerProcess) -> str:
        stage = worker.stage() or "start"
        if kind == "TimedOut":
            return (
                f"Blender was still at it after {self._settings.timeout_seconds:g} seconds, in the stage {stage}, and"
                " was stopped. Allow more with --timeout, or make the asset lighter."
            )
        if kind == "OutOfMemory":
            return (
                f"Blender needed more than {self._settings.memory_limit_bytes >> 20} MB in the stage {stage} and was"
                " stopped. Allow more with --memory-limit-mb, or make the asset lighter."
            )
        advice = " It would crash yours: export it again." if stage in ("import", "measure") else ""
        return f"Blender crashed in the stage {stage} ({_ending(code)}).{advice}"


def _ending(code: int) -> str:
    return signal_name(code) or f"exit code {code}"


def _stage(name: str) -> Stage:
    return name if name in get_args(Stage) else "import"  # type: ignore[return-value]
