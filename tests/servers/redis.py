"""Redis that keeps its keys in an append-only file."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .daemon import Daemon, free_ports


@dataclass(frozen=True)
class Redis:
    """A running server; ``url`` is its database 0, as Celery and redis-py take it."""

    url: str
    _daemon: Daemon

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._daemon.kill()

    def start(self) -> None:
        """Start it again after `kill`, on the same port and data."""
        self._daemon.start()


@contextmanager
def running(
    rootfs: Path, *, data: Path, appendfsync: Literal["always", "everysec", "no"] = "everysec"
) -> Iterator[Redis]:
    """Run the server from the root file system ``rootfs``, with its files and log in the empty folder ``data``.

    Raises:
        RuntimeError: it did not start; the message holds what it printed.
    """
    [port], password = free_ports(1), secrets.token_hex(16)
    settings = data / "redis.conf"
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {data}\n"
        f"appendonly yes\nappendfsync {appendfsync}\n"
        'save ""\n'  # the append-only file is all there is to start from
    )
    command = ("/usr/bin/redis-server", str(settings))
    daemon = Daemon(rootfs, *command, ready=b"Ready to accept connections", log=data / "output.log")
    try:
        daemon.start()
        yield Redis(f"redis://:{password}@127.0.0.1:{port}/0", daemon)
    finally:
        daemon.kill()
