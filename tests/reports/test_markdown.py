"""The page for a CI job says what matters, fits, and shows names as text."""

from __future__ import annotations

import re

import pytest
from lxml import html
from markdown_it import MarkdownIt

from glb_batch_validator_addon.model.entry import Entry
from glb_batch_validator_addon.reports.common import one_line
from glb_batch_validator_addon.reports.markdown import MAX_ASSETS, cell, code, write_markdown
from tests.reports import entries
from tests.reports.entries import HOSTILE, Made

GITHUB_LIMIT = 1024 * 1024
"""Bytes of a job summary."""


def page(run: Made) -> html.HtmlElement:
    """As a browser gets it from a renderer that lets all HTML through."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
    return html.document_fromstring(f"<body>{renderer.render(run.written(write_markdown))}</body>").body


def tables(run: Made) -> list[list[list[str]]]:
    return [[[shown.text_content() for shown in row] for row in table.iter("tr")] for table in page(run).iter("table")]


def test_the_heading_says_how_it_went() -> None:
    good, warned = entries.entry("a.glb"), entries.entry("b.glb", verdict="warn")
    headings = {
        "2 of 5 assets failed": entries.small(),
        "interrupted": entries.stopped(),
        "passed": entries.made([good]),
        "passed, 1 of 2 assets with warnings": entries.made([good, warned]),
        "there is no asset": entries.made([]),
    }
    assert [page(run).find(".//h1").text for run in headings.values()] == [
        f"GLB Batch Validator: {heading}" for heading in headings
    ]


def test_it_shows_counts_what_to_fix_first_the_worst_assets_and_what_changed() -> None:
    counts, rules, worst, changes = tables(entries.small())
    assert ["unsupported", "1"] in counts
    assert rules[1][:3] == ["error", "Texture too largeGLBV_TEXTURE_TOO_LARGE", "1"]
    assert rules[1][4] == "2.5 MB of files, 12 triangles"
    assert worst[1] == ["error", "library/props/cut.glb", "0", "0", "The file ends too early."]
    assert [row[1] for row in worst[2:]] == ["library/props/bad.glb", "library/props/new.glb"]
    assert changes[1:] == [
        ["new", "library/props/bad.glb", "Texture too large", "/images/0"],
        ["fixed", "library/props/bad.glb", "Mesh inverted", "/meshes/1"],
    ]


def test_it_says_what_was_not_checked_and_what_are_copies() -> None:
    text = entries.small().written(write_markdown)
    assert "Not checked, or not everywhere: deep (assets: 5)." in text
    assert "Copies of others in the library: 2 assets (3.7 kB)." in text


def test_names_are_text_and_nothing_else() -> None:
    shown = page(entries.hostile())
    assert {element.tag for element in shown.iter()} <= {
        *("body", "h1", "h2", "p", "code", "br", "table", "thead", "tbody", "tr", "th", "td")
    }
    outside = "".join(text for text in shown.xpath("//text()") if text.getparent().tag != "code" or text.is_tail)
    assert not re.search(r"[@<\[`]|http", outside)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cell_shows_the_name_and_stays_one_cell(name: str) -> None:
    asset = entries.entry("a.glb", verdict="error", error=entries.failure(name))
    worst = tables(entries.made([asset]))[-1]
    assert [len(row) for row in worst] == [5, 5]
    assert worst[1][4].replace("\\", "") == one_line(name).replace("\\", "")


@pytest.mark.parametrize("name", ["|", "a|", r"a\|b", r"a\\|b||"])
def test_before_each_pipe_in_a_cell_stands_an_odd_number_of_backslashes(name: str) -> None:
    """GitHub's reader takes two of them for one that is shown, and ends the cell; others look at the last one alone."""
    assert [len(found) % 2 for found in re.findall(r"(\\*)\|", cell(name))] == [1] * name.count("|")


@pytest.mark.parametrize("name", ["a", "`", "``a`", " a ", ""])
def test_a_code_span_holds_backticks(name: str) -> None:
    shown = html.document_fromstring(MarkdownIt().render(code(name)))
    assert shown.findtext(".//code").strip() == name.strip()


def test_it_fits_however_large_the_library_and_its_names() -> None:
    long = "\U0010ffff" * 1000

    def asset(number: int) -> Entry:
        return entries.entry(f"{long}{number}", verdict="error", error=entries.failure(long))

    run = entries.made([asset(number) for number in range(300)])
    assert len(run.written(write_markdown).encode()) < GITHUB_LIMIT / 4
    assert len(tables(run)[-1]) == 1 + MAX_ASSETS
