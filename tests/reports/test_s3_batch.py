"""The completion report has the rows of Amazon's, and is a manifest for the next run."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest

from glb_batch_validator_addon.cli.manifest import read_manifest
from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.reports.formats import FORMATS
from glb_batch_validator_addon.reports.s3_batch import write_completion
from tests.reports import entries


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline="")))


def test_a_row_is_bucket_key_version_status_http_status_error_code_message() -> None:
    large = 'The image "wood" has 8192 x 8192 pixels.'
    assert rows(entries.small().written(write_completion)) == [
        ["studio", "library/props/bad.glb", "", "failed", "200", "GLBV_TEXTURE_TOO_LARGE", large],
        ["studio", "library/props/cut.glb", "", "failed", "200", "Truncated", "The file ends too early."],
        ["studio", "library/props/good%20one.glb", "", "succeeded", "200", "", "Successful"],
        ["studio", "library/props/new.glb", "", "failed", "200", "Unsupported", "It needs Blender 5.0."],
        ["studio", "library/st%C3%B3%C5%82.glb", "", "succeeded", "200", "", "Successful (warnings: 1)"],
    ]


def test_what_an_interrupted_run_left_has_failed() -> None:
    _, left = rows(entries.stopped().written(write_completion))
    assert left[3:] == ["failed", "", "NotValidated", "Ctrl-C"]


def test_it_is_a_manifest_for_the_next_run(tmp_path: Path) -> None:
    run = entries.hostile()
    path = tmp_path / "completion.csv"
    path.write_bytes(run.written(write_completion).encode())
    keys = [asset.key for asset in run.entries() if "\ud800" not in asset.key]  # it is a name on Windows alone
    assert [key for key in read_manifest(path, bucket="studio") if "lone" not in key] == keys


def test_no_cell_begins_like_a_formula() -> None:
    cells = {cell for row in rows(entries.hostile().written(write_completion)) for cell in row}
    assert {cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\uff1d")} == set()


def test_a_folder_is_refused_before_the_run() -> None:
    check = FORMATS["s3-batch"].check
    check("s3://studio/library/")
    with pytest.raises(UsageError, match="take csv"):
        check("file:///library")
    for name in FORMATS.keys() - {"s3-batch"}:
        FORMATS[name].check("file:///library")
