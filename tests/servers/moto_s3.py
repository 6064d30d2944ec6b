"""moto's S3 server, in a thread of this process. It checks no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import S3Server


@contextmanager
def running() -> Iterator[S3Server]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}", access_key="test", secret_key="test", region="us-east-1")
    finally:
        server.stop()
