"""`merge`: shards that ran apart give the outputs of one run, and what is amiss is said. No Blender needed."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.cli import shard_files
from glb_batch_validator_addon.cli.main import main
from glb_batch_validator_addon.errors import DeniedError, UnavailableError
from glb_batch_validator_addon.model.entry import Change, Entry, Place
from glb_batch_validator_addon.storage.folder import FolderStorage
from tests.cli.shards import leave, leave_large, leave_whole
from tests.conftest import ROOT
from tests.reports.entries import entry, failure, finding, pending

FORMATS = ("html", "csv", "junit", "sarif", "s3-batch", "markdown")


def assets() -> tuple[Entry, ...]:
    """In the order of keys: of every verdict, unchanged ones, with changes, and one whose name is not Unicode."""
    waiver = {"owner": "mira", "reason": "meant", "expires": "2027-01-01", "expired": False}
    waived = finding("GLBV_MESH_OPEN_EDGES", "error", waived=True, waiver=waiver)
    change = Change(new=(Place("GLBV_MESH_OPEN_EDGES", ""),), fixed=(Place("URI_GLB", ""),), still=())
    found = [
        *(entry(f"library/a/{number:03}.glb", state="skipped" if number % 2 else "done") for number in range(40)),
        entry("library/b/bad.glb", finding("GLBV_MESH_OPEN_EDGES", "error"), verdict="fail", change=change),
        entry("library/b/broken.glb", verdict="error", error=failure()),
        entry("library/b/waived.glb", waived, change=Change(new=(), fixed=(), still=(Place("X", "/nodes/1"),))),
        entry("library/c/warned.glb", finding(pointer="/images/0"), verdict="warn"),
        entry("library/é.glb", verdict="unsupported", error=failure(unsupported=True)),
        entry("library/\udcff.glb"),
    ]
    return tuple(sorted(found, key=lambda asset: asset.key.encode(errors="surrogateescape")))


def summary(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return read


def merge(place: Path, *options: object) -> int:
    return main(["merge", str(place), "--format", "none", "--data-folder", str(place / "data"), *map(str, options)])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "job"


# The same as one run


@pytest.mark.parametrize(
    "shards", [["0-3/4"], ["0/4", "1/4", "2/4", "3/4"], ["0-1/4", "2/4", "3/4"], ["0-2/4", "1-3/4"]]
)
def test_shards_give_to_the_byte_what_one_run_gives(tmp_path: Path, place: Path, shards: list[str]) -> None:
    """The run's times stand in the head, which the made-up runs share; seconds and number are of no single run."""
    for text in shards:
        leave(place, text, assets())
    assert merge(place, "--format", ",".join(FORMATS), "--output", tmp_path / "merged") == 3
    leave_whole(tmp_path / "one", assets(), FORMATS, seconds=1234.0)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {path.name for path in (tmp_path / "merged").iterdir()} > {"summary.json", "assets.csv"}
    for name in names:
        assert (tmp_path / "merged" / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name


def test_a_merged_run_lasts_from_the_first_start_to_the_last_end(place: Path) -> None:
    times = {"started_at": "2026-11-20T18:00:00Z", "finished_at": "2026-11-20T18:10:00Z"}
    leave(place, "0/2", assets(), **times, seconds=600.0, workers_busy=1.0)
    times = {"started_at": "2026-11-20T18:05:00Z", "finished_at": "2026-11-20T18:35:00Z"}
    leave(place, "1/2", assets(), **times, seconds=1800.0, workers_busy=0.5)
    merge(place)
    run = summary(place)["run"]
    assert (run["started_at"], run["finished_at"]) == ("2026-11-20T18:00:00Z", "2026-11-20T18:35:00Z")
    assert (run["seconds"], run["workers_busy"]) == (2100.0, 0.625)


def test_exit_codes_are_those_of_a_run(place: Path) -> None:
    good = [asset for asset in assets() if asset.verdict == "pass"]
    warned = [asset for asset in assets() if asset.verdict in ("pass", "warn")]
    failing = [asset for asset in assets() if asset.verdict in ("pass", "fail")]
    for chosen, option, code in (
        (good, "warning", 0),
        (warned, "error", 0),
        (warned, "warning", 1),
        (failing, "error", 1),
        (failing, "never", 0),
        (assets(), "never", 3),
    ):
        shutil.rmtree(place, ignore_errors=True)
        leave(place, "0/2", chosen)
        leave(place, "1/2", chosen)
        assert merge(place, "--fail-on", option) == code


def test_more_files_than_may_be_open_at_once_are_merged_in_stages(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_files, "MAX_OPEN", 3)
    for part in range(20):
        leave(place, f"{part}/20", assets())
    merge(place, "--output", tmp_path / "merged")
    leave_whole(tmp_path / "one", assets(), (), seconds=1234.0)
    assert (tmp_path / "merged/summary.json").read_bytes() == (tmp_path / "one/summary.json").read_bytes()


def test_files_are_found_in_folders_below_as_reports_to_leaves_them(place: Path) -> None:
    place.mkdir()
    leave(place / "20261120T180000Z-1", "0/2", assets())
    leave(place / "20261120T180000Z-2", "1/2", assets())
    assert merge(place) == 3
    assert len(summary(place)["assets"]) == len(assets())


# Shards that are repeated, and that overlap


def test_of_what_overlaps_the_run_that_ended_last_counts(place: Path) -> None:
    """Also where an asset has gone since: its part is taken as a whole."""
    now = [replace(asset, verdict="warn") for asset in assets() if asset.key != "library/b/broken.glb"]
    leave(place, "0-3/4", assets(), finished_at="2026-11-20T19:00:00Z")
    leave(place, "1-2/4", now, finished_at="2026-11-20T20:00:00Z")
    leave(place, "2/4", assets(), finished_at="2026-11-20T18:30:00Z")
    merge(place)
    rows = {row["key"]: row["verdict"] for row in summary(place)["assets"]}
    kept = {asset.key: shard_files.shard_of(asset.key, 4) not in (1, 2) for asset in assets()}
    assert rows == {
        asset.key: asset.verdict if kept[asset.key] else "warn"
        for asset in assets()
        if kept[asset.key] or asset.key != "library/b/broken.glb"
    }


def test_a_run_that_came_to_its_end_counts_before_a_later_one_that_did_not(place: Path) -> None:
    leave(place, "0-1/2", assets(), finished_at="2026-11-20T19:00:00Z")
    unfinished = [pending(asset.key) for asset in assets()]
    leave(place, "0/2", unfinished, finished_at="2026-11-20T20:00:00Z", interrupted=True, reason="interrupted")
    assert merge(place) == 3
    assert summary(place)["run"]["counts"]["pending"] == 0


def test_a_repeated_shard_replaces_its_own_file(place: Path) -> None:
    leave(place, "1/2", assets())
    leave(place, "1/2", assets(), finished_at="2026-11-20T20:00:00Z")
    assert sorted(path.name for path in place.iterdir()) == ["shard-1-of-2.jsonl.gz", "summary-1-of-2.json"]


# What is amiss


def test_missing_shards_are_named_and_what_is_there_is_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in (0, 1, 2, 4, 5, 6, 8, 9):
        leave(place, f"{part}/10", assets())
    assert merge(place) == 4
    run = summary(place)["run"]
    assert (run["interrupted"], run["reason"]) == (True, "shards 3, 7 of 10 are missing")
    assert 0 < len(summary(place)["assets"]) < len(assets())
    said = capsys.readouterr().err
    assert "Stopped: shards 3, 7 of 10 are missing" in said
    command = "run_batch.py --bucket studio --prefix 'library/ä b' --shard"
    assert re.findall(r"^  (run_batch.*)$", said, flags=re.MULTILINE) == [f"{command} 3/10", f"{command} 7/10"]


def test_shards_side_by_side_are_repeated_by_one_command(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(place, "0-3/10", assets())
    assert merge(place) == 4
    assert summary(place)["run"]["reason"] == "shards 4-9 of 10 are missing"
    assert "--shard 4-9/10" in capsys.readouterr().err


def test_a_shard_that_was_interrupted_is_to_be_repeated(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(place, "0/3", assets())
    leave(place, "1/3", [pending(asset.key) for asset in assets()], interrupted=True, reason="SIGTERM")
    assert merge(place) == 4
    run = summary(place)["run"]
    assert run["reason"] == "shard 2 of 3 is missing; shard 1 of 3 did not come to its end"
    assert run["counts"]["pending"] > 0
    assert "--shard 1-2/3" in capsys.readouterr().err


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


def _text(path: Path) -> None:
    path.write_text("no shard")


def _lines(change: Any) -> Any:
    def damage(path: Path) -> None:
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        path.write_bytes(gzip.compress(b"".join(change(lines))))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _empty,
        _flip,
        _text,
        _lines(lambda lines: lines[1:]),
        _lines(lambda lines: [lines[0], b"{}\n"]),
        _lines(lambda lines: [lines[0], b"[1]\n"]),
        _lines(lambda lines: [lines[0], *lines[:0:-1]]),
        _lines(lambda lines: [lines[0], lines[1], lines[1]]),
    ],
)
def test_a_damaged_file_is_named_and_taken_for_missing(
    place: Path, capsys: pytest.CaptureFixture[str], damage: Any
) -> None:
    leave(place, "0/2", assets())
    damage(leave(place, "1/2", assets()))
    assert merge(place) == 4
    assert summary(place)["run"]["reason"] == "shard 1 of 2 is missing; a file is damaged"
    said = capsys.readouterr().err
    assert re.search(r"error: file://\S*/shard-1-of-2.jsonl.gz is damaged \(.+\): it is taken for missing", said)


def test_an_older_file_in_the_place_of_a_damaged_one_is_no_end(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(place, "0-1/2", assets())
    _cut(leave(place, "1/2", assets(), finished_at="2026-11-20T20:00:00Z"))
    assert merge(place) == 4
    run = summary(place)["run"]
    assert (run["interrupted"], run["reason"], run["counts"]["total"]) == (True, "a file is damaged", len(assets()))
    assert "Remove what is damaged, or repeat its shards" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(UnavailableError("nobody answers"), 4), (DeniedError("s3:GetObject is missing"), 2)]
)
def test_a_file_that_could_not_be_fetched_is_not_taken_for_damaged(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise error

    leave(place, "0/2", assets())
    monkeypatch.setattr(FolderStorage, "download", refuse)
    assert merge(place) == code
    assert capsys.readouterr().err == f"error: {error}\n"
    assert not (place / "summary.json").exists()


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ({"library": "s3://other/"}, "library is s3://other/, not s3://studio/library/"),
        ({"settings": "abcd.5678"}, "settings is abcd.5678, not 1234.5678"),
        ({"--include": ["a*"]}, "--include is ['a*'], not []"),
    ],
)
def test_files_of_different_runs_are_refused_by_name(
    place: Path, capsys: pytest.CaptureFixture[str], setup: dict[str, Any], words: str
) -> None:
    leave(place, "0/2", assets())
    leave(place, "1/2", assets(), setup=setup)
    assert merge(place) == 2
    said = capsys.readouterr().err
    assert "shard-1-of-2.jsonl.gz is not of the same run as" in said
    assert words in said
    assert not (place / "summary.json").exists()


def test_another_number_of_shards_is_another_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(place, "0/2", assets())
    leave(place, "1/3", assets())
    assert merge(place) == 2
    assert "number of shards is 3, not 2" in capsys.readouterr().err


def test_a_file_of_a_newer_version_is_refused_and_not_taken_for_damaged(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = _lines(lambda lines: [lines[0].replace(b'"schema_version": 1', b'"schema_version": 9'), *lines[1:]])
    newer(leave(place, "0/2", assets()))
    assert merge(place) == 2
    assert "schema version 9" in capsys.readouterr().err


def test_a_place_without_shards_says_how_they_come_about(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert merge(place) == 2
    place.mkdir()
    assert merge(place) == 2
    said = capsys.readouterr().err
    assert "There is no folder" in said
    assert "no shard file" in said
    assert "--shard" in said


def test_a_library_without_assets_is_no_success(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(place, "0-1/2", ())
    assert merge(place) == 2
    assert "no .glb" in capsys.readouterr().err


# Many

_MEASURE = """
import sys
from pathlib import Path
from glb_batch_validator_addon.cli.main import main
code = main(["merge", sys.argv[1], "--format", "csv", "--data-folder", sys.argv[1] + "/data"])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(code, int(peak.split()[1]) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_100_000_assets_are_merged_in_less_than_500_mb(place: Path) -> None:
    """As many as one run may have: most of it is the survey's, which holds what is to be counted."""
    leave_large(place, 100_000, parts=10)
    command = [sys.executable, "-c", _MEASURE, str(place)]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert int(printed[0]) == 1
    assert int(printed[1]) < 500e6
    assert summary(place)["run"]["counts"]["fail"] == 100_000
