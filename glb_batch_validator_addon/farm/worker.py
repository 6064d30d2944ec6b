"""`farm worker`: Celery's worker, whose processes each have a station."""

from __future__ import annotations

import argparse
import logging
import math
import mmap
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import signals

from ..cli.logs import context, set_up_logging
from ..engine.database import Database
from ..errors import UsageError
from .app import TASK, make_app
from .batches import Batches
from .feeding import Feeder
from .metrics import Metrics, NullMetrics
from .places import broker_ssl, broker_url, open_database
from .station import Station

logger = logging.getLogger(__name__)

FEED_SECONDS = 5.0
"""Between two looks at what waits, besides those after every batch."""

HEAL_SECONDS = 15.0
"""Between two looks at what is lost, which asks the broker as well."""

LEAVE_SECONDS = 60.0
"""From SIGTERM or Ctrl-C until batches that have not come to their end are given back."""

SOLO = sys.platform in ("win32", "darwin")
"""One process does the batches itself: Windows cannot fork, and macOS not safely, so that Celery does not."""


def run_worker(options: argparse.Namespace) -> int:
    """Work until a signal ends it: SIGTERM lets batches come to their end for a while, and gives back the rest.

    Celery's own soft shutdown kills what is left, which costs batches an attempt, and SIGTERM waits for ever.
    """
    open_database(options).close()  # what is wrong with it is said now, and not by every process
    url = broker_url(options)
    app = make_app(url, ssl=broker_ssl(options, url), visibility_seconds=options.redis_visibility)
    if SOLO:
        app.conf.broker_heartbeat = 0  # there would be none during a batch, and the broker would hang up
    processes = 1 if SOLO else options.processes
    leave_at = _shared(math.inf)  # by `time.monotonic`, which all processes share
    metrics = _metrics(options)
    stations: list[Station] = []  # of this process: one, once it has forked

    def feeder_of(database: Database) -> Feeder:
        return Feeder(Batches(database), app, on_depth=metrics.queue_depth)

    @app.task(name=TASK, bind=True)
    def batch(task: Any, run: int, number: int) -> None:
        if not stations:
            database = open_database(options)
            station = Station(
                database,
                feeder_of(database),
                blender=options.blender,
                share=options.processes,
                metrics=metrics,
                has_to_leave=lambda: time.monotonic() >= leave_at[0],
            )
            stations.append(station)
        outcome = stations[0].work(run, number)
        logger.info("Batch %d of run %d: %s", number, run, outcome, extra={"run": run, "batch": number})

    def on_process_init(**_: Any) -> None:
        set_up_logging(options.log_format)

    def on_process_shutdown(**_: Any) -> None:
        for station in stations:
            station.close()

    def on_heartbeat(**_: Any) -> None:
        metrics.beat()

    def on_ready(**_: Any) -> None:
        feeding = (lambda: feeder_of(open_database(options)), metrics)
        threading.Thread(target=keep_fed, args=feeding, name="feeder", daemon=True).start()
        logger.info("Ready: %d processes for %s", processes, ", ".join(options.queues))

    def on_shutting_down(**_: Any) -> None:
        leave_at[0] = min(leave_at[0], time.monotonic() + LEAVE_SECONDS)

    signals.setup_logging.connect(lambda **_: set_up_logging(options.log_format), weak=False)
    signals.worker_process_init.connect(on_process_init, weak=False)
    signals.worker_process_shutdown.connect(on_process_shutdown, weak=False)
    signals.heartbeat_sent.connect(on_heartbeat, weak=False)
    signals.worker_ready.connect(on_ready, weak=False)
    signals.worker_shutting_down.connect(on_shutting_down, weak=False)
    hostname = f"glbv-{os.getpid()}@{socket.gethostname()}"
    try:
        worker = app.Worker(
            hostname=hostname,
            pool="solo" if SOLO else "prefork",
            concurrency=processes,
            queues=[f"glbv.{name}" for name in options.queues],
            loglevel="INFO",
            without_mingle=True,
            without_gossip=True,  # every worker would hear the heartbeats of every other one
            quiet=True,
        )
        with context(worker=hostname):  # what is forked has it too
            worker.start()
        return int(worker.exitcode or 0)
    finally:
        on_process_shutdown()  # of a process of its own Celery says so itself
        metrics.close()


def keep_fed(open_feeder: Callable[[], Feeder], metrics: NullMetrics) -> None:
    """Look after the queues for good: it is there to heal what others have broken, and nothing ends it."""
    feeder: Feeder | None = None
    healed = -math.inf
    while True:
        try:
            feeder = feeder or open_feeder()
            answers = feeder.feed()
            if time.monotonic() - healed >= HEAL_SECONDS:
                healed = time.monotonic()
                answers = feeder.heal() and answers
            if not answers or SOLO:
                metrics.beat()  # Celery sends no heartbeats without a broker, nor from the process of a batch
        except Exception as error:
            logger.warning("The queues could not be looked at: %s", error)
        time.sleep(FEED_SECONDS)


def _shared(value: float) -> memoryview[float]:
    """A number that this process and those it forks see alike; without a lock, with which one may be killed."""
    number = memoryview(mmap.mmap(-1, 8)).cast("d")
    number[0] = value
    return number


def _metrics(options: argparse.Namespace) -> NullMetrics:
    if not options.metrics:
        return NullMetrics()
    metrics = Metrics()
    try:
        logger.info("Metrics on http://%s/metrics", metrics.serve(options.metrics))
    except (OSError, ValueError) as error:
        metrics.close()
        raise UsageError(f"--metrics {options.metrics} cannot be listened on: {error}.") from error
    return metrics
