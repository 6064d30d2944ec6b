"""`fetch_validator.py`: the validator's package is there whole, or not at all, and nothing of a wrong one is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fetch_validator
from tests.conftest import need
from tests.rig import parts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the npm written here is a shell script")

ARCHIVE = f"{fetch_validator.NAME}-{fetch_validator.VERSION}.tgz"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "room" / fetch_validator.NAME


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setenv("GLBV_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def genuine() -> Path:
    need((parts.CACHE / ARCHIVE).is_file(), f"{ARCHIVE} is not in the cache: make venv")
    return parts.CACHE / ARCHIVE


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an npm on the PATH that runs a shell script with the folder to write to in `$to`."""

    def put(script: str) -> None:
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\nto=$2\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return put


def test_it_is_fetched_once_and_mended_from_the_cache(place, cache, genuine, npm):
    npm(f'cp "{genuine}" "$to/whatever.tgz"; test ! -e "{cache}/asked" && mkdir -p "{cache}" && touch "{cache}/asked"')
    fetch_validator.fetch(place)
    assert (place / "LICENSE").is_file()
    assert [path.name for path in place.parent.iterdir()] == [place.name]

    (place / "gltf_validator.dart.js").write_text("tampered")
    fetch_validator.fetch(place, npm=False)
    assert (place / "gltf_validator.dart.js").stat().st_size > 300_000
    shutil.rmtree(place)
    fetch_validator.fetch(place)
    (cache / ARCHIVE).unlink()
    fetch_validator.fetch(place)  # whole: neither cache nor npm is asked


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ('echo wrong >"$to/wrong.tgz"', "not what is pinned"),
        ("exit 1", "npm could not fetch"),
    ],
)
def test_of_what_is_wrong_nothing_is_left(place, cache, npm, script, sentence):
    npm(script)
    with pytest.raises(SystemExit, match=sentence):
        fetch_validator.fetch(place)
    assert list(place.parent.iterdir()) == []
    assert not cache.exists()


def test_a_damaged_archive_in_the_cache_is_not_used(place, cache, genuine, npm):
    cache.mkdir()
    (cache / ARCHIVE).write_bytes(genuine.read_bytes()[:1000])
    with pytest.raises(SystemExit, match="is neither in"):
        fetch_validator.fetch(place, npm=False)
    npm(f'cp "{genuine}" "$to"')
    fetch_validator.fetch(place)
    assert (cache / ARCHIVE).read_bytes() == genuine.read_bytes()


def test_without_npm_it_says_what_is_missing(place, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="npm is needed"):
        fetch_validator.fetch(place)


def test_the_checkout_has_it():
    command = [sys.executable, fetch_validator.__file__, "--without-npm"]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
