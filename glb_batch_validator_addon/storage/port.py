"""The port to a library. Three adapters stand behind it (`s3`, `folder`, `memory`) and pass one contract test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from ..model.library import StoredObject


class Storage(Protocol):
    """A library: objects under keys. Methods may be called from many threads at once.

    Every method raises a child of `StorageError` when one object is at fault and `UsageError` when the library as
    a whole is out of reach (credentials, no such bucket or folder, wrong region, no route). Messages hold no secret.
    """

    root: str
    """What keys of this library start with: "" or a text ending in "/". References never lead out of it."""

    def uri(self, key: str = "") -> str:
        """Where a key is, or without one the library.

        `s3://bucket/key`, `file:///folder/key` (percent-encoded) or `memory://name/key`.
        """
        ...

    def check(self, *, write: bool) -> bool:
        """Raise `UsageError`, in one sentence that says what to do, if the library cannot be used.

        That it can be listed is tried; with `write`, that it can be written, where that leaves no trace.
        Returns whether writing was tried.
        """
        ...

    def list(self) -> Iterator[StoredObject]:
        """Every object under the prefix, lazily, in ascending order of the UTF-8 bytes of keys if the server keeps it.

        "Directory" placeholders (keys ending in "/") are left out. Raises in the middle when a later page fails.
        """
        ...

    def stat(self, key: str) -> StoredObject:
        """The object as it is now, for keys that came from a manifest or changed since they were listed."""
        ...

    def read(self, item: StoredObject) -> bytes:
        """The whole content of exactly the listed version; `ChangedError` if it is another one by now."""
        ...

    def download(self, item: StoredObject, path: Path) -> None:
        """The same into a file in an existing folder, in bounded memory. A failed download leaves no file."""
        ...

    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        """Write or replace one small object, whole or not at all; returns its new ETag.

        `metadata` has ASCII values and lower-case names; storages without metadata leave it out.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the storage is not used after it."""
        ...


def root_uri(storage: Storage) -> str:
    """What the URIs of all keys below the root begin with."""
    return storage.uri(f"{storage.root}x")[:-1]


def key_of(storage: Storage, uri: str) -> str | None:
    """The key below the root whose URI this is; None if there can be none."""
    below = uri.removeprefix(root_uri(storage))
    keys = (storage.root + below, storage.root + unquote(below, errors="surrogateescape"))
    return next((key for key in keys if storage.uri(key) == uri), None)
