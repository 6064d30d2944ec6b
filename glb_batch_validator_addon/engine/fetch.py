"""Brings assets, and what they refer to, into the temporary folder of the crew. Called in storage threads."""

from __future__ import annotations

import time
from pathlib import Path

from ..errors import ChangedError, FullError, NotFoundError, StorageError, UnavailableError
from ..model.library import StoredObject
from ..model.limits import MIB, Limits
from ..model.wire import Resource
from ..storage.port import Storage

IN_MEMORY_BYTES = 64 * MIB
"""Up to this size an object is fetched into memory and written in one go; above it is streamed to disk in ranges."""


def too_large(item: StoredObject, limits: Limits) -> str:
    """Why an asset is not even fetched, as a sentence; "" if it is not too large."""
    if item.size_bytes <= limits.max_size_bytes:
        return ""
    return (
        f"The file has {item.size_bytes / MIB:,.1f} MB, the limit is {limits.max_size_bytes / MIB:g} MB."
        " Allow more with --max-size-mb."
    )


def fetch(storage: Storage, item: StoredObject, path: Path, limits: Limits) -> tuple[StoredObject, float]:
    """Fetch the listed version, or the present one if it has changed since; with the seconds it took."""
    started = time.monotonic()
    try:
        _get(storage, item, path)
    except ChangedError:
        item = storage.stat(item.key)
        if item.size_bytes > limits.max_size_bytes:
            raise
        _get(storage, item, path)
    return item, time.monotonic() - started


def fetch_resources(storage: Storage, keys: tuple[str, ...], folder: Path, limits: Limits) -> dict[str, Resource]:
    """Fetch what an asset refers to, up to the limit of bytes; what cannot be had is named with the reason.

    Raises what is not the asset's fault: `UsageError`, `FullError`, `UnavailableError`.
    """
    resources: dict[str, Resource] = {}
    left = limits.max_reference_bytes
    folder.mkdir(exist_ok=True)
    for number, key in enumerate(keys):
        path = folder / str(number)
        try:
            item = storage.stat(key)
            if item.size_bytes > left:
                raise StorageError("It would exceed the limit on the bytes that one asset may refer to.")
            _get(storage, item, path)
        except (FullError, UnavailableError):
            raise
        except NotFoundError:
            resources[key] = Resource(path=None, reason="There is no such file in the library.")
        except StorageError as error:
            resources[key] = Resource(path=None, reason=str(error))
        else:
            left -= item.size_bytes
            resources[key] = Resource(path=str(path), size_bytes=item.size_bytes)
    return resources


def _get(storage: Storage, item: StoredObject, path: Path) -> None:
    if item.size_bytes > IN_MEMORY_BYTES:
        storage.download(item, path)
        return
    data = storage.read(item)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FullError(f"{path.parent} cannot take the fetched files: {error.strerror}.", key=item.key) from error
