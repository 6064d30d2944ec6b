"""How a worker is started. The engine is handed one of these; which program it names is settled where it is made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..model.wire import MEMORY_LIMIT, STAGE_FILE

# Ours are processes: threads that numpy starts on top of them wait for each other.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

# A worker needs no credentials and no network: it gets neither these nor a way to find them.
_WITHHELD = ("AWS_", "BOTO_", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """`command` starts a program that speaks `model.wire` on its stdin and stdout."""

    command: tuple[str, ...]
    blender: str
    """Version of the Blender that it runs, such as `4.5.15`."""
    environment: dict[str, str] = field(default_factory=dict)

    def worker_environment(self, *, stage_file: str, memory_limit_bytes: int) -> dict[str, str]:
        """The present environment without secrets, with what a worker is told at its start."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_WITHHELD)}
        return {
            **kept,
            **_ONE_THREAD,
            **self.environment,
            STAGE_FILE: stage_file,
            MEMORY_LIMIT: str(memory_limit_bytes),
        }
