"""What a run is told while it goes on: by signals, and with `--control` by lines on stdin."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger(__name__)

_ENDS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
"""SIGBREAK is how schedulers on Windows ask for an end."""


class Control:
    """What is wanted of the run. The first wish for an end only asks, where something has begun that wants it clean."""

    def __init__(self) -> None:
        self.paused = False
        self.stop_reason = ""
        """Why the run is to end; "" as long as it is not."""
        self.cancel: bool | None = None
        """Whether the run of a farm that is watched is to be cancelled; None where none is watched."""
        self.wait = False
        """Whether to ask. If not, an end is a `KeyboardInterrupt` at once."""
        self._owner = threading.get_ident()  # the main thread: no other may handle signals

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM are taken in here. Blender in the background ignores Ctrl-C unless somebody does."""
        before = {number: signal.signal(number, self._take_signal) for number in _ENDS}
        try:
            yield
        finally:
            self.wait = True  # there is nothing left to interrupt
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)  # None: Blender's own, which Python cannot set again

    def listen(self) -> None:
        """Take in what comes on stdin, from now to the end of this process, within `signals`.

        What is started from now on has an empty stdin: it would take our lines away, and a program that starts while
        its stdin is being read hangs on Windows.
        """
        stdin = sys.stdin.fileno()
        lines = os.dup(stdin)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, stdin)
        os.close(nothing)
        threading.Thread(target=self._listen, args=(lines,), name="control", daemon=True).start()

    def _take_signal(self, number: int, _: Any) -> None:
        if self.stop_reason or not self.wait:
            raise KeyboardInterrupt
        self.stop_reason = f"interrupted by {signal.Signals(number).name}"

    def _listen(self, descriptor: int) -> None:
        # Without a buffer: Python aborts at its end when a thread that still reads holds a buffer's lock.
        with contextlib.suppress(OSError), open(descriptor, "rb", buffering=0) as lines:
            for line in lines:
                self._take_line(line.decode(errors="replace").strip())
        self._stop("the program that started this run has ended")

    def _take_line(self, line: str) -> None:
        if line in ("pause", "resume"):
            self.paused = line == "pause"
        elif line == "stop":
            self._stop("asked to stop")
        elif line == "cancel" and self.cancel is not None:
            self.cancel = True
        else:
            logger.warning("--control knows pause, resume and stop, not %.100r", line)

    def _stop(self, reason: str) -> None:
        if not self.stop_reason:
            self.stop_reason = reason
            if self.wait:
                return
            if hasattr(signal, "pthread_kill"):  # wakes it also from a request that is not answered
                signal.pthread_kill(self._owner, signal.SIGINT)
            else:
                _thread.interrupt_main()
