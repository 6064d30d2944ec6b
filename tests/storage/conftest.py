"""What the tests of the storages share: an AWS configuration of their own, and libraries to fill."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from glb_batch_validator_addon.storage.s3_options import S3Options
from tests.conftest import need
from tests.servers import S3Server
from tests.servers.light_s3 import LightS3


@pytest.fixture(autouse=True)
def aws_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS configuration with credentials that no real server knows; the folder of its files."""
    folder = tmp_path / "aws"
    folder.mkdir()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-secret-of-the-tests")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def light() -> Iterator[LightS3]:
    with LightS3() as server:
        yield server


@dataclass(frozen=True)
class Bucket:
    """An empty bucket on a real server, by the eyes of a client that is not ours."""

    name: str
    server: S3Server
    client: Any

    def options(self, **changes: Any) -> S3Options:
        return S3Options(
            **{"bucket": self.name, "endpoint_url": self.server.endpoint_url, "region": self.server.region, **changes}
        )

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


@pytest.fixture
def make_bucket(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Server], Bucket]:
    def make(server: S3Server) -> Bucket:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
        client = server.client()
        bucket = Bucket(f"library-{uuid4().hex}", server, client)
        client.create_bucket(Bucket=bucket.name)
        return bucket

    return make


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """`folder` while something is mounted on it, which only root may do, and only on Linux."""
    folder.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", *arguments, str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        need(False, f"a mount, which only root may do on Linux: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 1 MiB."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as folder:
        yield folder
