"""The way to a shared database: when it has gone, and how it is named."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from glb_batch_validator_addon.engine import database as module
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.errors import UnavailableError


@contextlib.contextmanager
def vanished() -> Iterator[int]:
    """The port of a machine that is gone: nothing answers. Here the queue of a listener is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue refuses elsewhere")
def test_a_database_that_has_vanished_is_waited_for_no_longer_than_one_that_refuses(monkeypatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.0)
    started = time.monotonic()
    with vanished() as port:
        database = Database(f"postgresql+pg8000://me@127.0.0.1:{port}/farm", ssl_context=False)
        with pytest.raises(UnavailableError, match="does not answer"):
            database.read(lambda connection: None)
    assert 0.5 <= time.monotonic() - started < 10


def connected(database: Database) -> socket.socket:
    """The socket under it, which pg8000 keeps to itself."""

    def read(connection) -> socket.socket:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
        return connection.connection.driver_connection._usock

    return database.read(read)


@pytest.mark.skipif(sys.platform != "linux", reason="systems have some of these")
def test_a_connection_notices_within_a_minute_that_the_other_machine_is_gone(postgres) -> None:
    made = connected(Database(postgres.url, ssl_context=False))
    idle, between, count, unacknowledged_ms = (
        made.getsockopt(socket.IPPROTO_TCP, name)
        for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    )
    assert idle + between * count == unacknowledged_ms / 1000 == 60
    assert made.gettimeout() is None, "a statement may take as long as it needs"


def test_a_database_without_a_host_is_on_this_machine(postgres) -> None:
    assert connected(Database(postgres.url.replace("127.0.0.1", ""), ssl_context=False))
