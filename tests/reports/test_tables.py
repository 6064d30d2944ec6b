"""The CSV files hold what was found, in columns that other programs load, and never a formula."""

from __future__ import annotations

import csv
import shutil
import subprocess
from io import StringIO
from pathlib import Path

import pandas
import pytest
from lxml import etree

from glb_batch_validator_addon.reports.tables import (
    ASSET_COLUMNS,
    FINDING_COLUMNS,
    harmless,
    write_assets,
    write_findings,
)
from tests.conftest import need
from tests.reports import entries
from tests.reports.entries import HOSTILE

WRITERS = [write_assets, write_findings]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_there_is_a_row_an_asset_even_where_nothing_is_known_of_it() -> None:
    bad, cut, good, new, warned = rows(entries.small().written(write_assets))
    assert (bad["key"], bad["uri"], bad["state"]) == (
        "library/props/bad.glb",
        "s3://studio/library/props/bad.glb",
        "done",
    )
    assert [row["verdict"] for row in (bad, cut, good, new, warned)] == ["fail", "error", "pass", "unsupported", "warn"]
    assert (bad["error_count"], bad["warning_count"], bad["new_count"], bad["fixed_count"]) == ("1", "1", "1", "1")
    assert (bad["x_m"], bad["y_m"], bad["z_m"], bad["textures_bytes"]) == ("1.0", "2.5", "0.1", "800")
    assert (cut["error_type"], cut["error_stage"]) == ("Truncated", "container")
    assert (good["state"], good["waived_count"], good["not_checked"]) == ("skipped", "1", "deep")
    _, left = rows(entries.stopped().written(write_assets))
    assert {name: value for name, value in left.items() if value} == {
        "key": "library/b.glb",
        "uri": "s3://studio/library/b.glb",
        "state": "pending",
    }


def test_there_is_a_row_a_finding() -> None:
    large, torn, offset, waived, _ = rows(entries.small().written(write_findings))
    assert (large["severity"], large["title"], large["count"]) == ("error", "Texture too large", "3")
    assert (large["saves_bytes"], large["saves_gpu_bytes"], large["change"]) == ("1000", "4000", "new")
    assert (torn["mesh"], torn["elements"], torn["element_count"], torn["y_m"]) == ("torn", "edge", "4", "-0.5")
    assert (torn["change"], torn["waived"], torn["saves_bytes"]) == ("still", "false", "")
    assert (offset["pointer"], offset["title"]) == ("offset:20", "GLB chunk too big")
    assert (waived["waived"], waived["waiver_owner"], waived["waiver_expires"]) == ("true", "mira", "2026-12-31")


@pytest.mark.parametrize("write", WRITERS)
def test_lines_are_those_of_rfc_4180_whatever_is_in_names(write) -> None:
    text = entries.hostile().written(write)
    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert not set("\r\n\0") & set("".join(lines))
    columns = {len(row) for row in csv.reader(lines)}
    assert len(columns) == 1
    text.encode()  # no lone surrogate is left


@pytest.mark.parametrize("write", WRITERS)
def test_pandas_reads_numbers_as_numbers(write, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(entries.small().written(write).encode())
    table = pandas.read_csv(path)
    assert tuple(table.columns) == (ASSET_COLUMNS if write is write_assets else FINDING_COLUMNS)
    numbers = {name for name in table.columns if name.endswith(("_bytes", "_count", "_m")) or name == "count"}
    assert {name for name in numbers if table[name].dtype.kind not in "if"} == set()
    assert table["key"].iloc[-1] == "library/stół.glb"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\"'=1", "'\"'=1"),
        ("＝1", "'＝1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("a;=1", "a;'=1"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("a\nb\0\udcff", r"a\nb\x00\udcff"),
        ("a-b, -2 = c+d", "a-b, -2 = c+d"),
    ],
)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(text: str, shown: str) -> None:
    assert harmless(text) == shown


# Separators of fields, quote, UTF-8, ..., and at the end: evaluate formulas.
COMMA = "44,34,76,1,,0,false,true,false,false,false,0,true"
SPLITTING = "44/59/9,34,76,1,,0,false,true,false,false,false,0,true"
SEMICOLON = "59,34,76,1,,0,false,true,false,false,false,0,true"


@pytest.mark.parametrize("options", [COMMA, SPLITTING, SEMICOLON], ids=["comma", "any", "semicolon"])
def test_libreoffice_finds_no_formula_even_where_asked_to_evaluate_them(options: str, tmp_path: Path) -> None:
    (tmp_path / "canary.csv").write_text('"=1+1"\r\n')
    for write in WRITERS:
        (tmp_path / f"{write.__name__}.csv").write_bytes(entries.hostile().written(write).encode())
    canary, *sheets = calc(tmp_path, options, ["canary", *(write.__name__ for write in WRITERS)])
    assert formulas(canary) == ["of:=1+1"]
    assert [formulas(sheet) for sheet in sheets] == [[], []]


def test_libreoffice_shows_the_text_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "findings.csv").write_bytes(entries.hostile().written(write_findings).encode())
    (sheet,) = calc(tmp_path, COMMA, ["findings"])
    column = FINDING_COLUMNS.index("object")
    written = [harmless(text) for text in HOSTILE for _ in ("the finding", "the same waived")]
    assert [row[column] for row in cells(sheet)[1:] if row[column]] == written


def calc(folder: Path, options: str, names: list[str]) -> list[etree._Element]:
    """The CSV files as LibreOffice reads them."""
    program = shutil.which("soffice")
    need(program, "LibreOffice is missing: make rig")
    assert program
    command = (
        *(program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"),
        *(f"--infilter=CSV:{options}", "--convert-to", "fods", "--outdir", str(folder)),
        *(str(folder / f"{name}.csv") for name in names),
    )
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return [etree.parse(folder / f"{name}.fods").getroot() for name in names]


TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def formulas(sheet: etree._Element) -> list[str]:
    return [cell.get(f"{TABLE}formula") for cell in sheet.iter(f"{TABLE}table-cell") if cell.get(f"{TABLE}formula")]


def cells(sheet: etree._Element) -> list[list[str]]:
    """The text of each cell, where repeated ones stand once for each time, but for those at the end of a row."""
    return [
        [
            "\n".join(text_of(paragraph) for paragraph in cell.iter(f"{TEXT}p"))
            for cell in row.iter(f"{TABLE}table-cell")
            for _ in range(min(int(cell.get(f"{TABLE}number-columns-repeated", 1)), 50))
        ]
        for row in sheet.iter(f"{TABLE}table-row")
    ]


def text_of(paragraph: etree._Element) -> str:
    """With its runs of spaces, for which OpenDocument has an element."""
    spaces = {f"{TEXT}s": " "}
    parts = [paragraph.text or ""]
    for child in paragraph:
        parts += [spaces.get(child.tag, "") * int(child.get(f"{TEXT}c", 1)), child.text or "", child.tail or ""]
    return "".join(parts)
