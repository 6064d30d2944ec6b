"""What was done, in SQLite: so that a run can be killed at any point and resumed, and unchanged assets are skipped.

The reports in the library are the truth; the ledger saves reading them and may be deleted at any time. It holds the
plan of the present run as well, so that the engine's memory does not grow with the library.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FullError, UsageError
from ..model.entry import Extract, Place, places_of
from ..model.finding import VERDICTS, Verdict
from ..model.library import StoredObject

LEDGER_VERSION = 5
LOCK_SECONDS = 60.0
"""To wait for another process that writes to the same ledger."""

_SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, library TEXT NOT NULL, shard TEXT NOT NULL, settings TEXT NOT NULL, started REAL NOT NULL,
    listed INTEGER NOT NULL DEFAULT 0, finished REAL, counts TEXT);
CREATE TABLE IF NOT EXISTS assets (
    key TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
    report_key TEXT NOT NULL, run INTEGER NOT NULL, state TEXT NOT NULL, judge INTEGER NOT NULL,
    digest TEXT, report_etag TEXT, verdict TEXT, brief TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extracts (key TEXT PRIMARY KEY, run INTEGER NOT NULL, extract BLOB NOT NULL, before TEXT);
CREATE INDEX IF NOT EXISTS by_state ON assets (run, state, key);
CREATE INDEX IF NOT EXISTS by_report ON assets (run, report_key);
PRAGMA user_version = {LEDGER_VERSION};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One asset of a run, with the key of its report. `known` is its outcome if it need not be looked at again."""

    item: StoredObject
    report_key: str
    known: Known | None = None
    judge: bool = False
    """Its report holds the facts that a judgement under the present profile needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an earlier report says of the same bytes under the same settings."""

    verdict: Verdict
    brief: dict[str, Any]
    report_etag: str
    extract: Extract | None = None
    """None if the ledger has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One asset in the order of keys: `state` is `pending`, `done` or `skipped`."""

    key: str
    report_key: str
    state: str
    verdict: Verdict | None
    brief: dict[str, Any]
    extract: Extract | None
    before: list[Place] | None
    """Its findings when the run began; None if no earlier run looked at it."""


class Ledger:
    """One file for one library. Used from several threads of one process."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises `UsageError` if the file is not a ledger or cannot be written."""
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_SECONDS)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > LEDGER_VERSION:
                raise UsageError(f"The ledger {path} was written by a newer version; name another one with --ledger.")
            if 0 < version < LEDGER_VERSION:  # what it knew is in the reports
                self._db.executescript("DROP TABLE runs; DROP TABLE assets; DROP TABLE IF EXISTS extracts;")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise UsageError(f"The ledger {path} cannot be used ({error}); name another file with --ledger.") from error

    @classmethod
    def copy(cls, path: Path) -> Ledger:
        """A copy in memory of the ledger at `path`, if there is one: for a plan that leaves no trace."""
        copy = cls(Path(":memory:"))
        if path.exists():
            original = cls(path)
            original._db.backup(copy._db)
            original.close()
        return copy

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Changes inside become durable together, when the outermost block ends: a commit per step, not per asset."""
        with self._locked():
            outermost = not self._db.in_transaction
            if outermost:
                self._db.execute("BEGIN")
            try:
                yield
            finally:  # also after an error: each change stands on its own
                if outermost and self._db.in_transaction:
                    self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """For one thread at a time; a full disk is a `FullError`, other trouble of SQLite a `UsageError`."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
                    raise FullError(f"No space left for the ledger {self.path}.") from error
                raise UsageError(f"The ledger {self.path} cannot be used any more: {error}.") from error

    # Runs

    def start_run(self, library: str, shard: tuple[int, int], settings: dict[str, Any]) -> int:
        """Begin a new run; what earlier runs left pending is left to it."""
        with self._locked():
            cursor = self._db.execute(
                "INSERT INTO runs (library, shard, settings, started) VALUES (?, ?, ?, ?)",
                (library, str(shard), json.dumps(settings), time.time()),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def unfinished_run(self, library: str, shard: tuple[int, int]) -> tuple[int, dict[str, Any], bool] | None:
        """Id, settings and "is its listing complete" of the last run of the shard, if it did not come to its end."""
        row = self._one(
            "SELECT id, settings, listed, finished FROM runs WHERE library = ? AND shard = ? ORDER BY id DESC LIMIT 1",
            (library, str(shard)),
        )
        return None if row is None or row[3] is not None else (row[0], json.loads(row[1]), bool(row[2]))

    def mark_listed(self, run: int) -> None:
        self._one("UPDATE runs SET listed = 1 WHERE id = ?", (run,))

    def finish_run(self, run: int) -> None:
        self._one("UPDATE runs SET finished = ? WHERE id = ?", (time.time(), run))

    def keep_counts(self, run: int, counts: dict[str, Any]) -> None:
        """What `history` tells of a run."""
        self._one("UPDATE runs SET counts = ? WHERE id = ?", (json.dumps(counts), run))

    def times(self, run: int) -> tuple[float, float]:
        """When it was started, and when it came to its end or else now: seconds since 1970."""
        row = self._one("SELECT started, finished FROM runs WHERE id = ?", (run,))
        assert row
        return row[0], row[1] or time.time()

    def history(self, library: str, shard: tuple[int, int], count: int) -> list[tuple[int, float, dict[str, Any]]]:
        """Id, end and counts of the last runs that came to an end, the oldest first."""
        with self._locked():
            rows = self._db.execute(
                "SELECT id, finished, counts FROM runs WHERE library = ? AND shard = ? AND finished IS NOT NULL"
                " AND counts IS NOT NULL ORDER BY id DESC LIMIT ?",
                (library, str(shard), count),
            ).fetchall()
        return [(row[0], row[1], json.loads(row[2])) for row in reversed(rows)]

    # The plan

    def outcomes(self, keys: Sequence[str], digest: str) -> dict[str, tuple[str, Known]]:
        """ETag and outcome by key, of those of up to 1,000 keys that were done under these settings."""
        marks = ",".join("?" * len(keys))
        with self._locked():
            rows = self._db.execute(
                f"SELECT key, etag, verdict, brief, report_etag FROM assets WHERE key IN ({marks})"
                " AND digest = ? AND verdict IS NOT NULL AND report_etag IS NOT NULL",
                [*map(_text, keys), digest],
            ).fetchall()
        return {
            _key(row[0]): (row[1], Known(verdict=row[2], brief=json.loads(row[3]), report_etag=row[4])) for row in rows
        }

    def planned(self, run: int, keys: Sequence[str]) -> set[str]:
        """Those of up to 1,000 keys that are part of the run already."""
        marks = ",".join("?" * len(keys))
        with self._locked():
            rows = self._db.execute(
                f"SELECT key FROM assets WHERE key IN ({marks}) AND run = ?", [*map(_text, keys), run]
            ).fetchall()
        return {_key(row[0]) for row in rows}

    def report_owners(self, run: int, report_keys: Sequence[str]) -> dict[str, str]:
        """The assets of the run that have these up to 1,000 report keys already, by report key."""
        marks = ",".join("?" * len(report_keys))
        with self._locked():
            rows = self._db.execute(
                f"SELECT report_key, key FROM assets WHERE report_key IN ({marks}) AND run = ?",
                [*map(_text, report_keys), run],
            ).fetchall()
        return {_key(row[0]): _key(row[1]) for row in rows}

    def add(self, run: int, plans: Sequence[Plan], digest: str) -> None:
        """Make assets part of the run: as `skipped` if their outcome is known, else as `pending`."""
        rows: list[tuple[Any, ...]] = []
        for plan in plans:
            item, known = plan.item, plan.known
            asset = (_text(item.key), item.size_bytes, item.etag, item.last_modified, _text(plan.report_key), run)
            if known:
                rows.append(
                    (*asset, "skipped", False, digest, known.report_etag, known.verdict, json.dumps(known.brief))
                )
            else:
                rows.append((*asset, "pending", plan.judge, None, None, None, None))
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            for plan in plans:
                if plan.known and plan.known.extract:
                    self._keep_extract(run, plan.item.key, plan.known.extract, unchanged=True)

    def pending(self, run: int, *, after: str, count: int) -> list[Plan]:
        """The next assets to do, in the order of keys, after a key."""
        with self._locked():
            rows = self._db.execute(
                "SELECT key, size_bytes, etag, last_modified, report_key, judge FROM assets"
                " WHERE run = ? AND state = 'pending' AND key > ? ORDER BY key LIMIT ?",
                (run, _text(after), count),
            ).fetchall()
        return [
            Plan(
                item=StoredObject(key=_key(row[0]), size_bytes=row[1], etag=row[2], last_modified=row[3]),
                report_key=_key(row[4]),
                judge=bool(row[5]),
            )
            for row in rows
        ]

    def look_afresh(self, key: str) -> None:
        """Its report does not hold the facts after all."""
        self._one("UPDATE assets SET judge = 0 WHERE key = ?", (_text(key),))

    # Results

    def record(
        self,
        key: str,
        item: StoredObject,
        *,
        digest: str | None,
        report_etag: str | None,
        verdict: Verdict,
        brief: dict[str, Any],
        extract: Extract,
    ) -> None:
        """One asset is done. Without a digest the next run looks at it again."""
        values = (item.size_bytes, item.etag, item.last_modified, digest, report_etag, verdict, json.dumps(brief))
        with self.transaction():
            self._one(
                "UPDATE assets SET state = 'done', size_bytes = ?, etag = ?, last_modified = ?, digest = ?,"
                " report_etag = ?, verdict = ?, brief = ? WHERE key = ?",
                (*values, _text(key)),
            )
            if row := self._one("SELECT run FROM assets WHERE key = ?", (_text(key),)):
                self._keep_extract(row[0], key, extract)

    def _keep_extract(self, run: int, key: str, extract: Extract, *, unchanged: bool = False) -> None:
        """With the findings that it had before the run; `unchanged` says that they are the present ones."""
        row = self._one("SELECT run, extract, before FROM extracts WHERE key = ?", (_text(key),))
        before = row[2] if row else None
        if row and row[0] != run:
            before = json.dumps(places_of(_unpacked(row[1])["findings"]))
        elif not row and unchanged:
            before = json.dumps(places_of(extract["findings"]))
        self._one("INSERT OR REPLACE INTO extracts VALUES (?, ?, ?, ?)", (_text(key), run, _packed(extract), before))

    def counts(self, run: int) -> dict[str, int]:
        """Assets by verdict, done or skipped; how many are `skipped` and `pending`, and the `total`."""
        with self._locked():
            rows = self._db.execute(
                "SELECT state, verdict, COUNT(*), SUM(size_bytes) FROM assets WHERE run = ? GROUP BY state, verdict",
                (run,),
            ).fetchall()
        names = (*VERDICTS, "skipped", "pending", "total", "pending_bytes")
        counts = dict.fromkeys(names, 0)
        for state, verdict, number, size in rows:
            counts["total"] += number
            if state == "pending":
                counts["pending"] += number
                counts["pending_bytes"] += size
            else:
                counts[verdict] += number
                counts["skipped"] += number * (state == "skipped")
        return counts

    def rows(self, run: int) -> Iterator[Row]:
        """Every asset of the run, in the order of keys, without holding them in memory."""
        with self._locked():
            cursor = self._db.execute(
                "SELECT assets.key, report_key, state, verdict, brief, extract, extracts.run, before FROM assets"
                " LEFT JOIN extracts ON extracts.key = assets.key WHERE assets.run = ? ORDER BY assets.key",
                (run,),
            )
            for key, report_key, state, verdict, brief, packed, extracted, before in cursor:
                extract = _unpacked(packed) if packed and verdict else None
                yield Row(
                    key=_key(key),
                    report_key=_key(report_key),
                    state=state,
                    verdict=verdict,
                    brief=json.loads(brief) if brief else {},
                    extract=extract,
                    before=_before(extract, before, earlier=extracted != run),
                )

    def _one(self, statement: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with self._locked():
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
            return row


def _packed(extract: Extract) -> bytes:
    return zlib.compress(json.dumps(extract, separators=(",", ":")).encode(), 1)  # a sixth, and quicker to write


def _unpacked(packed: bytes) -> Extract:
    extract: Extract = json.loads(zlib.decompress(packed))
    return extract


def _before(extract: Extract | None, before: str | None, *, earlier: bool) -> list[Place] | None:
    if extract and earlier:  # an earlier run found it, and nothing has changed
        return places_of(extract["findings"])
    return [Place(*place) for place in json.loads(before)] if before else None


# Keys are compared and stored as text that SQLite can hold; file names that are not Unicode (lone surrogates, PEP 383)
# are not, so these are stored as their bytes.
def _text(key: str) -> str | bytes:
    try:
        key.encode()
        return key
    except UnicodeEncodeError:
        return key.encode(errors="surrogateescape")


def _key(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="surrogateescape")
