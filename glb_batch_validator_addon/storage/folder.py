"""A library in a folder."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ..errors import BadKeyError, ChangedError, NotFoundError, UsageError
from ..model.library import StoredObject
from .files import TEMPORARY_SUFFIX, disk_error, new_file, printable

_CHUNK_BYTES = 1 << 20


class FolderStorage:
    """The regular files below a folder; keys are their paths with "/", in the form (NFC, NFD) that the disk has.

    Links are followed inside the folder only: what resolves outside of it is neither listed nor read nor written.
    A link back to a folder that the walk is in is passed over, so a walk ends. ETags are made of the time of the
    last change in nanoseconds, the length and the inode. Bytes of a name that are not UTF-8 become lone surrogates
    in its key, as everywhere in Python. Metadata is not kept.
    """

    root = ""

    def __init__(self, folder: Path | str) -> None:
        self._name = printable(folder)
        self._root = os.path.realpath(folder)

    def uri(self, key: str = "") -> str:
        return Path(self._root, key).as_uri()

    def check(self, *, write: bool) -> bool:
        if not os.path.exists(self._root):
            raise UsageError(f"the folder {self._name} does not exist: check --folder")
        if not os.path.isdir(self._root):
            raise UsageError(f"{self._name} is a file: --folder takes the folder that it is in")
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise UsageError(
                f"the folder {self._name} cannot be read ({error.strerror}): ask its owner for access"
            ) from error
        if not write:
            return False
        try:
            tempfile.TemporaryFile(dir=self._root, suffix=TEMPORARY_SUFFIX).close()
        except OSError as error:
            raise UsageError(
                f"the folder {self._name} cannot be written to ({error.strerror}): make it writable, or send the "
                "reports elsewhere with --reports-to"
            ) from error
        return True

    def list(self) -> Iterator[StoredObject]:
        return self._walk(self._root, "", frozenset())

    def stat(self, key: str) -> StoredObject:
        with self._opened(key) as file:
            return _stored(key, os.fstat(file.fileno()))

    def read(self, item: StoredObject) -> bytes:
        with self._opened(item.key) as file:
            self._demand_version(item, file)
            data = file.read()
            self._demand_version(item, file)
        return data

    def download(self, item: StoredObject, path: Path) -> None:
        with self._opened(item.key) as file, new_file(path, key=item.key) as copy:
            self._demand_version(item, file)
            while chunk := file.read(_CHUNK_BYTES):
                copy.write(chunk)
            self._demand_version(item, file)

    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, f"write {printable(path)}", key=key) from error
        with new_file(path, key=key) as file:
            file.write(data)
            file.flush()
            return _etag(os.fstat(file.fileno()))

    def close(self) -> None:
        pass

    def _walk(self, folder: str, prefix: str, above: frozenset[str]) -> Iterator[StoredObject]:
        """The files below `folder`, whose keys begin with `prefix`; `above`: the real folders that the walk is in."""
        real = os.path.realpath(folder)
        if real in above or not self._is_inside(real):
            return
        try:
            with os.scandir(folder) as entries:
                # With its "/" a folder stands where its files do in the order of keys: a-b.glb, a/b.glb, a0.glb.
                names = [entry.name + "/" * os.path.isdir(entry) for entry in entries]
        except FileNotFoundError:
            return  # removed since its parent was read
        except OSError as error:
            raise disk_error(error, f"list {printable(folder)}", key=prefix) from error
        for name in sorted(names, key=os.fsencode):
            path = os.path.join(folder, name)
            if name.endswith("/"):
                yield from self._walk(path, prefix + name, above | {real})
            elif not name.endswith(TEMPORARY_SUFFIX):
                try:
                    found = os.lstat(path)
                    if stat.S_ISLNK(found.st_mode) and self._is_inside(os.path.realpath(path)):
                        found = os.stat(path)
                except OSError:
                    continue  # removed since, or a link to nothing
                if stat.S_ISREG(found.st_mode):
                    yield _stored(prefix + name, found)

    @contextmanager
    def _opened(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        try:
            # Opening a FIFO would wait for a writer for ever.
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise NotFoundError(f"{self.uri(key)} is not a file", key=key)
            with open(path, "rb") as file:
                yield file
        except OSError as error:
            raise disk_error(error, f"read {printable(path)}", key=key) from error

    def _demand_version(self, item: StoredObject, file: BinaryIO) -> None:
        if _etag(os.fstat(file.fileno())) != item.etag:
            raise ChangedError(f"{self.uri(item.key)} has changed since it was listed", key=item.key)

    def _path(self, key: str) -> Path:
        """Where a key really is; `BadKeyError` if that is not in the folder."""
        plain = not {"", ".", ".."} & set(key.split("/")) and "\0" not in key and not os.path.splitdrive(key)[0]
        real = os.path.realpath(os.path.join(self._root, key)) if plain else ""
        if not self._is_inside(real):
            raise BadKeyError(f"the key {printable(key)} leads out of the folder {self._name}", key=key)
        return Path(real)

    def _is_inside(self, real_path: str) -> bool:
        return os.path.join(real_path, "").startswith(os.path.join(self._root, ""))


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


def _stored(key: str, found: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(found.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return StoredObject(key, found.st_size, _etag(found), modified)
