"""The temporary folders of killed processes are removed, those of living ones are not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.folder import PREFIX, STALE_SECONDS, CrewFolder
from tests.conftest import ROOT

ANOTHER = """
import sys
from glb_batch_validator_addon.engine.folder import CrewFolder
folder = CrewFolder()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def another(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a folder, which it names first."""
    pipe, env = subprocess.PIPE, {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER], cwd=ROOT, env=env, text=True, stdin=pipe, stdout=pipe
    ) as process:
        yield process
        process.kill()


def rested(folder: Path, *, seconds: float = STALE_SECONDS + 1) -> Path:
    """As if nothing had been made or removed in it for so long."""
    when = folder.stat().st_mtime - seconds
    os.utime(folder, (when, when))
    return folder


def of(process: subprocess.Popen[str]) -> Path:
    assert process.stdout
    return Path(process.stdout.readline().strip())


def test_what_an_idle_process_has_is_left_to_it_for_as_long_as_it_lives(another: subprocess.Popen[str]) -> None:
    """A worker of a farm may be without a batch for days."""
    folder = rested(of(another))
    CrewFolder().remove()
    assert folder.exists()
    another.kill()
    another.wait()
    CrewFolder().remove()
    assert not folder.exists()


@pytest.mark.parametrize(("seconds", "there"), [(STALE_SECONDS + 1, False), (STALE_SECONDS - 60, True)])
def test_a_folder_without_a_lock_is_removed_after_a_day(tmp_path: Path, seconds: float, there: bool) -> None:
    """Of an earlier version, or of a process that was killed just as it made it."""
    folder = tmp_path / f"{PREFIX}x"
    folder.mkdir()
    rested(folder, seconds=seconds)
    CrewFolder().remove()
    assert folder.exists() == there


def test_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    folder = tmp_path / "glbv-metrics-x"
    folder.mkdir()
    rested(folder)
    CrewFolder().remove()
    assert folder.exists()


def test_nothing_is_left_of_a_folder_that_is_removed() -> None:
    folder = CrewFolder()
    (folder.path / "asset.glb").touch()
    folder.remove()
    assert not folder.path.exists()
