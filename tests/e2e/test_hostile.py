"""Files made to do harm: each gets a report with a verdict, in bounds of time and memory, that any reader can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from glb_batch_validator_addon.model.report import from_json
from tests.e2e import hostile
from tests.e2e.conftest import REPORT, Finished, but_run, run

SECONDS = 60
"""For one asset. The slowest takes 6 s on two cores and 15 s on busy ones: 100,000 nodes below each other."""
MEMORY_MB = 1024
"""For a background Blender, which needs 250 of them for itself."""
REPORT_BYTES = 8_000_000
"""Of the largest report: 10,000 images make one of 3.4 MB."""
FLIPPED = 200

BOUNDS = ("--workers", 2, "--timeout", SECONDS, "--memory-limit-mb", MEMORY_MB)

ENDED = {"billion indices without data": "OutOfMemory"}
"""What ends a background Blender; everything else is answered by it."""

NOT_READ = {
    "10,001 images": "OverLimit",
    "asset version of numbers": "NoAssetVersion",
    "byte order mark": "InvalidJson",
    "bytes that are no text": "InvalidJson",
    "count of 5000 digits": "InvalidJson",
    "empty object": "NoAssetVersion",
    "nested 100,000 times": "OverLimit",
}
"""What never reaches Blender."""


def refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """All reports, by the names of their assets, each read as strictly as JSON can be."""
    reports = {}
    for path in folder.glob("*_report.json"):
        data = path.read_bytes()
        report = reports[path.name.removesuffix("_report.json")] = json.loads(data, parse_constant=refuse_constant)
        assert json.loads(from_json(data).to_json()) == report
        assert len(data) < REPORT_BYTES
        REPORT.validate(report)
    return reports


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "library"
    folder.mkdir()
    for name, data in hostile.assets().items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def ran(library) -> Finished:
    return run("--folder", library, *BOUNDS, "--json")


@pytest.fixture(scope="module")
def reports(library, ran) -> dict[str, dict[str, Any]]:
    return read(library)


def test_every_one_has_a_report(library, ran, reports):
    assert ran.code == 3, ran.err
    assert reports.keys() == {path.stem for path in library.glob("*.glb")}
    assert {report["verdict"] for report in reports.values()} <= {"pass", "warn", "fail", "error"}


def test_none_takes_longer_than_its_time_or_more_than_its_memory(ran, reports):
    types = {name: report["error"]["type"] for name, report in reports.items() if report["error"]}
    ended = {name: kind for name, kind in types.items() if kind in ("Crashed", "TimedOut", "OutOfMemory", "DiskFull")}
    assert ended == ENDED
    assert {event["key"].removesuffix(".glb") for event in ran.of("worker_lost")} == set(ENDED)
    assert max(sum(report["run"]["seconds"].values()) for report in reports.values()) < SECONDS


def test_none_finds_a_fault_of_the_validator(reports):
    for name, report in reports.items():
        assert "The validator itself failed" not in json.dumps([report["error"], report["coverage"]]), name
        assert [entry for entry in report["coverage"] if entry["need"] == "rule"] == [], name


def test_what_cannot_be_read_never_reaches_blender(reports):
    unread = {
        name: (report["error"] or {}).get("type", "")
        for name, report in reports.items()
        if "import" not in report["run"]["seconds"]
    }
    assert unread == NOT_READ | ENDED
    for name in NOT_READ:
        assert {"scene", "meshes", "pixels"} <= {entry["need"] for entry in reports[name]["coverage"]}


@pytest.mark.parametrize("number", ["NaN", "infinity"])
@pytest.mark.parametrize("where", ["positions", "normals", "uvs", "weights", "matrices", "keys"])
def test_a_number_that_is_none_fails_the_asset(reports, number, where):
    report = reports[f"{number} in {where}"]
    assert report["verdict"] == "fail"
    accused = {finding["code"] for finding in report["findings"] if finding["severity"] == "error"}
    ours = {"GLBV_VERTEX_DATA_NON_FINITE"} if where in ("positions", "normals", "uvs") else set()
    assert accused >= ours | {"ACCESSOR_INVALID_FLOAT"}


@pytest.mark.parametrize("number", ["1e308", "1e999"])
def test_a_number_that_no_float_holds_fails_the_asset(reports, number):
    for place in ("translation", "scale"):
        codes = {finding["code"] for finding in reports[f"{number} in {place}"]["findings"]}
        assert "GLBV_TRANSFORM_NON_FINITE" in codes


@pytest.mark.parametrize("trick", ["png cut off", "jpeg of two bytes"])
def test_an_image_that_cannot_be_decoded_is_named(reports, trick):
    (finding,) = (found for found in reports[trick]["findings"] if found["code"] == "GLBV_TEXTURE_UNREADABLE")
    assert (finding["severity"], finding["pointer"]) == ("error", "/images/0")


@pytest.mark.parametrize(("trick", "size"), [("png of 65,535 squared", 65_535), ("png of 16,000 squared", 16_000)])
def test_an_image_that_fills_the_memory_is_measured_and_left_alone(reports, trick, size):
    report = reports[trick]
    assert [report["facts"]["images"][0][name] for name in ("width", "height")] == [size, size]
    assert "GLBV_TEXTURE_TOO_LARGE" in {finding["code"] for finding in report["findings"]}
    (gap,) = (entry for entry in report["coverage"] if entry["need"] == "pixels")
    assert [place["pointer"] for place in gap["places"]["first"]] == ["/images/0"]


def test_a_flood_of_issues_is_counted_and_cut(reports):
    """80,000 triangles with three indices past the end, 40,401 vertices with NaN and an infinity."""
    report = reports["flood of issues"]
    kept = [message for message in report["khronos"]["messages"] if message["code"] == "ACCESSOR_INDEX_OOB"]
    (flood,) = (cut for cut in report["khronos"]["truncated"] if cut["code"] == "ACCESSOR_INDEX_OOB")
    assert len(kept) == flood["kept"] == 100
    assert flood["found"] >= 10_000 - 300
    assert len(report["findings"]) < 40


@pytest.mark.parametrize("trick", hostile.NAMES)
def test_a_name_is_told_as_text_and_never_longer_than_it_need_be(reports, trick):
    report = reports[f"names, {trick}"]
    texts = [text for text in strings(report["facts"]) + strings(report["findings"]) if "x" * 201 in text]
    assert [text[:80] for text in texts if len(text) > 1000] == []
    assert any("\ud800" in text for text in strings(report)) is False


def strings(value: Any) -> list[str]:
    """All texts in a JSON document."""
    if isinstance(value, dict):
        return [text for item in value.items() for text in strings(list(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_no_name_steers_the_terminal(library, ran, reports, tmp_path):
    """Under a profile by which names are what is worst about them, so that they are told."""
    profile = tmp_path / "names.toml"
    profile.write_text('[khronos]\nonly = ["NOTHING"]\n[rules.GLBV_NAMES_DUPLICATE]\nseverity = "error"\n')
    told = run("judge", "--folder", library, "--include", "names*", "--profile", profile, "--verbose")
    assert hostile.NAMES["markup"] in told.err, "as it is"
    assert [letter for letter in told.out + told.err if not letter.isprintable() and letter != "\n"] == []


def test_their_reports_can_be_judged_again(library, ran, reports):
    changed = run("judge", "--folder", library, "--profile", "film", "--json")
    assert len(changed.of("asset_done")) == len(reports), changed.err
    assert read(library).keys() == reports.keys()
    assert run("judge", "--folder", library).code == 3
    assert but_run(read(library)) == but_run(reports)


def test_good_assets_with_a_few_bits_changed_have_reports_too(tmp_path):
    """No seed was chosen for its result: 1,000 others were tried as well."""
    for name, data in hostile.flipped(FLIPPED, seed=1):
        (tmp_path / name).write_bytes(data)
    ran = run("--folder", tmp_path, *BOUNDS, "--json")
    reports = read(tmp_path)
    assert len(reports) == FLIPPED
    assert ran.of("worker_lost") == []
    assert len({report["verdict"] for report in reports.values()}) >= 3, "some are still good, some are not"
    for name, report in reports.items():
        assert "The validator itself failed" not in json.dumps([report["error"], report["coverage"]]), name
        assert [entry for entry in report["coverage"] if entry["need"] == "rule"] == [], name
