"""From a URI back to its key, for what knows only the URI."""

from __future__ import annotations

from pathlib import Path

import pytest

from glb_batch_validator_addon.storage.folder import FolderStorage
from glb_batch_validator_addon.storage.memory import MemoryStorage
from glb_batch_validator_addon.storage.port import key_of, root_uri

NAMES = ["a.json", "props/a b%20c.json", "props/näh & co #1.json", "x/100%.json", "odd\udcff.json"]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_found_by_its_uri(name: str, tmp_path: Path) -> None:
    for storage in (
        MemoryStorage(),
        MemoryStorage(prefix="qa/"),
        MemoryStorage(prefix="qa/cha"),
        FolderStorage(tmp_path),
    ):
        key = storage.root + name
        assert key_of(storage, storage.uri(key)) == key
        assert storage.uri(key).startswith(root_uri(storage))


def test_another_place_has_no_such_key(tmp_path: Path) -> None:
    assert key_of(FolderStorage(tmp_path), "s3://bucket/a.json") is None
    assert key_of(MemoryStorage(prefix="qa/"), "memory://library/elsewhere/a.json") is None
