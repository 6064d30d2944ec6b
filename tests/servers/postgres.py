"""PostgreSQL as it is delivered: what it has committed is on the disk."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..rig.sandbox import enter
from .daemon import Daemon, free_ports
from .tls import Tls

_USER = "tester"
# It refuses root. In a user namespace it is somebody else (1 is Debian's "daemon"), and its files are still ours.
# Shared memory of its own ends with it; a killed server would leave it behind on the host.
_OPTIONS = ("--unshare-user", "--uid", "1", "--gid", "1", "--unshare-ipc", "--tmpfs", "/dev/shm")


@dataclass(frozen=True)
class Postgres:
    """A running server; ``url`` is its database "postgres", as SQLAlchemy takes it."""

    url: str
    tls: Tls | None
    _rootfs: Path
    _port: int
    _password: str
    _daemon: Daemon

    def new_database(self) -> str:
        """The URL of a new and empty database."""
        name = f"test_{secrets.token_hex(6)}"
        program = _program(self._rootfs, "createdb")
        command = (*enter(self._rootfs), program, "-h", "127.0.0.1", "-p", str(self._port), "-U", _USER, name)
        subprocess.run(command, env={**os.environ, "PGPASSWORD": self._password}, check=True, capture_output=True)
        return self.url.removesuffix("postgres") + name

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._daemon.kill()

    def start(self) -> None:
        """Start it again after `kill`, on the same port and data."""
        self._daemon.start()


@contextmanager
def running(rootfs: Path, *, data: Path, tls: Tls | None = None) -> Iterator[Postgres]:
    """Run the server from the root file system ``rootfs``, with its files and log in the empty folder ``data``.

    With ``tls`` it speaks nothing else.

    Raises:
        RuntimeError: it did not start; the message holds what it printed.
    """
    [port], password = free_ports(1), secrets.token_hex(16)
    cluster, secret = data / "cluster", data / "password"
    secret.write_text(password)
    initdb = (_program(rootfs, "initdb"), f"--pgdata={cluster}", f"--username={_USER}", f"--pwfile={secret}")
    options = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    made = subprocess.run((*enter(rootfs, *_OPTIONS), *initdb, *options), capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stdout[-2000:]}{made.stderr[-2000:]}")
    (cluster / "pg_hba.conf").write_text(f"{'hostssl' if tls else 'host'} all all 127.0.0.1/32 scram-sha-256\n")
    settings = [f"port = {port}", "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''"]
    settings += ["max_connections = 100"]
    if tls:
        settings += ["ssl = on", f"ssl_cert_file = '{tls.certificate}'", f"ssl_key_file = '{tls.key}'"]
    with (cluster / "postgresql.conf").open("a") as file:
        file.write("\n".join(settings) + "\n")
    command = (_program(rootfs, "postgres"), "-D", str(cluster))
    ready, log = b"database system is ready to accept connections", data / "output.log"
    daemon = Daemon(rootfs, *command, ready=ready, log=log, options=_OPTIONS)
    try:
        daemon.start()
        url = f"postgresql+pg8000://{_USER}:{password}@127.0.0.1:{port}/postgres"
        yield Postgres(url, tls, rootfs, port, password, daemon)
    finally:
        daemon.kill()


def _program(rootfs: Path, name: str) -> str:
    [folder] = rootfs.glob("usr/lib/postgresql/*/bin")
    return f"/{folder.relative_to(rootfs)}/{name}"
