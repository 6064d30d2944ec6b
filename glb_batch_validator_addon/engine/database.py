"""A database behind a ledger: a SQLite file of one machine, or PostgreSQL that many share. The same for both.

What is to be done is a function of a connection, in one transaction. A lost PostgreSQL is waited for, and then the
function is called once more: so all that is done here may be done twice.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Table,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
    extract,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import StaticPool

from ..errors import FullError, UnavailableError, UsageError
from .tables import METADATA

SCHEMA_VERSION = 7
"""Of SQLite files: one of an earlier version is emptied, as what it knew is in the reports."""

LOCK_SECONDS = 60.0
"""To wait for another process that writes to the same SQLite file."""

RECONNECT_SECONDS = 300.0
"""To wait for a PostgreSQL that is away: it may have to recover from a crash."""

CONNECT_SECONDS = 10.0
"""For a PostgreSQL to take a connection: what is not there any more, machine or network, refuses none."""

_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
"""After a minute (seconds, a number of probes, milliseconds) a machine that vanished is noticed; by default after two
hours. Systems have some of these."""

SHARED_FLUSH_SECONDS = 1.0
"""Between two writings of results to a shared database: one transaction over the network for many assets."""

_SQLITE_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
_POSTGRES_FULL = "53100"
_POSTGRES_PASSING = ("08", "57P", "40001", "40P01", "53300")
"""SQLSTATEs: connection lost, shutting down or starting up, serialization and deadlock, too many connections."""

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database:
    """One at a time of several threads is in it."""

    def __init__(self, place: Path | str, *, ssl_context: Any = None) -> None:
        """A file, `:memory:`, or a `postgresql+pg8000://` URL. Raises `UsageError` if it cannot be used."""
        self.shared = "://" in str(place)
        self.name = _without_password(str(place)) if self.shared else str(place)
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        try:
            self._engine = _postgres(str(place), ssl_context) if self.shared else _sqlite(Path(place))
            if not self.shared:
                self.write(_prepare)
        except (DBAPIError, OSError) as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        with self._lock:
            self._engine.dispose()

    def read(self, work: Work[T]) -> T:
        """`work` in a transaction that only reads."""
        return self._do(work, write=False)

    def write(self, work: Work[T]) -> T:
        """`work` in a transaction of its own, or in the one that it is called in."""
        return self._do(work, write=True)

    def clock(self) -> ColumnElement[float]:
        """Seconds since 1970 by the one clock that all machines share."""
        if not self.shared:
            return literal(time.time())
        return cast(extract("epoch", func.clock_timestamp()), Float(53))

    # PostgreSQL gets many values as arrays: a statement with a parameter for each takes ten times as long to make.

    def among(self, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Whether a column holds one of these."""
        return column == any_(_array(column, values)) if self.shared else column.in_(values)

    def replace(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or put them in the place of those with the same primary keys; all name the same columns."""
        if not self.shared:
            connection.execute(insert(table).prefix_with("OR REPLACE"), rows)
            return
        columns = [table.c[name] for name in rows[0]]
        arrays = [_array(column, [row[column.name] for row in rows]) for column in columns]
        new = select(func.unnest(*arrays).table_valued(*rows[0]).render_derived())
        made = postgresql.insert(table).from_select(columns, new)
        values = {column.name: made.excluded[column.name] for column in columns if not column.primary_key}
        connection.execute(made.on_conflict_do_update(index_elements=list(table.primary_key), set_=values))

    @property
    def engine(self) -> Engine:
        """For migrations, and to copy."""
        return self._engine

    def _do(self, work: Work[T], *, write: bool) -> T:
        with self._lock:
            if self._connection is not None:  # inside of another one's
                return work(self._connection)
            deadline = time.monotonic() + RECONNECT_SECONDS
            pause = 0.1
            while True:
                try:
                    return self._once(work, write)
                except (DBAPIError, OSError) as error:
                    if not self.shared or not _is_passing(error):
                        raise self._refusal(error) from error
                    if time.monotonic() > deadline:
                        raise UnavailableError(f"The database {self.name} does not answer: {_first(error)}.") from error
                    self._engine.dispose()
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, 5.0)

    def _once(self, work: Work[T], write: bool) -> T:
        with self._engine.connect() as connection:
            connection = connection.execution_options(immediate=write)
            with connection.begin():
                self._connection = connection
                try:
                    return work(connection)
                finally:
                    self._connection = None

    def _refusal(self, error: DBAPIError | OSError) -> FullError | UsageError:
        """A full disk is a `FullError`, other trouble a `UsageError`."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorname", None) in _SQLITE_FULL or _sqlstate(cause) == _POSTGRES_FULL:
            return FullError(f"No space left for the ledger {self.name}.")
        advice = "" if self.shared else "; name another file with --ledger"
        return UsageError(f"The ledger {self.name} cannot be used ({_first(error)}){advice}.")


def _array(column: Column[Any], values: Sequence[Any]) -> BindParameter[Any]:
    return bindparam(column.name, values, type_=postgresql.ARRAY(column.type), unique=True)


def _sqlite(path: Path) -> Engine:
    if str(path) != ":memory:":
        path.parent.mkdir(parents=True, exist_ok=True)
    # Transactions are ours (`isolation_level=None`): one that writes takes the lock at its start, or two processes
    # that both read first would wait for each other.
    arguments = {"timeout": LOCK_SECONDS, "isolation_level": None, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _postgres(url: str, ssl_context: Any) -> Engine:
    # It logs a traceback for each connection that a killed server has left behind; they are waited for here.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    arguments = {"ssl_context": ssl_context, "application_name": "glb-batch-validator"}
    engine = create_engine(url, pool_size=1, max_overflow=0, connect_args=arguments, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> Any:
        if not parameters.get("unix_sock"):
            place = parameters.get("host") or "localhost", parameters.get("port", 5432)
            made = socket.create_connection(place, timeout=CONNECT_SECONDS)
            made.settimeout(None)  # a statement may take long
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEP_ALIVE.items():
                if hasattr(socket, name):
                    made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            # A statement is sent in pieces, and the second waits for the first one's acknowledgement (40 ms) else.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            parameters["sock"] = made
        return dialect.loaded_dbapi.Connection(**parameters)

    return engine


def _prepare(connection: Connection) -> None:
    version: int = connection.execute(text("PRAGMA user_version")).scalar_one()
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"The ledger {connection.engine.url.database} was written by a newer version; name another one with"
            " --ledger."
        )
    if version < SCHEMA_VERSION:
        for table in inspect(connection).get_table_names():
            connection.exec_driver_sql(f'DROP TABLE "{table}"')
        METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _is_passing(error: DBAPIError | OSError) -> bool:
    if not isinstance(error, DBAPIError):
        return True
    code = _sqlstate(error.orig)
    if code:
        return code.startswith(_POSTGRES_PASSING)
    return isinstance(error, (InterfaceError, OperationalError)) or error.connection_invalidated


def _sqlstate(error: Any) -> str:
    fields = error.args[0] if error is not None and error.args else None
    return str(fields.get("C", "")) if isinstance(fields, dict) else ""


def _first(error: DBAPIError | OSError) -> str:
    """What the database said, without the statement and its values."""
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    fields = cause.args[0] if cause is not None and cause.args else None
    said = fields.get("M", "") if isinstance(fields, dict) else str(cause)
    return said.partition("\n")[0].rstrip(".")


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    made = make_url(url)
    return f"{made.host or 'localhost'}:{made.port or 5432}/{made.database}"
