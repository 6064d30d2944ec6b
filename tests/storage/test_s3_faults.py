"""What a network and hostile servers do to a run, done by the light server: nothing is lost, nothing is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from glb_batch_validator_addon.errors import ChangedError, FullError, UnavailableError
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.storage import s3, s3_fast
from glb_batch_validator_addon.storage.s3 import S3Storage
from glb_batch_validator_addon.storage.s3_options import S3Options
from tests.servers.light_s3 import Fault, LightS3, Stored

DATA = random.Random(7).randbytes(10_000)
PASSING_FAULTS = ["503 SlowDown", "500 InternalError", "reset", "reset-in-body", "close-in-body"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off without the waiting, and downloads in parts that a small object has several of."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(s3, "_BODY_RETRY_WAITS_S", (0, 0, 0, 0))
    monkeypatch.setattr(s3, "PART_BYTES", 3_000)


@pytest.fixture
def storage(light: LightS3) -> Iterator[S3Storage]:
    light.library.put("a.glb", Stored.of(DATA))
    storage = S3Storage(S3Options("library", endpoint_url=light.url, region="us-east-1"))
    yield storage
    storage.close()


@pytest.fixture
def item(storage: S3Storage) -> StoredObject:
    [item] = storage.list()
    return item


@pytest.mark.parametrize("action", PASSING_FAULTS)
def test_reading_outlasts_passing_faults(light: LightS3, storage: S3Storage, item: StoredObject, action: str) -> None:
    light.faults.append(Fault("GET", "a.glb", action, times=4))
    assert storage.read(item) == DATA
    assert light.counts["GET"] == 5


@pytest.mark.parametrize("action", PASSING_FAULTS)
def test_a_download_outlasts_faults_in_every_part(
    light: LightS3, storage: S3Storage, item: StoredObject, action: str, tmp_path: Path
) -> None:
    light.faults.append(Fault("GET", "a.glb", action, times=4))
    storage.download(item, tmp_path / "a.glb")
    assert (tmp_path / "a.glb").read_bytes() == DATA
    assert [path.name for path in tmp_path.glob("*glb*")] == ["a.glb"]


@pytest.mark.parametrize("action", ["503 SlowDown", "500 InternalError", "reset"])
def test_writing_outlasts_passing_faults(light: LightS3, storage: S3Storage, action: str) -> None:
    light.faults.append(Fault("PUT", "*", action, times=4))
    storage.write("a_report.json", b"{}", content_type="application/json", metadata={})
    assert light.library.objects["a_report.json"].body == b"{}"


@pytest.mark.parametrize("action", PASSING_FAULTS)
def test_listing_outlasts_passing_faults_on_any_page(light: LightS3, storage: S3Storage, action: str) -> None:
    for number in range(2_500):
        light.library.put(f"{number:04d}.glb", Stored.of(b"x"))
    listing = storage.list()
    keys = [next(listing).key]
    light.faults.append(Fault("LIST", "*", action, times=4))
    keys += [item.key for item in listing]
    assert keys == list(light.library.keys)


def test_a_server_that_does_not_answer_is_asked_again(
    light: LightS3, item: StoredObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_fast, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(s3, "READ_TIMEOUT_S", 0.2)
    storage = S3Storage(S3Options("library", endpoint_url=light.url, region="us-east-1"))
    light.faults.append(Fault("GET", "a.glb", "stall", times=2))
    assert storage.read(item) == DATA
    assert light.counts["GET"] == 3


@pytest.mark.parametrize("action", PASSING_FAULTS)
def test_faults_that_do_not_pass_are_the_objects_error(
    light: LightS3, storage: S3Storage, item: StoredObject, action: str, tmp_path: Path
) -> None:
    light.faults.append(Fault("GET", "a.glb", action, times=999))
    with pytest.raises(UnavailableError, match=r"cannot read s3://library/a\.glb: ") as raised:
        storage.read(item)
    assert raised.value.key == "a.glb"
    with pytest.raises(UnavailableError):
        storage.download(item, tmp_path / "a.glb")
    assert list(tmp_path.glob("*glb*")) == []


def test_a_server_that_sends_everything_for_a_range_is_understood(
    light: LightS3, storage: S3Storage, item: StoredObject, tmp_path: Path
) -> None:
    light.faults.append(Fault("GET", "a.glb", "ignore-range", times=99))
    storage.download(item, tmp_path / "a.glb")
    assert (tmp_path / "a.glb").read_bytes() == DATA
    assert light.counts["GET"] == 1


def test_a_server_that_forgets_ranges_half_way_is_understood(
    light: LightS3, storage: S3Storage, item: StoredObject, tmp_path: Path
) -> None:
    light.faults += [Fault("GET", "a.glb", "reset-in-body"), Fault("GET", "a.glb", "ignore-range")]
    storage.download(item, tmp_path / "a.glb")
    assert (tmp_path / "a.glb").read_bytes() == DATA


def test_a_server_that_ignores_the_condition_cannot_pass_off_another_version(
    light: LightS3, storage: S3Storage, item: StoredObject, tmp_path: Path
) -> None:
    light.library.put("a.glb", Stored.of(DATA[::-1]))
    light.faults.append(Fault("GET", "a.glb", "ignore-if-match", times=99))
    with pytest.raises(ChangedError):
        storage.read(item)
    with pytest.raises(ChangedError):
        storage.download(item, tmp_path / "a.glb")
    assert list(tmp_path.glob("*glb*")) == []


def test_an_object_that_changes_during_its_download_is_not_mixed(
    light: LightS3, storage: S3Storage, item: StoredObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_part = S3Storage._append_part

    def append_and_change(self: S3Storage, *arguments: object) -> None:
        append_part(self, *arguments)  # type: ignore[arg-type]
        light.library.put("a.glb", Stored.of(DATA[::-1]))

    monkeypatch.setattr(S3Storage, "_append_part", append_and_change)
    with pytest.raises(ChangedError):
        storage.download(item, tmp_path / "a.glb")
    assert list(tmp_path.glob("*glb*")) == []


def test_a_full_disk_is_no_fault_of_the_server(light: LightS3, storage: S3Storage, tiny_disk: Path) -> None:
    light.library.put("big.glb", Stored.of(bytes(4_000_000)))
    [big] = [item for item in storage.list() if item.key == "big.glb"]
    with pytest.raises(FullError, match="no space left") as raised:
        storage.download(big, tiny_disk / "big.glb")
    assert raised.value.key == "big.glb"
    assert list(tiny_disk.iterdir()) == []
