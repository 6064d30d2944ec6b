"""What dies on a farm, killed for real: every asset ends with exactly one right report."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.samples import small_library
from tests.e2e.conftest import but_run, reports_below, run, until
from tests.farm.conftest import Farm, blenders, make_farm, pool_processes

ASSETS = 600


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The reports of a local run in which nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    small_library(folder / "library", ASSETS, seed=1)
    assert run("--folder", folder / "library", "--ledger", folder / "ledger.sqlite").code == 0
    return but_run(reports_below(folder / "library"), asset=False)


def all_is_well(farm: Farm, number: int, library: Path, undisturbed: dict) -> None:
    watched = farm.watch(number)
    assert watched.code == 0, watched.err + farm.log()
    assert farm.status(number)["counts"] == farm.status(number)["counts"] | {"pass": ASSETS, "total": ASSETS}
    assert but_run(reports_below(library), asset=False) == undisturbed


def some_are_done(farm: Farm, library: Path) -> None:
    until(lambda: len(list(library.rglob("*_report.json"))) > 30)


def test_a_killed_blender_costs_nothing(farm: Farm, library: Path, undisturbed: dict) -> None:
    worker = farm.worker()
    number = farm.submit(library)
    some_are_done(farm, library)
    os.kill(blenders(worker)[0], signal.SIGKILL)
    all_is_well(farm, number, library, undisturbed)


def test_a_killed_process_of_a_worker_gives_its_batch_back(farm: Farm, library: Path, undisturbed: dict) -> None:
    worker = farm.worker()
    number = farm.submit(library)
    some_are_done(farm, library)
    os.kill(pool_processes(worker)[0], signal.SIGKILL)
    all_is_well(farm, number, library, undisturbed)


def test_the_batch_of_a_killed_worker_runs_elsewhere_within_five_seconds(
    farm: Farm, library: Path, undisturbed: dict
) -> None:
    worker = farm.worker()
    number = farm.submit(library, "--batch-assets", ASSETS)
    some_are_done(farm, library)
    farm.worker()  # idle: there is one batch
    before = [*pool_processes(worker), *blenders(worker)]
    worker.kill()
    killed = time.monotonic()
    until(lambda: "resumed" in farm.log(1), seconds=20)
    assert time.monotonic() - killed < 5
    all_is_well(farm, number, library, undisturbed)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before), seconds=20)


@contextmanager
def own_farm(services: Path, tmp_path: Path) -> Iterator[tuple]:
    """With servers that may be killed."""
    from tests.servers import postgres, rabbitmq

    for name in ("rabbitmq", "postgres", "farm"):
        (tmp_path / name).mkdir()
    with (
        rabbitmq.running(services, data=tmp_path / "rabbitmq") as broker,
        postgres.running(services, data=tmp_path / "postgres") as database,
    ):
        farm = make_farm(tmp_path / "farm", broker=broker.url, database=database.new_database())
        try:
            yield farm, broker, database
        finally:
            farm.close()


def test_a_killed_broker_that_comes_back_has_lost_nothing(
    services: Path, tmp_path: Path, library: Path, undisturbed: dict
) -> None:
    with own_farm(services, tmp_path) as (farm, broker, _):
        farm.worker(processes=2)
        number = farm.submit(library, "--batch-assets", 100)
        some_are_done(farm, library)
        broker.kill()
        time.sleep(1)
        broker.start()
        all_is_well(farm, number, library, undisturbed)


def test_a_killed_database_that_comes_back_has_lost_nothing(
    services: Path, tmp_path: Path, library: Path, undisturbed: dict
) -> None:
    with own_farm(services, tmp_path) as (farm, _, database):
        farm.worker(processes=2)
        number = farm.submit(library, "--batch-assets", 100)
        some_are_done(farm, library)
        database.kill()
        time.sleep(2)
        database.start()
        all_is_well(farm, number, library, undisturbed)


POISON = """
import os
import signal
from glb_batch_validator_addon.rules.registry import rule

@rule(code="STUDIO_POISON", title="", family="wild", severity="error", needs=("file",), what="", why="", how="")
def poison(subject, at):
    if subject.asset.key.endswith("poison.glb"):
        os.kill({victim}, signal.SIGKILL)
    return ()
"""


@pytest.fixture
def poisoned(library: Path) -> Path:
    """A library with an asset that kills; what it kills, its rule decides."""
    first = min(library.rglob("*.glb"))
    (library / "000" / "poison.glb").write_bytes(first.read_bytes())
    return library


def with_rule(tmp_path: Path, victim: str) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "poison.py").write_text(POISON.format(victim=victim))
    return folder


@pytest.mark.parametrize(("victim", "kind"), [("os.getpid()", "Crashed"), ("os.getppid()", "Parked")])
def test_a_poison_asset_is_given_up_and_costs_no_other_its_report(
    farm: Farm, poisoned: Path, tmp_path: Path, undisturbed: dict, victim: str, kind: str
) -> None:
    """It kills its Blender, or the process of the worker, every time."""
    farm.worker(processes=2)
    number = farm.submit(poisoned, "--batch-assets", 100, "--rules", with_rule(tmp_path, victim))
    watched = farm.watch(number, "--output", tmp_path / "out", "--format", "none")
    assert watched.code == 3, watched.err + farm.log()
    reports = reports_below(poisoned)
    poison = reports.pop("000/poison_report.json")
    assert (poison["verdict"], poison["error"]["type"]) == ("error", kind)
    assert {key: report["verdict"] for key, report in reports.items()} == dict.fromkeys(undisturbed, "pass")
    status = farm.status(number)
    assert (status["parked"], status["counts"]["error"], status["counts"]["pass"]) == (1, 1, ASSETS)
    assert re.search(r"poison\.glb.*error", (tmp_path / "out" / "summary.json").read_text())


def test_a_worker_that_is_asked_to_end_lets_its_batch_come_to_an_end(farm: Farm, library: Path) -> None:
    worker = farm.worker()
    number = farm.submit(library, "--batch-assets", 100)
    some_are_done(farm, library)
    worker.terminate()
    assert worker.wait(60) == 0
    states = farm.status(number)["batches"]
    assert states["running"] == 0
    assert states["done"] > 0


def test_redis_gives_a_lost_batch_back_after_its_visibility_time_out(
    redis_server, postgres, tmp_path: Path, library: Path, undisturbed: dict
) -> None:
    """It does not notice that a worker has gone; RabbitMQ does."""
    (tmp_path / "farm").mkdir()
    farm = make_farm(tmp_path / "farm", broker=redis_server.url, database=postgres.new_database())
    try:
        worker = farm.worker("--redis-visibility", 10)
        number = farm.submit(library, "--batch-assets", ASSETS)
        some_are_done(farm, library)
        farm.worker("--redis-visibility", 10)
        worker.kill()
        killed = time.monotonic()
        until(lambda: "resumed" in farm.log(1), seconds=150)
        assert time.monotonic() - killed > 5
        all_is_well(farm, number, library, undisturbed)
    finally:
        farm.close()
