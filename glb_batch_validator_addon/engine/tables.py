"""The tables of a ledger and, where a farm shares it, of its batches. Equal in SQLite and in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
)

MAX_LIBRARY = 2000
"""Characters of what identifies a library."""


class Key(TypeDecorator[str]):
    """A key as its bytes: it sorts as S3 lists it in every database, and file names that are not Unicode (lone
    surrogates, PEP 383) are kept."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.encode(errors="surrogateescape")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode(errors="surrogateescape")


METADATA = MetaData()

LIBRARIES = Table(
    "libraries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(MAX_LIBRARY), nullable=False, unique=True),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("library", Integer, nullable=False),
    Column("uri", Text, nullable=False),
    Column("shard", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("started", Float(53), nullable=False),
    Column("listed", Boolean, nullable=False, default=False),
    Column("finished", Float(53)),
    Column("counts", Text),
    Column("priority", Integer, nullable=False, default=0),
    Column("cancelled", Boolean, nullable=False, default=False),
    Column("trouble", Text),
    Index("runs_by_library", "library", "shard", "id"),
)

ASSETS = Table(
    "assets",
    METADATA,
    Column("library", Integer, nullable=False),
    Column("key", Key, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("report_key", Key, nullable=False),
    Column("run", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("judge", Boolean, nullable=False),
    Column("digest", Text),
    Column("report_etag", Text),
    Column("verdict", String(12)),
    Column("brief", Text),
    Column("batch", Integer),
    Column("attempts", Integer, nullable=False, default=0),
    Column("ended", Float(53)),
    PrimaryKeyConstraint("library", "key"),
    Index("assets_by_state", "run", "state", "key"),
    Index("assets_by_report", "run", "report_key"),
    Index("assets_by_batch", "run", "batch"),
    Index("assets_by_end", "run", "ended"),
    sqlite_with_rowid=False,
)

EXTRACTS = Table(
    "extracts",
    METADATA,
    Column("library", Integer, nullable=False),
    Column("key", Key, nullable=False),
    Column("run", Integer, nullable=False),
    Column("extract", LargeBinary, nullable=False),
    Column("before", Text),
    PrimaryKeyConstraint("library", "key"),
)

BATCHES = Table(
    "batches",
    METADATA,
    Column("run", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("queue", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", Text),
    Column("seen", Float(53), nullable=False),
    PrimaryKeyConstraint("run", "number"),
    Index("batches_by_state", "state", "queue", "run", "number"),
)
