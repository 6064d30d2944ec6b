"""A light S3 server on loopback: one thread, objects in memory, latency and faults on demand.

It shares the machine with what is measured, so a request must cost it little: requests are parsed by hand on an
asyncio transport. It answers what the product uses (ListObjectsV2, GET, HEAD, PUT, DELETE, path style, any bucket
name) and checks no signature; real servers stand beside it in the tests for the rest.

    python -m tests.servers.light_s3 --folder library --latency 0.025 --fault "GET *.glb 503 SlowDown"

prints one line, its URL, and serves until it is interrupted. In a test:

    with LightS3({"props/a.glb": b"..."}) as server:
        server.faults.append(Fault("GET", "*.glb", "reset", times=2))

`GET /_counts` answers the numbers of requests so far by kind and of connections, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fnmatch
import hashlib
import itertools
import json
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from time import gmtime, strftime, time
from types import TracebackType
from typing import overload
from urllib.parse import parse_qsl, quote_plus, unquote
from xml.sax.saxutils import escape

REGION = "us-east-1"

WEB_PAGES = {
    "html": b"<!DOCTYPE html><html><br>Please log in</html>",
    "xhtml": b"<html><body>Please log in</body></html>",  # parses as XML
}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of this method whose key matches the pattern.

    `method` is GET, HEAD, PUT, DELETE or LIST (whose key is the prefix); `action` is one of
    `"503 SlowDown"`       that status with that error code (any status, any code)
    `"reset"`              the connection is reset before any answer
    `"close-in-body"`      half of the body, then an orderly end of the connection
    `"reset-in-body"`      half of the body, then a reset
    `"stall"`              no answer, and the connection stays open
    `"html"`, `"xhtml"`    a web page instead of the answer, as a log-in portal gives
    `"ignore-if-match"`    the condition is not looked at
    `"ignore-range"`       status 200 and the whole object
    """

    method: str
    pattern: str
    action: str
    times: int = 1


@dataclass(frozen=True)
class Stored:
    """One object, and the header lines that are sent with it."""

    body: bytes
    etag: str
    modified: float
    head: bytes

    @classmethod
    def of(cls, body: bytes, head: bytes = b"Content-Type: binary/octet-stream\r\n") -> Stored:
        etag, now = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"', time()
        head += f"ETag: {etag}\r\nLast-Modified: {formatdate(now, usegmt=True)}\r\n".encode()
        return cls(body, etag, now, head)


class SyntheticKeys(Sequence[str]):
    """`length` keys in ascending order that take no memory, for listings of any length."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        if not 0 <= index < self.length:
            raise IndexError(index)
        return f"synthetic/{index:09d}.glb"


@dataclass
class Library:
    """The objects, the keys in listing order, the faults to come and the requests so far."""

    objects: dict[str, Stored] = field(default_factory=dict)
    keys: Sequence[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    latency_s: float = 0.0
    synthetic: Stored | None = None

    def put(self, key: str, item: Stored) -> None:
        if key not in self.objects and isinstance(self.keys, list):
            insort(self.keys, key)
        self.objects[key] = item

    def delete(self, key: str) -> None:
        if self.objects.pop(key, None) and isinstance(self.keys, list):
            self.keys.remove(key)

    def get(self, key: str) -> Stored | None:
        return self.objects.get(key, self.synthetic)

    def fault(self, method: str, key: str) -> str:
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fnmatch.fnmatchcase(key, fault.pattern):
                fault.times -= 1
                return fault.action
        return ""

    def list_page(self, query: Mapping[str, str]) -> bytes:
        prefix, limit = query.get("prefix", ""), min(int(query.get("max-keys", "1000")), 1000)
        url_encoded = query.get("encoding-type") == "url"
        after = query.get("continuation-token") or query.get("start-after", "")
        # Python compares texts by code point, which is the order of their UTF-8 bytes, in which S3 lists.
        start = max(bisect_left(self.keys, prefix), bisect_right(self.keys, after))
        page = list(itertools.takewhile(lambda key: key.startswith(prefix), self.keys[start : start + limit + 1]))
        truncated = len(page) > limit
        del page[limit:]

        def text(key: str) -> str:
            return escape(quote_plus(key, safe="/") if url_encoded else key)

        def row(key: str) -> str:
            item = self.get(key)
            assert item is not None
            modified = strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(item.modified))
            return (
                f"<Contents><Key>{text(key)}</Key><LastModified>{modified}</LastModified><ETag>{escape(item.etag)}"
                f"</ETag><Size>{len(item.body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )

        return "".join(
            (
                '<?xml version="1.0" encoding="UTF-8"?>\n',
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
                f"<Prefix>{text(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{limit}</MaxKeys>",
                "<EncodingType>url</EncodingType>" if url_encoded else "",
                f"<IsTruncated>{str(truncated).lower()}</IsTruncated>",
                f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if truncated else "",
                *map(row, page),
                "</ListBucketResult>",
            )
        ).encode()


class Connection(asyncio.Protocol):
    """Reads requests off one connection and answers each of them, one round trip later."""

    transport: asyncio.Transport

    def __init__(self, library: Library) -> None:
        self.library = library
        self.buffer = bytearray()
        self.needed_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.library.counts["CONNECTION"] += 1
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.buffer.startswith(b"\x16"):  # a TLS handshake
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return self.transport.close()
        while len(self.buffer) > self.needed_bytes and (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            stop = end + 4 + int(headers.get("content-length", 0))
            if len(self.buffer) < stop:
                if self.needed_bytes == 0 and "expect" in headers:
                    self.later(self.transport.write, b"HTTP/1.1 100 Continue\r\n\r\n")
                self.needed_bytes = stop - 1
                return
            body = bytes(self.buffer[end + 4 : stop])
            del self.buffer[:stop]
            self.needed_bytes = 0
            method, target, _ = first.split(" ")
            self.request(method, target, headers, body)

    def later(self, call: object, *arguments: object) -> None:
        """What the other side sees of this happens one round trip after what it sent."""
        if self.library.latency_s:
            asyncio.get_running_loop().call_later(2 * self.library.latency_s, call, *arguments)  # type: ignore[arg-type]
        else:
            call(*arguments)  # type: ignore[operator]

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        path, _, query_text = target.partition("?")
        if path == "/_counts":
            return self.answer(method, 200, body=json.dumps(self.library.counts).encode())
        key = unquote(path[1:].partition("/")[2])
        query = dict(parse_qsl(query_text, keep_blank_values=True)) if query_text else {}
        kind = "LIST" if method == "GET" and "list-type" in query else method
        self.library.counts[kind] += 1
        fault = self.library.fault(kind, query.get("prefix", "") if kind == "LIST" else key)
        if fault == "reset":
            self.later(self.reset)
        elif fault in WEB_PAGES:
            self.answer(method, 200, b"Content-Type: text/html\r\n", WEB_PAGES[fault])
        elif re.match(r"\d{3} ", fault):
            self.error(method, int(fault[:3]), fault[4:])
        elif fault == "stall":
            pass
        elif kind == "LIST":
            self.answer(method, 200, b"Content-Type: application/xml\r\n", self.library.list_page(query), fault)
        elif kind == "PUT":
            kept = "".join(
                f"{name}: {value}\r\n"
                for name, value in headers.items()
                if name == "content-type" or name.startswith("x-amz-meta-")
            )
            item = Stored.of(body, kept.encode("latin-1"))
            self.library.put(key, item)
            self.answer(method, 200, b"ETag: %b\r\n" % item.etag.encode())
        elif kind == "DELETE":
            self.library.delete(key)
            self.answer(method, 204)
        else:
            self.get(method, key, headers, fault)

    def get(self, method: str, key: str, headers: Mapping[str, str], fault: str) -> None:
        item = self.library.get(key)
        if item is None:
            return self.error(method, 404, "NoSuchKey")
        if headers.get("if-match", item.etag).strip('"') != item.etag.strip('"') and fault != "ignore-if-match":
            return self.error(method, 412, "PreconditionFailed")
        asked = headers.get("range", "")
        if asked and fault != "ignore-range":
            first, _, last = asked.removeprefix("bytes=").partition("-")
            part = item.body[int(first) : int(last) + 1 if last else None]
            if not part:
                return self.error(method, 416, "InvalidRange")
            span = f"Content-Range: bytes {first}-{int(first) + len(part) - 1}/{len(item.body)}\r\n".encode()
            return self.answer(method, 206, item.head + span, part, fault)
        self.answer(method, 200, item.head, item.body, fault)

    def error(self, method: str, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code}</Message><Region>{REGION}</Region></Error>"
        head = f"Content-Type: application/xml\r\nx-amz-bucket-region: {REGION}\r\n"
        self.answer(method, status, head.encode(), body.encode())

    def answer(self, method: str, status: int, head: bytes = b"", body: bytes = b"", fault: str = "") -> None:
        start = b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\n\r\n" % (
            status,
            HTTPStatus(status).phrase.encode(),
            head,
            len(body),
        )
        if method == "HEAD":
            self.later(self.transport.write, start)
        elif fault in ("close-in-body", "reset-in-body"):
            self.later(self.transport.write, start + body[: len(body) // 2])
            self.later(self.transport.close if fault == "close-in-body" else self.reset)
        else:
            self.later(self.transport.write, start + body)

    def reset(self) -> None:
        """End the connection with RST: lingering for zero seconds means just that."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class LightS3:
    """The server in a thread of this process, as a context manager; `objects` are its content by key."""

    def __init__(
        self,
        objects: Mapping[str, bytes] | None = None,
        *,
        library: Library | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.library = library or Library()
        for key, body in (objects or {}).items():
            self.library.put(key, Stored.of(body))
        self.faults = self.library.faults
        self.counts = self.library.counts
        self.url = ""
        self._port = port
        self._tls = tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="light-s3", daemon=True)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: Connection(self.library), "127.0.0.1", self._port, ssl=self._tls, backlog=256
        )
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()

    def __enter__(self) -> LightS3:
        self._thread.start()
        if not self._ready.wait(10):
            raise OSError("the light S3 server could not listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@contextlib.contextmanager
def light_s3_process(*arguments: str) -> Iterator[str]:
    """The server in a process of its own, whose memory and CPU time are not ours; gives its URL."""
    command = [sys.executable, "-m", "tests.servers.light_s3", *arguments]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def library_of_folder(folder: Path, *, prefix: str = "", count: int = 0) -> Library:
    """The files of a folder under their relative names, or `count` objects made of its `.glb` files in turn."""
    library = Library()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not count:
        for path in files:
            library.put(prefix + path.relative_to(folder).as_posix(), Stored.of(path.read_bytes()))
        return library
    items = [(path.name, Stored.of(path.read_bytes())) for path in files if path.suffix.lower() == ".glb"]
    for number, (name, item) in zip(range(count), itertools.cycle(items), strict=False):
        library.put(f"{prefix}{number:06d}_{name}", item)
    return library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--latency", type=float, default=0.0, help="one-way latency in seconds")
    parser.add_argument("--folder", type=Path, help="objects to begin with")
    parser.add_argument("--prefix", default="", help="put before the keys of the folder's files")
    parser.add_argument("--count", type=int, default=0, help="this many objects, from the folder's .glb files in turn")
    parser.add_argument("--synthetic", type=int, default=0, help="list this many keys that take no memory")
    parser.add_argument("--fault", action="append", default=[], help='"METHOD PATTERN ACTION", once; may be repeated')
    options = parser.parse_args()
    library = Library()
    if options.folder:
        library = library_of_folder(options.folder, prefix=options.prefix, count=options.count)
    if options.synthetic:
        library.keys, library.synthetic = SyntheticKeys(options.synthetic), Stored.of(b"glTF")
    library.latency_s = options.latency
    library.faults += [Fault(*text.split(" ", 2)) for text in options.fault]
    with LightS3(library=library, port=options.port) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
