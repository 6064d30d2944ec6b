"""The built zip: installs in every Blender, and its `run_batch.py` works from there with the wheels that it brought."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.e2e.conftest import Finished, finish, reports_below


def blender_run(blender, *arguments: object, env: dict[str, str]) -> Finished:
    return finish(
        subprocess.Popen(
            [*blender.command, *map(str, arguments)],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )


def test_the_zip_validates_installs_and_validates_a_library(blender, archive, samples, tmp_path, moto_s3, bucket_on):
    env = {"BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    extension = ("--command", "extension")
    validated = blender_run(blender, *extension, "validate", archive, env=env)
    assert validated.code == 0, validated.out + validated.err
    installed = blender_run(blender, *extension, "install-file", "-r", "user_default", "--enable", archive, env=env)
    assert installed.code == 0, installed.out + installed.err
    (script,) = Path(tmp_path / "blender").rglob("run_batch.py")
    assert not script.is_relative_to(ROOT)

    background = ("-b", "--factory-startup", "-P", script, "--")
    ran = blender_run(blender, *background, "--folder", samples, "--include", "good/c*", env=env)
    assert ran.code == 0, ran.err
    assert list(reports_below(samples)) == ["good/cube_report.json"]

    bucket = bucket_on(moto_s3)
    bucket.fill(samples / "good/nested", "props/")
    ran = blender_run(blender, *background, *bucket.options, env={**env, **bucket.env})
    assert ran.code == 0, ran.err
    assert list(bucket.reports()) == ["props/folders/leaf_report.json"]


def test_enabling_and_disabling_leaves_nothing_behind(blender, archive, tmp_path):
    env = {"BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    blender_run(blender, "--command", "extension", "install-file", "-r", "user_default", "--enable", archive, env=env)
    script = """
import addon_utils, sys
name = "bl_ext.user_default.glb_batch_validator"
for _ in range(2):
    assert addon_utils.enable(name), "it does not enable"
    addon_utils.disable(name)
print("enabled and disabled twice")
"""
    ran = blender_run(blender, "-b", "--python-exit-code", 1, "--python-expr", script, env=env)
    assert "enabled and disabled twice" in ran.out, ran.err
    removed = blender_run(blender, "--command", "extension", "remove", "glb_batch_validator", env=env)
    assert removed.code == 0, removed.out + removed.err
    assert not list(Path(tmp_path / "blender").rglob("run_batch.py"))
