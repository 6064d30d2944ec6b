"""An S3 server in this process, for the demo: moto on the loopback interface, and a client to fill it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer


class Server:
    """A running server. moto checks no secrets, so these are none."""

    credentials: ClassVar = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_REGION": "us-east-1"}

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="demo",
            aws_secret_access_key="demo",
            config=Config(s3={"addressing_style": "path"}),
        )

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        self._client.create_bucket(Bucket=bucket)
        for path in folder.rglob("*"):
            if path.is_file():
                key = prefix + path.relative_to(folder).as_posix()
                self._client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())

    def download(self, bucket: str, prefix: str, folder: Path) -> None:
        """Fetch what lies in the bucket and not in the folder."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page["Contents"]:
                path = folder / item["Key"].removeprefix(prefix)
                if not path.exists():
                    path.write_bytes(self._client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())


@contextmanager
def serving() -> Iterator[Server]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Server(f"http://{host}:{port}")
    finally:
        server.stop()
