"""Keeps queues fed from the database: so many batches wait in the broker, and the rest where they cost nothing.

Whoever has something to do with the farm does it: those that submit, and every worker after every batch and now and
then. So a run goes on without the process that submitted it, and what a broker has lost is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from celery import Celery
from kombu.exceptions import OperationalError

from .app import QUEUES, TASK
from .batches import Batches, Queue

logger = logging.getLogger(__name__)

QUEUE_CAP = 500
"""Batches that wait in one queue of the broker, at most: more than a farm takes between two looks."""


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
        self._empty: list[Queue] = []  # queues in which nothing waited at the last look

    def feed(self, *, count: int | None = None) -> bool:
        """Send batches until the queues are full, or up to `count` for each.

        A broker that does not answer is logged, and False returned: there is another time.
        """
        self._empty = []
        try:
            with self._app.connection_for_write() as connection, self._app.amqp.Producer(connection) as producer:
                for name in QUEUES:
                    depth = self._depth(connection, name)
                    self._on_depth(name, depth)
                    if not depth:
                        self._empty.append(name)
                    room = min(self._cap - depth, self._cap if count is None else count)
                    if room > 0:
                        self._batches.send(name, room, partial(self._publish, producer, name))
        except (OperationalError, OSError, *self._app.connection().connection_errors) as error:
            logger.warning("The broker does not take batches now: %s", error)
            return False
        return True

    def heal(self) -> None:
        """Find batches that were lost, for the next `feed` to send again."""
        if lost := self._batches.find_lost(empty=self._empty):
            logger.warning("%d batches were lost with a broker or a worker; they are sent again.", lost)

    def depths(self) -> dict[Queue, int]:
        """What waits in each queue. Raises what kombu raises when the broker does not answer."""
        with self._app.connection_for_write() as connection:
            return {name: self._depth(connection, name) for name in QUEUES}

    def _depth(self, connection: object, name: Queue) -> int:
        queue = self._app.amqp.queues[f"glbv.{name}"](connection)
        queue.exchange.declare()
        depth: int = queue.queue_declare().message_count  # which makes it the first time
        queue.queue_bind()
        return depth

    def _publish(self, producer: object, queue: Queue, run: int, number: int, priority: int) -> None:
        self._app.send_task(
            TASK, args=[run, number], queue=f"glbv.{queue}", priority=priority, producer=producer, delivery_mode=2
        )
