"""How a worker is asked to end, and by whom it is not; what it is where nothing forks."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.samples import small_library
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.tables import BATCHES
from glb_batch_validator_addon.farm import worker as module
from glb_batch_validator_addon.farm.app import make_app
from glb_batch_validator_addon.farm.metrics import NullMetrics
from tests.e2e.conftest import until
from tests.farm.conftest import Farm, pool_processes
from tests.farm.test_faults import ASSETS, some_are_done

CHANGED = """
import sys
from glb_batch_validator_addon.farm import app, worker
from glb_batch_validator_addon.farm.command import main
{change}
sys.exit(main(sys.argv[1:]))
"""


def changed(change: str) -> tuple[str, str]:
    """The program with another value of a constant."""
    return "-c", CHANGED.format(change=change)


def attempts(farm: Farm) -> list[int]:
    """Of each batch, how often it was begun and neither ended nor given back."""
    database = Database(farm.env["GLBV_DATABASE"], ssl_context=False)
    return database.read(lambda connection: list(connection.execute(select(BATCHES.c.attempts)).scalars()))


@pytest.mark.parametrize(
    ("asked", "change"),
    [(signal.SIGTERM, ""), (signal.SIGINT, ""), (signal.SIGTERM, "worker.SOLO = True")],
    ids=["SIGTERM", "Ctrl-C", "one process"],
)
def test_what_does_not_end_in_time_is_given_back_unharmed(
    farm: Farm, library: Path, asked: signal.Signals, change: str
) -> None:
    small_library(library / "more", 4000, seed=2)  # a minute of work
    worker = farm.worker(program=changed(f"worker.LEAVE_SECONDS = 1.0; {change}"))
    number = farm.submit(library, "--batch-assets", 100_000)
    some_are_done(farm, library)
    worker.send_signal(asked)
    asked_at = time.monotonic()
    worker.wait(30)
    assert 1 <= time.monotonic() - asked_at < 20
    assert "left" in farm.log(), farm.log()
    status = farm.status(number)
    assert status["batches"]["running"] == status["batches"]["done"] == 0
    assert attempts(farm) == [0], "nobody is to go on one asset at a time"
    done = status["counts"]["pass"]
    farm.worker()
    until(lambda: farm.status(number)["counts"]["pass"] > done)
    assert "resumed" in farm.log(1)


def test_one_process_that_does_its_batches_itself_keeps_its_broker_and_takes_one_batch_at_a_time(
    farm: Farm, library: Path
) -> None:
    """As on Windows and macOS. It cannot send heartbeats, which RabbitMQ would miss in three seconds."""
    worker = farm.worker(processes=4, program=changed("worker.SOLO = True; app.HEARTBEAT_SECONDS = 1.0"))
    assert "Ready: 1 processes" in farm.log()
    number = farm.submit(library, "--batch-assets", ASSETS // 3)
    some_are_done(farm, library)
    assert json.loads(farm("status", "--json").out)["queues"]["cpu"] == 2, "which are there for others"
    assert farm.watch(number).code == 0, farm.log()
    assert attempts(farm) == [1, 1, 1]
    assert not {"lost", "reset", "closed"} & set(farm.log().lower().split())
    assert pool_processes(worker) == []


def test_whoever_can_write_to_the_broker_cannot_end_a_worker(farm: Farm, library: Path) -> None:
    worker = farm.worker()
    make_app(farm.env["GLBV_BROKER"]).control.shutdown()
    number = farm.submit(library)
    assert farm.watch(number).code == 0, farm.log()
    assert worker.poll() is None


class Stop(BaseException):
    """Ends what nothing else ends."""


def test_queues_are_looked_after_again_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEED_SECONDS", 0.0)
    said = iter([OSError("it is away"), Looks(), OSError("it is never asked again")])

    def open_feeder() -> Looks:
        one = next(said)
        if isinstance(one, OSError):
            raise one
        return one

    with pytest.raises(Stop):
        module.keep_fed(open_feeder, NullMetrics())  # type: ignore[arg-type]


class Looks:
    """A feeder whose first look fails."""

    def __init__(self) -> None:
        self.looks = 0

    def feed(self) -> bool:
        self.looks += 1
        if self.looks == 1:
            raise OSError("the database is away")
        return True

    def heal(self) -> bool:
        raise Stop
