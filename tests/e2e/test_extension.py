"""The built zip: installs in every Blender, and its `run_batch.py` works from there with the wheels that it brought."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

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


@pytest.fixture
def installed(blender, archive, tmp_path) -> dict[str, str]:
    """The environment of a Blender that has the extension."""
    env = {"BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    blender_run(blender, "--command", "extension", "install-file", "-r", "user_default", "--enable", archive, env=env)
    return env


def test_an_operator_runs_to_its_end_without_a_window(blender, installed, samples, moto_s3, bucket_on):
    bucket = bucket_on(moto_s3)
    bucket.fill(samples / "good/nested", "p/")
    bucket.fill(samples / "broken", "p/")
    call = f"bucket='{bucket.name}', prefix='p/', limit=2, batch_size=10, endpoint_url='{moto_s3.endpoint_url}'"
    background = ("-b", "--python-exit-code", 1, "--python-expr")
    env = {**installed, **bucket.env}
    ran = blender_run(blender, *background, f"import bpy; print(bpy.ops.glbv.validate_prefix({call}))", env=env)
    assert ran.code == 0, ran.err
    assert "error: p/deep json.glb: Over Limit" in ran.out
    assert "2 validated" in ran.out
    assert "{'FINISHED'}" in ran.out
    assert len(bucket.reports()) == 2

    call = call.replace(bucket.name, "no-such-bucket")
    ran = blender_run(blender, *background, f"import bpy; bpy.ops.glbv.validate_prefix({call})", env=env)
    assert ran.code == 1
    assert "There is no bucket no-such-bucket" in ran.out + ran.err


@pytest.mark.parametrize("blender", ["debian-sid", "debian-4.3"], indirect=True)
def test_blenders_own_kind_of_command_takes_every_option(blender, installed, samples, tmp_path):
    """The bpy package has no commands."""
    glbv = ("--command", "glbv")
    ran = blender_run(blender, *glbv, "--folder", samples / "good", "--output", tmp_path / "out", env=installed)
    assert ran.code == 0, ran.err
    assert (tmp_path / "out/summary.json").is_file()
    assert blender_run(blender, *glbv, "--folder", samples / "broken", env=installed).code == 3
    ran = blender_run(blender, *glbv, "--folder", samples / "nowhere", env=installed)
    assert (ran.code, "does not exist" in ran.err) == (2, True)
    ran = blender_run(blender, *glbv, "--help", env=installed)
    assert (ran.code, "blender --command glbv" in ran.out) == (0, True)
