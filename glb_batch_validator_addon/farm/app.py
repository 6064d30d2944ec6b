"""The Celery application: one kind of task, a batch, in three queues. It needs no module to be imported by name."""

from __future__ import annotations

from typing import Any, get_args

from celery import Celery
from kombu import Exchange
from kombu import Queue as BrokerQueue

from .batches import Queue

TASK = "glbv.batch"
QUEUES: tuple[Queue, ...] = get_args(Queue)
MAX_PRIORITY = 9

BATCH_SECONDS = 900.0
"""A batch that takes longer gives back what is left of it: RabbitMQ takes a message of 30 minutes for lost."""

HARD_SECONDS = 1500.0
"""Then Celery ends the process: it hangs."""

REDIS_VISIBILITY_SECONDS = 1800
"""Redis gives a message out anew that was not acknowledged for so long; longer than a batch may take."""

HEARTBEAT_SECONDS = 10.0
"""Between broker and worker: a machine that has lost its network is noticed after two of them."""


def make_app(url: str, *, ssl: dict[str, Any] | None = None, visibility_seconds: int | None = None) -> Celery:
    """Of the broker at `url`. Nothing is connected yet."""
    app = Celery("glbv", broker=url, set_as_current=False)
    options: dict[str, Any] = {"confirm_publish": True}  # published means: the broker has it on its disk
    if url.startswith("redis"):
        options = {
            "visibility_timeout": visibility_seconds or REDIS_VISIBILITY_SECONDS,
            "queue_order_strategy": "priority",
            "priority_steps": list(range(MAX_PRIORITY + 1)),
        }
    elif url.startswith("sqs"):
        options = {"visibility_timeout": visibility_seconds or REDIS_VISIBILITY_SECONDS}
    app.conf.update(
        broker_transport_options=options,
        broker_use_ssl=ssl,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=HEARTBEAT_SECONDS,
        # A batch belongs to whoever has its message, until the batch is done; with the worker the message comes back.
        task_acks_late=True,
        task_acks_on_failure_or_timeout=False,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_time_limit=HARD_SECONDS,
        # Results are in the library and in the database; nothing that comes from the broker is ever unpickled.
        task_ignore_result=True,
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        accept_content=["json"],
        # Whoever can write to the broker could else end every worker.
        worker_enable_remote_control=False,
        # For Flower.
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_proc_alive_timeout=60.0,
        task_queues=[_queue(name) for name in QUEUES],
        task_default_queue=QUEUES[0],
    )
    return app


def _queue(name: Queue) -> BrokerQueue:
    full = f"glbv.{name}"  # a broker may serve others too
    arguments = {"x-max-priority": MAX_PRIORITY}
    return BrokerQueue(full, Exchange(full, durable=True), routing_key=full, durable=True, queue_arguments=arguments)
