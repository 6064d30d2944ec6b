"""Which Blender the workers run."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from glb_batch_validator_addon.cli import program
from glb_batch_validator_addon.cli.program import entry_point, find_launcher
from glb_batch_validator_addon.errors import UsageError


@pytest.fixture
def blender(tmp_path):
    """A program that answers as Blender does."""
    path = tmp_path / "blender"
    path.write_text('#!/bin/sh\necho "Blender 4.2.3 LTS"\n')
    path.chmod(0o755)
    return path


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Blender is a shell script")


def test_a_named_blender_comes_first_and_tells_its_version(blender, monkeypatch):
    monkeypatch.setenv("BLENDER", "/nowhere")
    launcher = find_launcher(str(blender), workers=2)
    assert launcher.blender == "4.2.3"
    assert launcher.command[0] == str(blender)
    assert {"--background", "--factory-startup", "--disable-autoexec", "--offline-mode"} <= set(launcher.command)
    assert launcher.command[-4:] == ("--python", str(entry_point()), "--", "--worker")


def test_the_running_blender_comes_before_the_environment(blender, monkeypatch):
    running = SimpleNamespace(app=SimpleNamespace(binary_path="/opt/blender", version=(5, 2, 2)))
    monkeypatch.setitem(sys.modules, "bpy", running)
    monkeypatch.setenv("BLENDER", str(blender))
    launcher = find_launcher(None, workers=1)
    assert (launcher.command[0], launcher.blender) == ("/opt/blender", "5.2.2")


def test_the_environment_comes_before_the_bpy_package(blender, monkeypatch):
    monkeypatch.setenv("BLENDER", str(blender))
    monkeypatch.delitem(sys.modules, "bpy", raising=False)
    assert find_launcher(None, workers=1).command[0] == str(blender)
    monkeypatch.delenv("BLENDER")
    assert find_launcher(None, workers=1).command[:2] == (sys.executable, "-I")


@pytest.mark.parametrize(("workers", "threads"), [(1, 8), (3, 2), (8, 1), (20, 1)])
def test_workers_share_the_cores(blender, monkeypatch, workers, threads):
    monkeypatch.setattr(program, "available_cores", lambda: 8)
    command = find_launcher(str(blender), workers=workers).command
    assert command[command.index("--threads") + 1] == str(threads)


def test_what_is_no_blender_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not answer"):
        find_launcher("/bin/true", workers=1)
    with pytest.raises(UsageError, match="can be run"):
        find_launcher(str(tmp_path / "none"), workers=1)


def test_workers_get_no_credentials_and_no_user_folder(blender, monkeypatch, tmp_path):
    ours = "GLBV_DATABASE", "GLBV_DATABASE_FILE", "GLBV_BROKER", "GLBV_BROKER_FILE"
    amazons = "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "aws_profile"
    for name in (*ours, *amazons, "PYTHONPATH", "BLENDER_USER_CONFIG"):
        monkeypatch.setenv(name, "secret")
    launcher = find_launcher(str(blender), workers=1)
    environment = launcher.worker_environment(folder=tmp_path, stage_file=tmp_path / "s", memory_limit_bytes=1)
    assert "secret" not in environment.values()
    assert environment["BLENDER_USER_RESOURCES"] == str(tmp_path)
