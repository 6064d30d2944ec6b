"""The Blenders under test behave as the tests that use them expect; above all the stand-in for the wheels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest


def run(blender, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*blender.command, "--background", "--factory-startup", *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_it_is_the_version_it_says(blender):
    assert f"Blender {blender.version}" in run(blender, "--version").stdout


def test_exit_codes_are_blenders(blender):
    assert run(blender, "--python-expr", "import sys; sys.exit(7)").returncode == 7
    assert run(blender, "--python-expr", "1 / 0").returncode == 0
    assert run(blender, "--python-exit-code", "3", "--python-expr", "1 / 0").returncode == 3


def test_a_script_sees_blenders_command_line_and_the_checkout(blender, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import pathlib, sys\npathlib.Path(sys.argv[-1]).write_text(' '.join(sys.argv[1:-1]))\n")
    said = tmp_path / "said.txt"

    run(blender, "--python", str(script), "--", "--limit", "3", str(said))

    assert said.read_text() == f"--background --factory-startup --python {script} -- --limit 3"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_a_script_can_be_interrupted(blender):
    script = (
        "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(4)); "
        "print('ready', flush=True); time.sleep(60)"
    )
    command = (*blender.command, "--background", "--factory-startup", "--python-expr", script)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any(line == "ready\n" for line in process.stdout)
        os.kill(blender.pid(process), signal.SIGINT)
        process.communicate()

    assert process.returncode == 4


@pytest.mark.parametrize("blender", ["debian-4.3", "debian-sid", "bpy-4.5", "bpy-5.0"], indirect=True)
def test_draco_is_written_and_read(blender, tmp_path):
    draco = tmp_path / "draco.glb"
    write = f"bpy.ops.export_scene.gltf(filepath={str(draco)!r}, export_draco_mesh_compression_enable=True)"
    read = f"bpy.ops.import_scene.gltf(filepath={str(draco)!r})"
    script = f"import bpy; {write}; {read}; assert 'Cube.001' in bpy.data.objects"

    done = run(blender, "--python-exit-code", "1", "--python-expr", script)

    assert done.returncode == 0, done.stdout + done.stderr
    assert b"KHR_draco_mesh_compression" in draco.read_bytes()
