"""`python -m benchmarks.scaling`: how a farm grows from one Blender to a thousand, on paper and in a simulation.

What work costs is measured here, in runs of a farm with real parts: seconds of a Blender, requests to S3, CPU seconds
of PostgreSQL and RabbitMQ, bytes of the database's log. On paper each part then bounds the throughput by what it has
over what an asset asks of it (the asymptotic bounds of operational analysis: Denning and Buzen, 1978). In the
simulation so many Blenders work at batches, with service times that vary, and wait for parts that are at others' work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simpy
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from demo.samples import small_library
from glb_batch_validator_addon.engine.database import SHARED_FLUSH_SECONDS, Database
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.submitting import Cutting
from tests.servers.light_s3 import light_s3_process

from .farm import RUN_BATCH, farm

PROCESSES = 2
BATCH = Cutting().assets
BLENDERS = (1, 10, 100, 1000)
WARM_UP_SECONDS, SIMULATED_SECONDS = 20.0, 80.0
SEED = 1

S3_GETS, S3_PUTS = 5500.0, 3500.0
"""Requests a second that AWS documents for each partitioned prefix of a bucket: GET and HEAD; PUT."""


class Used(NamedTuple):
    """Of the parts that all workers share."""

    database: float
    """CPU seconds."""
    broker: float
    """CPU seconds."""
    log: float
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run of a farm."""

    assets: int
    batches: int
    blender_seconds: float
    used: Used
    gets: int
    puts: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one asset of a library asks of each part."""

    name: str
    blender_seconds: float
    gets: float
    puts: float
    used: Used


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What there is of them, a second."""

    gets: float
    puts: float
    database: float
    broker: float

    def bounds(self, load: Load) -> dict[str, float]:
        """Assets a second that each can bear."""
        return {
            "S3 GET": self.gets / load.gets,
            "S3 PUT": self.puts / load.puts,
            "database": self.database / load.used.database,
            "broker": self.broker / load.used.broker,
        }


# Measured


def cpu_seconds(name: str) -> float:
    """Of all processes of this name below this one, and of those below them that have ended."""
    found: dict[int, tuple[int, str, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        fields = after.split()
        ticks = sum(map(int, fields[11:15]))
        found[int(stat.parent.name)] = int(fields[1]), before.partition("(")[2], ticks / os.sysconf("SC_CLK_TCK")

    def is_below(pid: int) -> bool:
        while pid in found and pid != os.getpid():
            pid = found[pid][0]
        return pid == os.getpid()

    return sum(seconds for pid, (_, command, seconds) in found.items() if command == name and is_below(pid))


def used(database: Database) -> Used:
    """Until now."""
    position = text("SELECT pg_current_wal_lsn() - '0/0'")
    log = database.read(lambda connection: connection.execute(position).scalar_one())
    return Used(cpu_seconds("postgres"), cpu_seconds("beam.smp"), float(log))


def measure(env: dict[str, str], folder: Path, *, assets: int, batch: int, previews: str) -> Measured:
    """Have a run done by two Blenders, on this machine as all else."""
    library = folder / f"library-{assets}"
    if not library.exists():
        small_library(library, assets, seed=1)
    database = Database(env["GLBV_DATABASE"], ssl_context=False)
    with light_s3_process("--folder", str(library)) as url, (folder / "worker.log").open("ab") as log:

        def requests() -> dict[str, int]:
            with urllib.request.urlopen(f"{url}/_counts") as answer:
                return dict(json.load(answer))

        place = ("--bucket", "b", "--endpoint-url", url, "--previews", previews, "--batch-assets", str(batch))
        subprocess.run([*RUN_BATCH, "farm", "submit", *place], env=env, check=True, stderr=subprocess.DEVNULL)
        run = (batches := Batches(database)).runs()[0].id
        before, asked = used(database), requests()
        worker = subprocess.Popen(
            [*RUN_BATCH, "farm", "worker", "--processes", str(PROCESSES)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            while not batches.run(run).finished:
                assert worker.poll() is None
                time.sleep(0.5)
            after, answered = used(database), requests()
        finally:
            worker.terminate()
            worker.wait()
    ended = text("SELECT max(ended) - min(ended) FROM assets WHERE run = :run")
    seconds = database.read(lambda connection: connection.execute(ended, {"run": run}).scalar_one())
    database.close()
    return Measured(
        assets=assets,
        batches=-(-assets // batch),
        blender_seconds=seconds * PROCESSES,
        used=Used(*np.subtract(after, before)),
        gets=sum(answered.get(kind, 0) - asked.get(kind, 0) for kind in ("GET", "HEAD")),
        puts=answered.get("PUT", 0) - asked.get("PUT", 0),
    )


def loads(env: dict[str, str], folder: Path) -> list[Load]:
    """Two kinds of library. What is shared is used for each asset, for each second that a Blender works, and for each
    batch: three runs that differ in these tell the three apart."""
    small = measure(env, folder, assets=2000, batch=BATCH, previews="off")
    in_bits = measure(env, folder, assets=2000, batch=10, previews="off")
    pictures = measure(env, folder, assets=120, batch=20, previews="cycles")
    runs = (small, in_bits, pictures)
    matrix = np.array([[run.assets, run.blender_seconds, run.batches] for run in runs])
    shares = np.linalg.solve(matrix, np.array([run.used for run in runs]))
    made = []
    for name, run in (("small assets without pictures", small), ("small assets with pictures", pictures)):
        seconds = run.blender_seconds / run.assets
        an_asset = Used(*(np.array([1.0, seconds, 1.0 / BATCH]) @ shares))
        if min(an_asset) <= 0:
            raise SystemExit("Something else was at work on this machine: the costs do not add up. Measure again.")
        gets, puts = run.gets / run.assets, run.puts / run.assets
        made.append(Load(name=name, blender_seconds=seconds, gets=gets, puts=puts, used=an_asset))
    return made


# Simulated


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """The steady state of a farm."""

    assets_per_second: float
    busy: dict[str, float]
    """The share of each part, and of the Blenders, that is in use."""


def simulate(load: Load, parts: Parts, blenders: int) -> Simulated:
    """So many Blenders that never lack a batch.

    Each works in turns, as long as results wait to be written, and has what it needs next fetched, and what it has made
    written, meanwhile. A part serves in the order of arrival; one of several cores serves as many at once.
    Times are exponential, but for those of S3, which admits so many requests a second.
    """
    chance, env = random.Random(SEED), simpy.Environment()
    needs = {
        "S3 GET": (load.gets, parts.gets),
        "S3 PUT": (load.puts, parts.puts),
        "database": (load.used.database, parts.database),
        "broker": (load.used.broker, parts.broker),
    }
    servers = {
        name: simpy.Resource(env, 1 if name.startswith("S3") else int(capacity))
        for name, (_, capacity) in needs.items()
    }
    turn = max(1, round(SHARED_FLUSH_SECONDS / load.blender_seconds))
    done = 0
    working = 0.0
    served = dict.fromkeys(servers, 0.0)

    def shared() -> Generator[simpy.Event, Any, None]:
        for name, server in servers.items():
            amount, capacity = needs[name]
            mean = turn * amount
            seconds = mean / capacity if name.startswith("S3") else chance.expovariate(1 / mean)
            with server.request() as request:
                yield request
                yield env.timeout(seconds)
            if env.now > WARM_UP_SECONDS:
                served[name] += seconds / server.capacity

    def blender() -> Generator[simpy.Event, Any, None]:
        nonlocal done, working
        yield env.timeout(chance.uniform(0, SHARED_FLUSH_SECONDS))
        while True:
            seconds = chance.gammavariate(turn, load.blender_seconds)  # the sum of so many exponential times
            yield env.all_of([env.timeout(seconds), env.process(shared())])
            if env.now > WARM_UP_SECONDS:
                done += turn
                working += seconds

    for _ in range(blenders):
        env.process(blender())
    env.run(until=WARM_UP_SECONDS + SIMULATED_SECONDS)
    busy = {name: seconds / SIMULATED_SECONDS for name, seconds in served.items()}
    return Simulated(
        assets_per_second=done / SIMULATED_SECONDS,
        busy={"Blenders": working / SIMULATED_SECONDS / blenders, **busy},
    )


def table(load: Load, parts: Parts, title: str) -> Table:
    """A row for each size of farm."""
    made = Table("Blenders", "bound/s", "by", "simulated/s", title=f"{load.name}; {title}")
    for name in ("Blenders", *parts.bounds(load)):
        made.add_column(f"{name} busy", justify="right")
    for blenders in BLENDERS:
        bounds = {"Blenders": blenders / load.blender_seconds, **parts.bounds(load)}
        first = min(bounds, key=lambda name: bounds[name])
        found = simulate(load, parts, blenders)
        shares = (f"{share:.0%}" for share in found.busy.values())
        made.add_row(f"{blenders:,}", f"{bounds[first]:,.0f}", first, f"{found.assets_per_second:,.0f}", *shares)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-cores", type=int, default=8)
    parser.add_argument("--broker-cores", type=int, default=4)
    parser.add_argument("--prefixes", type=int, default=16, help="of S3, besides one alone (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, farm(Path(name)) as env:
        found = loads(env, Path(name))
    console = Console(width=140)
    for load in found:
        cost = load.used
        console.print(
            f"{load.name}, each: {load.blender_seconds * 1e3:.0f} ms of a Blender, {load.gets:.0f} GET or HEAD,"
            f" {load.puts:.0f} PUT, {cost.database * 1e3:.2f} ms of the database's CPU, {cost.log / 1e3:.1f} kB of its"
            f" log, {cost.broker * 1e3:.2f} ms of the broker's CPU"
        )
        for prefixes in (1, options.prefixes):
            parts = Parts(
                gets=S3_GETS * prefixes,
                puts=S3_PUTS * prefixes,
                database=options.database_cores,
                broker=options.broker_cores,
            )
            cores = f"database {options.database_cores} cores, broker {options.broker_cores}"
            console.print(table(load, parts, f"S3 prefixes: {prefixes}, {cores}"))


if __name__ == "__main__":
    main()
