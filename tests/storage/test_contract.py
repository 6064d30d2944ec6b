"""One contract for every storage, each filled and changed behind its back by another hand than ours."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glb_batch_validator_addon.errors import ChangedError, NotFoundError
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.storage import s3
from glb_batch_validator_addon.storage.folder import FolderStorage
from glb_batch_validator_addon.storage.memory import MemoryStorage
from glb_batch_validator_addon.storage.port import Storage
from glb_batch_validator_addon.storage.s3 import S3Storage
from glb_batch_validator_addon.storage.s3_options import S3Options
from tests.servers.light_s3 import LightS3, Stored, light_s3_process

AWKWARD_KEYS = (
    "with space.glb",
    " leading and trailing .glb ",
    "plus+sign.glb",
    "percent%.glb",
    "percent%20encoded%2Fslash.glb",
    "amp&ers<and>'quotes'.glb",
    "question?mark#hash=equals;semi,comma.glb",
    "brackets[1](2){3}.glb",
    "tilde~star*at@dollar$bang!.glb",
    "Ünïcode/日本語/😀.glb",
    "composed-\u00e9.glb",
    "decomposed-e\u0301.glb",
    "UPPER.GLB",
    "a/b/c/d/e/f.glb",
)
KEYS_WITH_CONTROL_CHARACTERS = ("control\x01\t\n\r\x7f.glb",)
KEYS_OF_BUCKETS_ONLY = ("double//slash.glb", "/leading.glb", "dot/./dot.glb", "up/../up.glb")


@dataclass(frozen=True)
class Library:
    """A storage under test, and ways to change what is in it without it."""

    storage: Storage
    put: Callable[[str, bytes], object]
    delete: Callable[[str], object]
    under: Callable[[str], Storage]
    """The same library, opened with a prefix."""
    keys: tuple[str, ...] = AWKWARD_KEYS + KEYS_WITH_CONTROL_CHARACTERS + KEYS_OF_BUCKETS_ONLY
    """Keys that it can hold."""
    is_s3: bool = True

    def item(self, key: str) -> StoredObject:
        [found] = [item for item in self.storage.list() if item.key == key]
        return found


@pytest.fixture(
    params=[
        "memory",
        "folder",
        "light",
        pytest.param("moto", marks=pytest.mark.server),
        pytest.param("moto by boto3 alone", marks=pytest.mark.server),
        pytest.param("ceph", marks=pytest.mark.server),
        pytest.param("ceph by boto3 alone", marks=pytest.mark.server),
    ]
)
def library(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    kind, _, alone = str(request.param).partition(" ")
    if alone:
        monkeypatch.setattr(s3, "open_lane", lambda *_, **__: None)
    if kind == "memory":
        return in_memory()
    if kind == "folder":
        return in_folder(tmp_path / "library")
    if kind == "light":
        server: LightS3 = request.getfixturevalue("light")
        options = S3Options("library", endpoint_url=server.url, region="us-east-1")
        return Library(
            S3Storage(options),
            lambda key, data: server.library.put(key, Stored.of(data)),
            server.library.delete,
            lambda prefix: S3Storage(replace(options, prefix=prefix)),
        )
    server_fixture = {"moto": "moto_s3", "ceph": "ceph_rgw"}[kind]
    bucket = request.getfixturevalue("make_bucket")(request.getfixturevalue(server_fixture))
    return Library(
        S3Storage(bucket.options()),
        bucket.put,
        bucket.delete,
        lambda prefix: S3Storage(bucket.options(prefix=prefix)),
        # moto's web framework finds no route to control characters and normalizes paths.
        keys=AWKWARD_KEYS if kind == "moto" else Library.keys,
    )


def in_memory() -> Library:
    storage = MemoryStorage()

    def put(key: str, data: bytes) -> None:
        storage.write(key, data, content_type="", metadata={})

    def under(prefix: str) -> Storage:
        return MemoryStorage({item.key: storage.read(item) for item in storage.list()}, prefix=prefix)

    return Library(storage, put, storage.delete, under, is_s3=False)


def in_folder(root: Path) -> Library:
    root.mkdir()

    def put(key: str, data: bytes) -> None:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def under(prefix: str) -> Storage:
        pytest.skip("a folder is opened as a whole: it has no prefix")

    keys = AWKWARD_KEYS + KEYS_WITH_CONTROL_CHARACTERS
    return Library(FolderStorage(root), put, lambda key: (root / key).unlink(), under, keys=keys, is_s3=False)


def keys_of(storage: Storage) -> list[str]:
    return [item.key for item in storage.list()]


def test_an_empty_library_is_fine(library: Library) -> None:
    assert library.storage.check(write=True) is not library.is_s3, "writing to S3 would leave a trace"
    assert library.storage.check(write=False) is False
    assert keys_of(library.storage) == []


def test_the_listing_is_complete_and_in_the_order_of_utf8_bytes_over_many_pages(library: Library) -> None:
    keys = [f"d{number % 7}/{number:05d}.glb" for number in range(2_096)] + ["d1-.glb", "d1.glb", "d10.glb", "é.glb"]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: library.storage.write(key, b"x", content_type="a/b", metadata={}), keys))
    assert keys_of(library.storage) == sorted(keys, key=str.encode)


def test_any_key_survives_the_way_there_and_back(library: Library) -> None:
    keys = library.keys
    for number, key in enumerate(keys):
        library.put(key, b"put %d" % number)
    items = {item.key: item for item in library.storage.list()}
    assert sorted(items) == sorted(keys)
    for number, key in enumerate(keys):
        assert library.storage.read(items[key]) == b"put %d" % number
        assert library.storage.stat(key) == items[key]
        etag = library.storage.write(key, b"written %d" % number, content_type="a/b", metadata={})
        assert library.storage.stat(key).etag == etag
        assert library.storage.read(library.storage.stat(key)) == b"written %d" % number


def test_an_item_says_length_version_and_time(library: Library) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    library.put("a.glb", b"12345")
    item = library.item("a.glb")
    assert item.size_bytes == 5
    assert item.etag
    assert '"' not in item.etag
    modified = datetime.strptime(item.last_modified, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 0 <= (modified - before).total_seconds() < 60


def test_placeholders_of_directories_are_not_listed(library: Library) -> None:
    if not library.is_s3:
        pytest.skip("only a bucket has objects that stand for directories")
    library.put("props/", b"")
    library.put("props/chair.glb", b"x")
    assert keys_of(library.storage) == ["props/chair.glb"]


def test_a_prefix_need_not_end_at_a_directory_and_the_root_does(library: Library) -> None:
    for key in ("props/chair.glb", "props/chairs/a b.glb", "props/table.glb", "propsy.glb", "z.glb"):
        library.put(key, b"x")
    chairs = library.under("props/ch")
    assert keys_of(chairs) == ["props/chair.glb", "props/chairs/a b.glb"]
    assert chairs.root == "props/"
    assert library.under("props/").root == "props/"
    assert library.under("props").root == ""


@pytest.mark.parametrize("size_bytes", [0, 1, 100_000])
def test_content_is_the_same_by_either_way(library: Library, size_bytes: int, tmp_path: Path) -> None:
    data = random.Random(size_bytes).randbytes(size_bytes)
    library.put("a.glb", data)
    item = library.item("a.glb")
    assert library.storage.read(item) == data
    library.storage.download(item, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_a_large_object_arrives_whole(library: Library, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(20_000_000)
    library.put("large.glb", data)
    library.storage.download(library.item("large.glb"), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_large_object_is_downloaded_in_bounded_memory(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "large.glb").write_bytes(bytes(20_000_000))
    with light_s3_process("--folder", str(folder)) as url:  # memory of another process does not count
        options = S3Options("library", endpoint_url=url, region="us-east-1")
        storage: Storage = FolderStorage(folder) if kind == "folder" else S3Storage(options)
        [item] = storage.list()
        tracemalloc.start()
        try:
            storage.download(item, tmp_path / "copy")
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "copy").stat().st_size == 20_000_000
    assert peak_bytes < 5_000_000


@pytest.mark.parametrize("size_bytes", [10, 9_000_000])
def test_another_version_than_the_listed_one_is_not_read(library: Library, size_bytes: int, tmp_path: Path) -> None:
    library.put("a.glb", b"1" * size_bytes)
    item = library.item("a.glb")
    library.put("a.glb", b"2" * size_bytes)
    with pytest.raises(ChangedError) as read:
        library.storage.read(item)
    with pytest.raises(ChangedError):
        library.storage.download(item, tmp_path / "copy")
    assert read.value.key == "a.glb"
    assert library.storage.uri("a.glb") in str(read.value)
    assert list(tmp_path.glob("*copy*")) == []


@pytest.mark.parametrize("size_bytes", [10, 9_000_000])
def test_what_was_deleted_since_the_listing_is_not_found(library: Library, size_bytes: int, tmp_path: Path) -> None:
    library.put("a.glb", b"1" * size_bytes)
    item = library.item("a.glb")
    library.delete("a.glb")
    with pytest.raises(NotFoundError) as read:
        library.storage.read(item)
    with pytest.raises(NotFoundError):
        library.storage.stat("a.glb")
    with pytest.raises(NotFoundError):
        library.storage.download(item, tmp_path / "copy")
    assert read.value.key == "a.glb"
    assert list(tmp_path.glob("*copy*")) == []


def test_what_is_written_is_there_at_once_and_replaces_what_was(library: Library) -> None:
    for text in (b"{}", b'{"status": "ok"}'):
        etag = library.storage.write("a/b_report.json", text, content_type="application/json", metadata={"v": "1"})
        item = library.item("a/b_report.json")
        assert (item.etag, item.size_bytes) == (etag, len(text))
        assert library.storage.read(item) == text


def test_a_uri_names_the_object(library: Library) -> None:
    library.put("a b.glb", b"x")
    uri = library.storage.uri("a b.glb")
    assert uri.startswith(library.storage.uri())
    assert uri.startswith(("s3://", "file:///", "memory://"))
    assert uri.endswith(("/a b.glb", "/a%20b.glb"))
