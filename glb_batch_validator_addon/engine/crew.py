"""What may serve run after run: background Blenders, the folder that they share, and the queue of what they say."""

from __future__ import annotations

import queue
from collections.abc import Callable

from ..model.settings import RunSettings
from .folder import CrewFolder
from .launcher import Launcher
from .pool import Pool
from .worker_process import FromWorker


class Crew:
    """One run at a time has it. A run that is stopped ends the Blenders, and then another crew is needed."""

    def __init__(self, launcher: Launcher, settings: RunSettings) -> None:
        """Of `settings` the number of workers, their limits and their lives count. Nothing is started yet."""
        self.launcher = launcher
        self.inbox: queue.SimpleQueue[FromWorker | Callable[[], None]] = queue.SimpleQueue()
        self._folder = CrewFolder()
        self.folder = self._folder.path
        self.pool = Pool(
            launcher=launcher,
            settings=settings,
            folder=self.folder,
            inbox=self.inbox,
            on_event=lambda event: None,
            key_of=lambda request: request.key,
        )

    def close(self) -> None:
        """End the Blenders at once, and remove the folder."""
        try:
            self.pool.stop()
        finally:  # also when a second Ctrl-C comes
            self._folder.remove()
