"""A worker's metrics, scraped over HTTP while two processes below it count."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from glb_batch_validator_addon.farm.metrics import ADDRESS, NullMetrics
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the pool of a worker forks")

PARENT = """
import json, os, sys, time
from glb_batch_validator_addon.engine import events
from glb_batch_validator_addon.farm import metrics as module
from glb_batch_validator_addon.farm.metrics import Metrics

module.FRESH_SECONDS = 5.0
metrics = Metrics()
print(metrics.serve(sys.argv[1]), os.environ["PROMETHEUS_MULTIPROC_DIR"], flush=True)
children = {}

def child(commands, said):
    for line in os.fdopen(commands):
        name, *arguments = json.loads(line)
        if name == "take":
            kind, values = arguments
            metrics.take(getattr(events, kind)(**values))
        elif name == "blender":  # what Blenders are: processes below those of the pool, started by any thread
            import subprocess, threading
            starting = threading.Thread(target=lambda: subprocess.Popen(["sleep", "60"]))
            starting.start()
            time.sleep(0.5)
        else:
            getattr(metrics, name)(*arguments)
        os.write(said, b"x")

for number in "12":
    (commands, out), (answer, said) = os.pipe(), os.pipe()
    if (pid := os.fork()) == 0:
        os.close(out)
        child(commands, said)
        metrics.close()  # is not the child's to close
        os._exit(0)
    os.close(commands)
    children[number] = (pid, out, answer)
    print(pid, flush=True)

for line in sys.stdin:
    who, *command = json.loads(line)
    if who in children:
        pid, out, answer = children[who]
        os.write(out, json.dumps(command).encode() + b"\\n")
        os.read(answer, 1)
    elif who == "wait":
        os.waitpid(children[command[0]][0], 0)
    else:
        getattr(metrics, command[0])(*command[1:])
    print("did", flush=True)
metrics.close()
"""


@dataclass
class Worker:
    process: subprocess.Popen[str]
    address: str
    folder: str
    pids: dict[str, int]

    def tell(self, who: str, *command: Any) -> None:
        """Let the parent, or the child 1 or 2, do something; returns when it is done."""
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps([who, *command]), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "did\n"

    def take(self, who: str, event: str, /, **values: Any) -> None:
        self.tell(who, "take", event, values)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def scrape(self) -> dict[tuple[str, ...], float]:
        """Values by name and labels' values, in the order of the labels' names."""
        status, text = self.get("/metrics")
        assert status == 200
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        found = {
            (sample.name, *(text for _, text in sorted(sample.labels.items()))): sample.value for sample in samples
        }
        assert len(found) == len(samples), "a value comes once, added up, and not once a process"
        return found


@contextlib.contextmanager
def working(address: str) -> Iterator[Worker]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PARENT, address]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        try:
            assert process.stdout
            served, folder = process.stdout.readline().split()
            pids = {number: int(process.stdout.readline()) for number in "12"}
            yield Worker(process, served, folder, pids)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with working("127.0.0.1:0") as worker:
        yield worker


def done(verdict: str, **seconds: float) -> dict[str, Any]:
    return {"key": "a.glb", "verdict": verdict, "report": "r", "seconds": {"fetch": 0.003, **seconds}}


def test_what_the_children_count_is_added_up(worker):
    worker.take("1", "AssetDone", **done("pass", **{"import": 0.2}))
    worker.take("1", "AssetDone", **done("fail", **{"import": 0.3}))
    worker.take("2", "AssetDone", **done("pass"))
    worker.take("1", "WorkerStarted", worker=1, seconds=1.5, versions={})
    worker.take("2", "WorkerStarted", worker=1, seconds=2.0, versions={})
    worker.take("2", "WorkerLost", worker=1, key="a.glb", kind="Crashed", reason="", retried=True)
    worker.take("2", "WorkerRecycled", worker=1, kind="memory", reason="")
    worker.take("2", "RunPaused", paused=True)
    worker.tell("1", "batch_ended", "done")
    worker.tell("2", "batch_ended", "done")
    worker.tell("2", "batch_ended", "late")
    worker.tell("2", "assets_parked", 2)
    found = worker.scrape()
    expected = {
        ("glbv_assets_total", "pass"): 2,
        ("glbv_assets_total", "fail"): 1,
        ("glbv_stage_seconds_count", "fetch"): 3,
        ("glbv_stage_seconds_count", "import"): 2,
        ("glbv_stage_seconds_sum", "import"): 0.5,
        ("glbv_stage_seconds_bucket", "0.25", "import"): 1,
        ("glbv_stage_seconds_bucket", "+Inf", "import"): 2,
        ("glbv_blenders_started_total",): 2,
        ("glbv_blenders_start_seconds_total",): 3.5,
        ("glbv_blenders_lost_total", "Crashed"): 1,
        ("glbv_blenders_recycled_total", "memory"): 1,
        ("glbv_batches_total", "done"): 2,
        ("glbv_batches_total", "late"): 1,
        ("glbv_assets_parked_total",): 2,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_the_newest_word_about_a_queue_counts_whoever_said_it(worker):
    worker.tell("1", "queue_depth", "cpu", 12)
    worker.tell("parent", "queue_depth", "gpu", 3)
    worker.tell("2", "queue_depth", "cpu", 4)
    found = worker.scrape()
    assert (found["glbv_queue_depth", "cpu"], found["glbv_queue_depth", "gpu"]) == (4, 3)


def test_what_a_dead_child_has_counted_stays_and_what_it_is_goes(worker):
    worker.tell("1", "queue_depth", "large", 9)
    worker.take("1", "AssetDone", **done("pass"))
    worker.take("2", "AssetDone", **done("pass"))
    assert worker.scrape()["glbv_queue_depth", "large"] == 9
    os.kill(worker.pids["1"], signal.SIGKILL)
    worker.tell("wait", "1")
    found = worker.scrape()
    assert found["glbv_assets_total", "pass"] == 2
    assert ("glbv_queue_depth", "large") not in found
    assert found["glbv_processes", "pool"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_processes_and_their_memory_are_those_of_the_moment(worker):
    before = worker.scrape()
    assert [before["glbv_processes", kind] for kind in ("parent", "pool", "blender")] == [1, 2, 0]
    assert before["glbv_resident_bytes", "blender"] == 0
    worker.tell("1", "blender")
    worker.tell("2", "blender")
    found = worker.scrape()
    assert [found["glbv_processes", kind] for kind in ("parent", "pool", "blender")] == [1, 2, 2]
    assert found["glbv_resident_bytes", "blender"] > 100_000
    assert found["glbv_resident_bytes", "pool"] > found["glbv_resident_bytes", "blender"]


def test_healthz_answers_as_long_as_the_parent_beats(worker):
    assert worker.get("/healthz")[0] == 200
    end = time.monotonic() + 6
    while time.monotonic() < end:
        worker.tell("parent", "beat")
        time.sleep(0.2)
    assert worker.get("/healthz")[0] == 200
    worker.tell("1", "beat")
    time.sleep(5.6)
    status, text = worker.get("/healthz")
    assert (status, text) == (503, "The last beat was 6 seconds ago.\n"), "a child's beat is none of the parent's"
    worker.tell("parent", "beat")
    assert worker.get("/healthz")[0] == 200


def test_there_is_nothing_else(worker):
    assert worker.get("/")[0] == worker.get("/metrics/")[0] == 404


def test_all_is_gone_when_the_parent_is_though_its_children_live_on(worker):
    assert os.listdir(worker.folder)
    worker.process.kill()
    worker.process.wait()
    assert all(os.path.exists(f"/proc/{pid}") for pid in worker.pids.values()) or sys.platform != "linux"
    with working(worker.address) as next_one:  # the port is free
        assert next_one.get("/healthz")[0] == 200
        assert next_one.process.stdin
        next_one.process.stdin.close()
        next_one.process.wait(10)
        assert not os.path.exists(next_one.folder)


def test_an_ipv6_address_is_taken():
    try:
        with working("[::1]:0") as worker:
            assert worker.get("/healthz")[0] == 200
    except (OSError, ValueError) as error:
        pytest.skip(f"no IPv6 here: {error}")


AS_ON_WINDOWS = """
import os, sys, urllib.request
from glb_batch_validator_addon.farm.metrics import Metrics
sys.platform = "win32"
del os.register_at_fork, os.kill  # which is Ctrl-C there
metrics = Metrics()
metrics.batch_ended("done")
with urllib.request.urlopen(f"http://{metrics.serve('127.0.0.1:0')}/metrics") as answer:
    print(answer.read().decode())
metrics.close()
"""


def test_a_worker_that_does_not_fork_answers_too():
    page = subprocess.check_output([sys.executable, "-c", AS_ON_WINDOWS], cwd=ROOT, text=True)
    assert 'glbv_batches_total{outcome="done"} 1.0' in page


def test_without_metrics_nothing_is_needed_nor_imported():
    code = (
        "import sys; from glb_batch_validator_addon.farm.metrics import NullMetrics as Null; metrics = Null();"
        "[metrics.beat(), metrics.take(None), metrics.batch_ended('done'), metrics.queue_depth('cpu', 1),"
        " metrics.assets_parked(1), metrics.close()];"
        "print('prometheus_client' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "False\n"
    assert not hasattr(NullMetrics, "serve")
    assert ADDRESS.startswith("127.0.0.1:")
