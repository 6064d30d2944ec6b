"""A library in memory: the twin of the other adapters for tests, and the shortest example of the port."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ChangedError, NotFoundError
from ..model.library import StoredObject
from .files import new_file


class MemoryStorage:
    """Objects in a dict; `metadata` holds what was written with them. ETags are MD5, as those of small S3 objects."""

    def __init__(self, objects: Mapping[str, bytes] | None = None, *, name: str = "library", prefix: str = "") -> None:
        self.root = prefix[: prefix.rfind("/") + 1]
        self.metadata: dict[str, Mapping[str, str]] = {}
        self._name = name
        self._prefix = prefix
        self._objects: dict[str, tuple[StoredObject, bytes]] = {}
        self._lock = threading.Lock()
        for key, data in (objects or {}).items():
            self.write(key, data, content_type="application/octet-stream", metadata={})

    def uri(self, key: str = "") -> str:
        return f"memory://{self._name}/{key or self._prefix}"

    def check(self, *, write: bool) -> bool:
        return write

    def list(self) -> Iterator[StoredObject]:
        with self._lock:
            items = [item for item, _ in self._objects.values()]
        for item in sorted(items, key=lambda item: item.key):
            if item.key.startswith(self._prefix) and not item.key.endswith("/"):
                yield item

    def stat(self, key: str) -> StoredObject:
        return self._get(key)[0]

    def read(self, item: StoredObject) -> bytes:
        now, data = self._get(item.key)
        if now.etag != item.etag:
            raise ChangedError(f"{self.uri(item.key)} has changed since it was listed", key=item.key)
        return data

    def download(self, item: StoredObject, path: Path) -> None:
        data = self.read(item)
        with new_file(path, key=item.key) as file:
            file.write(data)

    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        modified = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._lock:
            self._objects[key] = StoredObject(key, len(data), etag, modified), bytes(data)
            self.metadata[key] = dict(metadata)
        return etag

    def delete(self, key: str) -> None:
        """Not part of the port: the product never deletes; tests do."""
        with self._lock:
            del self._objects[key], self.metadata[key]

    def close(self) -> None:
        pass

    def _get(self, key: str) -> tuple[StoredObject, bytes]:
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise NotFoundError(f"{self.uri(key)} does not exist (any more)", key=key)
        return found
