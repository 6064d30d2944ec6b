"""Pictures as a run leaves them: beside the reports, kept for the next run, and never at the price of a report."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from demo.samples import small_library
from tests.conftest import need
from tests.e2e.conftest import but_run, children, finish, reports_below, run, start, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and permissions of POSIX")

ASSETS = 4


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    small_library(folder, ASSETS, seed=4)
    return folder


def validate(folder: Path, *options: object, previews: str = "cycles", **kwargs):
    data = folder.parent / "data"
    return run("--folder", folder, "--data-folder", data, "--previews", previews, "--json", *options, **kwargs)


def pictures_in(folder: Path, suffix: str = "webp") -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob(f"*_preview.{suffix}")}


def kept_in(folder: Path) -> dict[str, int]:
    """The pictures that this machine keeps, by name, with the time of their making."""
    return {path.name: path.stat().st_ino for path in (folder.parent / "data/previews").iterdir()}


def of_stage(reports: dict, stage: str) -> list[bool]:
    return [stage in report["run"]["seconds"] for report in reports.values()]


def test_a_picture_lies_beside_each_report(library):
    ran = validate(library)

    assert ran.code == 0, ran.err
    reports, pictures = reports_below(library), pictures_in(library)
    assert len(reports) == len(pictures) == ASSETS
    for key, report in reports.items():
        preview = report["run"]["preview"]
        assert f"{key.removesuffix('_report.json')}_preview.webp" in pictures
        assert (preview["engine"], preview["device"]) == ("cycles", "CPU")
        assert not [entry for entry in report["coverage"] if entry["need"] == "preview"]
        with Image.open(library / Path(key).with_name(preview["name"])) as image:
            assert image.size == (preview["width"], preview["height"]) == (256, 256)
            assert image.format == "WEBP"
            assert len(image.convert("RGB").getcolors(1 << 16) or ()) > 100
    assert len({report["run"]["preview"]["fingerprint"] for report in reports.values()}) > 1
    for event in ran.of("asset_done"):
        assert event["brief"]["preview"] == event["report"].replace("_report.json", "_preview.webp")
        assert (library.parent / "data/previews" / event["brief"]["preview_file"]).is_file()


def test_reports_are_the_same_with_and_without(library):
    assert validate(library, previews="off").code == 0
    without = reports_below(library)
    assert {report["run"]["preview"] for report in without.values()} == {None}
    assert pictures_in(library) == {}
    assert kept_in(library) == {}

    ran = validate(library)

    assert len(ran.of("asset_done")) == ASSETS, "a picture that is wanted now is a reason to look again"
    assert but_run(reports_below(library)) == but_run(without)
    assert len(validate(library).of("asset_skipped")) == ASSETS


def test_what_is_kept_is_not_rendered_again(library):
    validate(library)
    pictures, kept = pictures_in(library), kept_in(library)
    assert len(kept) == ASSETS
    first = reports_below(library)

    moved = library.parent / "moved"
    for number, path in enumerate(sorted(library.rglob("*.glb"))):
        moved.mkdir(exist_ok=True)
        shutil.copy(path, moved / f"renamed {number}.glb")
    assert validate(moved).code == 0

    assert kept_in(library) == kept
    assert sorted(pictures_in(moved).values()) == sorted(pictures.values())
    slowest = max(report["run"]["seconds"]["preview"] for report in reports_below(moved).values())
    assert slowest < min(report["run"]["seconds"]["preview"] for report in first.values()) * 2
    validate(library, "--force")
    assert kept_in(library) == kept


def test_size_and_format(library):
    ran = validate(library, "--preview-size", 512, "--preview-format", "png")
    assert ran.code == 0, ran.err
    pictures = pictures_in(library, "png")
    assert len(pictures) == ASSETS
    for name in pictures:
        with Image.open(library / name) as image:
            assert (image.size, image.format) == ((512, 512), "PNG")
            assert image.info.keys() <= {"dpi", "exif"}, "no date, no path, no machine"


def test_quick_takes_none(library):
    validate(library, "--depth", "quick")
    reports = reports_below(library)
    assert pictures_in(library) == {}
    assert not any(of_stage(reports, "preview"))
    assert not [e for report in reports.values() for e in report["coverage"] if e["need"] == "preview"]


def kill_in_stage(process, stage: str, temporary: Path, *, times: int) -> None:
    """Crash the one worker of a run, as a segfault does, when it says that it is there; and so on with the next one."""
    killed: set[Path] = set()
    for _ in range(times):
        until(lambda: _at(stage, temporary) - killed)  # noqa: B023 - called at once
        killed |= _at(stage, temporary)
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGSEGV)


def _at(stage: str, temporary: Path) -> set[Path]:
    """The files in which workers say where they are, of those who are there."""
    found = set()
    for path in temporary.glob("glbv-run-*/worker-*.stage"):
        with contextlib.suppress(OSError):  # it died
            if path.read_bytes().rstrip(b"\0").decode() == stage:
                found.add(path)
    return found


def test_a_blender_that_dies_over_a_picture_costs_the_picture_alone(library, tmp_path):
    assert validate(library, previews="off").code == 0
    undisturbed = but_run(reports_below(library))
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    options = ("--folder", library, "--data-folder", tmp_path / "data", "--workers", 1, "--json")
    process = start(*options, "--previews", "cycles", "--preview-size", 512, env={"TMPDIR": str(temporary)})
    kill_in_stage(process, "preview", temporary, times=2)
    ran = finish(process)

    assert ran.code == 0, ran.err
    lost = ran.of("worker_lost")
    assert [event["retried"] for event in lost] == [True, False]
    assert all("in the stage preview" in event["reason"] for event in lost)
    reports = reports_below(library)
    (unlucky,) = [key for key, report in reports.items() if report["run"]["preview"] is None]
    report = reports[unlucky]
    assert (report["error"], report["verdict"]) == (None, undisturbed[unlucky]["verdict"])
    (gap,) = [entry for entry in report["coverage"] if entry["need"] == "preview"]
    assert "crashed in the stage preview" in gap["reason"]
    assert but_run({unlucky: report | {"coverage": [e for e in report["coverage"] if e != gap]}}) == {
        unlucky: undisturbed[unlucky]
    }
    others = {key: report for key, report in reports.items() if key != unlucky}
    assert but_run(others) == {key: undisturbed[key] for key in others}
    assert len(pictures_in(library)) == ASSETS - 1


def test_a_worker_that_dies_once_costs_nothing(library, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    options = ("--folder", library, "--data-folder", tmp_path / "data", "--workers", 1, "--json")
    process = start(*options, "--previews", "cycles", "--preview-size", 512, env={"TMPDIR": str(temporary)})
    kill_in_stage(process, "preview", temporary, times=1)
    assert finish(process).code == 0
    assert len(pictures_in(library)) == ASSETS
    assert not list((tmp_path / "data/previews").glob("*.part"))


def test_an_interrupted_run_goes_on(library, tmp_path):
    options = ("--folder", library, "--data-folder", tmp_path / "data", "--workers", 1, "--previews", "cycles")
    process = start(*options)
    until(lambda: pictures_in(library))
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 4
    for path in library.rglob("*_report.json"):
        assert json.loads(path.read_text())["run"]["preview"]

    assert run("--folder", library, "--data-folder", tmp_path / "data", "--previews", "off", "--resume").code == 0
    assert len(pictures_in(library)) == ASSETS, "a resumed run is about the same"


def test_somebody_elses_picture_is_left_alone(library):
    asset = min(library.rglob("*.glb"))
    theirs = asset.with_name(f"{asset.stem}_preview.webp")
    theirs.write_bytes(b"the photograph of the year")

    for _ in range(2):
        assert validate(library, "--force").code == 0
        assert theirs.read_bytes() == b"the photograph of the year"
        report = json.loads(asset.with_name(f"{asset.stem}_report.json").read_text())
        name = report["run"]["preview"]["name"]
        assert name != theirs.name
        assert asset.with_name(name).read_bytes().startswith(b"RIFF")
    assert len(pictures_in(library)) == ASSETS + 1


def test_a_picture_that_cannot_be_written_costs_no_report(library):
    asset = min(library.rglob("*.glb"))
    for name in (f"{asset.stem}_preview.webp", f"{asset.stem}_preview.webp.part"):
        asset.with_name(name).mkdir()
    ran = validate(library)
    report = reports_below(library)[asset.relative_to(library).with_name(f"{asset.stem}_report.json").as_posix()]
    assert report["error"] is None, ran.err


def test_a_folder_of_pictures_that_is_none_keeps_none(library):
    (library.parent / "data").mkdir()
    (library.parent / "data/previews").write_text("a file is in the way")
    assert validate(library).code == 0
    assert len(pictures_in(library)) == ASSETS


def test_an_asset_without_anything_to_show_says_so(samples):
    validate(samples)
    reports = reports_below(samples)
    for key, report in reports.items():
        gaps = [entry for entry in report["coverage"] if entry["need"] == "preview"]
        assert (report["run"]["preview"] is None) == (len(gaps) == 1), key
        if report["error"]:
            assert gaps
            assert report["run"]["preview"] is None


def test_workbench_takes_pictures_or_says_what_to_do(library):
    ran = validate(library, previews="workbench")
    if ran.code == 2:
        assert "--previews cycles" in ran.err
        assert "libEGL" in ran.err
        need(False, "Workbench finds no OpenGL here")
    assert ran.code == 0, ran.err
    assert {report["run"]["preview"]["device"] for report in reports_below(library).values()} == {"OPENGL"}
    assert len(pictures_in(library)) == ASSETS


def test_workbench_without_opengl_is_refused_before_any_work(library, tmp_path):
    """A Blender that ends as one without libEGL does."""
    fake = tmp_path / "blender"
    fake.write_text('#!/bin/sh\ntest "$1" = --version && echo "Blender 4.5.15" && exit\nkill -ABRT $$\n')
    fake.chmod(0o755)
    ran = validate(library, "--blender", fake, previews="workbench")
    assert ran.code == 2
    assert "--previews cycles" in ran.err
    assert reports_below(library) == {}


def test_every_asset_of_the_corpus_has_a_picture_that_shows_it(corpus, tmp_path):
    """With GLBV_CONTACT_SHEET=sheet.png it leaves them all on one page, for people to look at."""
    library = tmp_path / "library"
    shutil.copytree(
        corpus, library, ignore=lambda _, names: [n for n in names if n.endswith((".json", ".webp", ".csv"))]
    )
    ran = validate(library, "--memory-limit-mb", 16000)

    reports, pictures = reports_below(library), pictures_in(library)
    shown = [key for key, report in reports.items() if report["run"]["preview"]]
    assert len(shown) == len(pictures) >= 50, ran.err
    for key, report in reports.items():
        if not report["run"]["preview"]:
            assert [e for e in report["coverage"] if e["need"] == "preview"], key
    for name in pictures:
        with Image.open(library / name) as image:
            background = Image.new("RGB", image.size, image.convert("RGB").getpixel((2, 2)))
            left, top, right, bottom = _difference(image.convert("RGB"), background)
        size = max(right - left, bottom - top) / background.width
        assert 0.60 <= size <= 0.95, name
        assert abs(left + right - 256) / 2 < 8, name
        assert abs(top + bottom - 256) / 2 < 8, name
    if sheet := os.environ.get("GLBV_CONTACT_SHEET"):
        contact_sheet(library, sorted(pictures), Path(sheet))


def _difference(image: Image.Image, background: Image.Image) -> tuple[int, int, int, int]:
    from PIL import ImageChops

    box = ImageChops.difference(image, background).convert("L").point(lambda value: 255 * (value > 12)).getbbox()
    assert box, "it shows nothing"
    return box


def contact_sheet(folder: Path, names: list[str], path: Path, columns: int = 8) -> None:
    """Pictures side by side, with their names."""
    side, line = 256, 14
    sheet = Image.new("RGB", (columns * side, -(-len(names) // columns) * (side + line)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, name in enumerate(names):
        x, y = index % columns * side, index // columns * (side + line)
        with Image.open(folder / name) as image:
            sheet.paste(image.convert("RGB"), (x, y))
        draw.text((x + 4, y + side), Path(name).name.removesuffix("_preview.webp")[-40:], fill="black")
    sheet.save(path)
