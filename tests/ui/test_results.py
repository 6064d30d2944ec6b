"""The list of results: filtered and sorted, also while rows come in."""

from __future__ import annotations

import random

import pytest

from glb_batch_validator_addon.ui.results import MAX_ROWS, OUTCOMES, SORTS, Results, Row, View
from glb_batch_validator_addon.ui.words import in_panel_words, local
from tests.ui.conftest import asset, found


def keys(results: Results) -> list[str]:
    rows = results.rows()
    return [rows[number].key for number in results.shown()]


def many(count: int, seed: int = 1) -> list[Row]:
    chance = random.Random(seed)
    return [
        Row.of(
            asset(
                f"{chance.choice('abc')}/asset {number}.glb",
                chance.choice(OUTCOMES),
                triangles=chance.choice((None, 12, 500)),
                findings=chance.choice(([], [], [found("ACCESSOR_INVALID_FLOAT")])),
            )
        )
        for number in range(count)
    ]


def test_the_worst_come_first():
    results = Results(View())
    verdicts = ("pass", "warn", "error", "fail", "unsupported")
    for key, verdict in zip("abcde", verdicts, strict=True):
        results.put(Row.of(asset(f"{key}.glb", verdict)))
    assert keys(results) == ["c.glb", "d.glb", "e.glb", "b.glb", "a.glb"]
    assert results.counts == dict.fromkeys(verdicts, 1)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("outcomes", [OUTCOMES, ("error", "pass"), ()])
def test_rows_that_come_in_one_by_one_stand_as_if_sorted_at_the_end(sort, reverse, outcomes):
    view = View(search="asset", outcomes=frozenset(outcomes), sort=sort, reverse=reverse)
    one_by_one, at_once = Results(view), Results(View())
    for row in many(300):
        one_by_one.put(row)
        at_once.put(row)
    at_once.look(view)
    assert one_by_one.shown() == at_once.shown()
    assert len(set(one_by_one.shown())) == sum(row.outcome in outcomes for row in one_by_one.rows())
    assert [one_by_one.position(number) for number in one_by_one.shown()] == list(range(len(one_by_one.shown())))


def test_an_asset_that_is_validated_again_keeps_its_number_and_changes_its_place():
    results = Results(View())
    for row in many(50):
        results.put(row)
    bad = next(number for number, row in enumerate(results.rows()) if row.outcome == "error")
    key = results.rows()[bad].key
    results.put(Row.of(asset(key, "pass")))
    assert results.rows()[bad].outcome == results.row(key).outcome == "pass"
    assert sorted(keys(results)) == sorted(row.key for row in many(50))
    assert sum(results.counts.values()) == 50
    assert results.rows()[results.shown()[results.position(bad)]].key == key


def test_the_search_looks_at_path_and_finding():
    results = Results(View())
    for row in (Row.of(asset("props/Chair.glb")), Row.of(asset("table.glb", "error"))):
        results.put(row)
    results.look(View(search="chair"))
    assert keys(results) == ["props/Chair.glb"]
    results.look(View(search="EMPTY"))
    assert keys(results) == ["table.glb"]
    results.look(View(search="nothing like it"))
    assert keys(results) == []
    assert results.position(0) == -1


def test_more_rows_than_can_be_listed_are_counted():
    results = Results(View(sort="NAME"))
    for number in range(MAX_ROWS + 10):
        results.put(Row.of(asset(f"{number:07}.glb")))
    assert len(results.shown()) == MAX_ROWS
    assert results.counts["pass"] == MAX_ROWS + 10


def test_names_that_are_no_text_can_be_drawn():
    row = Row.of(asset("folder/b\udcffd\nname.glb", "error"))
    assert row.name == "b?d name.glb"
    assert row.key == "folder/b\udcffd\nname.glb"


def test_a_finding_is_a_word_or_two():
    error = {"stage": "container", "type": "GitLfsPointer", "message": "...", "signal": None}
    assert Row.of(asset("a.glb", "error", error=error)).finding == "Git Lfs Pointer"
    assert Row.of(asset("a.glb", "error", error=error, findings=[found("GLB_EMPTY")])).finding == "Git Lfs Pointer"
    worst = found("GLBV_TEXTURE_UNREADABLE")
    assert Row.of(asset("a.glb", "fail", findings=[worst])).finding == "Texture unreadable"
    others = [found("UNUSED_OBJECT", "info"), found("STUDIO_NAMES", "hint")]
    assert Row.of(asset("a.glb", "fail", findings=[worst, *others])).finding == "Texture unreadable +2"
    assert Row.of(asset("a.glb", "pass", findings=others)).finding == "", "hints are for the details"
    assert Row.of(asset("a.glb")).finding == ""


def test_a_report_beside_an_asset_in_a_folder_has_a_path(tmp_path):
    path = tmp_path / "a b%.json"
    assert local(path.as_uri()) == str(path)
    assert local("s3://b/a%20b.json") == "s3://b/a%20b.json"
    assert "server" in local("file://server/share/a.json")


def test_a_sentence_of_the_engine_begins_with_a_capital_unless_that_would_change_a_name():
    assert in_panel_words("the bucket b is elsewhere: check --region") == "The bucket b is elsewhere: check Region"
    assert in_panel_words("http://127.0.0.1:9 cannot be reached").startswith("http://")
