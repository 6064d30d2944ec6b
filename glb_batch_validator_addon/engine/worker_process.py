"""The parent's side of one worker: starts it, writes requests, hands its replies and its end to a queue."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model.wire import STAGE_BYTES, Hello, Reply, Request, decode_reply, encode
from .launcher import Launcher

LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker's last word: its exit code, negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class FromWorker:
    worker: WorkerProcess
    message: Hello | Reply | Exited


class WorkerProcess:
    """One background Blender. All methods are for one thread; the reading of its stdout has one of its own."""

    def __init__(
        self,
        number: int,
        launcher: Launcher,
        *,
        folder: Path,
        memory_limit_bytes: int,
        inbox: queue.SimpleQueue[Any],
    ) -> None:
        self.number = number
        self.ready = False
        self.done = 0
        self.busy_seconds = 0.0
        self.requests: deque[Request] = deque()
        """Sent and not answered, oldest first: the first one is being worked on."""
        self.at_work_since = self.started = time.monotonic()
        self.killed_for: str | None = None
        """Why we ended it ourselves: the `type` of the failure."""
        self._stage_file = folder / f"worker-{number}.stage"
        self._stage_file.write_bytes(b"\0" * STAGE_BYTES)
        self._log = folder / f"worker-{number}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                launcher.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=launcher.worker_environment(
                    folder=folder / "blender", stage_file=self._stage_file, memory_limit_bytes=memory_limit_bytes
                ),
                # Ctrl-C is for the engine, which then ends its workers: a session on POSIX, a group on Windows.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self.pid = self._process.pid
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for target, arguments in ((self._listen, (inbox,)), (self._write, ())):
            threading.Thread(target=target, args=arguments, name=f"worker-{number}", daemon=True).start()

    def send(self, request: Request) -> None:
        """Queue a request at the worker. That it has died is told by its `Exited`."""
        if not self.requests:
            self.at_work_since = time.monotonic()
        self.requests.append(request)
        self._outbox.put(encode(request))

    def answered(self, reply: Reply) -> Request:
        """Take a reply in: returns its request. Raises ValueError if it is out of order."""
        if not self.requests or self.requests[0].id != reply.id:
            raise ValueError(f"reply {reply.id} is out of order")
        self.at_work_since = time.monotonic()
        self.busy_seconds += sum(reply.seconds.values())
        self.done += 1
        return self.requests.popleft()

    def finish(self) -> None:
        """Let it end after what it has been sent."""
        self._outbox.put(None)

    def kill(self, reason: str | None = None) -> None:
        """End it and what it has started: `--blender` may name a script around Blender."""
        self.killed_for = self.killed_for or reason
        if self._process.returncode is None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()

    def clear(self) -> None:
        """Remove its files. What it said last is gone then."""
        for path in (self._log, self._stage_file):
            with contextlib.suppress(OSError):  # Windows does not, while a dying process has it open
                path.unlink()

    def stage(self) -> str:
        """The stage it was at when it last said so; survives its death. "" before the first request."""
        return self._stage_file.read_bytes().rstrip(b"\0").decode(errors="replace")

    def log_tail(self) -> str:
        """The end of what it wrote on stderr."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _listen(self, inbox: queue.SimpleQueue[Any]) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
                    inbox.put(FromWorker(self, decode_reply(line)))  # what is no reply Blender printed as it started
        finally:
            self._outbox.put(None)
            inbox.put(FromWorker(self, Exited(self._process.wait())))

    def _write(self) -> None:
        """In a thread of its own: the pipe to a worker that hangs takes no more than 64 kB."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has died, which `Exited` tells
            while (line := self._outbox.get()) is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def signal_name(code: int) -> str | None:
    """`SIGSEGV` for -11; None for an exit code that is none of a signal."""
    try:
        return signal.Signals(-code).name if code < 0 else None
    except ValueError:
        return f"signal {-code}"
