"""The batches of runs in the shared database: who has which, what waits, what is cancelled, how far a run is.

    waiting --sent to the broker--> sent --taken by a worker--> running --> done
       ^---------- given back, or lost with a broker or a worker ------'

A message names a batch and nothing else, so one that is lost or comes twice does no harm: the newest delivery of a
batch has it, and an earlier one that is still at it notices at its next beat.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, and_, case, func, insert, select, text, tuple_, update

from ..engine.database import Database
from ..engine.ledger import Plan
from ..engine.tables import ASSETS, BATCHES, LIBRARIES, RUNS
from ..errors import UsageError

Queue = Literal["cpu", "gpu", "large"]

SENT_LOST_SECONDS = 60.0
"""Of batches that were sent so long ago, as many are lost as wait in no queue."""

RUNNING_LOST_SECONDS = 120.0
"""A batch whose worker has not beaten for so long is lost: the machine has gone, or hangs."""

_BATCH = tuple_(BATCHES.c.run, BATCHES.c.number)

_SENDING = 0x676C6276
"""PostgreSQL's advisory lock of those that send: any number that is always the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmRun:
    """A run of the farm."""

    id: int
    library: str
    """What its ledger is known by in the database."""
    uri: str
    arguments: list[str]
    """The options that it was submitted with."""
    digest: str
    """Of its settings: a worker that would come to another one does not take part."""
    started: float
    finished: float | None
    listed: bool
    cancelled: bool
    priority: int
    cutting: dict[str, Any]
    """How its assets were put together into batches."""
    trouble: str
    """Why a worker could not work at it lately, "" if all could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A batch that a worker has taken."""

    run: int
    number: int
    attempts: int
    """How often it was begun and not ended, this time included."""
    owner: str


class Batches:
    """All runs of one database. Used from several threads."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # Runs

    def runs(self, *numbers: int) -> list[FarmRun]:
        """These, or all; the latest first."""
        statement = select(RUNS, LIBRARIES.c.name).join_from(RUNS, LIBRARIES, RUNS.c.library == LIBRARIES.c.id)
        statement = statement.order_by(RUNS.c.id.desc())
        if numbers:
            statement = statement.where(RUNS.c.id.in_(numbers))
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [_farm_run(row) for row in rows]

    def run(self, number: int) -> FarmRun:
        """Raises `UsageError` if there is none."""
        if not (found := self.runs(number)):
            raise UsageError(f"There is no run {number}; `farm status` lists those that there are.")
        return found[0]

    def cancel(self, run: int, *, cancelled: bool = True) -> None:
        """Workers notice within seconds; what is done stays done. Or take that back."""
        statement = update(RUNS).where(RUNS.c.id == run).values(cancelled=cancelled)
        self.database.write(lambda connection: connection.execute(statement))

    def again(self, run: int, cut: Callable[[list[Plan]], list[Plan]], pending: Sequence[Plan]) -> None:
        """Give assets of a run to new batches."""
        plans = cut(list(pending))
        by_batch: dict[int | None, list[str]] = {}
        for plan in plans:
            by_batch.setdefault(plan.batch, []).append(plan.item.key)

        def write(connection: Connection) -> None:
            for batch, keys in by_batch.items():
                theirs = self.database.among(ASSETS.c.key, keys)
                of_run = and_(ASSETS.c.run == run, ASSETS.c.state == "pending", theirs)
                connection.execute(update(ASSETS).where(of_run).values(batch=batch, attempts=0))

        self.database.write(write)

    def reopen(self, run: int) -> int:
        """Make what could not be processed, and may not meet that again, pending; take back a cancellation, and forget
        the batches that are left. Returns how many assets are pending then."""
        passing = and_(ASSETS.c.run == run, ASSETS.c.verdict == "error", ASSETS.c.digest.is_(None))

        def write(connection: Connection) -> int:
            connection.execute(update(ASSETS).where(passing).values(state="pending", verdict=None, ended=None))
            connection.execute(update(BATCHES).where(BATCHES.c.run == run).values(state="done", owner=None))
            count: int = connection.execute(
                select(func.count()).where(ASSETS.c.run == run, ASSETS.c.state == "pending")
            ).scalar_one()
            values: dict[str, Any] = {"cancelled": False, "trouble": None}
            if count:
                values |= {"listed": False, "finished": None}
            connection.execute(update(RUNS).where(RUNS.c.id == run).values(values))
            return count

        return self.database.write(write)

    def is_complete(self, run: int) -> bool:
        """Whether nothing is left to do: all is listed, and every batch is done."""
        left = BATCHES.c.state.in_(("waiting", "sent", "running"))  # of which there is an index
        unfinished = select(BATCHES.c.number).where(BATCHES.c.run == run, left).limit(1)

        def look(connection: Connection) -> bool:
            row = connection.execute(select(RUNS.c.listed, RUNS.c.finished).where(RUNS.c.id == run)).one()
            return row.listed and row.finished is None and connection.execute(unfinished).first() is None

        return self.database.read(look)

    def tell_trouble(self, run: int, reason: str) -> None:
        """Why a worker cannot work at a run, for whoever looks at it; "" once one can."""
        changes = RUNS.c.trouble.is_distinct_from(reason or None)  # all workers write it: to no use would be too often
        statement = update(RUNS).where(RUNS.c.id == run, changes).values(trouble=reason or None)
        self.database.write(lambda connection: connection.execute(statement))

    def states(self, run: int) -> dict[str, int]:
        """Batches by state."""
        statement = select(BATCHES.c.state, func.count()).where(BATCHES.c.run == run).group_by(BATCHES.c.state)
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return dict.fromkeys(("waiting", "sent", "running", "done"), 0) | {row[0]: row[1] for row in rows}

    def parked(self, run: int) -> int:
        """Assets without a result that `retry` would try again."""
        statement = select(func.count()).where(
            ASSETS.c.run == run, ASSETS.c.verdict == "error", ASSETS.c.digest.is_(None)
        )
        return int(self.database.read(lambda connection: connection.execute(statement).scalar_one()))

    def ended_since(self, run: int, moment: float, count: int) -> list[Any]:
        """Assets that came to their end, in that order: `key`, `report_key`, `state`, `verdict`, `brief`, `ended`."""
        columns = (ASSETS.c.key, ASSETS.c.report_key, ASSETS.c.state, ASSETS.c.verdict, ASSETS.c.brief, ASSETS.c.ended)
        statement = (
            select(*columns).where(ASSETS.c.run == run, ASSETS.c.ended > moment).order_by(ASSETS.c.ended).limit(count)
        )
        return list(self.database.read(lambda connection: connection.execute(statement).all()))

    def rate(self, run: int, seconds: float = 60.0) -> float:
        """Assets a second that were done lately."""
        since = time.time() - seconds
        statement = select(func.count(), func.min(ASSETS.c.ended)).where(
            ASSETS.c.run == run, ASSETS.c.state == "done", ASSETS.c.ended > since
        )
        count, first = self.database.read(lambda connection: connection.execute(statement).one())
        return count / max(time.time() - first, 1.0) if count else 0.0

    # Batches

    def next_number(self, run: int) -> int:
        statement = select(func.coalesce(func.max(BATCHES.c.number), 0)).where(BATCHES.c.run == run)
        return int(self.database.read(lambda connection: connection.execute(statement).scalar_one())) + 1

    def add(self, run: int, numbers: Sequence[tuple[int, Queue]]) -> None:
        """New batches that wait."""
        rows = [
            {"run": run, "number": number, "queue": queue, "state": "waiting", "attempts": 0, "seen": 0.0}
            for number, queue in numbers
        ]

        def write(connection: Connection) -> None:
            there = select(BATCHES.c.number).where(BATCHES.c.run == run, BATCHES.c.number.in_([n for n, _ in numbers]))
            known = set(connection.execute(there).scalars())
            if fresh := [row for row in rows if row["number"] not in known]:  # it may be called twice
                connection.execute(insert(BATCHES), fresh)

        if rows:
            self.database.write(write)

    def take_to_send(self, queue: Queue, *, cap: int, count: int) -> list[tuple[int, int, int]]:
        """Up to `count` waiting batches (run, number, priority), noted as sent, so that no more than `cap` are.

        Several may do this at once. A batch that is not published after all is to be put back; that of a process which
        has ended before is found to be lost.
        """
        active = (
            select(RUNS.c.id, RUNS.c.priority)
            .where(RUNS.c.finished.is_(None), RUNS.c.cancelled.is_(False))
            .order_by(RUNS.c.priority.desc(), RUNS.c.id)
        )
        sent = select(func.count()).where(BATCHES.c.state == "sent", BATCHES.c.queue == queue)

        def waiting(run: int, limit: int) -> Any:
            of_run = and_(BATCHES.c.state == "waiting", BATCHES.c.queue == queue, BATCHES.c.run == run)
            return select(BATCHES.c.number).where(of_run).order_by(BATCHES.c.number).limit(limit)

        def write(connection: Connection) -> list[tuple[int, int, int]]:
            runs = [run for run in connection.execute(active).all() if connection.execute(waiting(run.id, 1)).first()]
            if not runs:
                return []
            if self.database.shared:  # or all who look at an empty queue at once would fill it
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SENDING})
            room = min(count, cap - connection.execute(sent).scalar_one())
            rows: list[tuple[int, int, int]] = []
            for run in runs:
                if len(rows) < room:
                    free = waiting(run.id, room - len(rows)).with_for_update(skip_locked=True)
                    rows += [(run.id, number, run.priority) for number in connection.execute(free).scalars()]
            self._move(connection, rows, of="waiting", to="sent")
            return rows

        return self.database.write(write)

    def put_back(self, sent: Sequence[tuple[int, int, int]]) -> None:
        """Have these wait again: the broker has not said that it has them. One that was begun stays with its worker."""
        self.database.write(lambda connection: self._move(connection, sent, of="sent", to="waiting"))

    def _move(self, connection: Connection, rows: Sequence[tuple[int, int, int]], *, of: str, to: str) -> None:
        if rows:
            these = _BATCH.in_([(run, number) for run, number, _ in rows])
            moved = update(BATCHES).where(these, BATCHES.c.state == of)
            connection.execute(moved.values(state=to, seen=self.database.clock()))

    def find_lost(self, depths: Mapping[Queue, int], *, running: bool = True) -> int:
        """Let batches wait again whose message or, if that is asked, whose worker is gone; returns how many.

        `depths` is what waits in each queue of the broker. If more were sent, the oldest are missing.
        """
        now = self.database.clock()

        def write(connection: Connection) -> int:
            lost = 0
            if running:
                silent = and_(BATCHES.c.state == "running", BATCHES.c.seen < now - RUNNING_LOST_SECONDS)
                lost += again(connection, silent)
            for queue, depth in depths.items():
                sent = and_(BATCHES.c.state == "sent", BATCHES.c.queue == queue)
                missing = connection.execute(select(func.count()).where(sent)).scalar_one() - depth
                if missing > 0:
                    oldest = (
                        select(BATCHES.c.run, BATCHES.c.number)
                        .where(sent, BATCHES.c.seen < now - SENT_LOST_SECONDS)
                        .order_by(BATCHES.c.seen)
                        .limit(missing)
                    )
                    lost += again(connection, sent, _BATCH.in_(oldest))
            return lost + again(connection, BATCHES.c.state == "done", _BATCH.in_(unended))

        def again(connection: Connection, *which: Any) -> int:
            statement = update(BATCHES).where(*which).values(state="waiting", owner=None, seen=now)
            return int(connection.execute(statement).rowcount)

        # Runs that are complete and were not ended, as their outputs could not be written: the last batch, in which
        # there is nothing left to do, brings a worker to it once more.
        of_run = (
            select(BATCHES.c.run, func.max(BATCHES.c.number))
            .join_from(BATCHES, RUNS, BATCHES.c.run == RUNS.c.id)
            .where(RUNS.c.listed, RUNS.c.finished.is_(None), RUNS.c.cancelled.is_(False))
            .group_by(BATCHES.c.run)
        )
        unended = of_run.having(
            func.sum(case((BATCHES.c.state == "done", 0), else_=1)) == 0,
            func.max(BATCHES.c.seen) < now - RUNNING_LOST_SECONDS,
        )
        return self.database.write(write)

    def begin(self, run: int, number: int, owner: str) -> Claim | None:
        """Take a batch, also from whoever else has it; None if there is nothing to do in it."""

        def write(connection: Connection) -> Claim | None:
            row = connection.execute(
                select(BATCHES.c.state, BATCHES.c.attempts, RUNS.c.cancelled)
                .join_from(BATCHES, RUNS, BATCHES.c.run == RUNS.c.id)
                .where(BATCHES.c.run == run, BATCHES.c.number == number)
                .with_for_update(of=BATCHES)
            ).first()
            if row is None or row.state == "done":
                return None
            if row.cancelled:
                connection.execute(_of(run, number).values(state="waiting", owner=None))
                return None
            values = {"state": "running", "owner": owner, "attempts": row.attempts + 1, "seen": self.database.clock()}
            connection.execute(_of(run, number).values(values))
            return Claim(run=run, number=number, attempts=row.attempts + 1, owner=owner)

        return self.database.write(write)

    def beat(self, claim: Claim) -> Literal["mine", "taken", "cancelled"]:
        """Say that the worker is alive, and learn whether it is to go on."""

        def write(connection: Connection) -> Literal["mine", "taken", "cancelled"]:
            mine = _of(claim.run, claim.number).where(BATCHES.c.owner == claim.owner).values(seen=self.database.clock())
            if not connection.execute(mine).rowcount:
                return "taken"
            cancelled = connection.execute(select(RUNS.c.cancelled).where(RUNS.c.id == claim.run)).scalar_one()
            return "cancelled" if cancelled else "mine"

        return self.database.write(write)

    def end(self, claim: Claim, *, done: bool, attempt: bool = False) -> None:
        """The batch is done, or given back. That was no attempt, if it is not said to be one: the batch is unharmed."""
        kept = done or attempt
        attempts = BATCHES.c.attempts if kept else case((BATCHES.c.attempts > 0, BATCHES.c.attempts - 1), else_=0)
        values = {"state": "done" if done else "waiting", "owner": None, "attempts": attempts}
        mine = _of(claim.run, claim.number).where(BATCHES.c.owner == claim.owner)
        statement = mine.values(values | {"seen": self.database.clock()})
        self.database.write(lambda connection: connection.execute(statement))


def _of(run: int, number: int) -> Any:
    return update(BATCHES).where(BATCHES.c.run == run, BATCHES.c.number == number)


def _farm_run(row: Any) -> FarmRun:
    settings = json.loads(row.settings)
    return FarmRun(
        id=row.id,
        library=row.name,
        uri=row.uri,
        arguments=settings["arguments"],
        digest=settings["digest"],
        started=row.started,
        finished=row.finished,
        listed=row.listed,
        cancelled=row.cancelled,
        priority=row.priority,
        cutting=settings.get("cutting", {}),
        trouble=row.trouble or "",
    )
