"""A program that starts a run, holds the end of its stdin and reads its events, as the panel in Blender does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ASSETS, SECONDS, alive, children, run, start, until
from tests.servers.light_s3 import Fault, LightS3

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks for processes as Linux shows them")


class Controlled:
    """A run with `--control` that has begun."""

    def __init__(self, *arguments: object, **options: Any) -> None:
        arguments = (*arguments, "--json", "--control")
        self.process = start(*arguments, stdin=subprocess.PIPE, **options)
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith('{"event"'):
                self.events.append(json.loads(line))

    def say(self, line: str) -> None:
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def let_go(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in list(self.events) if event["event"] == kind]

    def end(self) -> tuple[int, str]:
        """Exit code and what it said on stderr, when it has ended by itself."""
        assert self.process.stderr
        said = self.process.stderr.read()
        code = self.process.wait(SECONDS)
        self._reader.join()
        return code, said


@pytest.fixture
def slow(library: Path) -> tuple[object, ...]:
    """Arguments of a run that takes some seconds."""
    return ("--folder", library, "--workers", 1, "--batch-size", 1)


@pytest.fixture
def controlled(slow: tuple[object, ...]) -> Iterator[Controlled]:
    """A run that has done its first assets."""
    controlled = Controlled(*slow)
    until(lambda: len(controlled.of("asset_done")) > 5)
    yield controlled
    controlled.process.kill()
    controlled.process.wait()


def pause(controlled: Controlled) -> int:
    """Pause; how many assets are done when nothing more comes in."""
    controlled.say("pause")
    until(lambda: controlled.of("run_paused"))
    time.sleep(0.5)
    return len(controlled.of("asset_done"))


def test_a_run_is_paused_and_goes_on(controlled):
    done = pause(controlled)
    workers = children(controlled.process.pid)
    time.sleep(1)
    assert len(controlled.of("asset_done")) == done < ASSETS
    assert children(controlled.process.pid) == workers
    controlled.say("resume")
    assert controlled.end() == (0, "")
    assert len(controlled.of("asset_done")) == ASSETS
    assert [event["paused"] for event in controlled.of("run_paused")] == [True, False]


@pytest.mark.parametrize("paused", [False, True])
def test_a_run_is_stopped_paused_or_not(controlled, library, paused):
    if paused:
        pause(controlled)
    workers = children(controlled.process.pid)
    controlled.say("stop")
    assert controlled.end() == (4, "")
    assert not any(map(alive, workers))
    (finished,) = controlled.of("run_finished")
    assert (finished["interrupted"], finished["reason"]) == (True, "asked to stop")
    assert run("--folder", library, "--resume").code == 0


def test_words_that_it_does_not_know_are_named_and_change_nothing(controlled):
    controlled.say("dance")
    code, said = controlled.end()
    assert (code, "'dance'" in said) == (0, True)


def test_a_run_ends_with_the_program_that_started_it(slow, blender):
    controlled = Controlled("--", *slow, command=(*blender.command, "-b", "--factory-startup", "-P"))
    until(lambda: len(controlled.of("asset_done")) > 5)
    pause(controlled)
    processes = [controlled.process.pid, *children(controlled.process.pid)]
    assert len(processes) > 1
    controlled.let_go()
    code, said = controlled.end()
    assert code == 4, said
    assert not any(map(alive, processes))
    (finished,) = controlled.of("run_finished")
    assert (finished["interrupted"], finished["reason"]) == (True, "the program that started this run has ended")


@pytest.mark.parametrize("end", [lambda run: run.say("stop"), lambda run: run.let_go()], ids=["stop", "end of input"])
def test_a_run_ends_also_while_its_server_does_not_answer(end):
    env = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    with LightS3({"a.glb": b""}) as server:
        server.faults.append(Fault("LIST", "*", "stall", times=100))
        controlled = Controlled("--bucket", "library", "--endpoint-url", server.url, env=env)
        until(lambda: server.counts["LIST"])
        before = time.monotonic()
        end(controlled)
        assert controlled.end() == (4, "Stopped.\n")
        assert time.monotonic() - before < 10, "long before the request's own time-out"


def test_a_run_whose_program_has_ended_before_it_does_no_work(library):
    ran = run("--folder", library, "--control", "--json")
    assert ran.code == 4, ran.err
    assert ran.of("asset_done") == []
