"""`farm worker`: Celery's worker, whose processes each have a station."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import time
from typing import Any

from celery import signals

from ..cli.logs import context, set_up_logging
from ..errors import UsageError
from .app import TASK, make_app
from .batches import Batches
from .feeding import Feeder
from .metrics import Metrics, NullMetrics
from .places import broker_ssl, broker_url, open_database
from .station import Station

logger = logging.getLogger(__name__)

FEED_SECONDS = 5.0
"""Between two looks at the queues, besides those after every batch."""


def run_worker(options: argparse.Namespace) -> int:
    """Work until a signal ends it: SIGTERM lets batches come to their end for a while, and gives back the rest."""
    open_database(options).close()  # what is wrong with it is said now, and not by every process
    url = broker_url(options)
    app = make_app(url, ssl=broker_ssl(options, url), visibility_seconds=options.redis_visibility)
    metrics = _metrics(options)
    stations: list[Station] = []  # of this process: one, once it has forked

    def feeder_of(batches: Batches) -> Feeder:
        return Feeder(batches, app, on_depth=metrics.queue_depth)

    @app.task(name=TASK, bind=True)
    def batch(task: Any, run: int, number: int) -> None:
        if not stations:
            database = open_database(options)
            station = Station(
                database,
                feeder_of(Batches(database)),
                blender=options.blender,
                share=options.processes,
                metrics=metrics,
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
        threading.Thread(target=keep_fed, name="feeder", daemon=True).start()
        logger.info("Ready: %d processes for %s", options.processes, ", ".join(options.queues))

    def keep_fed() -> None:
        database = open_database(options)
        feeder = feeder_of(Batches(database))
        while True:
            try:
                if not feeder.feed():
                    metrics.beat()  # without a broker there are no heartbeats, and nothing here to be ended for
                feeder.heal()
            except Exception as error:  # it is there to heal what others have broken
                logger.warning("The queues could not be looked at: %s", error)
            time.sleep(FEED_SECONDS)

    signals.setup_logging.connect(lambda **_: set_up_logging(options.log_format), weak=False)
    signals.worker_process_init.connect(on_process_init, weak=False)
    signals.worker_process_shutdown.connect(on_process_shutdown, weak=False)
    signals.heartbeat_sent.connect(on_heartbeat, weak=False)
    signals.worker_ready.connect(on_ready, weak=False)
    hostname = f"glbv-{os.getpid()}@{socket.gethostname()}"
    try:
        worker = app.Worker(
            hostname=hostname,
            pool="solo" if sys.platform == "win32" else "prefork",
            concurrency=options.processes,
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
        metrics.close()


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
