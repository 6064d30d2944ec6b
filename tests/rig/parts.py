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
from typing import Literal

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
    """A Python environment that holds what ``requirements/rig/<name>.txt`` pins, or another file beside it.

    It is made from the Python of ``.venv``, or from that of a root file system, in which alone it then runs.
    """

    name: str
    rootfs: RootFs | None = None
    folder: str = "rig"

    @property
    def requirements(self) -> Path:
        return ROOT / "requirements" / self.folder / f"{self.name}.txt"

    @property
    def path(self) -> Path:
        return CACHE / f"{self.name}-{hashlib.sha256(self.requirements.read_bytes()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Schema:
    """One file of a package that publishes it, or carries it for its own tests."""

    name: str
    client: Literal["npm", "pip"]
    package: str
    version: str
    sha256: str
    """Of the archive: for pip, of the source distribution."""
    member: str

    @property
    def path(self) -> Path:
        stem, _, suffix = self.name.rpartition(".")
        return CACHE / f"{stem}-{self.sha256[:8]}.{suffix}"


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
# openssl: makes the certificates of the servers that speak TLS.
SERVICES = RootFs("services", "trixie", ("openssl", "postgresql", "rabbitmq-server", "redis-server"))
# What container/Dockerfile installs, and for the Python 3.11 that is its image's own and here the host's.
CONTAINER = RootFs(
    "container",
    "trixie",
    (
        *("libegl1", "libgl1", "libsm6", "libxfixes3", "libxi6", "libxkbcommon0", "libxrender1"),
        *("ca-certificates", "libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libsqlite3-0", "libssl3", "zlib1g"),
    ),
)

BPY_4_2 = Environment("bpy-4.2")
BPY_5_0 = Environment("bpy-5.0")
BPY_5_2 = Environment("bpy-5.2", rootfs=TRIXIE)
PYTEST_BLENDER = Environment("pytest-blender")
WORKER = Environment("worker", folder="")
HADOLINT = Environment("hadolint")

COMPOSE_SCHEMA = Schema(
    name="compose-spec.json",
    client="pip",
    package="check-jsonschema",
    version="0.39.0",
    sha256="33340a2f885e207411c7a7d1db0a052ba24a4e58c92a47f54231e4a128af2764",
    member="check_jsonschema-0.39.0/src/check_jsonschema/builtin_schemas/vendor/compose-spec.json",
)
SARIF_SCHEMA = Schema(
    name="sarif-2.1.0.json",
    client="npm",
    package="@microsoft/jest-sarif",
    version="1.0.0-beta.0",
    sha256="748e2c3d1a842e7bb258416685c7ea3a0da40005b72267b2052c2856d48ad102",
    member="package/lib/schemas/sarif-2.1.0-rtm.5.json",
)
JUNIT_SCHEMA = Schema(
    name="junit-10.xsd",
    client="pip",
    package="pytest",
    version="9.2.0",
    sha256="97c4f3b1f3c7414aa36465e09b8220f1d03627993bd51b1282e193753c80557b",
    member="pytest-9.2.0/testing/example_scripts/junit-10.xsd",
)
