"""What a run leaves for people and machines: where it is, and that it tells the truth of the whole library."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.glb_builder import checker_png, glb
from tests.e2e.conftest import SUMMARY, Bucket, reports_below, run
from tests.servers import S3Server

QUICK = ("--depth", "quick", "--workers", 1)
"""Findings and duplicates do not need Blender to look."""

FILES = {
    "html": {"report.html"},
    "csv": {"assets.csv", "findings.csv"},
    "junit": {"junit.xml"},
    "sarif": {"results.sarif"},
    "markdown": {"summary.md"},
    "none": set(),
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def library_block(output: Path) -> dict[str, Any]:
    summary = json.loads((output / "summary.json").read_text())
    SUMMARY.validate(summary)
    block: dict[str, Any] = summary["library"]
    return block


@pytest.mark.parametrize("formats", ["", "none", "csv,junit,sarif,markdown"])
def test_formats_lie_beside_the_summary(samples: Path, tmp_path: Path, formats: str) -> None:
    chosen = ("--format", formats) if formats else ()
    finished = run("--folder", samples, "--output", tmp_path / "out", *QUICK, *chosen)
    assert finished.code == 3
    wanted = set().union(*(FILES[name] for name in (formats or "html").split(",")))
    assert names(tmp_path / "out") == {"summary.json"} | wanted
    assert all(str(tmp_path / "out" / name) in finished.err for name in wanted)


def test_a_format_that_does_not_exist_is_refused_before_any_work(samples: Path, tmp_path: Path) -> None:
    finished = run("--folder", samples, "--output", tmp_path / "out", "--format", "csv,pdf")
    assert finished.code == 2
    assert "'pdf' is none of html, csv" in finished.err


def test_the_terminal_says_what_to_fix_first_and_where_things_are(samples: Path, tmp_path: Path) -> None:
    finished = run("--folder", samples, "--output", tmp_path / "out", *QUICK)
    end = finished.err[finished.err.index("verdict ") :]
    assert end.index("what to fix first") < end.index("worst assets") < end.index("Reports are beside the assets.")
    assert "report.html" in end


def test_with_reports_elsewhere_each_run_has_a_folder_there(
    samples: Path, tmp_path: Path, ceph_rgw: S3Server, bucket_on: Callable[[S3Server], Bucket]
) -> None:
    bucket = bucket_on(ceph_rgw)
    bucket.fill(samples / "good", "props/")
    place = f"s3://{bucket.name}/reports/"
    for _ in range(2):
        finished = run(
            *bucket.options,
            "--prefix",
            "props/",
            "--reports-to",
            place,
            "--format",
            "csv,s3-batch",
            *QUICK,
            env=bucket.env,
        )
        assert finished.code == 0, finished.err
        assert f"{place}runs/" in finished.err
    listed = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="reports/runs/")["Contents"]
    folders = Counter(Path(item["Key"]).parent.name for item in listed)
    assert len(folders) == 2
    assert {Path(item["Key"]).name for item in listed} == {
        *("summary.json", "assets.csv", "findings.csv", "completion.csv")
    }
    of_json = next(item["Key"] for item in listed if item["Key"].endswith(".json"))
    got = bucket.client.get_object(Bucket=bucket.name, Key=of_json)
    assert got["ContentType"] == "application/json"
    SUMMARY.validate(json.loads(got["Body"].read()))


def test_events_say_where_the_outputs_are(samples: Path, tmp_path: Path) -> None:
    finished = run("--folder", samples, "--output", tmp_path / "out", "--json", *QUICK)
    (written,) = finished.of("outputs_written")
    assert [Path(path).name for path in written["files"]] == ["summary.json", "report.html"]


# Since the run before


def test_a_second_run_says_what_is_new_and_what_is_fixed(samples: Path, tmp_path: Path) -> None:
    options = ("--folder", samples, "--output", tmp_path / "out", "--ledger", tmp_path / "l.sqlite", *QUICK)
    run(*options)
    assert library_block(tmp_path / "out")["changes"] is None

    good, bad = samples / "good/cube.glb", samples / "good/basisu fallback.glb"
    first = good.read_bytes()
    shutil.copy(bad, good)
    finished = run(*options)
    changes = library_block(tmp_path / "out")["changes"]
    assert changes["new"] > 0
    assert {entry["key"] for entry in changes["entries"] if entry["kind"] == "new"} == {"good/cube.glb"}
    assert f"Since the run before: {changes['new']:,} findings new" in finished.err

    good.write_bytes(first)
    run(*options)
    whole = library_block(tmp_path / "out")
    assert (whole["changes"]["fixed"], whole["changes"]["new"]) == (changes["new"], changes["fixed"])
    assert len(whole["history"]) == 3
    assert whole["history"][0]["findings"] == whole["history"][2]["findings"] != whole["history"][1]["findings"]

    run(*options)
    unchanged = library_block(tmp_path / "out")["changes"]
    assert (unchanged["new"], unchanged["fixed"]) == (0, 0)
    assert unchanged["still"] == changes["still"] + changes["fixed"]


# Duplicates


def with_another_texture(data: bytes) -> bytes:
    """The GLB with other bytes for its first image, at the end of its BIN chunk."""
    json_size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + json_size])
    binary = data[28 + json_size :]
    picture = checker_png(size=24)
    document["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(picture)})
    document["images"][0]["bufferView"] = len(document["bufferViews"]) - 1
    document["images"][0]["mimeType"] = "image/png"
    document["buffers"][0]["byteLength"] = len(binary) + len(picture)
    return glb(json.dumps(document).encode(), binary + picture)


def test_copies_in_the_corpus_are_found_exactly(corpus: Path, tmp_path: Path) -> None:
    """Twice the corpus under other names, and one texture swapped."""
    library, swapped = (
        tmp_path / "library",
        "KhronosGroup__glTF-Test-Assets-Interactivity/Tests__Interactivity__overview.glb",
    )
    originals = sorted(corpus.rglob("*.glb"))
    for copy in ("one", "two"):
        for number, path in enumerate(originals):
            target = library / copy / f"{copy}_{number:03}.glb"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    changed = library / "two" / f"two_{originals.index(corpus / swapped):03}.glb"
    changed.write_bytes(with_another_texture(changed.read_bytes()))

    run("--folder", library, "--output", tmp_path / "out", "--format", "none", *QUICK)
    whole = library_block(tmp_path / "out")

    digests = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in library.rglob("*.glb"))
    assert whole["asset_copies"] == sum(count - 1 for count in digests.values())
    assert {group["sha256"]: group["count"] for group in whole["assets"]} == {
        digest[:16]: count for digest, count in digests.items() if count > 1
    }
    key = changed.relative_to(library).as_posix()
    partner = key.replace("two", "one")
    assert not any({key, partner} & set(group["keys"]) for group in whole["assets"])
    images = {group["sha256"] for group in whole["images"] if key in group["keys"]}
    every = reports_below(library).values()
    reports = [next(report for report in every if report["asset"]["key"] == name) for name in (partner, key)]
    kept, new = ({image["sha256"] for image in report["facts"]["images"]} for report in reports)
    assert len(kept - new) == len(new - kept) == 1
    assert images == kept & new
    of_assets = (
        {mesh["sha256"] for mesh in report["facts"]["file"]["geometry"]} for report in every if report["facts"]
    )
    meshes = Counter(digest for digests in of_assets for digest in digests if digest)
    assert whole["mesh_copies"] == sum(count - 1 for count in meshes.values()) > 0
    assert all(count % 2 == 0 for count in meshes.values()), "each is in both copies, whatever became of the textures"
