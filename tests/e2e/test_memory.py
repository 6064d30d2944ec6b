"""Memory stays flat: in a worker over thousands of assets, in the engine over hundreds of thousands of keys."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from demo.samples import small_library
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.profile import Demand, Profile
from glb_batch_validator_addon.model.wire import (
    MEMORY_LIMIT,
    STAGE_BYTES,
    STAGE_FILE,
    Reply,
    Request,
    decode_reply,
    encode,
)
from tests.e2e.conftest import RUN_BATCH, finish_with_peak, start
from tests.servers.light_s3 import Library, LightS3, Stored, SyntheticKeys

MB = 1_000_000
ASSETS = 2000
SETTLED_AFTER = 200
DEMAND = Demand(profile=Profile(name="default"))
GROWTH = 1.10
KEYS = 200_000
ENGINE_MB = 200


@pytest.mark.skipif(sys.platform == "win32", reason="the process is watched by the means of POSIX")
def test_a_worker_does_not_grow_after_its_first_assets(tmp_path):
    names = small_library(tmp_path, 400, seed=3)
    stage = tmp_path / "stage"
    stage.write_bytes(b"\0" * STAGE_BYTES)
    worker = subprocess.Popen(
        [sys.executable, "-I", RUN_BATCH, "--worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, STAGE_FILE: str(stage), MEMORY_LIMIT: str(4000 * MB)},
    )
    resident = []
    with worker:
        for line in worker.stdout:
            if line.startswith(b'{"versions"'):
                break
        for number in range(ASSETS):
            path = tmp_path / names[number % len(names)]
            request = Request(id=number, path=str(path), key=path.name, root="", limits=Limits(), demand=DEMAND)
            worker.stdin.write(encode(request))
            worker.stdin.flush()
            reply = decode_reply(worker.stdout.readline())
            assert isinstance(reply, Reply)
            assert reply.verdict == "pass"
            resident.append(reply.memory_bytes)
        worker.stdin.close()
    assert max(resident[SETTLED_AFTER:]) <= GROWTH * resident[SETTLED_AFTER - 1]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_engine_plans_two_hundred_thousand_keys_in_little_memory(tmp_path):
    library = Library(keys=SyntheticKeys(KEYS), synthetic=Stored.of(b"glTF"))
    credentials = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    with LightS3(library=library) as server:
        process = start(
            *("--bucket", "b", "--prefix", library.keys[0][:1], "--endpoint-url", server.url, "--dry-run"),
            *("--ledger", tmp_path / "ledger.sqlite"),
            env=credentials,
        )
        ran, peak = finish_with_peak(process)
    assert (ran.code, len(ran.out.splitlines())) == (0, KEYS)
    assert 20 * MB < peak < ENGINE_MB * MB
