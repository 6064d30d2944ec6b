"""The temporary folder of a crew, and what killed ones have left of theirs."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = "glbv-run-"
LOCK = "lock"

STALE_SECONDS = 24 * 3600
"""A folder in which nothing was made or removed for so long is looked at: is it anybody's?"""


class CrewFolder:
    """New and empty but for a file that is locked as long as this process has the folder.

    The system unlocks it with the process, however that ends; and it may rest for days in a worker without work.
    """

    def __init__(self) -> None:
        """Also removes what killed processes have left."""
        for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):  # another run may be at it, or it may be another person's
                if time.time() - left.stat().st_mtime > STALE_SECONDS and not _is_held(left):
                    shutil.rmtree(left)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.path / LOCK).open("wb")
        _hold(self._lock)

    def remove(self) -> None:
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    """Raises OSError if that cannot be known."""
    try:
        with (folder / LOCK).open("r+b") as lock:
            return not _hold(lock)
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _hold(lock: IO[bytes]) -> bool:
        """Lock it until it is closed; returns False if another process has."""
        try:
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _hold(lock: IO[bytes]) -> bool:
        """Lock it until it is closed; returns False if another process has."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
