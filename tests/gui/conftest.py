"""Tests in a real window of each of the two real Blenders."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import need
from tests.e2e.conftest import archive, bucket_on, pristine, samples  # noqa: F401  fixtures
from tests.gui.window import Window, opened
from tests.rig import blenders
from tests.rig.blenders import Blender

NAME = "bl_ext.user_default.glb_batch_validator"
STATE = f"__import__('{NAME}.ui.state', fromlist=['STATE']).STATE"
NOW = f"{STATE}.snapshot"
PREFERENCES = f"bpy.context.preferences.addons['{NAME}'].preferences"
LIBRARY = f"{PREFERENCES}.library"


@pytest.fixture(params=["debian-sid", "debian-4.3"])
def blender(request: pytest.FixtureRequest) -> Blender:
    """Each Blender that has a window in turn."""
    try:
        return blenders.find(request.param)
    except blenders.MissingBlenderError as missing:
        need(False, str(missing))
        raise  # not reached


@pytest.fixture
def window(blender: Blender, tmp_path: Path) -> Iterator[Callable[..., Window]]:
    """Opens a window of the Blender under test, ``window(*arguments, **env)``; its user resources are the test's."""
    need(shutil.which("Xvfb") and shutil.which("import"), "Xvfb and ImageMagick's import are missing: make rig")
    with ExitStack() as stack:
        resources = {"BLENDER_USER_RESOURCES": str(tmp_path / "resources")}

        def open_window(*arguments: str, **env: str) -> Window:
            return stack.enter_context(opened(blender, env={**resources, **env}, arguments=arguments, folder=tmp_path))

        yield open_window


@pytest.fixture
def installed(blender: Blender, archive: Path, tmp_path: Path) -> None:  # noqa: F811
    """The extension is installed and enabled in the user resources of `window`."""
    subprocess.run(
        (*blender.command, "--command", "extension", "install-file", "-r", "user_default", "--enable", str(archive)),
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "resources")},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def panel(window, installed, tmp_path):
    """The window with the panel open, as after the installation."""

    def open_panel(*arguments: str, **env: str) -> Window:
        blender = window(*arguments, **env)
        blender.wait_for(f"{LIBRARY} is not None")
        blender.run(f"{PREFERENCES}.previews = 'off'")  # where they are not the subject, nobody waits for them
        blender.open_sidebar("GLB Validator")
        return blender

    return open_panel
