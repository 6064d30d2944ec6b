"""The built zip: installs in every Blender, and its `run_batch.py` works from there with the wheels that it brought."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import RUN_BATCH, Finished, finish, reports_below


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


def test_what_the_zip_brings_along_is_pinned_unchanged_and_licensed(archive):
    with zipfile.ZipFile(archive) as zipped:
        files = {
            name: zipped.read(name) for name in zipped.namelist() if name.startswith(("wheels/", "khronos/", "NOT"))
        }
    wheels = {name: data for name, data in files.items() if name.endswith(".whl")}
    pinned = (ROOT / "requirements/runtime.txt").read_text("utf-8")
    assert all(f"sha256:{hashlib.sha256(data).hexdigest()}" in pinned for data in wheels.values())
    assert (
        len([name for name in wheels if "mini_racer" in name]) == 1
    )  # native: those of other platforms have other zips

    validator = ROOT / "glb_batch_validator_addon/khronos/gltf-validator"
    assert {path.name for path in validator.iterdir()} >= {"LICENSE", "NOTICES", "gltf_validator.dart.js"}
    assert all(files[f"khronos/gltf-validator/{path.name}"] == path.read_bytes() for path in validator.iterdir())

    notices = files["NOTICES.md"].decode()
    names = [name.partition("/")[2].split("-")[0].lower() for name in wheels]
    assert all(f"| {name} " in notices.lower().replace("-", "_") for name in names)
    assert "Copyright 2014, the V8 project authors." in notices
    assert "UNICODE LICENSE V3" in notices


_VALIDATE = """
import runpy, sys
from pathlib import Path
start = runpy.run_path({script!r})
start["load_package"]()
assert start["find_dependencies"](*start["NEEDED_BY_WORKER"])
from glb_batch_validator_addon.khronos.validator import open_validator
print("khronos:", open_validator().validate(Path({asset!r}).read_bytes()).counts)
print("from:", sys.modules["py_mini_racer"].__file__, "boto3" in sys.modules)
"""


def test_a_worker_finds_the_khronos_validator(blender, installed, samples, tmp_path):
    """In the checkout and in the extension, in a user folder of its own as the engine starts it."""
    (brought,) = map(str, Path(installed["BLENDER_USER_RESOURCES"]).rglob("run_batch.py"))
    for script in (RUN_BATCH, brought):
        code = tmp_path / "validate.py"
        code.write_text(_VALIDATE.format(script=script, asset=str(samples / "good/cube.glb")))
        env = {"BLENDER_USER_RESOURCES": str(tmp_path / "empty")}
        ran = blender_run(blender, "-b", "--factory-startup", "--python-exit-code", 1, "-P", code, env=env)
        assert ran.code == 0, ran.out + ran.err
        assert "khronos: {'error': 0, 'warning': 0" in ran.out
        (origin,) = (line for line in ran.out.splitlines() if line.startswith("from: "))
        assert origin.endswith(" False")  # boto3
        has_its_own = blender.name == "bpy-4.5"  # .venv
        assert (str(tmp_path) in origin) == (script == brought and not has_its_own)


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
