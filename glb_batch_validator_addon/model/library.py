"""What a library holds: objects under keys, some of which are assets."""

from __future__ import annotations

from dataclasses import dataclass

ASSET_SUFFIX = ".glb"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a library, as its storage lists it.

    `key`            full key in the bucket, or the path below a folder with "/" between its parts
    `size_bytes`     length of the content
    `etag`           opaque; equal ETags mean equal content, a changed object has another one
    `last_modified`  ISO 8601, UTC, whole seconds, ending in "Z"
    """

    key: str
    size_bytes: int
    etag: str
    last_modified: str


def is_asset(key: str) -> bool:
    """True for keys ending in `.glb` in any case that name a file (`props/.glb` is a file without a name)."""
    return key.lower().endswith(ASSET_SUFFIX) and len(key.rpartition("/")[2]) > len(ASSET_SUFFIX)
