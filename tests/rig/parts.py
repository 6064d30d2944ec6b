"""What the rig consists of, and where each part is kept.

A part's folder carries a digest of its recipe: a changed recipe makes a new folder, and checkouts that share the cache
do not disturb each other.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _cache() -> Path:
    if chosen := os.environ.get("GLBV_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).resolve() / "glb-batch-validator"


CACHE = _cache()


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


# In a root file system, holds the version of the Blender inside: sid moves, so it is read and not assumed.
VERSION_FILE = "blender-version"

VENV_PYTHON = python_in(ROOT / ".venv")


@dataclass(frozen=True)
class RootFs:
    """A Debian root file system, entered through bubblewrap."""

    name: str
    suite: str
    packages: tuple[str, ...]
    blender: bool = False

    @property
    def path(self) -> Path:
        recipe = hashlib.sha256(" ".join((self.suite, *self.packages)).encode())
        return CACHE / f"rootfs-{self.name}-{recipe.hexdigest()[:8]}"


@dataclass(frozen=True)
class Environment:
    """A Python environment that holds what ``requirements/rig/<name>.txt`` pins.

    It is made from the Python of ``.venv``, or from that of a root file system, in which alone it then runs.
    """

    name: str
    rootfs: RootFs | None = None

    @property
    def requirements(self) -> Path:
        return ROOT / "requirements" / "rig" / f"{self.name}.txt"

    @property
    def path(self) -> Path:
        return CACHE / f"{self.name}-{hashlib.sha256(self.requirements.read_bytes()).hexdigest()[:8]}"


_BLENDER_PACKAGES = (
    "blender",
    "libgl1",  # without it sid's window aborts
    "libegl1",  # without it trixie's background GL aborts
    "libegl-mesa0",
    "libgl1-mesa-dri",
    "libglx-mesa0",
    "python3-cattr",  # without it sid's extension system does not register
    "python3-numpy",
    "python3-pytest",
    "python3-requests",
    "python3-zstandard",
)
SID = RootFs("sid", "sid", _BLENDER_PACKAGES, blender=True)
TRIXIE = RootFs("trixie", "trixie", (*_BLENDER_PACKAGES, "libsm6"), blender=True)  # libsm6: for BPY_5_2
CEPH = RootFs("ceph", "sid", ("ceph-common", "ceph-mon", "ceph-osd", "radosgw"))

BPY_4_2 = Environment("bpy-4.2")
BPY_5_0 = Environment("bpy-5.0")
BPY_5_2 = Environment("bpy-5.2", rootfs=TRIXIE)
PYTEST_BLENDER = Environment("pytest-blender")
