"""What was done: so that a run can be killed at any point and resumed, and unchanged assets are skipped.

The reports in the library are the truth; the ledger saves reading them and may be deleted at any time. It holds the
plan of the present run as well, so that the engine's memory does not grow with the library.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..model.entry import Extract, Place, places_of
from ..model.finding import VERDICTS, Verdict
from ..model.library import StoredObject
from .database import SHARED_FLUSH_SECONDS, Database
from .tables import ASSETS, EXTRACTS, LIBRARIES, RUNS

MAX_UNWRITTEN = 200
"""Results that wait to be written to a shared database."""

PAGE = 1000
"""Rows that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One asset of a run, with the key of its report. `known` is its outcome if it need not be looked at again."""

    item: StoredObject
    report_key: str
    known: Known | None = None
    judge: bool = False
    """Its report holds the facts that a judgement under the present profile needs."""
    run: int = 0
    """That it is part of, once the ledger has it."""
    batch: int | None = None
    """Of a farm: the batch that it goes with."""
    attempts: int = 0
    """How often a farm's worker ended while this was what it was at."""


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
    """Of one library. Used from several threads of one process.

    Results are written together: of a file whenever `flush` is called, to a shared database once a second. What is
    lost with the process is looked at again.
    """

    def __init__(self, database: Database | Path, *, library: str = "") -> None:
        """`library` tells those apart that share a database. Raises `UsageError` if it cannot be used."""
        self.database = database if isinstance(database, Database) else Database(database)
        self._library = self.database.write(lambda connection: _library(connection, library))
        self._unwritten: dict[str, _Result] = {}
        self._lock = threading.RLock()  # of what is unwritten
        self._written = time.monotonic()

    @classmethod
    def copy(cls, path: Path) -> Ledger:
        """A copy in memory of the ledger at `path`, if there is one: for a plan that leaves no trace."""
        copy = Database(Path(":memory:"))
        if path.exists():
            original = Database(path)
            to, of = copy.engine.raw_connection(), original.engine.raw_connection()
            of.driver_connection.backup(to.driver_connection)  # type: ignore[union-attr]
            original.close()
        return cls(copy)

    @property
    def path(self) -> str:
        """The file, or where the database is."""
        return self.database.name

    def close(self) -> None:
        self.database.close()

    # Runs

    def start_run(self, uri: str, shard: object, settings: dict[str, Any], *, priority: int = 0) -> int:
        """Begin a new run; what earlier runs left pending is left to it, and a farm gives them up."""
        values = {
            "library": self._library,
            "uri": uri,
            "shard": str(shard),
            "settings": json.dumps(settings),
            "started": time.time(),
            "priority": priority,
        }

        def start(connection: Connection) -> int:
            earlier = and_(RUNS.c.library == self._library, RUNS.c.finished.is_(None))
            connection.execute(update(RUNS).where(earlier).values(cancelled=True))
            inserted = connection.execute(insert(RUNS).values(values)).inserted_primary_key
            assert inserted
            number: int = inserted[0]
            return number

        return self.database.write(start)

    def unfinished_run(self, uri: str, shard: object) -> tuple[int, dict[str, Any], bool] | None:
        """Id, settings and "is its listing complete" of the last run of the shard, if it did not come to its end."""
        row = self._first(
            select(RUNS.c.id, RUNS.c.settings, RUNS.c.listed, RUNS.c.finished)
            .where(RUNS.c.library == self._library, RUNS.c.uri == uri, RUNS.c.shard == str(shard))
            .order_by(RUNS.c.id.desc())
            .limit(1)
        )
        return None if row is None or row.finished is not None else (row.id, json.loads(row.settings), row.listed)

    def mark_listed(self, run: int) -> None:
        self._update_run(run, listed=True)

    def finish_run(self, run: int) -> None:
        self.flush(all_of_it=True)
        self._update_run(run, finished=time.time())

    def keep_counts(self, run: int, counts: dict[str, Any]) -> None:
        """What `history` tells of a run."""
        self._update_run(run, counts=json.dumps(counts))

    def times(self, run: int) -> tuple[float, float]:
        """When it was started, and when it came to its end or else now: seconds since 1970."""
        row = self._first(select(RUNS.c.started, RUNS.c.finished).where(RUNS.c.id == run))
        return row.started, row.finished or time.time()

    def history(self, uri: str, shard: object, count: int) -> list[tuple[int, float, dict[str, Any]]]:
        """Id, end and counts of the last runs that came to an end, the oldest first."""
        of_shard = and_(RUNS.c.library == self._library, RUNS.c.uri == uri, RUNS.c.shard == str(shard))
        rows = self._all(
            select(RUNS.c.id, RUNS.c.finished, RUNS.c.counts)
            .where(of_shard, RUNS.c.finished.is_not(None), RUNS.c.counts.is_not(None))
            .order_by(RUNS.c.id.desc())
            .limit(count)
        )
        return [(row.id, row.finished, json.loads(row.counts)) for row in reversed(rows)]

    def _update_run(self, run: int, **values: Any) -> None:
        self.database.write(lambda connection: connection.execute(update(RUNS).where(RUNS.c.id == run).values(values)))

    # The plan

    def outcomes(self, keys: Sequence[str], digest: str) -> dict[str, tuple[str, Known]]:
        """ETag and outcome by key, of those of up to 1,000 keys that were done under these settings."""
        rows = self._all(
            select(ASSETS.c.key, ASSETS.c.etag, ASSETS.c.verdict, ASSETS.c.brief, ASSETS.c.report_etag).where(
                self._are(keys), ASSETS.c.digest == digest, ASSETS.c.verdict.is_not(None)
            )
        )
        return {
            row.key: (row.etag, Known(verdict=row.verdict, brief=json.loads(row.brief), report_etag=row.report_etag))
            for row in rows
            if row.report_etag is not None
        }

    def planned(self, run: int, keys: Sequence[str]) -> set[str]:
        """Those of up to 1,000 keys that are part of the run already."""
        return {row.key for row in self._all(select(ASSETS.c.key).where(self._are(keys), ASSETS.c.run == run))}

    def report_owners(self, run: int, report_keys: Sequence[str]) -> dict[str, str]:
        """The assets of the run that have these up to 1,000 report keys already, by report key."""
        of_run = and_(ASSETS.c.run == run, self.database.among(ASSETS.c.report_key, report_keys))
        return {row.report_key: row.key for row in self._all(select(ASSETS.c.report_key, ASSETS.c.key).where(of_run))}

    def add(self, run: int, plans: Sequence[Plan], digest: str) -> None:
        """Make assets part of the run: as `skipped` if their outcome is known, else as `pending`."""
        rows = [self._row(run, plan, digest) for plan in plans]
        known = [
            _Result(key=plan.item.key, run=run, values={}, extract=plan.known.extract)
            for plan in plans
            if plan.known and plan.known.extract
        ]

        def write(connection: Connection) -> None:
            self.database.replace(connection, ASSETS, rows)
            self._write_extracts(connection, known, unchanged=True)

        if rows:
            self.database.write(write)

    def _row(self, run: int, plan: Plan, digest: str) -> dict[str, Any]:
        item, known = plan.item, plan.known
        return {
            "library": self._library,
            "key": item.key,
            "size_bytes": item.size_bytes,
            "etag": item.etag,
            "last_modified": item.last_modified,
            "report_key": plan.report_key,
            "run": run,
            "state": "skipped" if known else "pending",
            "judge": plan.judge and not known,
            "digest": digest if known else None,
            "report_etag": known.report_etag if known else None,
            "verdict": known.verdict if known else None,
            "brief": json.dumps(known.brief) if known else None,
            "batch": plan.batch,
            "attempts": 0,
            "ended": time.time() if known else None,
        }

    def pending(self, run: int, *, after: str, count: int, batch: int | None = None) -> list[Plan]:
        """The next assets to do, in the order of keys, after a key; of a batch if one is named."""
        self.flush(all_of_it=True)
        wanted = and_(ASSETS.c.run == run, ASSETS.c.state == "pending", ASSETS.c.key > after)
        if batch is not None:
            wanted = and_(wanted, ASSETS.c.batch == batch)
        rows = self._all(select(ASSETS).where(wanted).order_by(ASSETS.c.key).limit(count))
        return [
            Plan(
                item=StoredObject(
                    key=row.key, size_bytes=row.size_bytes, etag=row.etag, last_modified=row.last_modified
                ),
                report_key=row.report_key,
                judge=row.judge,
                run=run,
                batch=row.batch,
                attempts=row.attempts,
            )
            for row in rows
        ]

    def look_afresh(self, plan: Plan) -> None:
        """Its report does not hold the facts after all."""
        self._update_asset(plan, judge=False)

    def begin_attempt(self, plan: Plan, attempts: int) -> None:
        """Say, before an asset is begun, that this is one attempt more: it outlives whatever the asset brings down."""
        self._update_asset(plan, attempts=attempts)

    def _update_asset(self, plan: Plan, **values: Any) -> None:
        statement = update(ASSETS).where(self._is(plan.item.key, plan.run)).values(values)
        self.database.write(lambda connection: connection.execute(statement))

    # Results

    def record(
        self,
        plan: Plan,
        item: StoredObject,
        *,
        digest: str | None,
        report_etag: str | None,
        verdict: Verdict,
        brief: dict[str, Any],
        extract: Extract,
    ) -> None:
        """One asset is done, from the next `flush` on. Without a digest the next run looks at it again.

        `item` is what was fetched. A later run that has the asset by then does it itself: nothing is written.
        """
        values = {
            "state": "done",
            "size_bytes": item.size_bytes,
            "etag": item.etag,
            "last_modified": item.last_modified,
            "digest": digest,
            "report_etag": report_etag,
            "verdict": verdict,
            "brief": json.dumps(brief),
            "ended": time.time(),
        }
        with self._lock:
            self._unwritten[plan.item.key] = _Result(key=plan.item.key, run=plan.run, values=values, extract=extract)

    def flush(self, *, all_of_it: bool = False) -> None:
        """Write results, if it is time for that or `all_of_it` is wanted."""
        with self._lock:
            results = list(self._unwritten.values())
            waits = SHARED_FLUSH_SECONDS if self.database.shared and not all_of_it else 0.0
            early = len(results) < MAX_UNWRITTEN and time.monotonic() - self._written < waits
            if not results or early:
                return
            try:
                self.database.write(lambda connection: self._write(connection, results))
            finally:  # after an error the run ends, and the next one looks at these again
                self._unwritten.clear()
                self._written = time.monotonic()

    def _write(self, connection: Connection, results: Sequence[_Result]) -> None:
        columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in results[0].values}
        connection.execute(
            update(ASSETS).where(self._is(bindparam("of"), bindparam("of_run"))).values(columns),
            [
                {"of": result.key, "of_run": result.run}
                | {f"new_{name}": value for name, value in result.values.items()}
                for result in results
            ],
        )
        self._write_extracts(connection, results)

    def _write_extracts(self, connection: Connection, results: Sequence[_Result], *, unchanged: bool = False) -> None:
        """With the findings that an asset had before its run; `unchanged` says that they are the present ones."""
        earlier = and_(EXTRACTS.c.library == ASSETS.c.library, EXTRACTS.c.key == ASSETS.c.key)
        there = {
            row.key: row
            for row in connection.execute(
                select(
                    ASSETS.c.key, ASSETS.c.run, EXTRACTS.c.run.label("looked"), EXTRACTS.c.extract, EXTRACTS.c.before
                )
                .join_from(ASSETS, EXTRACTS, earlier, isouter=True)
                .where(self._are([result.key for result in results]))
            )
        }
        rows = []
        for result in results:
            if (row := there.get(result.key)) and row.run == result.run and result.extract:
                before = row.before
                if row.looked is not None and row.looked != row.run:
                    before = json.dumps(places_of(_unpacked(row.extract)["findings"]))
                elif row.looked is None and unchanged:
                    before = json.dumps(places_of(result.extract["findings"]))
                packed = _packed(result.extract)
                rows.append(
                    {"library": self._library, "key": result.key, "run": row.run, "extract": packed, "before": before}
                )
        if rows:
            self.database.replace(connection, EXTRACTS, rows)

    def counts(self, run: int, *, batch: int | None = None) -> dict[str, int]:
        """Assets by verdict, done or skipped; how many are `skipped` and `pending`, and the `total`."""
        self.flush(all_of_it=True)
        of_run = ASSETS.c.run == run if batch is None else and_(ASSETS.c.run == run, ASSETS.c.batch == batch)
        rows = self._all(
            select(ASSETS.c.state, ASSETS.c.verdict, func.count(), func.sum(ASSETS.c.size_bytes))
            .where(of_run)
            .group_by(ASSETS.c.state, ASSETS.c.verdict)
        )
        names = (*VERDICTS, "skipped", "pending", "total", "pending_bytes")
        counts = dict.fromkeys(names, 0)
        for state, verdict, number, size in rows:
            counts["total"] += number
            if state == "pending":
                counts["pending"] += number
                counts["pending_bytes"] += int(size)
            else:
                counts[verdict] += number
                counts["skipped"] += number * (state == "skipped")
        return counts

    def rows(self, run: int) -> Iterator[Row]:
        """Every asset of the run, in the order of keys, without holding them in memory."""
        self.flush(all_of_it=True)
        extract_of = and_(EXTRACTS.c.library == ASSETS.c.library, EXTRACTS.c.key == ASSETS.c.key)
        columns = (ASSETS.c.key, ASSETS.c.report_key, ASSETS.c.state, ASSETS.c.verdict, ASSETS.c.brief)
        statement = (
            select(*columns, EXTRACTS.c.extract, EXTRACTS.c.run.label("looked"), EXTRACTS.c.before)
            .join_from(ASSETS, EXTRACTS, extract_of, isouter=True)
            .where(ASSETS.c.library == self._library, ASSETS.c.run == run)
            .order_by(ASSETS.c.key)
            .limit(PAGE)
        )
        after: str | None = None
        while page := self._all(statement if after is None else statement.where(ASSETS.c.key > after)):
            for row in page:
                extract = _unpacked(row.extract) if row.extract and row.verdict else None
                yield Row(
                    key=row.key,
                    report_key=row.report_key,
                    state=row.state,
                    verdict=row.verdict,
                    brief=json.loads(row.brief) if row.brief else {},
                    extract=extract,
                    before=_before(extract, row.before, earlier=row.looked != run),
                )
            after = page[-1].key

    def _is(self, key: Any, run: Any) -> Any:
        return and_(ASSETS.c.library == self._library, ASSETS.c.key == key, ASSETS.c.run == run)

    def _are(self, keys: Sequence[str]) -> Any:
        return and_(ASSETS.c.library == self._library, self.database.among(ASSETS.c.key, keys))

    def _first(self, statement: Any) -> Any:
        return self.database.read(lambda connection: connection.execute(statement).first())

    def _all(self, statement: Any) -> Sequence[Any]:
        return self.database.read(lambda connection: connection.execute(statement).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    key: str
    run: int
    values: dict[str, Any]
    extract: Extract | None


def _library(connection: Connection, name: str) -> int:
    """The number of a library, which is made if it is a new one."""
    statement = select(LIBRARIES.c.id).where(LIBRARIES.c.name == name)
    there: int | None = connection.execute(statement).scalar()
    if there is None:
        of_dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(of_dialect.insert(LIBRARIES).values(name=name).on_conflict_do_nothing())
        there = connection.execute(statement).scalar_one()
    return there


def _packed(extract: Extract) -> bytes:
    return zlib.compress(json.dumps(extract, separators=(",", ":")).encode(), 1)  # a sixth, and quicker to write


def _unpacked(packed: bytes) -> Extract:
    extract: Extract = json.loads(zlib.decompress(packed))
    return extract


def _before(extract: Extract | None, before: str | None, *, earlier: bool) -> list[Place] | None:
    if extract and earlier:  # an earlier run found it, and nothing has changed
        return places_of(extract["findings"])
    return [Place(*place) for place in json.loads(before)] if before else None
