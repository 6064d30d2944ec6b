"""What goes wrong in a night on a farm, caused for real: nothing lost, nothing doubled, the exit code right."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.samples import endless_asset
from tests.conftest import need
from tests.e2e.conftest import ASSETS, alive, but_run, children, finish, reports_below, run, start, until
from tests.servers.light_s3 import Fault, LightS3

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and mounts of POSIX")


@pytest.fixture(scope="module")
def undisturbed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The reports of a run in which nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    copy = Path(shutil.copytree(small, folder / "library"))
    assert run("--folder", copy, "--ledger", folder / "ledger.sqlite").code == 0
    return but_run(reports_below(copy), asset=False)


@pytest.fixture
def light(small: Path) -> Iterator[LightS3]:
    objects = {f"props/{path.relative_to(small).as_posix()}": path.read_bytes() for path in small.rglob("*.glb")}
    with LightS3(objects) as server:
        yield server


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


def on(server: LightS3, *arguments: object) -> tuple[object, ...]:
    return ("--bucket", "library", "--prefix", "props/", "--endpoint-url", server.url, "--json", *arguments)


def each_asset_once(events: list[dict]) -> bool:
    keys = [event["key"] for event in events if event["event"] in ("asset_done", "asset_skipped")]
    return len(keys) == len(set(keys)) == ASSETS


# Blender


def test_an_asset_that_hangs_blender_is_ended_after_its_time(library):
    (library / "endless.glb").write_bytes(endless_asset())
    ran = run("--folder", library, "--timeout", 3, "--memory-limit-mb", 16000, "--json")
    assert ran.code == 3
    error = reports_below(library)["endless_report.json"]["error"]
    assert (error["stage"], error["type"], error["signal"]) == ("import", "TimedOut", "SIGKILL")
    assert [event["retried"] for event in ran.of("worker_lost")] == [True, False]
    assert ran.of("run_finished")[0]["counts"]["pass"] == ASSETS


def test_an_asset_that_needs_too_much_memory_is_stopped(library):
    (library / "endless.glb").write_bytes(endless_asset())
    ran = run("--folder", library, "--memory-limit-mb", 1024)
    assert ran.code == 3
    error = reports_below(library)["endless_report.json"]["error"]
    assert (error["stage"], error["type"]) == ("import", "OutOfMemory")
    assert "--memory-limit-mb" in error["message"]


def test_workers_that_are_killed_lose_nothing(library, undisturbed):
    process = start("--folder", library, "--json")
    killed: set[int] = set()
    until(lambda: len(list(library.rglob("*_report.json"))) > 20)
    killed.add(children(process.pid)[0])
    os.kill(max(killed), signal.SIGKILL)
    ran = finish(process)
    assert ran.code == 0, ran.err
    assert each_asset_once(ran.events)
    assert len(ran.of("worker_lost")) <= 1
    assert but_run(reports_below(library), asset=False) == undisturbed


# The engine


@pytest.mark.parametrize("finish_with", ["--resume", "a new run"])
def test_a_killed_engine_leaves_no_process_and_a_run_that_goes_on(library, undisturbed, finish_with):
    process = start("--folder", library, "--json")
    until(lambda: len(list(library.rglob("*_report.json"))) > 20)
    workers = children(process.pid)
    process.kill()
    finish(process)
    until(lambda: not any(map(alive, workers)), seconds=10)
    written = {path.as_uri() for path in library.rglob("*_report.json")}
    assert len(written) < ASSETS

    ran = run("--folder", library, "--json", *(["--resume"] if finish_with == "--resume" else []))
    assert ran.code == 0, ran.err
    if finish_with == "--resume":
        assert len(ran.of("asset_done")) <= ASSETS - len(written) + 64, "what was recorded is not done again"
    else:
        assert {event["report"] for event in ran.of("asset_skipped")} == written
        assert all(event["brief"]["triangles"] > 0 for event in ran.of("asset_skipped"))
        assert each_asset_once(ran.events)
    assert but_run(reports_below(library), asset=False) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(library, undisturbed, number):
    process = start("--folder", library)
    until(lambda: len(list(library.rglob("*_report.json"))) > 20)
    workers = children(process.pid)
    process.send_signal(number)
    ran = finish(process)
    assert ran.code == 4
    assert "--resume" in ran.err
    until(lambda: not any(map(alive, workers)), seconds=10)
    assert run("--folder", library, "--resume").code == 0
    assert but_run(reports_below(library), asset=False) == undisturbed


def test_ctrl_c_while_a_server_does_not_answer_ends_at_once(light):
    light.faults.append(Fault("LIST", "*", "stall", times=100))
    process = start(*on(light), env=CREDENTIALS)
    until(lambda: light.counts["LIST"])
    process.send_signal(signal.SIGINT)
    before = time.monotonic()
    assert finish(process).code == 4
    assert time.monotonic() - before < 15, "long before the request's own time-out"


def test_ctrl_c_stops_a_background_blender(library, blender):
    """Blender itself ignores Ctrl-C in the background while a script runs."""
    process = start("--", "--folder", library, command=(*blender.command, "-b", "--factory-startup", "-P"))
    until(lambda: len(list(library.rglob("*_report.json"))) > 20)
    blender_pid = [process.pid, *children(process.pid)][1 if "bwrap" in blender.command[0] else 0]
    os.kill(blender_pid, signal.SIGINT)
    ran = finish(process)
    assert ran.code == 4, ran.err
    assert run("--folder", library, "--resume", "--limit", 1).code in (0, 2)


def test_there_is_nothing_to_resume_after_a_run_that_ended(library):
    assert run("--folder", library, "--limit", 1).code == 0
    ran = run("--folder", library, "--resume")
    assert (ran.code, "no interrupted run" in ran.err) == (2, True)


# The storage


def test_slow_down_and_resets_are_waited_out(light, undisturbed):
    light.faults += [
        Fault("GET", "*1.glb", "503 SlowDown", times=5),
        Fault("GET", "*2.glb", "reset", times=5),
        Fault("GET", "*3.glb", "reset-in-body", times=5),
        Fault("GET", "*4.glb", "close-in-body", times=3),
        Fault("PUT", "*5_report.json", "503 SlowDown", times=5),
        Fault("PUT", "*6_report.json", "reset", times=5),
        Fault("LIST", "*", "503 SlowDown", times=2),
    ]
    ran = run(*on(light), env=CREDENTIALS)
    assert ran.code == 0, ran.err
    assert each_asset_once(ran.events)
    assert reports_of(light) == undisturbed


def test_an_object_changed_and_one_deleted_between_listing_and_fetching(light):
    """They are the last two of the listing and are replaced and removed as soon as the first report is there."""
    *_, changed, deleted = sorted(light.library.objects)
    process = start(*on(light, "--batch-size", 4), env=CREDENTIALS)
    until(lambda: any(key.endswith(".json") for key in list(light.library.objects)))
    light.library.put(changed, light.library.objects[sorted(light.library.objects)[0]])
    light.library.delete(deleted)
    ran = finish(process)
    assert ran.code == 3
    assert each_asset_once(ran.events)
    reports = {key: json.loads(item.body) for key, item in light.library.objects.items() if key.endswith(".json")}
    replaced = reports[changed.replace(".glb", "_report.json")]
    assert replaced["asset"]["sha256"] == hashlib.sha256(light.library.objects[changed].body).hexdigest()
    assert reports[deleted.replace(".glb", "_report.json")]["error"]["type"] == "NotFound"


def test_a_storage_that_goes_away_stops_the_run_which_goes_on_when_it_is_back(light, undisturbed):
    light.faults.append(Fault("GET", "*.glb", "503 ServiceUnavailable", times=10**6))
    ran = run(*on(light), env={**CREDENTIALS, "AWS_MAX_ATTEMPTS": "2"})
    assert ran.code == 4, ran.err
    light.faults.clear()
    ran = run(*on(light, "--resume"), env=CREDENTIALS)
    assert ran.code in (0, 3), ran.err
    assert run(*on(light), env=CREDENTIALS).code == 0
    assert reports_of(light) == undisturbed


def test_a_read_only_prefix_stops_the_run_and_names_the_permission(light):
    light.faults.append(Fault("PUT", "*", "403 AccessDenied", times=10**6))
    ran = run(*on(light), env=CREDENTIALS)
    assert ran.code == 2
    assert "s3:PutObject" in ran.err
    assert ran.of("asset_done") == []


def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room(library, undisturbed, tmp_path):
    need(os.geteuid() == 0 and shutil.which("mount"), "only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=160k"):
        full = run("--folder", library, "--reports-to", disk)
        assert full.code == 4, full.err
        assert "--resume" in full.err
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert run("--folder", library, "--reports-to", disk, "--resume").code == 0
        assert but_run(reports_below(disk), asset=False) == undisturbed


def test_a_full_disk_under_the_ledger_stops_the_run_which_goes_on_when_there_is_room(library, undisturbed, tmp_path):
    need(os.geteuid() == 0 and shutil.which("mount"), "only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=160k"):
        full = run("--folder", library, "--ledger", disk / "ledger.sqlite")
        assert full.code == 4, full.err
        assert "No space left for the ledger" in full.err
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert run("--folder", library, "--ledger", disk / "ledger.sqlite", "--resume").code == 0
    assert but_run(reports_below(library), asset=False) == undisturbed


def test_a_read_only_folder_is_found_before_any_work(library, tmp_path):
    need(os.geteuid() == 0 and shutil.which("mount"), "only root may mount a folder read-only")
    with mounted(library, "bind", library), remounted_read_only(library):
        ran = run("--folder", library)
        assert (ran.code, len(ran.err.strip().splitlines())) == (2, 1)
        assert "read-only" in ran.err.lower() or "written" in ran.err.lower()


@contextlib.contextmanager
def mounted(place: Path, options: str, source: Path | None = None) -> Iterator[None]:
    kind = ["--bind", str(source)] if source else ["-t", "tmpfs", "-o", options, "tmpfs"]
    subprocess.run(["mount", *kind, str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextlib.contextmanager
def remounted_read_only(place: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
    yield


def reports_of(server: LightS3) -> dict:
    objects = server.library.objects.items()
    reports = {key.removeprefix("props/"): json.loads(item.body) for key, item in objects if key.endswith(".json")}
    return but_run(reports, asset=False)
