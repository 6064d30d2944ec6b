"""Who has which batch: the same in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.ledger import Ledger, Plan
from glb_batch_validator_addon.engine.tables import BATCHES
from glb_batch_validator_addon.farm.app import make_app
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.feeding import Feeder
from glb_batch_validator_addon.farm.submitting import Cutter, Cutting, absolute
from glb_batch_validator_addon.model.library import StoredObject
from tests.servers.daemon import free_ports


@pytest.fixture
def batches(connect: Callable[[], Database]) -> Batches:
    return Batches(connect())


def a_run(batches: Batches, count: int) -> int:
    run = Ledger(batches.database, library="l").start_run("s3://b/", "0/1", {"arguments": [], "digest": ""})
    batches.add(run, [(number, "cpu") for number in range(1, count + 1)])
    return run


def test_two_that_send_at_once_never_send_the_same(connect: Callable[[], Database]) -> None:
    a_run(Batches(connect()), 300)
    sent: list[int] = []

    def send() -> None:
        mine = Batches(connect())
        while rows := mine.take_to_send("cpu", cap=300, count=7):
            sent.extend(number for _, number, _ in rows)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(sent) == dict.fromkeys(range(1, 301), 1)


def test_the_newest_delivery_of_a_batch_has_it(batches: Batches) -> None:
    run = a_run(batches, 1)
    first = batches.begin(run, 1, "first")
    second = batches.begin(run, 1, "second")
    assert first
    assert second
    assert (first.attempts, second.attempts) == (1, 2)
    assert (batches.beat(first), batches.beat(second)) == ("taken", "mine")
    batches.end(first, done=True)
    assert batches.states(run)["running"] == 1, "it was no longer its own to end"
    batches.end(second, done=True)
    assert batches.begin(run, 1, "third") is None


def test_a_batch_that_was_given_back_was_no_attempt(batches: Batches) -> None:
    run = a_run(batches, 1)
    claim = batches.begin(run, 1, "a")
    assert claim
    batches.end(claim, done=False)
    again = batches.begin(run, 1, "b")
    assert again
    assert again.attempts == 1


def test_a_cancelled_run_is_not_begun_and_tells_those_that_are_at_it(batches: Batches) -> None:
    run = a_run(batches, 2)
    claim = batches.begin(run, 1, "a")
    assert claim
    batches.cancel(run)
    assert batches.beat(claim) == "cancelled"
    assert batches.begin(run, 2, "b") is None
    assert batches.take_to_send("cpu", cap=9, count=9) == []


def test_no_more_are_on_their_way_than_the_cap_and_what_was_not_published_waits_again(batches: Batches) -> None:
    run = a_run(batches, 9)
    sent = batches.take_to_send("cpu", cap=5, count=9)
    assert [number for _, number, _ in sent] == [1, 2, 3, 4, 5]
    assert batches.take_to_send("cpu", cap=5, count=9) == []
    assert batches.begin(run, 1, "a")
    batches.put_back([sent[0], *sent[3:]])
    assert batches.states(run)["running"] == 1, "the broker had it after all"
    assert [number for _, number, _ in batches.take_to_send("cpu", cap=5, count=9)] == [4, 5, 6]


def an_hour_passes(batches: Batches) -> None:
    statement = update(BATCHES).values(seen=BATCHES.c.seen - 3600)
    batches.database.write(lambda connection: connection.execute(statement))


def test_what_a_broker_or_a_worker_has_lost_is_sent_again(batches: Batches) -> None:
    run = a_run(batches, 4)
    assert len(batches.take_to_send("cpu", cap=9, count=9)) == 4
    assert batches.begin(run, 4, "a")
    assert batches.find_lost({"cpu": 0}) == 0, "they are fresh"
    an_hour_passes(batches)
    assert batches.find_lost({"cpu": 3}, running=False) == 0, "all wait in the broker"
    assert batches.find_lost({"cpu": 3}) == 1, "the running one"
    assert batches.find_lost({"cpu": 1}) == 2
    assert batches.states(run) == {"waiting": 3, "sent": 1, "running": 0, "done": 0}


def test_workers_that_are_lost_are_found_while_the_broker_is_away(batches: Batches) -> None:
    run = a_run(batches, 1)
    assert batches.begin(run, 1, "a")
    an_hour_passes(batches)
    (port,) = free_ports(1)
    assert not Feeder(batches, make_app(f"amqp://127.0.0.1:{port}//")).heal()
    assert batches.states(run)["waiting"] == 1


def test_a_run_that_nobody_could_end_comes_to_a_worker_once_more(batches: Batches) -> None:
    run = a_run(batches, 2)
    for number in (1, 2):
        claim = batches.begin(run, number, "a")
        assert claim
        batches.end(claim, done=True)
    an_hour_passes(batches)
    assert batches.find_lost({}) == 0, "it is not listed to its end"
    Ledger(batches.database, library="l").mark_listed(run)
    assert batches.find_lost({}) == 1
    assert batches.begin(run, 2, "b")
    Ledger(batches.database, library="l").finish_run(run)
    an_hour_passes(batches)
    assert batches.find_lost({}, running=False) == 0


def test_a_batch_whose_time_was_up_with_nothing_done_counts_as_tried(batches: Batches) -> None:
    run = a_run(batches, 1)
    for attempts in (1, 2):
        claim = batches.begin(run, 1, "a")
        assert claim
        assert claim.attempts == attempts
        batches.end(claim, done=False, attempt=True)


def test_trouble_is_told_until_a_worker_has_none(batches: Batches) -> None:
    run = a_run(batches, 1)
    batches.tell_trouble(run, "another version of Blender")
    assert batches.run(run).trouble == "another version of Blender"
    batches.tell_trouble(run, "")
    assert batches.run(run).trouble == ""


def plans(*sizes: int) -> list[Plan]:
    items = (StoredObject(key=f"{n}.glb", size_bytes=size, etag="", last_modified="") for n, size in enumerate(sizes))
    return [Plan(item=item, report_key="") for item in items]


def test_batches_are_smaller_when_files_are_larger_and_large_ones_go_elsewhere() -> None:
    told: list[tuple[int, str]] = []
    cutter = Cutter(Cutting(assets=3, max_bytes=100, large_bytes=90), first=1, add=told.extend)
    cut = [plan.batch for plan in cutter.cut(plans(1, 1, 1, 1, 60, 60, 91, 1))]
    assert cut == [1, 1, 1, 2, 2, 3, 4, 3]
    assert told == [], "not before the ledger has its assets"
    cutter.close()
    assert sorted(told) == [(1, "cpu"), (2, "cpu"), (3, "cpu"), (4, "large")]


def test_paths_of_options_are_those_of_the_one_who_submitted(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strict.toml").touch()
    options = ["--folder=lib", "--profile", "strict.toml", "--reports-to", "s3://b/qa/", "--waivers", "w.toml"]
    at = str(tmp_path)
    wanted = [f"--folder={at}/lib", "--profile", f"{at}/strict.toml", "--reports-to", "s3://b/qa/"]
    assert absolute(options) == [*wanted, "--waivers", f"{at}/w.toml"]
    assert absolute(["--profile", "web"]) == ["--profile", "web"]
