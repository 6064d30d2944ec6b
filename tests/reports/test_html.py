"""The page is written in pieces, holds what it should, and no name in a library gets out of its place."""

from __future__ import annotations

import io
import json
import random
import re
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from glb_batch_validator_addon.model.entry import Entry
from glb_batch_validator_addon.reports.html import page, words, write_html
from tests.reports import making

VOID = {"meta", "link", "br"}


class Tree(HTMLParser):
    """What a browser's parser sees: elements, and the text of those that hold data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, Any] = {}
        self.rows: list[list[Any]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        attributes = self.elements[-1][1] if self.open[-1:] == ["script"] else {}
        if attributes.get("type") == "application/json":
            document = json.loads(data)
            if attributes.get("class") == "rows":
                self.rows += document
            else:
                self.data[str(attributes["id"])] = document


def written(library: making.Library) -> bytes:
    out = io.BytesIO()
    write_html(out, **library.given())
    return out.getvalue()


@pytest.fixture(scope="module")
def library() -> making.Library:
    return making.library(30, names=making.HOSTILE, pending=2)


@pytest.fixture(scope="module")
def tree(library: making.Library) -> Tree:
    return Tree(written(library).decode("utf-8"))


def test_every_element_ends_where_it_should(tree: Tree) -> None:
    assert tree.open == []


def test_every_asset_has_a_row_and_details(tree: Tree, library: making.Library) -> None:
    assert len(tree.rows) == len(library.entries)
    for number, entry in enumerate(library.entries):
        assert tree.data[f"asset-{number}"]["uri"] == entry.uri


def test_hostile_names_make_no_elements(tree: Tree) -> None:
    """A page about the same library with tame names has the same elements."""
    tame = making.library(30, names=[f"tame_{number}.glb" for number in range(len(making.HOSTILE))], pending=2)
    names = {name for name, _ in Tree(written(tame).decode()).elements}
    assert {name for name, _ in tree.elements} == names
    assert not any(name.startswith("on") for _, attributes in tree.elements for name in attributes)


def test_hostile_names_come_through_as_they_are(tree: Tree, library: making.Library) -> None:
    """What cannot be shown has an escape in its place, and a route that is the name all the same."""
    root = words.root_of(library.head.library)
    assert root == making.ROOT
    for row, entry in zip(tree.rows, library.entries, strict=True):
        name = entry.key.removeprefix(root)
        assert row[0] == name if name.isprintable() else row[0].isprintable()
        assert unquote_to_bytes(row[-1] or words.route_of(row[0], "")) == name.encode("utf-8", "surrogatepass")


def test_no_text_of_the_library_is_markup(library: making.Library) -> None:
    text = written(library).decode("utf-8")
    assert "alert(1)</" not in text.replace("\\u003c", "")
    assert "<img src=x" not in text
    assert text.count(page._HERE) == 0


@pytest.mark.parametrize(
    "scheme", ["https://example.com/a.glb", "javascript:alert(1)", "s3://b/a.glb", "file://host/a"]
)
def test_only_local_files_are_links(scheme: str) -> None:
    assert words.link_of(scheme) is None
    assert words.link_of("file:///library/a.glb") == "file:///library/a.glb"


def test_the_policy_forbids_the_network_and_foreign_scripts(tree: Tree) -> None:
    policy = next(str(at["content"]) for tag, at in tree.elements if at.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_elsewhere(tree: Tree) -> None:
    for _, attributes in tree.elements:
        for name in ("src", "srcset", "href"):
            assert re.match(r"#|data:,$", attributes.get(name) or "#"), attributes


def test_the_page_is_written_while_entries_come() -> None:
    """3,000 assets of 10 kB each pass through a page that holds a few hundred rows at a time."""
    sink = Sink()
    library = making.library(40)
    template = library.entries[0]
    tracemalloc.start()
    try:
        entries = (replace(template, key=f"{making.ROOT}{number:06}.glb") for number in range(3000))
        counts = {**library.head.counts, str(template.verdict): 3000}
        head = replace(library.head, counts=counts)
        picture = lambda entry: ("image/webp", bytes(6000))  # noqa: E731
        write_html(sink, head=head, survey=library.survey, entries=entries, rules=library.rules, picture=picture)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.written > 30_000_000
    assert peak < 12_000_000


class Sink(io.RawIOBase):
    written = 0

    def write(self, data: Any) -> int:
        self.written += len(data)
        return len(data)


def test_of_too_many_assets_the_worst_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    library = making.library(120)
    bad = {entry.key for entry in library.entries if entry.verdict in ("error", "fail", "unsupported")}
    monkeypatch.setattr(page, "MAX_ASSETS", len(bad) + 5)
    tree = Tree(written(library).decode())
    kept = {making.ROOT + row[0] for row in tree.rows}
    assert bad < kept
    assert len(kept) == len(bad) + 5
    assert tree.data["totals"]["leftOut"] == 120 - len(kept)
    assert sum(count for _, count in tree.data["totals"]["histogram"]["bins"]) == sum(
        entry.brief["rendered_triangles"] is not None for entry in library.entries
    ), "the histogram is about all of them"


def test_of_too_many_pictures_those_of_bad_assets_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    library = making.library(120)
    monkeypatch.setattr(page, "TYPICAL_PICTURE_BYTES", 3000)
    bad = [entry for entry in library.entries if entry.verdict != "pass"]
    monkeypatch.setattr(page, "MAX_PICTURE_BYTES", len(bad) * 3000)
    tree = Tree(written(replace(library, picture=lambda entry: ("image/webp", bytes(3000)))).decode())
    assert {making.ROOT + row[0] for row in tree.rows if row[-2]} >= {entry.key for entry in bad}
    assert tree.data["totals"]["withoutPicture"] > 0


def test_a_huge_asset_does_not_make_a_huge_page() -> None:
    chance = random.Random(3)
    entry = next(entry for entry in making.library(40).entries if entry.extract and entry.extract["findings"])
    finding = entry.extract["findings"][0] if entry.extract else {}
    many = [{**finding, "message": "x" * 1_000_000, "code": f"STUDIO_{chance.randint(1, 900)}"} for _ in range(20)]
    library = making.library(2)
    huge = replace(entry, extract={**entry.extract, "findings": many * 50})  # type: ignore[typeddict-item]
    assert len(written(replace(library, entries=(huge,)))) < 1_000_000


def test_an_asset_that_was_not_looked_at_says_so(tree: Tree, library: making.Library) -> None:
    last = len(library.entries) - 1
    pending: Entry = library.entries[last]
    assert pending.verdict is None
    assert tree.data[f"asset-{last}"]["coverage"] is None
    gaps = tree.rows[last][8]
    assert gaps == 1


@pytest.mark.parametrize("count", [0, 1])
def test_a_small_library_has_a_page_too(count: int) -> None:
    library = making.library(count, runs=1)
    empty = replace(
        library, survey=replace(library.survey, assets=(), images=(), meshes=(), similar=(), outliers=(), rules=())
    )
    tree = Tree(written(empty).decode())
    assert tree.open == []
    assert len(tree.rows) == count
