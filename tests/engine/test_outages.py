"""Libraries that change under a run, and storages that do not answer."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from glb_batch_validator_addon.engine.events import (
    AssetDone,
    Event,
    RunFinished,
)
from glb_batch_validator_addon.engine.ledger import Ledger
from glb_batch_validator_addon.engine.run import CLOSE_SECONDS, Run
from glb_batch_validator_addon.errors import UnavailableError
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.settings import RunSettings
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import FAKE, Bench, each_asset_ended_once, fill, judge_by_name, keys

# Objects that change under the run


def test_an_object_that_changed_after_the_listing_is_validated_as_it_is_now(
    bench: Bench, library: MemoryStorage
) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 1"})

    def change(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and event.key == "a.glb":
            fill(library, {"b.glb": "ok 7"})

    bench.on_event = change
    report = bench.run(batch_size=1).reports["b_report.json"]
    assert report["facts"]["triangles"] == 7
    assert report["asset"]["etag"] == library.stat("b.glb").etag


def test_an_object_that_was_deleted_after_the_listing_is_named(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 1"})

    def delete(event: Event, run: Run) -> None:
        if isinstance(event, AssetDone) and event.key == "a.glb":
            library.delete("b.glb")

    bench.on_event = delete
    outcome = bench.run(batch_size=1)
    error = outcome.reports["b_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("fetch", "NotFound")
    assert outcome.finished.counts["error"] == 1


# Storage that does not answer


class Flaky(MemoryStorage):
    """Does not answer the first `times` reads of a key that is named."""

    def __init__(self, keys: set[str], *, times: int) -> None:
        super().__init__()
        self.left = dict.fromkeys(keys, times)

    def read(self, item: StoredObject) -> bytes:
        if self.left.get(item.key, 0) > 0:
            self.left[item.key] -= 1
            raise UnavailableError(f"{item.key} is not to be had now", key=item.key)
        return super().read(item)


def test_an_asset_that_the_storage_does_not_give_has_another_turn(tmp_path: Path) -> None:
    storage = Flaky(set(keys(10)), times=1)
    fill(storage, dict.fromkeys(keys(30), "ok 1"))
    outcome = Bench(storage, tmp_path / "ledger.sqlite").run()
    assert outcome.finished.counts["pass"] == 30
    assert each_asset_ended_once(outcome, storage)


def test_an_asset_that_the_storage_never_gives_gets_a_report_and_is_tried_by_the_next_run(tmp_path: Path) -> None:
    storage = Flaky({"003.glb"}, times=2)
    fill(storage, dict.fromkeys(keys(10), "ok 1"))
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    error = bench.run().reports["003_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("fetch", "Unavailable")
    assert bench.run().done == ["003.glb"]


def test_a_storage_that_answers_nothing_any_more_stops_the_run(tmp_path: Path) -> None:
    storage = Flaky(set(keys(100)), times=1000)
    fill(storage, dict.fromkeys(keys(100), "ok 1"))
    bench = Bench(storage, tmp_path / "ledger.sqlite")
    outcome = bench.run()
    assert outcome.finished.interrupted
    assert outcome.done == []
    storage.left.clear()
    assert bench.run(resume=True).finished.counts["pass"] == 100


class DeadReports(MemoryStorage):
    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        raise UnavailableError("nobody answers", key=key)


def test_a_place_for_reports_that_answers_nothing_stops_the_run(bench: Bench, library: MemoryStorage) -> None:
    fill(library, dict.fromkeys(keys(100), "ok 1"))
    outcome = bench.run(reports=DeadReports(), batch_size=8)
    assert outcome.finished.interrupted
    assert len(outcome.done) < 30


class BrokenListing(MemoryStorage):
    """The first listing breaks off."""

    broken = True

    def list(self) -> Iterator[StoredObject]:
        items = super().list()
        if self.broken:
            self.broken = False
            yield from itertools.islice(items, 700)
            raise UnavailableError("the second page does not come")
        yield from items


def test_a_listing_that_breaks_off_interrupts_the_run_which_is_resumed(tmp_path: Path) -> None:
    storage = BrokenListing()
    fill(storage, {f"{number:04}.glb": "ok 1" for number in range(900)})
    outcome = Bench(storage, tmp_path / "ledger.sqlite").run()
    assert outcome.finished.interrupted
    assert "broke off" in outcome.finished.reason
    assert Bench(storage, tmp_path / "ledger.sqlite").run(resume=True).finished.counts["pass"] == 900


def test_a_run_whose_ledger_another_run_took_over_does_not_claim_success(bench: Bench, library: MemoryStorage) -> None:
    fill(library, dict.fromkeys(keys(100), "ok 1"))
    events: list[Event] = []
    ledger, settings = Ledger(bench.ledger_path), RunSettings(workers=1, batch_size=4)
    run = Run(
        storage=library, ledger=ledger, launcher=FAKE, settings=settings, on_event=events.append, judge=judge_by_name
    )
    run.start()
    while not any(isinstance(event, AssetDone) for event in events):
        run.step()
    assert bench.run(force=True).finished.counts["pass"] == 100
    while not run.done:
        run.step()
    run.close()
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.interrupted
    assert "another run" in finished.reason


class Slow(MemoryStorage):
    """Does not come back from a read before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def read(self, item: StoredObject) -> bytes:
        self.free.wait(60)
        return super().read(item)


def test_a_request_that_does_not_come_back_holds_nobody_up(tmp_path: Path) -> None:
    storage = Slow()
    fill(storage, {"a.glb": "ok 1"})
    ledger = Ledger(tmp_path / "ledger.sqlite")
    run = Run(
        storage=storage,
        ledger=ledger,
        launcher=FAKE,
        settings=RunSettings(workers=1),
        on_event=lambda event: None,
        judge=judge_by_name,
    )
    run.start()
    for _ in range(5):
        run.step()
    run.cancel()
    while not run.done:
        run.step()
    before = time.monotonic()
    run.close()
    assert time.monotonic() - before < CLOSE_SECONDS + 5
    storage.free.set()
