"""A run shared among workers ends as a local one does."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from demo.samples import small_library, write_samples
from tests.e2e.conftest import but_run, finish_with_peak, reports_below, run, start, until
from tests.farm.conftest import Farm
from tests.servers.light_s3 import Library, LightS3, Stored, SyntheticKeys

ASSETS = 2000
KEYS = 120_000


def test_two_processes_leave_what_one_local_run_leaves(farm: Farm, tmp_path: Path) -> None:
    library = tmp_path / "library"
    small_library(library, ASSETS, seed=1)
    write_samples(library / "samples")
    # Of two images that both lie outside, Blender's importer complains of one or the other, as its hashes fall.
    (library / "samples/references/props/leaves the library.glb").unlink()
    local_out, out = tmp_path / "local-out", tmp_path / "out"
    local = run("--folder", library, "--output", local_out, "--format", "csv", "--ledger", tmp_path / "ledger.sqlite")
    expected = but_run(reports_below(library))
    for report in library.rglob("*_report.json"):
        report.unlink()

    farm.worker(processes=2)
    number = farm.submit(library, "--batch-assets", 100)
    watched = farm.watch(number, "--output", out, "--format", "csv")

    assert watched.code == local.code == 3, "some samples cannot be processed"
    assert but_run(reports_below(library)) == expected, differences(but_run(reports_below(library)), expected)
    assert without_time(out) == without_time(local_out)
    assert (out / "assets.csv").read_text() == (local_out / "assets.csv").read_text()
    keys = [event["key"] for event in watched.of("asset_done")]
    assert len(keys) == len(set(keys)) == len(expected), "each asset ends once, in the watching too"


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Where two documents are not the same."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = sorted({*left, *right})
        return [found for key in keys for found in differences(left.get(key), right.get(key), f"{path}/{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            found for n, pair in enumerate(zip(left, right, strict=True)) for found in differences(*pair, f"{path}/{n}")
        ]
    return [] if left == right else [f"{path}: {left!r} != {right!r}"]


def without_time(folder: Path) -> dict[str, Any]:
    """A summary without what may differ between two runs."""
    summary = json.loads((folder / "summary.json").read_text())
    for name in ("started_at", "finished_at", "seconds", "workers_busy", "id"):
        summary["run"].pop(name)
    for past in summary["library"]["history"]:
        past.pop("finished_at")
        past.pop("id")
    return summary


def test_what_is_unchanged_is_not_done_again(farm: Farm, library: Path) -> None:
    farm.worker()
    farm.watch(farm.submit(library))
    again = farm.submit(library)
    watched = farm.watch(again)
    assert watched.code == 0, watched.err
    assert farm.status(again)["counts"]["skipped"] == 600
    assert len(watched.of("asset_skipped")) == 600


def test_a_cancelled_run_stops_within_seconds_and_goes_on_when_it_is_tried_again(farm: Farm, library: Path) -> None:
    worker = farm.worker()
    number = farm.submit(library, "--batch-assets", 300)
    until(lambda: farm.status(number)["counts"]["pass"] > 10)
    assert farm("cancel", number).code == 0
    until(lambda: farm.status(number)["batches"]["running"] == 0, seconds=10)
    done = farm.status(number)["counts"]["pass"]
    assert done < 600
    watched = farm.watch(number)
    assert (watched.code, "cancelled" in watched.of("run_finished")[0]["reason"]) == (4, True)

    assert farm("retry", number).code == 0
    assert farm.watch(number).code == 0
    assert farm.status(number)["counts"]["pass"] == 600
    assert worker.poll() is None


def test_large_files_go_to_their_own_queue(farm: Farm, tmp_path: Path) -> None:
    library = tmp_path / "library"
    small_library(library, 4, seed=1)
    large = library / "large.glb"
    shutil.copy(next(library.rglob("*.glb")), large)
    with large.open("ab") as file:
        file.truncate(2 << 20)  # bytes after its end: an error in the file, and a large one
    farm.worker("--queues", "cpu")
    number = farm.submit(library, "--large-mb", 1)
    until(lambda: farm.status(number)["counts"]["pending"] == 1)
    assert json.loads(farm("status", "--json").out)["queues"]["large"] == 1
    farm.worker("--queues", "large")
    assert farm.watch(number).code in (1, 3)
    assert farm.status(number)["counts"]["pending"] == 0


def test_a_run_of_higher_priority_goes_first(farm: Farm, library: Path, tmp_path: Path) -> None:
    urgent = tmp_path / "urgent"
    small_library(urgent, 20, seed=2)
    later = farm.submit(library, "--batch-assets", 50)
    first = farm.submit(urgent, "--priority", 9)
    farm.worker()
    assert farm.watch(first).code == 0
    assert farm.status(later)["state"] == "running"


def test_outputs_go_to_the_place_that_was_submitted_with_nobody_watching(farm: Farm, library: Path, tmp_path: Path):
    farm.worker()
    number = farm.submit(library, "--limit", 20, "--reports-to", tmp_path / "qa")
    until(lambda: farm.status(number)["state"] == "finished")
    [summary] = (tmp_path / "qa" / "runs").glob("*/summary.json")
    assert json.loads(summary.read_text())["run"]["counts"]["pass"] == 20


def test_queues_hold_no_more_than_their_cap(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glb_batch_validator_addon.engine.database import Database
    from glb_batch_validator_addon.farm.app import make_app
    from glb_batch_validator_addon.farm.batches import Batches
    from glb_batch_validator_addon.farm.feeding import Feeder

    library = tmp_path / "library"
    small_library(library, 30, seed=1)
    batches = Batches(Database(farm.env["GLBV_DATABASE"], ssl_context=False))
    feeder = Feeder(batches, make_app(farm.env["GLBV_BROKER"]), cap=5)
    number = farm.submit(library, "--batch-assets", 1)
    assert batches.states(number)["sent"] == 30, "the default cap is higher"
    batches.cancel(number)

    ledger_run(batches, 1000 + number)
    batches.add(1000 + number, [(n, "gpu") for n in range(20)])
    for _ in range(2):
        assert feeder.feed()
        assert (batches.states(1000 + number)["sent"], feeder.depths()["gpu"]) == (5, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_large_library_is_submitted_in_little_memory_and_waits_in_the_database(farm: Farm) -> None:
    library = Library(keys=SyntheticKeys(KEYS), synthetic=Stored.of(b"glTF"))
    credentials = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    with LightS3(library=library) as server:
        place = ("--bucket", "b", "--prefix", library.keys[0][:1], "--endpoint-url", server.url)
        process = start("farm", "submit", *place, env=farm.env | credentials)
        submitted, peak = finish_with_peak(process)
    assert submitted.code == 0, submitted.err
    batches = farm.status(1)["batches"]
    assert (batches["sent"], batches["waiting"]) == (500, KEYS // 200 - 500)
    assert 20e6 < peak < 200e6


def ledger_run(batches: Any, number: int) -> None:
    from sqlalchemy import insert

    from glb_batch_validator_addon.engine.tables import RUNS

    values = {"id": number, "library": 1, "uri": "x", "shard": "0/1", "settings": "{}", "started": time.time()}
    batches.database.write(lambda connection: connection.execute(insert(RUNS).values(values)))
