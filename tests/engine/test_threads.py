"""Threads for storage: in order, with errors, and never in the way of an end."""

from __future__ import annotations

import threading
import time

import pytest

from glb_batch_validator_addon.engine.threads import ClosedError, Threads


def test_results_come_in_the_order_of_the_items() -> None:
    threads = Threads(4, name="test")
    assert threads.map(lambda n: n * n, range(100)) == [n * n for n in range(100)]
    assert threads.map(str, []) == []
    threads.close(seconds=5)


def test_an_error_of_a_task_is_raised_where_it_was_asked_for() -> None:
    threads = Threads(2, name="test")
    with pytest.raises(ZeroDivisionError):
        threads.map(lambda n: 1 // n, [1, 0, 2])
    threads.close(seconds=5)


def test_closing_waits_no_longer_than_it_is_told_and_frees_who_waits() -> None:
    threads, free, outcome = Threads(1, name="test"), threading.Event(), []

    def wait_for_results() -> None:
        try:
            threads.map(lambda _: free.wait(60), [1, 2, 3])
        except ClosedError:
            outcome.append("closed")

    waiter = threading.Thread(target=wait_for_results)
    waiter.start()
    before = time.monotonic()
    threads.close(seconds=0.5)
    assert time.monotonic() - before < 10
    waiter.join(10)
    assert outcome == ["closed"]
    free.set()


def test_threads_may_be_closed_while_another_thread_submits() -> None:
    for _ in range(200):
        threads = Threads(8, name="test")
        submitter = threading.Thread(target=lambda threads=threads: [threads.submit(lambda: None) for _ in range(8)])
        submitter.start()
        threads.close(seconds=1)
        submitter.join()
        threads.close(seconds=1)
