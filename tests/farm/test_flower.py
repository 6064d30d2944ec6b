"""Flower beside a broker, as docs/farm-observability.md sets it up: what it shows of a worker, and to whom."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.servers.daemon import free_ports
from tests.servers.rabbitmq import RabbitMq

WORKER = """
import os
from glb_batch_validator_addon.farm.app import TASK, make_app
app = make_app(os.environ["BROKER_URL"])

@app.task(name=TASK)
def batch(run, number):
    return "done"

app.Worker(pool="solo", quiet=True, hostname="glbv@here").start()
"""
SUBMIT = """
import os
from glb_batch_validator_addon.farm.app import TASK, make_app
make_app(os.environ["BROKER_URL"]).send_task(TASK, (7, 3), queue="glbv.cpu")
"""


@contextmanager
def started(*command: str, **environment: str) -> Iterator[None]:
    with subprocess.Popen(command, env={**os.environ, **environment}, cwd=ROOT, start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def ask(url: str, login: str = "") -> tuple[int, Any]:
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:  # it is not there yet
        return 0, None


@pytest.mark.skipif(sys.platform == "win32", reason="the rig's broker runs on Linux")
def test_it_shows_workers_and_batches_to_those_who_know_the_password(rabbitmq: RabbitMq):
    (port,) = free_ports(1)
    site, login, end = f"http://127.0.0.1:{port}", "crew:a-password", time.monotonic() + 90
    flower = (sys.executable, "-m", "celery", "flower", "--address=127.0.0.1", f"--port={port}")
    with (
        started(*flower, BROKER_URL=rabbitmq.url, FLOWER_BASIC_AUTH=login),
        started(sys.executable, "-c", WORKER, BROKER_URL=rabbitmq.url),
    ):
        # The page /workers lives on events; /api/workers asks workers, which do not listen to the broker.
        while "glbv@here" not in str(ask(f"{site}/workers?json=1", login)[1]):
            assert time.monotonic() < end, "the worker did not appear"
            time.sleep(0.5)
        subprocess.run(
            [sys.executable, "-c", SUBMIT], env={**os.environ, "BROKER_URL": rabbitmq.url}, cwd=ROOT, check=True
        )
        while not (
            tasks := [t for t in (ask(f"{site}/api/tasks", login)[1] or {}).values() if t["state"] == "SUCCESS"]
        ):
            assert time.monotonic() < end, "the task did not appear"
            time.sleep(0.5)
        assert [(task["name"], task["args"], task["worker"]) for task in tasks] == [
            ("glbv.batch", "(7, 3)", "glbv@here")
        ]
        assert ask(f"{site}/api/tasks")[0] == ask(f"{site}/api/tasks", "crew:wrong")[0] == 401
