"""Runs of the real command line, as a technical director starts it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from demo.samples import Sample, small_library, write_samples
from tests.conftest import ROOT
from tests.servers import S3Server

RUN_BATCH = str(ROOT / "run_batch.py")
SECONDS = 300
"""Longer than any of these runs takes on a busy machine."""

ASSETS = 150
"""In the fixture `library`."""

REPORT = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text()))
SUMMARY = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/summary.schema.json").read_text()))


@dataclass(frozen=True)
class Finished:
    """A run that ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """With `--json`; Blender's own lines are passed over."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith('{"event"')]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]


def start(
    *arguments: object,
    command: tuple[str, ...] = (sys.executable,),
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start `run_batch.py` under a Python, or under a Blender whose command ends in `-P`'s place.

    Without pictures, which take half a second each, where `arguments` do not ask for them.
    """
    previews = () if "--previews" in arguments else ("--previews", "off")
    return subprocess.Popen(
        [*command, RUN_BATCH, *map(str, arguments), *previews],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        text=True,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        errors="replace",
    )


def finish(process: subprocess.Popen[str]) -> Finished:
    out, err = process.communicate(timeout=SECONDS)
    return Finished(process.returncode, out, err)


def finish_with_peak(process: subprocess.Popen[str]) -> tuple[Finished, int]:
    """With the most memory that was resident, in bytes; on Linux. (ru_maxrss of a child counts its parent's pages.)"""
    peaks = [0]

    def watch() -> None:
        with contextlib.suppress(OSError, IndexError):  # it has ended
            while True:
                status = Path(f"/proc/{process.pid}/status").read_text()
                peaks.append(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
                time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    finished = finish(process)
    watcher.join()
    return finished, max(peaks)


def run(*arguments: object, **options: Any) -> Finished:
    return finish(start(*arguments, **options))


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Process ids below a process, its workers among them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found + [grandchild for child in found for grandchild in children(child)]


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def reports_below(folder: Path) -> dict[str, dict[str, Any]]:
    """Every report in a folder, checked against the published schema, by its path below the folder."""
    reports = {}
    for path in sorted(folder.rglob("*_report.json")):
        report = json.loads(path.read_text("utf-8"))
        REPORT.validate(report)
        reports[path.relative_to(folder).as_posix()] = report
    return reports


def but_run(reports: Mapping[str, dict[str, Any]], *, asset: bool = True) -> dict[str, dict[str, Any]]:
    """Reports without what may differ between two runs, or without the asset block as well, between two copies."""
    left_out = {"run"} if asset else {"run", "asset"}
    return {
        key: {name: value for name, value in report.items() if name not in left_out} for key, report in reports.items()
    }


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as a developer builds it; Blender's own validation is part of that."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "build_addon.py", "--platform", "this", "--output", str(folder)]
    built = subprocess.run(build, cwd=ROOT, text=True, capture_output=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (archive,) = folder.glob("*.zip")
    return archive


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sample]]:
    """The sample library, to be copied."""
    folder = tmp_path_factory.mktemp("pristine")
    return folder, write_samples(folder)


@pytest.fixture
def samples(pristine: tuple[Path, list[Sample]], tmp_path: Path) -> Path:
    """A sample library of the test's own."""
    return Path(shutil.copytree(pristine[0], tmp_path / "library"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that keeps two workers busy for about a second."""
    folder = tmp_path_factory.mktemp("small")
    small_library(folder, ASSETS, seed=1)
    return folder


@pytest.fixture
def library(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "library"))


@dataclass(frozen=True)
class Bucket:
    """A bucket of the test's own on a real server."""

    name: str
    server: S3Server
    client: Any

    @property
    def options(self) -> tuple[str, ...]:
        return ("--bucket", self.name, "--endpoint-url", self.server.endpoint_url, "--region", self.server.region)

    @property
    def env(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.server.access_key, "AWS_SECRET_ACCESS_KEY": self.server.secret_key}

    def fill(self, folder: Path, prefix: str) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.client.put_object(
                    Bucket=self.name, Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes()
                )

    def reports(self) -> dict[str, dict[str, Any]]:
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            for item in page.get("Contents", []):
                if item["Key"].endswith("_report.json"):
                    body = self.client.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
                    found[item["Key"]] = json.loads(body)
                    REPORT.validate(found[item["Key"]])
        return found


@pytest.fixture
def bucket_on() -> Callable[[S3Server], Bucket]:
    """Makes a bucket with a client that is not ours."""

    def make(server: S3Server) -> Bucket:
        client = server.client()
        name = f"library-{uuid4().hex[:8]}"
        client.create_bucket(Bucket=name)
        return Bucket(name, server, client)

    return make
