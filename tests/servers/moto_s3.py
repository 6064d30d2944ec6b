"""moto's S3 server, in a thread of this process. It checks no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import S3Server


@contextmanager
def running() -> Iterator[S3Server]:
    from demo.server import serving

    with serving() as server:
        yield S3Server(server.url, access_key="test", secret_key="test", region="us-east-1")
