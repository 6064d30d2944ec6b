"""The Blenders under test."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import parts
from .sandbox import enter, program_pid


@dataclass(frozen=True)
class Blender:
    """A program that takes Blender's command line.

    ``name`` is its name in the rig, one of `NAMES`; ``version`` such as ``"4.5.15"``; ``command`` what to put before
    Blender's arguments: ``(*command, "-b", "-P", "x.py")``. An ``executable`` is a real Blender, a ``wheel`` the bpy
    module behind a stand-in that knows a part of Blender's command line and has no ``bpy.app.binary_path``.
    """

    name: str
    version: str
    command: tuple[str, ...]
    kind: Literal["executable", "wheel"]

    def pid(self, process: subprocess.Popen[Any]) -> int:
        """Where to send signals, for a process started with `command`: some run inside another one."""
        return program_pid(process.pid) if self.command[0] == "bwrap" else process.pid


class MissingBlenderError(LookupError):
    """A Blender under test is not there; the message says where it should come from."""


_DEBIAN = {"debian-4.3": parts.TRIXIE, "debian-sid": parts.SID}
_WHEELS = {"bpy-4.2": parts.BPY_4_2, "bpy-4.5": None, "bpy-5.0": parts.BPY_5_0, "bpy-5.2": parts.BPY_5_2}
_OWN = os.environ.get("BLENDER") or shutil.which("blender")

#: One of them, "own", is the Blender of whoever runs the tests: $BLENDER or else the one on the PATH.
NAMES = (*_DEBIAN, *_WHEELS, *(["own"] if _OWN else []))


@functools.cache
def find(name: str) -> Blender:
    """The Blender of that name.

    Raises:
        MissingBlenderError: the rig does not hold it.
    """
    if name == "own":
        return _own()
    if name in _DEBIAN:
        return _debian(name)
    return _wheel(name)


def _own() -> Blender:
    assert _OWN
    try:
        said = subprocess.run((_OWN, "--version"), text=True, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingBlenderError(f"$BLENDER does not run: {error}") from error
    version = re.search(r"^Blender ([\d.]+)", said, re.MULTILINE)
    if not version:
        raise MissingBlenderError(f"{_OWN} --version does not name a Blender: {said[:200]}")
    return Blender("own", version[1], (_OWN,), "executable")


def _debian(name: str) -> Blender:
    rootfs = _DEBIAN[name].path
    if not rootfs.exists():
        raise MissingBlenderError(f"{rootfs} is missing: make rig")
    version = (rootfs / parts.VERSION_FILE).read_text()
    return Blender(name, version, (*enter(rootfs), "/usr/bin/blender"), "executable")


def _wheel(name: str) -> Blender:
    part = _WHEELS[name]
    environment = part.path if part else parts.ROOT / ".venv"
    metadata = next(environment.glob("[Ll]ib/**/site-packages/bpy-*.dist-info"), None)
    if not metadata:
        raise MissingBlenderError(f"bpy in {environment} is missing: make rig")
    around = enter(part.rootfs.path) if part and part.rootfs else ()
    stand_in = Path(__file__).with_name("bpy_stand_in.py")
    command = (*around, str(parts.python_in(environment)), "-I", str(stand_in))
    return Blender(name, metadata.name.removesuffix(".dist-info").removeprefix("bpy-"), command, "wheel")
