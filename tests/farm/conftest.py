"""A farm on this machine: a real broker, a real database, workers that may be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.samples import small_library
from tests.conftest import ROOT
from tests.e2e.conftest import Finished, alive, children, until

RUN_BATCH = str(ROOT / "run_batch.py")
SECONDS = 240


class Idle:
    """In the place of a feeder where no broker is needed."""

    def feed(self, *, count: int | None = None) -> bool:
        return True


@dataclass
class Farm:
    """Commands and workers that share a broker and a database."""

    env: dict[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *arguments: object) -> Finished:
        """Run `farm ...` to its end."""
        ran = subprocess.run(
            [sys.executable, RUN_BATCH, "farm", *map(str, arguments)],
            env=self.env,
            cwd=ROOT,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        return Finished(ran.returncode, ran.stdout, ran.stderr)

    def submit(self, library: Path, *arguments: object) -> int:
        """Returns the number of the run."""
        ran = self("submit", "--folder", library, "--previews", "off", "--json", *arguments)
        assert ran.code == 0, ran.err
        return int(ran.of("run_submitted")[0]["run"])

    def watch(self, run: int, *arguments: object) -> Finished:
        return self("watch", run, "--json", *arguments)

    def status(self, run: int) -> dict[str, Any]:
        ran = self("status", run, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)["runs"][0]

    def worker(
        self, *arguments: object, processes: int = 1, program: Sequence[str] = (RUN_BATCH, "farm")
    ) -> subprocess.Popen[bytes]:
        """Start one; its log is in the folder."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *program, "worker", "--processes", str(processes), *map(str, arguments)],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.workers.append(process)
        until(lambda: " Ready: " in log.read_text(errors="replace") or process.poll() is not None)
        assert process.poll() is None, log.read_text(errors="replace")
        return process

    def log(self, worker: int = 0) -> str:
        return (self.folder / f"worker-{worker}.log").read_text(errors="replace")

    def close(self) -> None:
        for worker in self.workers:
            below = children(worker.pid)
            worker.kill()
            worker.wait()
            for pid in below:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)


def pool_processes(worker: subprocess.Popen[bytes]) -> list[int]:
    """Of a worker, the processes that do its batches."""
    return [pid for pid in children(worker.pid) if not is_blender(pid) and alive(pid)]


def blenders(worker: subprocess.Popen[bytes]) -> list[int]:
    return [pid for pid in children(worker.pid) if is_blender(pid) and alive(pid)]


def is_blender(pid: int) -> bool:
    try:
        return b"--worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def make_farm(folder: Path, *, broker: str, database: str) -> Farm:
    farm = Farm({**os.environ, "GLBV_BROKER": broker, "GLBV_DATABASE": database}, folder)
    migrated = farm("migrate")
    assert migrated.code == 0, migrated.err
    return farm


@pytest.fixture
def farm(rabbitmq, postgres, tmp_path: Path) -> Iterator[Farm]:
    """With RabbitMQ and PostgreSQL, a database and queues of its own."""
    folder = tmp_path / "farm"
    folder.mkdir()
    made = make_farm(folder, broker=rabbitmq.url, database=postgres.new_database())
    try:
        yield made
    finally:
        made.close()
        _purge(rabbitmq.url)


def _purge(url: str) -> None:
    """The next test finds nothing of this one's."""
    from glb_batch_validator_addon.farm.app import QUEUES, make_app

    with make_app(url).connection_for_write() as connection, connection.channel() as channel:
        for name in QUEUES:
            channel.queue_delete(f"glbv.{name}")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Some seconds of work."""
    folder = tmp_path / "library"
    small_library(folder, 600, seed=1)
    return folder
