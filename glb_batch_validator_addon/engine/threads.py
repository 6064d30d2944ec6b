"""Threads for the waiting that storage means: requests, disks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Task = Callable[[], None]

POLL_SECONDS = 0.2


class ClosedError(RuntimeError):
    """The threads were closed before the work was done."""


class Threads:
    """At most `count` threads that take tasks from one queue, started as they are needed. For one owner's thread.

    `concurrent.futures` costs the owner more per task than the rest of its work on an asset (17 % against 12 % of all
    time under the interpreter's lock, at 300 assets a second), and makes a process wait for its last request at exit.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._count = count
        self._name = name
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, task: Task) -> None:
        """Have it called in a thread. It must not raise."""
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
            thread.start()
            self._threads.append(thread)  # started first: `close` may come from another thread
        self._tasks.put(task)

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """`function` of each item, in order. Raises the first error that comes, or `ClosedError`."""
        done: queue.SimpleQueue[tuple[int, R | None, Exception | None]] = queue.SimpleQueue()

        def task(index: int, item: T) -> None:
            try:
                done.put((index, function(item), None))
            except Exception as error:
                done.put((index, None, error))

        for index, item in enumerate(items):
            self.submit(lambda index=index, item=item: task(index, item))  # type: ignore[misc]
        results: dict[int, R] = {}
        while len(results) < len(items):
            try:
                index, result, error = done.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._closed:
                    raise ClosedError from None
                continue
            if error:
                raise error
            results[index] = result  # type: ignore[assignment]
        return [results[index] for index in range(len(items))]

    def close(self, *, seconds: float) -> None:
        """Drop what has not begun and wait for what has; what takes longer is left to end with the process."""
        self._closed = True
        self._tasks.put(None)
        end = time.monotonic() + seconds
        for thread in tuple(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if not self._closed:
                task()
        self._tasks.put(None)  # for the next thread, which may have been started meanwhile
