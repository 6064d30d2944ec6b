"""RabbitMQ: one node, without plugins."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .daemon import Daemon, free_ports
from .tls import Tls


@dataclass(frozen=True)
class RabbitMq:
    """A running server; ``url`` is its virtual host "/", as Celery and kombu take it."""

    url: str
    tls: Tls | None
    _daemon: Daemon

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._daemon.kill()

    def start(self) -> None:
        """Start it again after `kill`, on the same port and data."""
        self._daemon.start()


@contextmanager
def running(rootfs: Path, *, data: Path, tls: Tls | None = None, rights: str = ".*") -> Iterator[RabbitMq]:
    """Run the server from the root file system ``rootfs``, with its files and log in the empty folder ``data``.

    With ``tls`` it speaks nothing else. Its user may configure, write and read what ``rights``, a regular expression,
    names.

    Raises:
        RuntimeError: it did not start; the message holds what it printed.
    """
    port, names_port, node_port = free_ports(3)
    user, password = "tester", secrets.token_hex(16)
    settings = data / "rabbitmq.conf"
    settings.write_text(
        f"default_user = {user}\ndefault_pass = {password}\n"
        + "".join(f"default_permissions.{right} = {rights}\n" for right in ("configure", "write", "read"))
        + "log.console = true\nlog.file = false\n"
        "disk_free_limit.absolute = 50MB\n"  # below it, publishers wait; a test machine's disk may be nearly full
        + (
            f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{port}\n"
            f"ssl_options.cacertfile = {tls.ca}\nssl_options.certfile = {tls.certificate}\n"
            f"ssl_options.keyfile = {tls.key}\nssl_options.verify = verify_none\n"
            if tls
            else f"listeners.tcp.1 = 127.0.0.1:{port}\n"
        )
    )
    plugins = data / "enabled_plugins"
    plugins.write_text("[].\n")
    environment = {
        "HOME": str(data),  # of the cookie
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_CONFIG_FILE": str(settings),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOG_BASE": str(data / "log"),
        # Nodes find each other through epmd. One each, on loopback alone, so that they never do.
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names_port),
        "RABBITMQ_DIST_PORT": str(node_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    # Not /usr/sbin/rabbitmq-server, which would become another user.
    command = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    ready, log = b"Server startup complete", data / "output.log"
    daemon = Daemon(rootfs, command, ready=ready, log=log, environment=environment, start_seconds=120)
    try:
        daemon.start()
        yield RabbitMq(f"{'amqps' if tls else 'amqp'}://{user}:{password}@127.0.0.1:{port}//", tls, daemon)
    finally:
        daemon.kill()
