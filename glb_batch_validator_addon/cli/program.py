"""Which Blender the workers run: the one we are in, the bpy wheel beside us, or one that is named or on the PATH."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..engine.launcher import Launcher
from ..errors import UsageError
from ..model.settings import available_cores
from ..model.wire import THREADS, TRY_WORKBENCH

ENTRY = "run_batch.py"
VERSION_TIMEOUT_SECONDS = 60

WORKBENCH_TIMEOUT_SECONDS = 120
"""To start Blender and its OpenGL: up to 3 s of software rendering where measured, and a cold disk."""

_NO_WORKBENCH = (
    "Blender cannot render with Workbench here: it found no OpenGL. Install libEGL (libegl1 on Debian) or give it a"
    " display, or take --previews cycles, which needs neither."
)

NO_BLENDER = Launcher(command=(), blender="")
"""For a run that only judges."""

# Isolated from the user's settings and add-ons; no script in a file runs; neither network nor sound.
_FLAGS = (
    "--background",
    "--factory-startup",
    "--disable-autoexec",
    "--offline-mode",
    "-noaudio",
    "--python-exit-code",
    "1",
)


def find_launcher(blender: str | None, *, workers: int) -> Launcher:
    """For a path given by the user, else for what is at hand. Raises `UsageError` if there is no Blender."""
    threads = max(1, available_cores() // workers)
    if blender:
        return _of_executable(blender, threads)
    if running := _running_blender(threads):
        return running
    if (named := os.environ.get("BLENDER")) and "bpy" not in sys.modules:
        return _of_executable(named, threads)
    if importlib.util.find_spec("bpy"):
        command = (sys.executable, "-I", str(entry_point()), "--worker")
        return Launcher(command=command, blender=importlib.metadata.version("bpy"), environment={THREADS: str(threads)})
    if found := shutil.which("blender"):
        return _of_executable(found, threads)
    raise UsageError(
        "There is no Blender here: run this inside Blender (`blender -b -P run_batch.py -- ...`), name one with"
        " --blender, or install the bpy package into this Python."
    )


def check_workbench(launcher: Launcher) -> None:
    """Raise `UsageError` if Blender cannot render with Workbench here, found out by a process that may die of it."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        environment = launcher.worker_environment(
            folder=Path(folder, "blender"), stage_file=Path(folder, "stage"), memory_limit_bytes=0
        )
        try:
            subprocess.run(
                launcher.command,
                env={**environment, TRY_WORKBENCH: str(picture)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=WORKBENCH_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"{_NO_WORKBENCH} ({error})") from error
        if not picture.is_file():
            raise UsageError(_NO_WORKBENCH)


def entry_point() -> Path:
    """`run_batch.py`: in the package's own folder in an installed extension, above it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next(path for path in (package / ENTRY, package.parent / ENTRY) if path.is_file())


def _running_blender(threads: int) -> Launcher | None:
    """The Blender that this code runs in. The bpy wheel has no executable and is no such Blender."""
    bpy = sys.modules.get("bpy")
    if bpy is None or not bpy.app.binary_path:
        return None
    return Launcher(command=_command(bpy.app.binary_path, threads), blender=".".join(map(str, bpy.app.version)))


def _of_executable(path: str, threads: int) -> Launcher:
    try:
        printed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{path} is not a Blender that can be run: {error}.") from error
    version = re.search(r"Blender (\d+(?:\.\d+)+)", printed)
    if version is None:
        raise UsageError(f"{path} does not answer `--version` as Blender does.")
    return Launcher(command=_command(path, threads), blender=version[1])


def _command(executable: str, threads: int) -> tuple[str, ...]:
    return (executable, *_FLAGS, "--threads", str(threads), "--python", str(entry_point()), "--", "--worker")
