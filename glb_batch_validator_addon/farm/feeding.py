"""Keeps queues fed from the database: so many batches wait in the broker, and the rest where they cost nothing.

Whoever has something to do with the farm does it: those that submit, and every worker after every batch and now and
then. So a run goes on without the process that submitted it, and what a broker has lost is sent again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from celery import Celery
from kombu.exceptions import OperationalError

from .app import QUEUES, TASK
from .batches import RUNNING_LOST_SECONDS, Batches, Queue

logger = logging.getLogger(__name__)

QUEUE_CAP = 500
"""Batches that wait in one queue of the broker, at most: more than a farm takes between two looks."""

CONFIRM_SECONDS = 10.0
"""For the broker to say that it has a message: with an alarm of its memory or disk it keeps silent."""

GAP_SECONDS = 30.0
"""Who has not looked for so long does not know who was silent, and who could not be heard."""


class Feeder:
    """For one thread."""

    def __init__(
        self,
        batches: Batches,
        app: Celery,
        *,
        cap: int = QUEUE_CAP,
        on_depth: Callable[[Queue, int], None] = lambda queue, depth: None,
    ) -> None:
        """`on_depth` is told what waits in a queue."""
        self._batches = batches
        self._app = app
        self._cap = cap
        self._on_depth = on_depth
        self._looked = time.monotonic()
        self._gap_ended = -math.inf

    def feed(self, *, count: int | None = None) -> bool:
        """Send batches until the queues are full, or up to `count` for each.

        A broker that does not answer is logged, and False returned: there is another time.
        """
        for queue in QUEUES:
            rows = self._batches.take_to_send(queue, cap=self._cap, count=count or self._cap)
            try:
                if rows:
                    self._publish(queue, rows)
            except self.errors as error:
                logger.warning("The broker does not take batches now: %s", error)
                return False
            finally:
                self._batches.put_back(rows)
        return True

    def heal(self) -> bool:
        """Find batches that were lost, for the next `feed` to send again. Returns whether the broker answers; workers
        that are lost are found without it."""
        depths: dict[Queue, int] = {}
        try:
            depths = self.depths()
        except self.errors as error:
            logger.warning("The broker does not answer: %s", error)
        for queue, depth in depths.items():
            self._on_depth(queue, depth)
        now = time.monotonic()
        if now - self._looked > GAP_SECONDS:  # the database was away, and no worker could be heard
            self._gap_ended = now
        running = now - self._gap_ended > RUNNING_LOST_SECONDS
        if lost := self._batches.find_lost(depths, running=running):
            logger.warning("%d batches were lost with a broker or a worker; they are sent again.", lost)
        self._looked = time.monotonic()
        return bool(depths)

    def depths(self) -> dict[Queue, int]:
        """What waits in each queue. Raises one of `errors`."""
        with self._app.connection_for_write() as connection:
            return {queue: self._declared(connection, queue) for queue in QUEUES}

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What kombu raises when the broker does not answer."""
        return OperationalError, OSError, *self._app.connection().connection_errors

    def _declared(self, connection: object, name: Queue) -> int:
        queue = self._app.amqp.queues[f"glbv.{name}"](connection)
        queue.exchange.declare()
        depth: int = queue.queue_declare().message_count  # which makes it the first time
        queue.queue_bind()
        return depth

    def _publish(self, queue: Queue, rows: list[tuple[int, int, int]]) -> None:
        """Take from the list what the broker has taken."""
        with self._app.connection_for_write() as connection, self._app.amqp.Producer(connection) as producer:
            self._declared(connection, queue)
            while rows:
                run, number, priority = rows[0]
                self._app.send_task(
                    TASK,
                    args=[run, number],
                    queue=f"glbv.{queue}",
                    priority=priority,
                    producer=producer,
                    delivery_mode=2,
                    confirm_timeout=CONFIRM_SECONDS,
                )
                del rows[0]
