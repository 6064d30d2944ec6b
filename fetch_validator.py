"""Puts the Khronos glTF-Validator where the product looks for it: its npm package, unpacked and unchanged.

    python fetch_validator.py [--without-npm]

Does nothing where it is there and whole. npm fetches it once; the archive is kept in $GLBV_CACHE, else
$XDG_CACHE_HOME/glb-batch-validator, else ~/.cache/glb-batch-validator.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

NAME = "gltf-validator"
VERSION = "2.0.0-dev.3.10"
INTEGRITY = "sha512-odJ4k0tRkGXiDGn78yDBg+fBbAIvBnXxh3RwAta0emSxGtyagFE8B4xELB1oYe3S5RD8Ci3uZAsZaascH2LAEQ=="
"""Of the archive, as npm's lock files state it."""
CONTENT = "969857c4ce1e26cbcfc95e4061cdd502aa62be1736eef881736cad2ec287585a"
"""Of the files in it: `_digest` of the unpacked folder. Both change with the version."""

PLACE = Path(__file__).resolve().parent / "glb_batch_validator_addon" / "khronos" / NAME


def fetch(place: Path = PLACE, *, npm: bool = True) -> None:
    """Make `place` hold the package; it appears whole or not at all. Raises SystemExit with a sentence if it cannot."""
    if place.is_dir() and _digest(place) == CONTENT:
        return
    kept = _cache() / f"{NAME}-{VERSION}.tgz"
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as scratch:
        if not (kept.is_file() and _integrity(kept) == INTEGRITY):
            if not npm:
                sys.exit(f"{NAME} {VERSION} is neither in {place} nor in {kept}.")
            _pack(Path(scratch), kept)
        with tarfile.open(kept) as archive:
            archive.extractall(scratch)  # its hash is known: no file in it leads elsewhere
        unpacked = Path(scratch, "package")
        if (found := _digest(unpacked)) != CONTENT:
            sys.exit(f"{kept} unpacks to other files than expected: {found}, not {CONTENT}.")
        shutil.rmtree(place, ignore_errors=True)
        unpacked.rename(place)


def _pack(scratch: Path, kept: Path) -> None:
    """Let npm fetch the archive, and keep it if it is the one we know."""
    program = shutil.which("npm")
    if not program:
        sys.exit(f"npm is needed to fetch {NAME} {VERSION}, and was not found. On Debian: apt-get install npm")
    command = [program, "pack", "--silent", "--pack-destination", str(scratch), f"{NAME}@{VERSION}"]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"npm could not fetch {NAME} {VERSION}: it takes a network once, or {kept}.")
    (archive,) = scratch.glob("*.tgz")
    if (found := _integrity(archive)) != INTEGRITY:
        sys.exit(f"What npm fetched as {NAME} {VERSION} is not what is pinned: {found}, not {INTEGRITY}.")
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(archive, kept)


def _integrity(file: Path) -> str:
    """As npm states it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def _digest(folder: Path) -> str:
    """SHA-256 over the names and the bytes of all files in a folder."""
    lines = (f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in sorted(folder.iterdir()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _cache() -> Path:
    """The place that the test rig uses too."""
    if chosen := os.environ.get("GLBV_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).resolve() / "glb-batch-validator"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-npm", action="store_true", help="use what is there, or fail")
    fetch(npm=not parser.parse_args().without_npm)
