"""Runs tests inside every Blender under test, through pytest-blender."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT, need
from tests.rig import blenders, parts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the launcher written here is a shell script")

TIMEOUT_SECONDS = 900


# In bpy-4.5, the wheel of .venv, the session that runs this file runs them already.
@pytest.mark.parametrize("blender", [name for name in blenders.NAMES if name != "bpy-4.5"], indirect=True)
def test_the_tests_of_the_bpy_tier_pass(blender, tmp_path):
    run_inside(blender, "tests/blender", "--factory-startup", folder=tmp_path)


def test_the_installed_extension_works(blender, archive, samples, bucket_on, moto_s3, tmp_path):
    bucket = bucket_on(moto_s3)
    bucket.fill(samples / "good/nested", "props/")
    bucket.fill(samples / "broken", "props/")
    # A Blender that starts without this folder does not find what it installs there: Python remembers the absence.
    (tmp_path / "blender/extensions/user_default").mkdir(parents=True)
    env = {
        **bucket.env,
        "GLBV_TEST_ARCHIVE": str(archive),
        "GLBV_TEST_LIBRARY": str(samples),
        "GLBV_TEST_BUCKET": bucket.name,
        "GLBV_TEST_ENDPOINT": moto_s3.endpoint_url,
        "GLBV_TEST_REGION": moto_s3.region,
        "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
    }
    run_inside(blender, "tests/extension/inside.py", env=env, folder=tmp_path)


def run_inside(blender, tests: str, *options: str, folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run tests in a Blender, each with a temporary folder of its own, and fail with their output if one fails."""
    need(parts.PYTEST_BLENDER.path.exists(), "the environment with pytest-blender is missing: make rig")
    launcher = folder / "launcher"  # pytest-blender takes one path
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(blender.command)} "$@"\n')
    launcher.chmod(0o755)

    temporary = folder / "tmp"
    temporary.mkdir()
    run = subprocess.run(
        [
            *(str(parts.python_in(parts.PYTEST_BLENDER.path)), "-m", "pytest", "-p", "no:cacheprovider"),
            *("--blender-executable", str(launcher), tests),
            *("--", *options, "--offline-mode", "--python-exit-code", "1"),
        ],
        cwd=ROOT,
        env={**os.environ, **(env or {}), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )

    assert run.returncode == 0, run.stdout
    assert re.search(r"^=.* [1-9]\d* passed", run.stdout, re.MULTILINE), run.stdout
