"""What is true of folders alone: links, disks, and others who write at the same time."""

from __future__ import annotations

import os
import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from glb_batch_validator_addon.errors import (
    BadKeyError,
    ChangedError,
    DeniedError,
    FullError,
    NotFoundError,
    UsageError,
)
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.storage.folder import FolderStorage
from tests.storage.conftest import mounted

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    root.mkdir()
    return root


@pytest.fixture
def storage(root: Path) -> FolderStorage:
    return FolderStorage(root)


def keys_of(storage: FolderStorage) -> list[str]:
    return [item.key for item in storage.list()]


def write(storage: FolderStorage, key: str, data: bytes = b"{}") -> str:
    return storage.write(key, data, content_type="application/json", metadata={})


def test_the_order_is_that_of_whole_keys_not_of_folders(root: Path, storage: FolderStorage) -> None:
    for key in ("a-b.glb", "a/b.glb", "a/b/c.glb", "a.glb", "a0.glb", "A.glb", "\uffff.glb", "\U0001f600.glb"):
        (root / key).parent.mkdir(exist_ok=True) if key != "a/b/c.glb" else (root / "a" / "b").mkdir()
        (root / key).touch()
    keys = keys_of(storage)
    assert len(keys) == 8
    assert all(before.encode() < after.encode() for before, after in pairwise(keys))


def test_the_listing_is_lazy(root: Path, storage: FolderStorage) -> None:
    (root / "a.glb").touch()
    (root / "b").mkdir()
    listing = storage.list()
    assert next(listing).key == "a.glb"
    (root / "b" / "late.glb").touch()
    assert [item.key for item in listing] == ["b/late.glb"]


# Links


def test_links_inside_the_folder_are_followed(root: Path, storage: FolderStorage) -> None:
    (root / "real").mkdir()
    (root / "real" / "a.glb").write_bytes(b"glTF")
    (root / "folder-link").symlink_to("real")
    (root / "link.glb").symlink_to("real/a.glb")
    items = {item.key: item for item in storage.list()}
    assert sorted(items) == ["folder-link/a.glb", "link.glb", "real/a.glb"]
    assert {storage.read(item) for item in items.values()} == {b"glTF"}


def test_what_links_lead_out_to_is_neither_listed_nor_read_nor_written(
    root: Path, storage: FolderStorage, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.glb").write_bytes(b"secret")
    (tmp_path / "library-of-others").mkdir()  # begins with the folder's own path
    (tmp_path / "library-of-others" / "b.glb").touch()
    (root / "file.glb").symlink_to(outside / "secret.glb")
    (root / "relative.glb").symlink_to("../outside/secret.glb")
    (root / "folder").symlink_to(outside)
    (root / "others").symlink_to(tmp_path / "library-of-others")
    assert keys_of(storage) == []
    for key in ("file.glb", "relative.glb", "folder/secret.glb", "others/b.glb"):
        with pytest.raises(BadKeyError, match="leads out of the folder"):
            storage.stat(key)
        with pytest.raises(BadKeyError):
            storage.read(StoredObject(key, 6, "", ""))
        with pytest.raises(BadKeyError):
            write(storage, key)
    assert [path.name for path in outside.iterdir()] == ["secret.glb"]
    assert (outside / "secret.glb").read_bytes() == b"secret"


def test_cycles_dead_links_and_things_that_are_no_files_are_passed_over(root: Path, storage: FolderStorage) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "up").symlink_to("..")
    (root / "sub" / "self").symlink_to(".")
    (root / "dead.glb").symlink_to("nowhere.glb")
    (root / "loop.glb").symlink_to("loop.glb")
    os.mkfifo(root / "pipe.glb")
    (root / "folder.glb").mkdir()
    (root / "sub" / "a.glb").touch()
    assert keys_of(storage) == ["sub/a.glb"]
    with pytest.raises(NotFoundError):
        storage.stat("pipe.glb")
    with pytest.raises(NotFoundError):
        storage.stat("folder.glb")


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (root / "a.glb").write_bytes(b"glTF")
    (tmp_path / "link").symlink_to(root)
    storage = FolderStorage(tmp_path / "link")
    [item] = storage.list()
    assert storage.read(item) == b"glTF"


@pytest.mark.parametrize(
    "key", ["../out.json", "a/../../out.json", "/tmp/out.json", "", ".", "a//b.json", "a/./b.json", "a/", "nul\0.json"]
)
def test_a_key_that_leads_out_or_is_no_name_is_refused(storage: FolderStorage, tmp_path: Path, key: str) -> None:
    with pytest.raises(BadKeyError):
        write(storage, key)
    with pytest.raises(BadKeyError):
        storage.stat(key)
    assert not (tmp_path / "out.json").exists()


# Names


def test_names_that_are_not_utf8_are_read_like_others(root: Path, storage: FolderStorage, tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.glb")).write_bytes(b"glTF")
    except OSError as error:
        pytest.skip(f"this disk takes UTF-8 alone: {error}")
    [item] = storage.list()
    assert os.fsencode(item.key) == b"caf\xe9.glb"
    assert storage.read(item) == b"glTF"
    assert storage.uri(item.key).endswith("/caf%E9.glb")
    storage.download(item, tmp_path / "copy")
    write(storage, item.key.replace(".glb", "_report.json"))
    os.unlink(root / item.key)
    with pytest.raises(NotFoundError) as raised:
        storage.read(item)
    str(raised.value).encode()  # can be printed and stored


# Versions


def test_a_file_that_changes_while_it_is_read_is_another_version(
    root: Path, storage: FolderStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.glb"
    path.write_bytes(b"1" * 3_000_000)
    [item] = storage.list()
    demand_version = FolderStorage._demand_version

    def demand_and_change(self: FolderStorage, *arguments: object) -> None:
        demand_version(self, *arguments)  # type: ignore[arg-type]
        path.open("ab").write(b"2")

    monkeypatch.setattr(FolderStorage, "_demand_version", demand_and_change)
    with pytest.raises(ChangedError):
        storage.read(item)
    path.write_bytes(b"1" * 3_000_000)
    [item] = storage.list()
    with pytest.raises(ChangedError):
        storage.download(item, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_file_of_the_same_length_and_time_that_took_the_place_is_another_version(
    root: Path, storage: FolderStorage
) -> None:
    (root / "a.glb").write_bytes(b"1111")
    [item] = storage.list()
    (root / "new").write_bytes(b"2222")
    times = (root / "a.glb").stat()
    os.utime(root / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace(root / "new", root / "a.glb")
    with pytest.raises(ChangedError):
        storage.read(item)


# Writing


def test_readers_see_the_old_or_the_new_file_and_the_listing_never_an_unfinished_one(
    root: Path, storage: FolderStorage
) -> None:
    contents = {b"1" * 1_000_000, b"2" * 2_000_000}
    write(storage, "a.json", min(contents))
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            for data in contents:
                write(storage, "a.json", data)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(100):
            assert (root / "a.json").read_bytes() in contents
            assert keys_of(storage) == ["a.json"]
    finally:
        stop.set()
        writer.join()


def test_folders_on_the_way_are_made(root: Path, storage: FolderStorage) -> None:
    write(storage, "run/2026/summary.json", b"{}")
    assert (root / "run" / "2026" / "summary.json").read_bytes() == b"{}"


def test_a_full_disk_leaves_the_old_file_and_no_other(tiny_disk: Path) -> None:
    storage = FolderStorage(tiny_disk)
    write(storage, "a.json", b"old")
    with pytest.raises(FullError, match="no space left") as raised:
        write(storage, "a.json", bytes(4_000_000))
    assert raised.value.key == "a.json"
    assert [path.name for path in tiny_disk.iterdir()] == ["a.json"]
    assert (tiny_disk / "a.json").read_bytes() == b"old"


# The check before a run


def test_a_folder_that_can_be_used_passes_and_stays_as_it_was(root: Path, storage: FolderStorage) -> None:
    storage.check(write=True)
    assert list(root.iterdir()) == []


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist: check --folder"):
        FolderStorage(tmp_path / "nowhere").check(write=True)


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.glb").touch()
    with pytest.raises(UsageError, match=r"a\.glb is a file"):
        FolderStorage(tmp_path / "a.glb").check(write=True)


def test_a_read_only_disk(root: Path) -> None:
    with mounted(root, "-t", "tmpfs", "-o", "ro", "tmpfs"):
        storage = FolderStorage(root)
        with pytest.raises(UsageError, match=r"cannot be written to .*--reports-to"):
            storage.check(write=True)
        with pytest.raises(DeniedError, match="the disk is read-only") as raised:
            write(storage, "a_report.json")
        assert raised.value.key == "a_report.json"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
@pytest.mark.parametrize(("mode", "expected"), [(0o300, "cannot be read"), (0o500, "cannot be written to")])
def test_a_folder_without_permission(mode: int, expected: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to all but their owner
        is_root = os.geteuid() == 0
        if is_root:  # who may do anything
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        os.chmod(folder, mode)
        try:
            with pytest.raises(UsageError, match=expected):
                FolderStorage(folder).check(write=True)
        finally:
            os.chmod(folder, 0o700)
            if is_root:
                os.seteuid(0)
