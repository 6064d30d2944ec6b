"""A worker of a farm as it is watched: its logs, its metrics and its health, from start to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.samples import small_library
from tests.conftest import ROOT
from tests.servers.daemon import free_ports
from tests.servers.rabbitmq import RabbitMq

RUN_BATCH = (sys.executable, str(ROOT / "run_batch.py"))
ASSETS = 12


@pytest.mark.blender
@pytest.mark.skipif(sys.platform == "win32", reason="the rig's broker runs on Linux")
def test_logs_metrics_and_health_of_a_worker(rabbitmq: RabbitMq, tmp_path: Path):
    (port,) = free_ports(1)
    library, log = tmp_path / "library", tmp_path / "worker.log"
    library.mkdir()
    small_library(library, ASSETS, seed=1)
    environment = {**os.environ, "GLBV_DATABASE": str(tmp_path / "farm.sqlite"), "GLBV_BROKER": rabbitmq.url}

    def farm(*arguments: str) -> None:
        done = subprocess.run([*RUN_BATCH, "farm", *arguments], env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr

    def ask(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read().decode()

    farm("migrate")
    command = (*RUN_BATCH, "farm", "worker", "--processes", "2", "--metrics", f"127.0.0.1:{port}", "--log-format=json")
    with (
        log.open("w") as err,
        subprocess.Popen(
            command, env=environment, stderr=err, stdout=subprocess.DEVNULL, start_new_session=True
        ) as worker,
    ):
        try:
            farm("submit", "--folder", str(library), "--previews", "off", "--batch-assets", "4", "--watch")
            assert ask("/healthz").startswith("The last beat was")
            page = ask("/metrics")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(90) == 0
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    assert total("glbv_assets_total") == total("glbv_stage_seconds_count", stage="import") == ASSETS
    assert total("glbv_batches_total", outcome="done") == 3
    assert 1 <= total("glbv_blenders_started_total") <= 2
    assert total("glbv_processes", kind="pool") == 2
    assert total("glbv_resident_bytes", kind="blender") > 50e6 * total("glbv_processes", kind="blender")
    text = log.read_text()
    records = [json.loads(line) for line in text.splitlines()]
    assert sum("verdict" in record for record in records) == ASSETS
    about = [record for record in records if "verdict" in record]
    assert {record["run"] for record in about} == {1}
    assert len({record["batch"] for record in about}) == 3
    assert rabbitmq.url.split(":")[2].partition("@")[0] not in text
