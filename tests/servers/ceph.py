"""Ceph's S3 gateway in front of a one-node cluster in memory. It checks secrets and knows conditional writes."""

from __future__ import annotations

import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..rig.sandbox import enter
from . import S3Server

_SCRIPT = Path(__file__).with_name("ceph_rgw.sh")
_START_SECONDS = 120


@contextmanager
def running(rootfs: Path, *, data: Path) -> Iterator[S3Server]:
    """Run the server from the root file system ``rootfs``, with its files and logs in the empty folder ``data``.

    Raises:
        RuntimeError: it did not start; the message holds what it printed.
    """
    monitor_port, gateway_port = _free_ports(2)
    access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
    arguments = (str(data), str(monitor_port), str(gateway_port), access_key, secret_key)
    # In a process namespace of its own all daemons end with the first process.
    command = (*enter(rootfs, "--unshare-pid"), "/bin/sh", str(_SCRIPT), *arguments)
    log = data / "output.log"
    with log.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
        watchdog = threading.Timer(_START_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdout
            if b"ready\n" not in iter(process.stdout.readline, b""):
                raise RuntimeError(f"Ceph did not start: {log.read_text(errors='replace')[-3000:]}")
            watchdog.cancel()
            yield S3Server(f"http://127.0.0.1:{gateway_port}", access_key, secret_key, region="us-east-1")
        finally:
            watchdog.cancel()
            process.kill()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
