"""A server in one of the rig's root file systems that tests may kill and start again."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..rig.sandbox import enter, program_pid


class Daemon:
    """A server and all the processes it makes, which live and die together.

    ``options`` are further ones of bwrap. The server is started once ``ready`` appears in what it prints; all that is
    in ``log``, of every start.
    """

    def __init__(
        self,
        rootfs: Path,
        *command: str,
        ready: bytes,
        log: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        start_seconds: float = 60,
    ) -> None:
        # In a process namespace of its own all of it ends with the first process, also with SIGKILL.
        self._command = (*enter(rootfs, "--unshare-pid", *options), *command)
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}
        self._ready = ready
        self._log = log
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers. It ends with the thread that calls this.

        Raises:
            RuntimeError: it did not start; the message holds what it printed.
        """
        assert self._process is None, "it runs"
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        deadline = time.monotonic() + self._start_seconds
        while self._ready not in (said := self._log.read_bytes()[begin:]):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._command[-1]} did not start: {said.decode(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End all processes of the server with SIGKILL; when this returns, none of them is left."""
        if not self._process:
            return
        try:
            # The namespace's first process. The kernel kills the others with it, and only then lets it be waited for.
            os.kill(program_pid(self._process.pid), signal.SIGKILL)
        except (OSError, ValueError):  # there is none, yet or any more
            self._process.kill()
        self._process.wait()
        self._process = None


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on and that no connection takes for its own end while a server is down.

    Linux takes those from 32768 on: a client that keeps trying a port from there may connect to itself.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(10000, 32768)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port not in ports:
            ports.append(port)
    return ports
