"""How a worker is started. The engine is handed one of these; which program it names is settled where it is made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..model.wire import MEMORY_LIMIT, STAGE_FILE

# Ours are processes: threads that numpy starts on top of them wait for each other.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

# A worker needs no credentials and no network: it gets neither these nor a way to find them. Of ours, which name a
# farm's broker and database with their passwords, it gets what it is told.
_WITHHELD = ("GLBV_", "AWS_", "BOTO_", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "BLENDER_USER_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """`command` starts a program that speaks `model.wire` on its stdin and stdout."""

    command: tuple[str, ...]
    blender: str
    """Version of the Blender that it runs, such as `4.5.15`."""
    environment: dict[str, str] = field(default_factory=dict)

    def worker_environment(self, *, folder: Path, stage_file: Path, memory_limit_bytes: int) -> dict[str, str]:
        """The present environment without secrets, with what a worker is told at its start.

        `folder` is where its Blender finds settings and extensions: none. In the user's own place a Blender with
        factory settings takes the wheels of all extensions for unused and deletes them, under the running Blender.
        """
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_WITHHELD)}
        told = {
            STAGE_FILE: str(stage_file),
            MEMORY_LIMIT: str(memory_limit_bytes),
            "BLENDER_USER_RESOURCES": str(folder),
            # glibc gives large arrays back at once, and to get them anew, page by page, took a third of the analysis of
            # a mesh of a million triangles. Other systems pass these over.
            "MALLOC_MMAP_THRESHOLD_": str(memory_limit_bytes // 4),
            "MALLOC_TRIM_THRESHOLD_": str(memory_limit_bytes // 4),
        }
        return {**kept, **_ONE_THREAD, **self.environment, **told}
