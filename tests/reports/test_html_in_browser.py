"""The report as a person meets it: opened from disk in Chromium, by mouse, keyboard and screen reader.

README shows two pictures of it, made with GLBV_PICTURES=docs/pictures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from glb_batch_validator_addon.reports.html import write_html
from tests.conftest import need
from tests.reports import browsing, making
from tests.reports.browsing import Page

ROWS = ".assets tbody:not(.space) tr"
FIRST = f"{ROWS}:first-child"
SCRIPTS = 6
"""Those of the page itself, in its body."""
STATUS = "#assets .status"


def saved(library: making.Library, path: Path) -> Path:
    with path.open("wb") as out:
        write_html(out, **library.given())
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Page]:
    need(browsing.CHROMIUM and browsing.CHROMEDRIVER, "chromium and chromedriver are not on the PATH")
    with browsing.browser() as page:
        yield page


@pytest.fixture
def page(chromium: Page) -> Iterator[Page]:
    """Whatever a test does: the console stays silent, and nothing is asked for but the page and what is in it."""
    chromium.media()
    chromium.window(1400, 1000)
    chromium.run("try { localStorage.clear() } catch {}")
    chromium.complaints()
    chromium.requests()
    yield chromium
    assert chromium.complaints() == []
    assert {url.partition(":")[0] for url in chromium.requests()} <= {"about", "file", "data"}


@pytest.fixture(scope="module")
def library() -> making.Library:
    return making.library(84, seed=5)


@pytest.fixture(scope="module")
def report(library: making.Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(library, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(making.library(10_000), tmp_path_factory.mktemp("large") / "report.html")


def search(page: Page, text: str) -> None:
    box = page.driver.find_element("id", "search")
    box.clear()
    box.send_keys(text)


def shown(page: Page) -> int:
    """Assets that the filter lets pass."""
    return int(page.run("return document.querySelector('.assets').getAttribute('aria-rowcount')")) - 1


def column(page: Page, name: str) -> list[str]:
    return page.texts(f"{ROWS} .c-{name}")


def focused(page: Page) -> str:
    text: str = page.run("return document.activeElement.closest('tr')?.querySelector('.base').textContent || ''")
    return text


# What it tells


def test_the_overview_begins_with_what_matters(page: Page, report: Path, library: making.Library) -> None:
    page.open(report)
    assert page.text("h1") == making.URI
    counts = library.head.counts
    assert f"{counts['pass'] + counts['warn']} of 84 assets looked at" in page.text(".rate")
    first = library.survey.rules[0]
    assert first.code in page.text(".fixes tbody tr")
    assert page.texts("#overview h2")[:4] == [
        "Assets by verdict",
        "What to fix first",
        "Look at these first",
        "Triangles",
    ]


def test_the_budget_is_drawn_where_it_is(page: Page, report: Path) -> None:
    page.open(report)
    assert page.text("#histogram .budget-label") == "budget 100,000"
    assert "over the budget" in page.text("#histogram-note")


def test_a_rule_leads_to_its_assets(page: Page, report: Path, library: making.Library) -> None:
    page.open(report)
    page.click(".fixes tbody tr .title")
    page.until("return document.body.dataset.view === 'assets'")
    assert shown(page) == library.survey.rules[0].assets


def test_an_asset_tells_what_where_why_and_how(page: Page, report: Path, library: making.Library) -> None:
    rule = next(rule for rule in library.survey.rules if rule.code == "GLBV_TEXTURE_TOO_LARGE")
    page.open(report, f"#/asset/{rule.keys[0].removeprefix(making.ROOT)}")
    text = page.text("#asset")
    for part in ("Texture too large", "/images/0", "saves 2.4 MB", *(library.rules[rule.code].how.split(";")[:1])):
        assert part in text
    assert page.run("return document.querySelector('#asset img').naturalWidth") == 256


def test_nothing_found_is_not_nothing_looked_at(page: Page, report: Path) -> None:
    page.open(report, "#/assets?partly=1")
    assert 0 < shown(page) < 84
    page.click(f"{FIRST} a")
    page.until("return document.body.dataset.view === 'asset'")
    assert "Nothing was found by what could look" in page.text("#asset")
    assert "What Blender imports was not looked at" in page.text("#coverage")


def test_an_interrupted_run_says_what_is_missing(page: Page, tmp_path: Path) -> None:
    page.open(saved(making.library(20, pending=5), tmp_path / "report.html"))
    assert "5 assets have not been looked at" in page.text("#overview .note")
    page.click(".legend a[href$=pending]")
    page.until("return document.body.dataset.view === 'assets'")
    page.click(f"{FIRST} a")
    page.until("return document.body.dataset.view === 'asset'")
    assert "Nothing has been checked" in page.text("#coverage")


def test_the_library_is_told_as_a_whole(page: Page, report: Path) -> None:
    page.open(report, "#/library")
    text = page.text("#library")
    for part in ("What changed", "Exact copies", "Pictures that look the same", "Outliers", "Exporters", "Folders"):
        assert part in text
    page.click('td[data-filter="exporter"] a')
    page.until("return document.body.dataset.view === 'assets'")
    assert 0 < shown(page) < 84


# The table


def test_search_finds_all_words_in_any_case(page: Page, report: Path, library: making.Library) -> None:
    page.open(report, "#/assets")
    search(page, "CHAIR props")
    expected = sum("chair" in entry.key and "props" in entry.key for entry in library.entries)
    assert page.text(STATUS) == f"{expected} of 84 assets"
    search(page, "nothing is called that")
    assert "No asset is like that" in page.text("#assets")


def test_filters_add_up_and_are_in_the_address(page: Page, report: Path, library: making.Library) -> None:
    page.open(report, "#/assets")
    page.click('[data-verdict="warn"]')
    page.run(
        "const folder = document.querySelector('[data-filter=folder]');"
        "folder.value = 'props/'; folder.dispatchEvent(new Event('change'))"
    )
    expected = sum(entry.verdict == "warn" and "/props/" in entry.key for entry in library.entries)
    assert shown(page) == expected
    page.open(report, page.run("return location.hash"))
    assert shown(page) == expected
    page.click(".filters > .quiet")
    assert shown(page) == 84


@pytest.mark.parametrize("name", ["triangles", "bytes", "gpu", "findings", "name", "verdict"])
def test_every_column_sorts_both_ways(page: Page, report: Path, name: str) -> None:
    page.open(report, "#/assets?sort=name" if name == "verdict" else "#/assets")
    page.click(f".assets th.c-{name} button")
    order = page.run("return table.shown.map((asset) => asset.name)")
    first = page.run(f"return document.querySelector('.assets th.c-{name}').ariaSort")
    page.click(f".assets th.c-{name} button")
    assert {first, page.run(f"return document.querySelector('.assets th.c-{name}').ariaSort")} == {
        "ascending",
        "descending",
    }
    assert page.run("return table.shown.map((asset) => asset.name)") != order
    assert page.run("return document.querySelectorAll('.assets th[aria-sort]').length") == 1


def test_what_is_not_known_comes_last_either_way(page: Page, report: Path) -> None:
    for sort in ("triangles", "-triangles"):
        page.open(report, f"#/assets?sort={sort}")
        assert page.run("return table.shown.at(-1).triangles") is None
        assert page.run("return table.shown[0].triangles") is not None


def test_back_leads_to_the_same_place_of_the_same_list(page: Page, report: Path) -> None:
    page.open(report, "#/assets?sort=-bytes")
    page.run("document.querySelector('.scroller').scrollTop = 800")
    page.until("return Number(document.querySelector(arguments[0]).dataset.position) > 0", FIRST)
    page.click(f"{ROWS}:nth-child(15) a")
    page.until("return document.body.dataset.view === 'asset'")
    page.driver.back()
    page.until("return document.body.dataset.view === 'assets'")
    assert page.run("return location.hash") == "#/assets?sort=-bytes"
    assert page.run("return document.querySelector('.scroller').scrollTop") == 800


def test_assets_follow_each_other_as_in_the_list(page: Page, report: Path) -> None:
    page.open(report, "#/assets?sort=-triangles")
    order = column(page, "name")
    page.click(f"{FIRST} a")
    page.until("return document.body.dataset.view === 'asset'")
    page.press(Keys.ARROW_RIGHT)
    page.until("return document.querySelector('#asset h1').textContent === arguments[0]", order[1].split("\n")[0])
    page.press(Keys.ARROW_LEFT)
    page.until("return document.querySelector('#asset h1').textContent === arguments[0]", order[0].split("\n")[0])


# By keyboard, and by ear


def test_the_table_is_walked_with_arrow_keys(page: Page, report: Path) -> None:
    page.open(report, "#/assets?sort=name")
    names = page.run("return table.shown.map((asset) => asset.base)")
    page.press("/")
    page.until("return document.activeElement.id === 'search'")
    page.press(Keys.ARROW_DOWN)
    assert focused(page) == names[0]
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert focused(page) == names[1]
    page.press(Keys.END)
    assert focused(page) == names[-1]
    page.press(Keys.ENTER)
    page.until("return document.body.dataset.view === 'asset'")
    page.press(Keys.ESCAPE)
    page.until("return document.body.dataset.view === 'assets'")
    assert focused(page) == names[-1]
    page.press(Keys.HOME, Keys.ESCAPE)
    page.until("return document.activeElement.id === 'search'")


def test_the_focus_is_seen_and_begins_with_a_way_past_the_navigation(page: Page, report: Path) -> None:
    page.open(report)
    page.press(Keys.TAB)
    assert page.run("return document.activeElement.id") == "skip"
    page.until("return document.activeElement.getBoundingClientRect().top >= 0")
    page.press(Keys.TAB)
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_rows_say_where_they_are_among_all(page: Page, large: Path) -> None:
    page.open(large, "#/assets")
    assert page.run("return document.querySelector('.assets').ariaRowCount || table.shown.length + 1") in (
        10_001,
        "10001",
    )
    assert page.run("return document.querySelectorAll('.assets tr').length") < 100
    page.run("document.querySelector('.scroller').scrollTop = 1e9")
    page.until(
        "return document.querySelector(arguments[0] + ':last-child').getAttribute('aria-rowindex') === '10001'", ROWS
    )


@pytest.mark.parametrize("fragment", ["", "#/assets", "#/library", "asset"])
def test_everything_has_a_name(page: Page, report: Path, fragment: str) -> None:
    page.open(report, fragment if fragment != "asset" else "")
    if fragment == "asset":
        page.click(".gallery a")
        page.until("return document.body.dataset.view === 'asset'")
    nameless = page.run("""
        const named = (one) => one.ariaLabel || one.hasAttribute('alt') || one.hasAttribute('aria-labelledby');
        return [...document.querySelectorAll('a, button, input, select, [role=img], [role=region], img')]
          .filter((one) => one.checkVisibility() && !named(one) && !one.innerText?.trim())
          .map((one) => one.outerHTML)
    """)
    assert nameless == []
    levels = page.run("""
        return [...document.querySelectorAll('h1, h2, h3')]
          .filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]))
    """)
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(page: Page, report: Path, theme: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1."""
    page.media(dark=theme == "dark")
    page.open(report)
    ratios = page.run("""
        const probe = document.body.appendChild(document.createElement('i'));
        const light = (name) => {
          probe.style.color = `var(--${name})`;
          const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const table = {};
        for (const surface of arguments[1]) for (const text of arguments[0])
          table[`${text} on ${surface}`] = ratio(light(text), light(surface));
        probe.remove();
        return table;
        """, ["text", "muted", "accent", "error", "fail", "unsupported", "warn", "pass", "info", "hint", "pending"],
        ["ground", "surface", "raised"],
    )  # fmt: skip
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


# Wherever it is looked at


def test_the_theme_is_the_systems_until_it_is_chosen(page: Page, report: Path) -> None:
    surface = "return getComputedStyle(document.body).backgroundColor"
    page.open(report)
    light = page.run(surface)
    page.media(dark=True)
    dark = page.run(surface)
    assert dark != light
    page.click("#theme")
    assert page.run(surface) == light
    page.open(report)
    assert page.run(surface) == light, "it is remembered"


@pytest.mark.parametrize("fragment", ["", "#/assets", "#/library", "asset"])
def test_a_phone_shows_it_without_scrolling_sideways(page: Page, report: Path, fragment: str) -> None:
    page.window(390, 844)
    page.open(report, fragment if fragment != "asset" else "")
    if fragment == "asset":
        page.run("location.hash = document.querySelector('.gallery a').hash")
        page.until("return document.body.dataset.view === 'asset'")
    assert page.run("return document.documentElement.scrollWidth") <= 390


def test_paper_gets_all_of_it(page: Page, report: Path) -> None:
    page.open(report)
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    page.media(paper=True)
    visible = "return document.querySelector(arguments[0]).checkVisibility()"
    assert all(page.run(visible, selector) for selector in ("#overview", "#library", "#print", "#more-fixes"))
    assert not page.run(visible, ".bar")
    assert page.run("return document.querySelectorAll('#print tbody tr').length") == 84


def test_without_scripts_there_still_is_a_report(page: Page, report: Path) -> None:
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get("about:blank")
        page.driver.get(report.as_uri())
        text = page.driver.find_element("tag name", "body").text
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    for part in ("What to fix first", "The library as a whole", "need JavaScript"):
        assert part in text


def test_hostile_names_do_nothing(page: Page, tmp_path: Path) -> None:
    library = making.library(20, names=making.HOSTILE)
    page.open(saved(library, tmp_path / "report.html"), "#/assets?folder=hostile%2F")
    assert shown(page) == len(making.HOSTILE)
    for number in range(len(making.HOSTILE)):
        page.run("location.hash = `#/asset/${table.shown[arguments[0]].route}`", number)
        page.until("return view === 'asset' && current === table.shown[arguments[0]]", number)
        assert page.run("return document.querySelector('#asset h1').textContent === current.base")
    page.open(tmp_path / "report.html", "#/library")
    assert (
        page.run("return document.querySelectorAll('img[src=x], [onerror], body script:not([type])').length") == SCRIPTS
    )
    page.driver.find_element("tag name", "body").click()  # raises if an alert is open


# Ten thousand assets


@pytest.mark.alone
def test_ten_thousand_assets_open_within_three_seconds(page: Page, large: Path) -> None:
    """From the start of the navigation until the table is there; the best of three, for the machine has more to do."""

    def opening() -> float:
        page.open(large, "#/assets")
        assert page.run("return document.querySelectorAll(arguments[0]).length", ROWS) > 10
        seconds: float = page.run("return performance.getEntriesByName('ready')[0].startTime / 1000")
        return seconds

    assert min(opening() for _ in range(3)) < 3


@pytest.mark.alone
def test_ten_thousand_assets_are_filtered_within_a_tenth_of_a_second(page: Page, large: Path) -> None:
    """Layout included; of each filter the best of five."""
    page.open(large, "#/assets")
    script = """
        const box = document.querySelector('#search');
        const times = [];
        for (let turn = 0; turn < 5; turn += 1) {
          for (const text of [arguments[0], '']) {
            const begin = performance.now();
            box.value = text;
            box.dispatchEvent(new Event('input'));
            document.body.getBoundingClientRect();
            times.push(performance.now() - begin);
          }
        }
        return Math.min(...times.filter((time, index) => index % 2 === 0));
    """
    for text in ("chair", "props old", "e", "nothing is called that"):
        assert page.run(script, text) < 100


@pytest.mark.alone
@pytest.mark.parametrize("name", ["name", "triangles", "findings", "verdict"])
def test_ten_thousand_assets_are_sorted_as_quickly(page: Page, large: Path, name: str) -> None:
    page.open(large, "#/assets")
    script = """
        const times = [];
        for (let turn = 0; turn < 6; turn += 1) {
          const begin = performance.now();
          document.querySelector(`.assets th.c-${arguments[0]} button`).click();
          document.body.getBoundingClientRect();
          times.push(performance.now() - begin);
        }
        return Math.min(...times);
    """
    assert page.run(script, name) < 100


def test_it_has_pictures(page: Page, report: Path, tmp_path: Path) -> None:
    taken = browsing.take_pictures(page, report, tmp_path)
    assert len({path.read_bytes() for path in taken}) == 2
    if folder := os.environ.get("GLBV_PICTURES"):
        for path in taken:
            shutil.copy(path, Path(folder))
