"""`python -m benchmarks.farm`: what a farm costs beside the local engine on the same cores, and a submission in memory.

RabbitMQ and PostgreSQL are those of the test rig, on this machine. Throughput is taken from the times at which assets
ended, between the first and the last, so neither the start of Blender nor that of a process counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from demo.samples import small_library
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.tables import ASSETS
from tests.rig.parts import SERVICES
from tests.servers import postgres, rabbitmq
from tests.servers.light_s3 import Library, LightS3, Stored, SyntheticKeys

ROOT = Path(__file__).resolve().parents[1]
RUN_BATCH = [sys.executable, str(ROOT / "run_batch.py")]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}


@contextlib.contextmanager
def farm(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of commands of a farm."""
    for name in ("rabbitmq", "postgres"):
        (folder / name).mkdir()
    with (
        rabbitmq.running(SERVICES.path, data=folder / "rabbitmq") as broker,
        postgres.running(SERVICES.path, data=folder / "postgres") as database,
    ):
        places = {
            "GLBV_BROKER": broker.url,
            "GLBV_DATABASE": database.new_database(),
            "XDG_DATA_HOME": str(folder / "data"),  # pictures are made, not found
        }
        env = {**os.environ, **CREDENTIALS, **places}
        subprocess.run([*RUN_BATCH, "farm", "migrate"], env=env, check=True, stderr=subprocess.DEVNULL)
        yield env


def per_second(database: Database) -> float:
    """Of the latest run."""
    latest = select(func.max(ASSETS.c.run)).scalar_subquery()
    statement = select(func.count(), func.min(ASSETS.c.ended), func.max(ASSETS.c.ended)).where(ASSETS.c.run == latest)
    count, first, last = database.read(lambda connection: connection.execute(statement).one())
    return float((count - 1) / (last - first))


def overhead(env: dict[str, str], folder: Path, *, assets: int, rounds: int) -> None:
    """Local and farm in turn, over the same library."""
    library = folder / "library"
    small_library(library, assets, seed=1)
    command = [*RUN_BATCH, "farm", "worker", "--processes", "2"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        ratios = []
        for number in range(rounds):
            ledger = folder / f"{number}.sqlite"
            options = ["--folder", str(library), "--previews", "off", "--force", "--format", "none", "--json"]
            local = [*RUN_BATCH, *options, "--workers", "2", "--ledger", str(ledger)]
            subprocess.run(local, check=True, stdout=subprocess.DEVNULL)
            shared = [*RUN_BATCH, "farm", "submit", *options, "--watch"]
            subprocess.run(shared, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            alone = per_second(Database(ledger))
            together = per_second(Database(env["GLBV_DATABASE"], ssl_context=False))
            ratios.append(together / alone)
            print(f"local {alone:.1f}/s, farm {together:.1f}/s: {together / alone:.0%}", flush=True)
        print(f"The farm has {sorted(ratios)[len(ratios) // 2]:.0%} of the local throughput (median of {rounds}).")
    finally:
        worker.terminate()
        worker.wait()


def submission(env: dict[str, str], *, keys: int) -> None:
    """Seconds and peak memory of `farm submit` over a synthetic listing, and what waits in the broker then."""
    library = Library(keys=SyntheticKeys(keys), synthetic=Stored.of(b"glTF"))
    with LightS3(library=library) as server:
        place = ["--bucket", "b", "--prefix", library.keys[0][:1], "--endpoint-url", server.url]
        started = time.perf_counter()
        command = [*RUN_BATCH, "farm", "submit", *place, "--json"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            with contextlib.suppress(OSError, AttributeError):
                found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                peak = max(peak, int(found[1]) * 1024)  # type: ignore[index]
            time.sleep(0.1)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"`farm submit` ended with {process.returncode}.")
    status = subprocess.run([*RUN_BATCH, "farm", "status", "--json"], env=env, capture_output=True, text=True)
    said = json.loads(status.stdout)
    print(
        f"{keys:,} keys submitted in {seconds:.0f} s, {keys / seconds:,.0f}/s, peak {peak / 1e6:.0f} MB;"
        f" in the broker {said['queues']}, of batches {said['runs'][0]['batches']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, farm(Path(name)) as env:
        if options.rounds:
            overhead(env, Path(name), assets=options.assets, rounds=options.rounds)
        if options.keys:
            submission(env, keys=options.keys)


if __name__ == "__main__":
    main()
