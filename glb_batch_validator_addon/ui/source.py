"""Where the panel's events come from: the engine as a child process, or the summary of an earlier run. No bpy.

A thread reads and parses, a bounded queue hands over, and whoever owns the source takes as much as its time allows.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .findings import rules

EVENTS_AHEAD = 10_000
"""Events that wait to be taken: bounds memory when the owner is slow. Beyond it the engine waits at its pipe."""

STOP_SECONDS = 15.0
"""The engine itself needs at most 6 s to stop cleanly; after this it is taken to hang."""

ENDED = "ended"
"""The name of the last event of every source. That of a process has its exit `code`."""

_EVENT = b'{"event"'  # Blender may print lines of its own
_NICENESS = "10"
_LAST_BYTES = 4096
if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
else:
    _CREATION_FLAGS = 0


class Source:
    """Takes `events` apart in a thread of its own."""

    def __init__(self) -> None:
        self._events: queue.Queue[dict[str, Any]] = queue.Queue(EVENTS_AHEAD)
        self._closed = False

    def take(self) -> dict[str, Any] | None:
        """The next event, or None if there is none yet. Never waits."""
        with contextlib.suppress(queue.Empty):
            return self._events.get_nowait()
        return None

    def say(self, word: str) -> None:
        """`pause` or `resume`; what is not a process does not listen."""

    def stop(self) -> None:
        """End soon, with all that belongs to an end: `ENDED` still comes."""

    def close(self) -> None:
        """End without waiting; nobody takes events any more."""
        self._closed = True

    def _start(self, events: Iterator[dict[str, Any]]) -> None:
        def read() -> None:
            rules()  # here nobody waits for them; who takes the first event needs their titles
            for event in events:
                while not self._closed:
                    with contextlib.suppress(queue.Full):
                        self._events.put(event, timeout=1.0)
                        break

        threading.Thread(target=read, name="glbv-events", daemon=True).start()


class Engine(Source):
    """`run_batch.py --json --control` as a child. It ends when its stdin does: with this process at the latest."""

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        """Start it; what it prints on stderr goes to `log`. Raises OSError if that cannot be done."""
        super().__init__()
        self.log = log
        # The artist's own work comes first. A `nice` under Windows would be of another world (MSYS, Cygwin).
        if sys.platform != "win32" and (nice := shutil.which("nice")):
            command = (nice, "-n", _NICENESS, *command)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                creationflags=_CREATION_FLAGS,
            )
        self._kill_at = float("inf")
        self._start(self._lines())

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def take(self) -> dict[str, Any] | None:
        if time.monotonic() > self._kill_at:
            self._process.kill()
        return super().take()

    def say(self, word: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended
            self._process.stdin.write(f"{word}\n".encode())
            self._process.stdin.flush()

    def stop(self) -> None:
        self.say("stop")
        self._kill_at = min(self._kill_at, time.monotonic() + STOP_SECONDS)

    def close(self) -> None:
        super().close()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def last_words(self) -> str:
        """The last line on its stderr, "" if there is none."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_BYTES))
            if lines := log.read().decode("utf-8", "replace").strip().splitlines():
                return lines[-1]
        return ""

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.startswith(_EVENT):
                    with contextlib.suppress(ValueError):  # it was killed in the middle of a line
                        yield json.loads(line)
        yield {"event": ENDED, "code": self._process.wait()}


class Replay(Source):
    """The `summary.json` of a run, as the events that it once sent; `ENDED` has the given `message`."""

    def __init__(self, summary: Path, message: str = "") -> None:
        super().__init__()
        self._message = message
        self._stopped = False
        self._start(self._rows(summary))

    def stop(self) -> None:
        self._stopped = True

    def _rows(self, summary: Path) -> Iterator[dict[str, Any]]:
        try:
            with summary.open(encoding="utf-8") as lines:
                for line in lines:
                    if self._stopped:
                        break
                    if not line.startswith('    {"key": '):
                        continue
                    row = json.loads(line.rstrip().rstrip(","))
                    key, report, verdict, state = (row.pop(name) for name in ("key", "report", "verdict", "state"))
                    if verdict:
                        name = "asset_done" if state == "done" else "asset_skipped"
                        yield {"event": name, "key": key, "verdict": verdict, "report": report, "brief": row}
        except (OSError, ValueError, KeyError) as error:
            yield {"event": "run_failed", "message": f"The summary {summary} cannot be read: {error}."}
        yield {"event": ENDED, "message": self._message}
