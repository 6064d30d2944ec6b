"""Runs the tests of tests/blender inside every other Blender under test, through pytest-blender."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT, need
from tests.rig import blenders, parts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the launcher written here is a shell script")

TIMEOUT_SECONDS = 900


# In bpy-4.5, the wheel of .venv, the session that runs this file runs them already.
@pytest.mark.parametrize("blender", [name for name in blenders.NAMES if name != "bpy-4.5"], indirect=True)
def test_the_tests_of_the_bpy_tier_pass(blender, tmp_path):
    need(parts.PYTEST_BLENDER.path.exists(), "the environment with pytest-blender is missing: make rig")
    launcher = tmp_path / "blender"  # pytest-blender takes one path
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(blender.command)} "$@"\n')
    launcher.chmod(0o755)

    temporary = tmp_path / "tmp"
    temporary.mkdir()
    run = subprocess.run(
        [
            *(str(parts.python_in(parts.PYTEST_BLENDER.path)), "-m", "pytest", "-p", "no:cacheprovider"),
            *("--blender-executable", str(launcher), "tests/blender"),
            *("--", "--factory-startup", "--offline-mode", "--python-exit-code", "1"),
        ],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )

    assert run.returncode == 0, run.stdout
    assert re.search(r"^=.* [1-9]\d* passed", run.stdout, re.MULTILINE), run.stdout
