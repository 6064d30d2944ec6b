"""`make bench`: throughput over a library of small assets on a light S3 server, against two ways people go today.

- **serial**: one script, one Blender, one file after another (`serial_peer.py`)
- **one Blender per file**: the same script started anew for each file

Start-up (Blender, boto3) is shown apart; for one Blender per file it is the point. All use the same library, server and
machine, one after the other. The server runs in a process of its own on the same cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.samples import small_library
from tests.servers.light_s3 import light_s3_process

ROOT = Path(__file__).resolve().parents[1]
BUCKET, PREFIX = "bench", "library/"
ENV = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Measured:
    """Start-up and steady seconds over so many assets."""

    assets: int
    seconds: float
    start_up_seconds: float
    busy: float | None = None

    @property
    def milliseconds(self) -> float:
        return self.seconds / self.assets * 1e3


def ours(url: str, folder: Path, workers: int) -> Measured:
    """The command line as it is, everything switched on but pictures, which no peer makes.

    Steady from the first ready worker to the last report.
    """
    command = [
        *(sys.executable, str(ROOT / "run_batch.py"), "--bucket", BUCKET, "--prefix", PREFIX, "--endpoint-url", url),
        *("--workers", str(workers), "--json", "--ledger", str(folder / "ledger.sqlite"), "--force"),
        *("--previews", "off"),
    ]
    started = time.perf_counter()
    done, ready, last, busy = 0, 0.0, 0.0, 0.0
    with subprocess.Popen(command, env={**os.environ, **ENV}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event, now = json.loads(line), time.perf_counter()
            if event["event"] == "worker_started":
                ready = ready or now
            elif event["event"] == "asset_done":
                assert event["verdict"] != "error", event
                done, last = done + 1, now
            elif event["event"] == "run_finished":
                busy = event["busy"]
    return Measured(done, last - ready, ready - started, busy)


def serial(url: str, limit: int) -> Measured:
    """The serial script over the first assets; `limit` of 1 is one Blender for one file."""
    command = [sys.executable, "-m", "benchmarks.serial_peer", BUCKET, PREFIX, url, str(limit)]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENV}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = 0.0
        for line in process.stdout:
            if line == "ready\n":
                ready = time.perf_counter() - started
            elif line.startswith('{"assets"'):
                told = json.loads(line)
    return Measured(told["assets"], told["seconds"], ready)


def one_blender_per_file(url: str, files: int) -> Measured:
    started = time.perf_counter()
    for _ in range(files):
        serial(url, 1)
    return Measured(files, time.perf_counter() - started, 0.0)


@contextmanager
def library(count: int, latency: float) -> Iterator[tuple[str, Path]]:
    """A served library of distinct assets, and a scratch folder."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "library")
        small_library(folder, count, seed=1)
        with light_s3_process("--folder", str(folder), "--prefix", PREFIX, "--latency", str(latency)) as url:
            yield url, Path(scratch)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=1500, help="for us (default: %(default)s)")
    parser.add_argument("--serial-assets", type=int, default=200, help="for the serial script (default: %(default)s)")
    parser.add_argument("--files", type=int, default=6, help="for one Blender per file (default: %(default)s)")
    parser.add_argument(
        "--latency", type=float, nargs="*", default=[0.0, 0.025], help="one way, in seconds (default: 0 0.025)"
    )
    parser.add_argument("--workers", type=int, default=2, help="default: %(default)s")
    parser.add_argument(
        "--rounds", type=int, default=1, help="of everything; the table shows each (default: %(default)s)"
    )
    options = parser.parse_args()

    table = Table("one way", "who", "assets", "ms / asset", "we are faster by", "start-up", "workers busy", box=None)
    for latency in options.latency * options.rounds:
        with library(options.assets, latency) as (url, scratch):
            us = ours(url, scratch, options.workers)
            peers = {
                "serial script": serial(url, options.serial_assets),
                "one Blender per file": one_blender_per_file(url, options.files),
            }
        busy = f"{us.busy:.0%}" if us.busy is not None else ""
        table.add_row(
            f"{latency * 1e3:g} ms",
            "ours",
            str(us.assets),
            f"{us.milliseconds:.2f}",
            "",
            f"{us.start_up_seconds:.1f} s",
            busy,
        )
        for name, peer in peers.items():
            start_up = f"{peer.start_up_seconds:.1f} s" if peer.start_up_seconds else "in it"
            ratio = f"{peer.milliseconds / us.milliseconds:.1f} times"
            table.add_row("", name, str(peer.assets), f"{peer.milliseconds:.1f}", ratio, start_up, "")
    Console().print(table)


if __name__ == "__main__":
    main()
