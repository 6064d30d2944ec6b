"""What Prometheus may know of a worker machine.

    the parent:      Metrics() ... serve() ... fork
    its children:    take(event), batch_ended(...)          one run each
    the parent:      /metrics adds up what they have counted; /healthz answers while it beats

prometheus_client's multiprocess mode: every process counts in files of its own, in a folder that the parent makes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from .. import memory
from ..engine.events import AssetDone, Event, WorkerLost, WorkerRecycled, WorkerStarted

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

ADDRESS = "127.0.0.1:9808"

FRESH_SECONDS = 60.0
"""How old a beat may be: some times longer than the parent's loop takes when the machine is full."""

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of the histogram: from the container of a small asset to one at the time-out."""


class NullMetrics:
    """Counts nothing, for a worker without `--metrics`."""

    def take(self, event: Event) -> None:
        """Count what an engine's event tells. In any process and thread."""

    def batch_ended(self, outcome: str) -> None:
        """A batch came to an end here: `done`, `late`, or what else a station says of it. In any process."""

    def assets_parked(self, number: int) -> None:
        """So many assets are given up: they have had all their attempts. In any process."""

    def queue_depth(self, queue: str, number: int) -> None:
        """So many batches wait in a queue. By whoever knows; the newest word counts."""

    def beat(self) -> None:
        """The parent is alive."""

    def close(self) -> None:
        """Let go of server and files; for the process that made this. Others pass."""


class Metrics(NullMetrics):
    """Made in the parent before it forks."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._folder = tempfile.mkdtemp(prefix="glbv-metrics-")
        self._server: _Server | None = None
        self.beat()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = self._folder  # read as it is imported, and by what is forked
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        # Nobody reads this one: a page is made of all processes' files.
        into: dict[str, Any] = {"registry": CollectorRegistry()}
        self._assets = Counter("glbv_assets", "Assets with a report, by verdict", ["verdict"], **into)
        self._seconds = Histogram(
            "glbv_stage_seconds", "Seconds an asset spent in a stage", ["stage"], buckets=SECONDS, **into
        )
        self._started = Counter("glbv_blenders_started", "Background Blenders that came up", **into)
        self._start_seconds = Counter("glbv_blenders_start_seconds", "Seconds until they were up", **into)
        self._lost = Counter("glbv_blenders_lost", "Background Blenders that died at an asset", ["kind"], **into)
        self._recycled = Counter("glbv_blenders_recycled", "Background Blenders replaced in time", ["kind"], **into)
        self._batches = Counter("glbv_batches", "Batches that ended here", ["outcome"], **into)
        self._parked = Counter("glbv_assets_parked", "Assets given up after all their attempts", **into)
        self._depth = Gauge(
            "glbv_queue_depth", "Batches that wait", ["queue"], multiprocess_mode="livemostrecent", **into
        )

    def take(self, event: Event) -> None:
        if isinstance(event, AssetDone):
            self._assets.labels(event.verdict).inc()
            for stage, seconds in event.seconds.items():
                self._seconds.labels(stage).observe(seconds)
        elif isinstance(event, WorkerStarted):
            self._started.inc()
            self._start_seconds.inc(event.seconds)
        elif isinstance(event, WorkerLost):
            self._lost.labels(event.kind).inc()
        elif isinstance(event, WorkerRecycled):
            self._recycled.labels(event.kind).inc()

    def batch_ended(self, outcome: str) -> None:
        self._batches.labels(outcome).inc()

    def assets_parked(self, number: int) -> None:
        self._parked.inc(number)

    def queue_depth(self, queue: str, number: int) -> None:
        self._depth.labels(queue).set(number)

    def beat(self) -> None:
        self._beat = time.monotonic()

    @property
    def beaten_seconds_ago(self) -> float:
        return time.monotonic() - self._beat

    def serve(self, address: str = ADDRESS) -> str:
        """Answer `/metrics` and `/healthz` over HTTP from now on, in threads; returns the address with its port.

        `HOST:PORT`; port 0 takes any. There is no password: leave it on loopback, or to a network of your own.
        Raises OSError if that cannot be listened on, ValueError if it is no address.
        """
        from prometheus_client import CollectorRegistry, make_wsgi_app

        host, _, port = address.rpartition(":")
        registry = CollectorRegistry()
        registry.register(self)
        kind = _Server6 if ":" in host else _Server
        server = self._server = make_server(
            host.strip("[]"), int(port), _paths(make_wsgi_app(registry), self), server_class=kind, handler_class=_Silent
        )
        if sys.platform != "win32":  # where nothing forks
            os.register_at_fork(after_in_child=server.socket.close)  # a child that outlives us would keep the port
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        return f"{host}:{server.server_port}"

    def collect(self) -> Iterator[Any]:
        """All metrics of all processes: what prometheus_client asks of a collector."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for path in Path(self._folder).glob("*.db"):
            pid = int(path.stem.rpartition("_")[2])
            if sys.platform != "win32" and not _is_alive(pid):
                mark_process_dead(pid, self._folder)  # type: ignore[no-untyped-call]  # what it has counted stays
        files: Any = MultiProcessCollector(CollectorRegistry(), self._folder)  # type: ignore[no-untyped-call]
        yield from files.collect()
        yield from _processes(self._parent)

    def close(self) -> None:
        if os.getpid() != self._parent:
            return
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = 10  # for those that connect and say nothing

    def log_message(self, format: str, *arguments: object) -> None:
        """A line for every scrape would be most of the log."""


def _paths(metrics: Callable[..., Any], health: Metrics) -> Callable[..., Any]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        status, text = "404 Not Found", "There are /metrics and /healthz."
        if environ["PATH_INFO"] == "/healthz":
            seconds = health.beaten_seconds_ago
            status = "200 OK" if seconds <= FRESH_SECONDS else "503 Service Unavailable"
            text = f"The last beat was {seconds:.0f} seconds ago."
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    return answer


def _processes(parent: int) -> Iterator[GaugeMetricFamily]:
    """How many processes there are and what they hold, as they are now; where the system tells, which is Linux."""
    if sys.platform != "linux":
        return
    from prometheus_client.core import GaugeMetricFamily

    number = GaugeMetricFamily("glbv_processes", "Processes of the worker", labels=["kind"])
    resident = GaugeMetricFamily("glbv_resident_bytes", "Memory that they hold, a kind together", labels=["kind"])
    for kind, pids in _tree(parent).items():
        held = []
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just ended
                held.append(memory.resident_bytes(pid))
        number.add_metric([kind], len(held))
        resident.add_metric([kind], sum(held))
    yield from (number, resident)


def _tree(parent: int) -> dict[str, list[int]]:
    """The parent, the pool below it, and the Blenders below that; a `--blender` may be a script around one."""
    pool = _children(parent)
    blenders: list[int] = []
    below = pool
    while below := [child for pid in below for child in _children(pid)]:
        blenders += below
    return {"parent": [parent], "pool": pool, "blender": blenders}


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has its own
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def _is_alive(pid: int) -> bool:
    """Not for Windows, whose worker is one process: there signal 0 is Ctrl-C."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
