"""An artist follows a run of a farm: its database is a file, and a thread of the test works at its batches."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.samples import small_library
from glb_batch_validator_addon.cli.control import Control
from glb_batch_validator_addon.cli.progress import make_view
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.metrics import NullMetrics
from glb_batch_validator_addon.farm.migrate import migrate
from glb_batch_validator_addon.farm.station import Station
from glb_batch_validator_addon.farm.submitting import Cutting, submit
from tests.gui.conftest import NOW, PREFERENCES
from tests.gui.window import Window
from tests.rig import blenders
from tests.rig.blenders import Blender

SECONDS = 60
ASSETS = 600
IDLE = f"not {NOW}.active"


class Handout:
    """In the place of a broker: what is fed waits here for the one station."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self.waiting: list[tuple[int, int]] = []

    def feed(self, *, count: int | None = None) -> bool:
        sent = self._batches.take_to_send("cpu", cap=500, count=count or 500)
        self.waiting += [(run, number) for run, number, _ in sent]
        return True


@dataclass
class Farm:
    """A run in a database, and who works at it."""

    connect: Callable[[], Database]
    library: Path
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.batches = Batches(self.connect())
        self._handout = Handout(self.batches)
        self._worker = threading.Thread(target=self._work)

    def submit(self) -> int:
        arguments = ["--folder", str(self.library), "--previews", "off"]
        return submit(
            arguments,
            batches=self.batches,
            feeder=self._handout,
            cutting=Cutting(assets=50),
            priority=0,
            view=make_view(as_json_lines=False, verbose=False),
            control=Control(),
        )

    def start(self) -> None:
        self._worker.start()

    def close(self) -> None:
        self.stopped.set()
        if self._worker.is_alive():
            self._worker.join(SECONDS)

    def _work(self) -> None:
        station = Station(self.connect(), self._handout, blender=None, share=1, metrics=NullMetrics())
        while not self.stopped.is_set():
            if self._handout.waiting:
                station.work(*self._handout.waiting.pop(0))
            self.stopped.wait(0.01)
        station.close()


@pytest.fixture
def blender() -> Blender:
    """One Blender: what differs between them is looked at in the other tests of the panel."""
    return blenders.find("debian-sid")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    small_library(folder, ASSETS, seed=1)
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "farm.sqlite"


@pytest.fixture
def farm(database: Path, library: Path) -> Iterator[Farm]:
    made = Farm(lambda: Database(database), library)
    yield made
    made.close()


def watched(blender: Window, database: Path, run: int) -> None:
    """Fill in the fields, and watch."""
    blender.run("bpy.context.preferences.system.use_online_access = False")
    blender.run(f"{PREFERENCES}.database, bpy.context.window_manager.glbv.farm_run = name", name=[str(database), run])
    blender.run("bpy.ops.glbv.watch_farm('INVOKE_DEFAULT')")


def test_a_run_of_a_farm_advances_in_the_panel_and_finishes(panel, farm, database):
    run = farm.submit()
    blender = panel()
    watched(blender, database, run)
    blender.wait_for(f"{NOW}.phase == 'running' and {NOW}.progress == 0.0", SECONDS)
    farm.start()
    blender.wait_for(f"0 < {NOW}.progress < 1 and {NOW}.progress_text.endswith('left')", SECONDS)
    blender.picture("farm")
    blender.wait_for(IDLE, SECONDS)
    assert blender.evaluate(f"{NOW}.phase") == "done", blender.evaluate(f"{NOW}.message")
    assert blender.evaluate(f"len({NOW}.rows)") == ASSETS
    assert blender.evaluate(f"{NOW}.library") == str(farm.library)
    assert blender.find("glbv.open_page")

    blender.run("bpy.context.window_manager.glbv.position = 0")
    assert not blender.evaluate("bpy.ops.glbv.validate_again.poll()")
    blender.click("glbv.open_asset")
    blender.wait_for("len(bpy.data.scenes) == 2", SECONDS)


@pytest.mark.alone  # it has a bound in seconds
def test_to_stop_leaves_the_run_to_the_farm_and_to_cancel_ends_it_within_seconds(panel, farm, database):
    small_library(farm.library / "more", 3000, seed=2)  # time enough to look for a button
    run = farm.submit()
    blender = panel()
    farm.start()
    watched(blender, database, run)
    blender.wait_for(f"{NOW}.phase == 'running'", SECONDS)
    assert not blender.evaluate("bpy.ops.glbv.pause.poll()")
    blender.click("glbv.stop")
    blender.wait_for(IDLE, SECONDS)
    assert "The run goes on" in blender.evaluate(f"{NOW}.message")
    assert not farm.batches.run(run).cancelled

    blender.run("bpy.ops.glbv.resume_run('INVOKE_DEFAULT', index=0)")
    blender.wait_for(f"{NOW}.phase == 'running'", SECONDS)
    for attempt in range(1, 6):  # the panel may still move, and the question opens when Blender comes to it
        blender.click("glbv.cancel_run")
        blender.run("result = wait(seconds)", seconds=0.5 * attempt)
        blender.picture(f"cancel-{attempt}")
        blender.press("RET")
        if "cancelling" in blender.evaluate(f"{NOW}.progress_text"):
            break
    blender.wait_for(IDLE, 10)
    assert "The run was cancelled" in blender.evaluate(f"{NOW}.message")
    assert farm.batches.run(run).cancelled
    assert not farm.batches.states(run)["running"]


def test_a_password_is_not_kept(panel):
    blender = panel()
    blender.run(f"{PREFERENCES}.database = 'postgresql://glbv:secret@db.studio/glbv'")
    assert blender.evaluate(f"{PREFERENCES}.database") == "postgresql://glbv@db.studio/glbv"
    refused = """
try:
    bpy.ops.glbv.watch_farm(run=7, database=name)
except RuntimeError as error:
    result = str(error)
"""
    assert "$GLBV_DATABASE" in blender.run(refused, name="postgresql://glbv:secret@db.studio/glbv")
    blender.run("bpy.context.preferences.system.use_online_access = False")
    assert "online access" in blender.run(refused, name="postgresql://glbv@db.studio/glbv")


def test_without_a_window_it_is_watched_to_its_end_in_postgresql(blender, installed, library, postgres, tmp_path):
    url = postgres.new_database()
    migrate(Database(url, ssl_context=False))
    farm = Farm(lambda: Database(url, ssl_context=False), library)
    run = farm.submit()
    farm.start()
    call = f"import bpy; print(bpy.ops.glbv.watch_farm(run={run}))"
    ran = subprocess.run(
        (*blender.command, "--offline-mode", "-b", "--python-exit-code", "1", "--python-expr", call),
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "resources"), "GLBV_DATABASE": url},
        text=True,
        capture_output=True,
    )
    farm.close()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{ASSETS} validated" in ran.stdout
    assert "{'FINISHED'}" in ran.stdout
