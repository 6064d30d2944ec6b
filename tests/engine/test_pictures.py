"""Pictures on their way from the worker to the library, and where they are found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine import pictures
from glb_batch_validator_addon.engine.events import AssetDone, AssetSkipped, WorkerLost
from glb_batch_validator_addon.engine.pictures import Pictures, folder_of_pictures
from glb_batch_validator_addon.errors import DeniedError
from glb_batch_validator_addon.model.naming import uid
from glb_batch_validator_addon.storage.memory import MemoryStorage
from tests.engine.conftest import Bench, but_run, fill

CYCLES = {"previews": "cycles", "workers": 1}


def content(library: MemoryStorage, key: str) -> bytes:
    return library.read(library.stat(key))


def test_a_picture_is_written_beside_the_report_and_named_in_it(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"props/chair.glb": "ok 12", "props/näh & co.glb": "ok 3"})

    outcome = bench.run(**CYCLES)

    assert content(library, "props/chair_preview.webp") == b"ok 12"
    preview = outcome.reports["props/chair_report.json"]["run"]["preview"]
    assert (preview["name"], preview["file"], preview["width"]) == ("chair_preview.webp", "chair.webp", 256)
    uris = {event.key: event.brief["preview"] for event in outcome.of(AssetDone)}
    assert uris == {key: library.uri(f"{key[:-4]}_preview.webp") for key in uris}

    again = bench.run(**CYCLES)
    assert {event.key: event.brief["preview"] for event in again.of(AssetSkipped)} == uris
    bench.ledger_path.unlink()
    from_reports = bench.run(**CYCLES)
    assert {event.key: event.brief["preview"] for event in from_reports.of(AssetSkipped)} == uris


def test_without_pictures_there_are_none(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "error Kind"})
    outcome = bench.run()
    assert [item.key for item in library.list() if "_preview" in item.key] == []
    assert {event.brief["preview"] for event in outcome.of(AssetDone)} == {None}

    pictured = bench.run(**CYCLES)
    assert sorted(pictured.done) == ["a.glb", "b.glb"], "they lack what is wanted now"
    assert pictured.reports["b_report.json"]["run"]["preview"] is None
    assert but_run(pictured.reports) == but_run(outcome.reports)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{stem}_report.json", "props/chair_report_preview.png"),
        ("{stem}.json", "props/chair_report_preview.png"),
        ("reports/{uid}.json", f"props/reports/{uid('props/chair_report.glb')}_preview.png"),
    ],
)
def test_its_name_follows_that_of_the_report(bench: Bench, library: MemoryStorage, template: str, name: str) -> None:
    fill(library, {"props/chair.glb": "ok 1", "props/chair_report.glb": "ok 2"})
    bench.run(**CYCLES, report_name=template, preview_format="png")
    assert content(library, name) == b"ok 2"
    assert len([item for item in library.list() if item.key.endswith("_preview.png")]) == 2


def test_a_file_of_somebody_else_is_left_alone(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "ok 2"})
    fill(library, {"a_preview.webp": "theirs", "b_preview.webp": "ok 2"})
    for _ in range(2):
        outcome = bench.run(**CYCLES, force=True)
        assert content(library, "a_preview.webp") == b"theirs"
        assert content(library, f"a_{uid('a.glb')}_preview.webp") == b"ok 1"
        names = [report["run"]["preview"]["name"] for report in outcome.reports.values()]
        assert names == [f"a_{uid('a.glb')}_preview.webp", "b_preview.webp"]


def test_a_picture_of_ours_is_replaced(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1"})
    bench.run(**CYCLES)
    fill(library, {"a.glb": "ok 2"})
    bench.run(**CYCLES)
    assert content(library, "a_preview.webp") == b"ok 2"


def test_a_storage_that_does_not_take_it_costs_the_picture_alone(bench: Bench, library: MemoryStorage) -> None:
    class NoPictures(MemoryStorage):
        def write(self, key: str, data: bytes, **rest: object) -> str:
            if key.endswith(".webp"):
                raise DeniedError("s3:PutObject is missing", key=key)
            return super().write(key, data, **rest)  # type: ignore[arg-type]

    storage = NoPictures()
    fill(storage, {"a.glb": "ok 1"})
    outcome = Bench(storage, bench.ledger_path).run(**CYCLES)
    report = outcome.reports["a_report.json"]
    assert (outcome.error, report["verdict"], report["run"]["preview"]) == (None, "pass", None)
    (gap,) = report["coverage"]
    assert (gap["need"], gap["reason"]) == ("preview", "The picture could not be written: s3:PutObject is missing")
    assert outcome.of(AssetDone)[0].brief["preview"] is None


def test_a_blender_that_dies_over_a_picture_looks_again_without(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "unpaintable", "c.glb": "unpaintable-at-all", "d.glb": "ok 2"})
    outcome = bench.run(**CYCLES)
    of_b, of_c = outcome.reports["b_report.json"], outcome.reports["c_report.json"]
    assert (of_b["verdict"], of_b["error"], of_b["run"]["preview"]) == ("pass", None, None)
    assert of_b["facts"]["vertices"] == 3
    assert (of_c["error"]["stage"], of_c["error"]["type"]) == ("import", "Crashed")
    assert of_c["khronos"] == {"asked": "without Blender"}
    lost = [(event.key, event.retried) for event in outcome.of(WorkerLost)]
    wanted = [("b.glb", True), ("b.glb", False), *[("c.glb", True), ("c.glb", False)] * 2]
    assert sorted(lost) == sorted(wanted), "of two workers either may be the first"


def test_after_such_a_death_no_other_asset_is_rendered_on_the_gpu(bench: Bench, library: MemoryStorage) -> None:
    fill(library, {"a.glb": "ok 1", "b.glb": "unpaintable", **{f"c{number}.glb": "ok 1" for number in range(20)}})
    outcome = bench.run(**CYCLES, batch_size=2)
    devices = {key: report["run"]["preview"] for key, report in outcome.reports.items() if report["run"]["preview"]}
    assert devices["a_report.json"]["device"] == "CUDA"
    assert devices["c19_report.json"]["device"] == "CPU"


# Found again


def test_pictures_come_from_the_folder_else_from_beside_the_report(
    bench: Bench, library: MemoryStorage, tmp_path: Path
) -> None:
    fill(library, {"props/a b%20c.glb": "ok 1"})
    kept = tmp_path / "kept"
    outcome = bench.run(**CYCLES, pictures=kept)
    brief, report = outcome.of(AssetDone)[0].brief, "props/a b%20c_report.json"
    path = Pictures(kept).kept(brief)
    assert path is not None
    assert path.read_bytes() == b"ok 1"

    other = Pictures(tmp_path / "other machine", library)
    assert other.kept(brief) is None
    assert other.of(report, brief) == ("image/webp", b"ok 1")
    assert other.kept(brief) is not None, "now it is here, too"
    assert Pictures(tmp_path / "other machine").of(report, brief) == ("image/webp", b"ok 1")


@pytest.mark.parametrize(
    "brief",
    [
        {},
        {"preview": None, "preview_file": None},
        {"preview": "memory://library/gone.webp", "preview_file": "gone.webp"},
        {"preview": "memory://elsewhere/a.webp", "preview_file": "a.webp"},
        {"preview": "memory://library/secret.webp", "preview_file": "../secret.webp"},
        {"preview": "memory://library/large.webp", "preview_file": "large.webp"},
        {"preview": "memory://library/a.exe", "preview_file": "a.exe"},
        {"preview": 1, "preview_file": 2},
    ],
)
def test_what_is_not_there_is_none(library: MemoryStorage, tmp_path: Path, brief: dict) -> None:
    (tmp_path / "secret.webp").write_bytes(b"secret")
    fill(library, {"secret.webp": "secret", "a.exe": "x", "large.webp": "x" * (pictures.MAX_PICTURE_BYTES + 1)})
    assert Pictures(tmp_path / "kept", library).of("report.json", brief) is None


def test_a_folder_that_cannot_be_written_is_no_hindrance(library: MemoryStorage, tmp_path: Path) -> None:
    fill(library, {"a_preview.webp": "picture"})
    (tmp_path / "file").write_text("in the way")
    assert folder_of_pictures(tmp_path / "file") is None
    brief = {"preview": library.uri("a_preview.webp"), "preview_file": "a.webp"}
    assert Pictures(tmp_path / "file", library).of("a_report.json", brief) == ("image/webp", b"picture")


def test_the_oldest_pictures_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_KEPT_BYTES", 250)
    folder = tmp_path / "kept"
    assert folder_of_pictures(folder) == folder
    for age, name in enumerate("abcd"):
        (folder / f"{name}.webp").write_bytes(b"x" * 100)
        os.utime(folder / f"{name}.webp", (1e9 - age, 1e9 - age))
    folder_of_pictures(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a.webp", "b.webp"]
