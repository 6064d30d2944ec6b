"""The logs of a run as a collector reads them."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.e2e.conftest import run
from tests.servers import S3Server


def test_everything_a_run_says_on_stderr_is_an_object(samples, tmp_path):
    options = ("--include", "broken/*", "--output", tmp_path / "out", "--log-format", "json")
    ran = run("--folder", samples, *options)
    assert (ran.code, ran.out) == (3, "")
    records = [json.loads(line) for line in ran.err.splitlines()]
    times = [datetime.fromisoformat(record["time"]) for record in records]
    assert times == sorted(times)
    started, *between, finished, outputs = records
    assert started["message"].startswith(samples.as_uri())
    assert {record["run"] for record in records} == {started["run"]}
    done = {record["asset"]: record["verdict"] for record in between if "verdict" in record}
    assert done["broken/crashes blender.glb"] == "error"
    assert len(done) == finished["counts"]["total"] == finished["done"]
    (lost, _) = [record for record in between if record["level"] == "WARNING"]
    assert (lost["asset"], lost["retried"]) == ("broken/crashes blender.glb", True)
    assert str(tmp_path / "out/summary.json") in outputs["files"]


@pytest.mark.server
def test_an_array_job_names_its_shard_and_no_secret(samples, bucket_on, ceph_rgw: S3Server):
    bucket = bucket_on(ceph_rgw)
    bucket.fill(samples / "good", "good/")
    ran = run(*bucket.options, "--shard", "1/2", "--depth", "quick", "--log-format", "json", env=bucket.env)
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.err.splitlines()]
    assert {record["shard"] for record in records} == {"1/2"}
    assert ceph_rgw.secret_key not in ran.err
    assert "Signature" not in ran.err
