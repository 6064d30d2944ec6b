"""Decisions to live with a finding."""

from __future__ import annotations

import fnmatch
from datetime import date, timedelta

import pytest

from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.model.finding import Waiver
from glb_batch_validator_addon.rules.profiles import read_waivers
from glb_batch_validator_addon.ui import waivers

WAIVER = Waiver(
    code="GLBV_MESH_OPEN_EDGES", pattern="leaves/*", owner="mira", reason='As "meant"', expires=waivers.last_day()
)


@pytest.mark.parametrize(
    ("key", "options", "below"),
    [
        ("props/chair.glb", ("--bucket=b",), "props/chair.glb"),
        ("props/chair.glb", ("--bucket=b", "--prefix=props/"), "chair.glb"),
        ("props/chair.glb", ("--bucket=b", "--prefix=props/ch"), "chair.glb"),
        ("props/chair.glb", ("--folder=props",), "props/chair.glb"),
        ("a[1]*?.glb", (), "a[1]*?.glb"),
        ("b\udcffd.glb", (), "b\udcffd.glb"),
    ],
)
def test_the_pattern_of_an_asset_matches_it_and_no_other(key, options, below):
    pattern = waivers.pattern_of(key, options)
    assert fnmatch.fnmatchcase(below, pattern)
    assert not fnmatch.fnmatchcase(below.replace("a", "x").replace("b", "xx"), pattern)
    pattern.encode()  # Blender takes no other text


def test_waivers_are_added_to_a_file_that_need_not_be_there(tmp_path):
    path = tmp_path / "new" / "waivers.toml"
    waivers.add(path, WAIVER)
    waivers.add(path, WAIVER)
    assert read_waivers(path) == [WAIVER, WAIVER]


def test_what_people_wrote_stays_as_they_wrote_it(tmp_path):
    path = tmp_path / "waivers.toml"
    path.write_text("# of the leaves", "utf-8")
    waivers.add(path, WAIVER)
    assert path.read_text("utf-8").startswith("# of the leaves\n[[waivers]]\n")


def changed(**values: str) -> Waiver:
    return Waiver(**{name: values.get(name, getattr(WAIVER, name)) for name in WAIVER.__dataclass_fields__})


@pytest.mark.parametrize(
    ("waiver", "said"),
    [
        (changed(reason=" "), "needs a reason"),
        (changed(owner=""), "needs an owner"),
        (changed(code="GLBV_MESH_OPEN_EDGE"), "GLBV_MESH_OPEN_EDGES"),
        (changed(expires="next week"), "such as"),
        (changed(expires=(date.today() - timedelta(days=1)).isoformat()), "is over"),
    ],
)
def test_what_is_no_waiver_is_refused_and_leaves_the_file_as_it_was(tmp_path, waiver, said):
    path = tmp_path / "waivers.toml"
    waivers.add(path, WAIVER)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=said):
        waivers.add(path, waiver)
    assert path.read_bytes() == before


def test_nothing_is_added_to_a_file_that_is_not_understood(tmp_path):
    path = tmp_path / "waivers.toml"
    path.write_text("[[waivers")
    with pytest.raises(UsageError, match="not valid TOML"):
        waivers.add(path, WAIVER)
    assert path.read_text() == "[[waivers"
    with pytest.raises(UsageError, match="cannot be added"):
        waivers.add(tmp_path / "waivers.toml" / "below a file.toml", WAIVER)


def test_a_day_written_in_another_way_is_the_same_day(tmp_path):
    path = tmp_path / "waivers.toml"
    waivers.add(path, changed(expires=WAIVER.expires.replace("-", "")))
    assert read_waivers(path) == [WAIVER]


def test_there_is_an_owner_wherever_the_system_names_one(monkeypatch):
    monkeypatch.setenv("LOGNAME", "mira")
    assert waivers.owner() == "mira"
    monkeypatch.setattr("getpass.getuser", lambda: {}["nobody"])
    assert waivers.owner() == ""
