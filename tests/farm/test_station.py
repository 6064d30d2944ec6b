"""A station at batches that do not go as they should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.samples import endless_asset, small_library
from glb_batch_validator_addon.cli.control import Control
from glb_batch_validator_addon.cli.progress import make_view
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.ledger import Ledger
from glb_batch_validator_addon.farm import station as module
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.metrics import NullMetrics
from glb_batch_validator_addon.farm.station import Station
from glb_batch_validator_addon.farm.submitting import Cutting, submit
from tests.farm.conftest import Idle

pytestmark = pytest.mark.bpy


def test_assets_that_hang_for_longer_than_their_batch_may_take_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    small_library(library, 3, seed=1)
    for name in ("hangs.glb", "hangs too.glb"):
        (library / name).write_bytes(endless_asset())
    monkeypatch.setattr(module, "BATCH_SECONDS", 5.0)
    batches = Batches(Database(tmp_path / "farm.sqlite"))
    run = submit(
        ["--folder", str(library), "--timeout", "4", "--memory-limit-mb", "16000", "--previews", "off"],
        batches=batches,
        feeder=Idle(),
        cutting=Cutting(),
        priority=0,
        view=make_view(as_json_lines=False, verbose=False),
        control=Control(),
    )
    station = Station(batches.database, Idle(), blender=None, share=1, metrics=NullMetrics())
    outcomes = []
    while sent := batches.take_to_send("cpu", cap=9, count=9):
        outcomes += [station.work(run, number) for run, number, _ in sent]
        assert len(outcomes) < 12, outcomes
    station.close()
    assert batches.run(run).finished, outcomes
    counts = Ledger(batches.database, library=batches.run(run).library).counts(run)
    assert (counts["pass"], counts["error"]) == (3, 2)
    report = json.loads((library / "hangs_report.json").read_text())
    assert report["error"]["type"] in ("TimedOut", "Parked")
