"""Manifests as people and S3 make them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from glb_batch_validator_addon.cli.arguments import parse
from glb_batch_validator_addon.cli.manifest import keys_of_manifest, read_manifest
from glb_batch_validator_addon.errors import UsageError


def keys(path: Path, bucket: str | None = "lib") -> list[str]:
    return list(read_manifest(path, bucket=bucket))


def test_one_that_is_not_there_is_missed_by_whoever_lists_and_by_nobody_else(tmp_path: Path) -> None:
    options = parse(["--bucket", "lib", "--manifest", str(tmp_path / "keys.txt")])
    with pytest.raises(UsageError, match="There is no manifest"):
        keys_of_manifest(options)
    resumed = parse([*options.arguments, "--resume"])
    assert keys_of_manifest(resumed), "which may have been listed already"


def test_plain_keys_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_bytes("\ufeff# chairs\nprops/a.glb\r\n\nprops/b c,d+e%20.GLB\nprops/readme.txt\n".encode())
    assert keys(path) == ["props/a.glb", "props/b c,d+e%20.GLB"]
    assert keys(path, bucket=None) == ["props/a.glb", "props/b c,d+e%20.GLB"]


def test_s3_batch_operations_csv(tmp_path: Path) -> None:
    """Keys are URL-encoded there, a space as + or %20; a third column holds the version."""
    path = tmp_path / "batch.csv"
    path.write_text("lib,props/a.glb\nlib,props/b+c%2Bd%C3%A9.glb,3HL4kqtJvjVBH40Nrjfkd\nother,props/x.glb\n")
    assert keys(path) == ["props/a.glb", "props/b c+dé.glb"]


@pytest.mark.parametrize("bucket", ["lib", None])
def test_any_key_can_be_named_in_a_quoted_row(tmp_path: Path, bucket: str | None) -> None:
    """Also what would be a comment, a row or two lines, and file names that are not Unicode."""
    path = tmp_path / "keys.csv"
    named = ["# a.glb", '"b".glb', "lib,c.glb", "two\nlines\r.glb", " d .glb", "100%25+.glb", "\udcff.glb"]
    path.write_text("".join(f'"lib","{quote_plus(key, errors="surrogateescape")}"\n' for key in named))
    assert keys(path, bucket=bucket) == named


def test_s3_inventory_with_its_manifest(tmp_path: Path) -> None:
    rows = (
        '"lib","props/a.glb","","true","false","10"\n'
        '"lib","props/b%20c.glb","v2","false","false","11"\n'
        '"lib","props/d.glb","v3","true","false","12"\n'
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part-1.csv.gz").write_bytes(gzip.compress(rows.encode()))
    manifest = {
        "sourceBucket": "lib",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
        "files": [{"key": "inventory/lib/daily/data/part-1.csv.gz"}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert keys(tmp_path / "manifest.json") == ["props/a.glb", "props/d.glb"]


def test_one_inventory_file_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "part-1.csv.gz"
    path.write_bytes(gzip.compress(b'"lib","props/a%2Cb.glb","10"\n"else","c.glb","10"\n'))
    assert keys(path) == ["props/a,b.glb"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("keys.txt", b"\xff\xfe\x00"),
        ("keys.txt", b"x" * 5000 + b".glb"),
        ("keys.gz", b"\x1f\x8b rubbish"),
        ("m.json", b"{"),
        ("m.json", b'{"fileFormat": "ORC"}'),
        ("m.json", b'{"fileFormat": "CSV"}'),
        ("m.json", b"[]"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"manifest|inventory"):
        keys(tmp_path / name)


def test_an_inventory_whose_data_was_not_downloaded_says_so(tmp_path: Path) -> None:
    manifest = {"fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "data/x.csv.gz"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"data/x\.csv\.gz"):
        keys(tmp_path / "manifest.json")
