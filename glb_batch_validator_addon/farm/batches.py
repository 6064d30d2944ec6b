"""The batches of runs in the shared database: who has which, what waits, what is cancelled, how far a run is.

    waiting --sent to the broker--> sent --taken by a worker--> running --> done
       ^---------- given back, or lost with a broker or a worker ------'

A message names a batch and nothing else, so one that is lost or comes twice does no harm: the newest delivery of a
batch has it, and an earlier one that is still at it notices at its next beat.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, and_, case, func, insert, or_, select, update

from ..engine.database import Database
from ..engine.ledger import Plan
from ..engine.tables import ASSETS, BATCHES, LIBRARIES, RUNS
from ..errors import UsageError

Queue = Literal["cpu", "gpu", "large"]

SENT_LOST_SECONDS = 60.0
"""A batch that was sent so long ago and waits in no queue is lost."""

RUNNING_LOST_SECONDS = 120.0
"""A batch whose worker has not beaten for so long is lost: the machine has gone, or hangs."""


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
                of_run = and_(ASSETS.c.run == run, ASSETS.c.key.in_(keys))
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
            values = {"cancelled": False, "listed": count == 0}
            if count:
                values["finished"] = None  # type: ignore[assignment]
            connection.execute(update(RUNS).where(RUNS.c.id == run).values(values))
            return count

        return self.database.write(write)

    def is_complete(self, run: int) -> bool:
        """Whether nothing is left to do: all is listed, and every batch is done."""
        unfinished = select(BATCHES.c.number).where(BATCHES.c.run == run, BATCHES.c.state != "done").limit(1)

        def look(connection: Connection) -> bool:
            row = connection.execute(select(RUNS.c.listed, RUNS.c.finished).where(RUNS.c.id == run)).one()
            return row.listed and row.finished is None and connection.execute(unfinished).first() is None

        return self.database.read(look)

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
            {"run": run, "number": number, "queue": queue, "state": "waiting", "attempts": 0, "seen": time.time()}
            for number, queue in numbers
        ]

        def write(connection: Connection) -> None:
            there = select(BATCHES.c.number).where(BATCHES.c.run == run, BATCHES.c.number.in_([n for n, _ in numbers]))
            known = set(connection.execute(there).scalars())
            if fresh := [row for row in rows if row["number"] not in known]:  # it may be called twice
                connection.execute(insert(BATCHES), fresh)

        if rows:
            self.database.write(write)

    def send(self, queue: Queue, count: int, publish: Callable[[int, int, int], None]) -> int:
        """`publish` up to so many waiting batches (run, number, priority) and note them as sent; returns how many.

        Several may do this at once: rows that another one has locked are passed over. What was published before an
        error is published again later, which is harmless.
        """
        wanted = (
            select(BATCHES.c.run, BATCHES.c.number, RUNS.c.priority)
            .join_from(BATCHES, RUNS, BATCHES.c.run == RUNS.c.id)
            .where(BATCHES.c.state == "waiting", BATCHES.c.queue == queue, RUNS.c.cancelled.is_(False))
            .order_by(RUNS.c.priority.desc(), BATCHES.c.run, BATCHES.c.number)
            .limit(count)
            .with_for_update(skip_locked=True, of=BATCHES)
        )

        def write(connection: Connection) -> int:
            rows = connection.execute(wanted).all()
            for row in rows:
                publish(row.run, row.number, row.priority)
                connection.execute(_of(row.run, row.number).values(state="sent", seen=time.time()))
            return len(rows)

        return self.database.write(write)

    def find_lost(self, *, empty: Sequence[Queue]) -> int:
        """Let batches wait again whose message or worker is gone; `empty` are queues in which nothing waits."""
        now = time.time()
        lost = or_(
            and_(BATCHES.c.state == "running", BATCHES.c.seen < now - RUNNING_LOST_SECONDS),
            and_(BATCHES.c.state == "sent", BATCHES.c.queue.in_(empty), BATCHES.c.seen < now - SENT_LOST_SECONDS),
        )
        statement = update(BATCHES).where(lost).values(state="waiting", owner=None, seen=now)
        return int(self.database.write(lambda connection: connection.execute(statement).rowcount))

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
            values = {"state": "running", "owner": owner, "attempts": row.attempts + 1, "seen": time.time()}
            connection.execute(_of(run, number).values(values))
            return Claim(run=run, number=number, attempts=row.attempts + 1, owner=owner)

        return self.database.write(write)

    def beat(self, claim: Claim) -> Literal["mine", "taken", "cancelled"]:
        """Say that the worker is alive, and learn whether it is to go on."""

        def write(connection: Connection) -> Literal["mine", "taken", "cancelled"]:
            mine = _of(claim.run, claim.number).where(BATCHES.c.owner == claim.owner).values(seen=time.time())
            if not connection.execute(mine).rowcount:
                return "taken"
            cancelled = connection.execute(select(RUNS.c.cancelled).where(RUNS.c.id == claim.run)).scalar_one()
            return "cancelled" if cancelled else "mine"

        return self.database.write(write)

    def end(self, claim: Claim, *, done: bool) -> None:
        """The batch is done, or given back unharmed: that was no attempt."""
        attempts = BATCHES.c.attempts if done else case((BATCHES.c.attempts > 0, BATCHES.c.attempts - 1), else_=0)
        mine = _of(claim.run, claim.number).where(BATCHES.c.owner == claim.owner)
        values = {"state": "done" if done else "waiting", "owner": None, "seen": time.time(), "attempts": attempts}
        self.database.write(lambda connection: connection.execute(mine.values(values)))


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
    )
