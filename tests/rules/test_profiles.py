"""Profiles, waivers and data sheets on disk: what they mean, and what is said of mistakes in them."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.model.finding import Waiver
from glb_batch_validator_addon.model.profile import Demand, Policy
from glb_batch_validator_addon.rules.catalogue import RULES
from glb_batch_validator_addon.rules.profiles import load_policy, profile_names, read_waivers, waiver_text

TODAY = datetime.date(2026, 6, 15)
SIZE = "GLBV_TEXTURE_TOO_LARGE"


def policy(path: Path | str, **options: Any) -> Policy:
    return load_policy(str(path), today=TODAY, **options)


def written(folder: Path, text: str, name: str = "studio.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def at(demand: Demand, code: str = SIZE) -> dict[str, Any]:
    return RULES[code].defaults() | demand.profile.thresholds.get(code, {})


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_loads(name: str) -> None:
    assert policy(name).profile.name == name


def test_those_ship_that_studios_ask_for() -> None:
    assert set(profile_names()) >= {"default", "web", "game", "mobile-ar", "khronos-3d-commerce", "film"}


def test_a_key_that_is_left_out_is_that_of_what_is_extended(tmp_path: Path) -> None:
    written(tmp_path, f'[rules.{SIZE}]\nmax_px = 512\nseverity = "error"', "base.toml")
    path = written(tmp_path, f'extends = "base.toml"\n[rules.{SIZE}]\nseverity = "hint"')
    profile = policy(path).profile
    assert profile.levels[SIZE] == "hint"
    assert at(policy(path).demand("a.glb"))["max_px"] == 512


def test_no_limit_is_said_by_none(tmp_path: Path) -> None:
    path = written(tmp_path, f'[rules.{SIZE}]\nmax_px = "none"')
    assert at(policy(path).demand("a.glb"))["max_px"] is None


def test_the_first_path_pattern_that_matches_has_its_own_profile(tmp_path: Path) -> None:
    written(tmp_path, f"[rules.{SIZE}]\nmax_px = 8192", "hero.toml")
    path = written(
        tmp_path,
        """
        [[paths]]
        pattern = "hero/*"
        profile = "hero.toml"
        [[paths]]
        pattern = "*"
        profile = "web"
    """,
    )
    loaded = policy(path)
    assert at(loaded.demand("hero/deep/down.glb"))["max_px"] == 8192
    assert loaded.demand("props/a.glb").profile.name == "web"


def test_the_khronos_validators_own_keys(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [khronos]
        max-issues = 50
        ignore = ["UNUSED_OBJECT"]
        [khronos.override]
        ACCESSOR_INVALID_FLOAT = 0
        NODE_EMPTY = "off"
    """,
    )
    options = policy(path).profile.khronos
    assert (options.max_issues, options.ignore) == (50, ("UNUSED_OBJECT",))
    assert options.override["ACCESSOR_INVALID_FLOAT"] == "error"
    assert options.override["NODE_EMPTY"] == "off"


def test_waivers_of_the_profile_and_of_their_own_file_hold_for_the_keys_they_name(tmp_path: Path) -> None:
    mine = Waiver(code=SIZE, pattern="old/*", owner='A "B" \\ C\n', reason="scan", expires="2026-12-31")
    waivers = written(tmp_path, waiver_text(mine) * 2, "waivers.toml")
    assert read_waivers(waivers) == [mine, mine]
    path = written(tmp_path, waiver_text(mine).replace("old/*", "*"))
    loaded = policy(path, waivers=waivers)
    assert len(loaded.demand("old/a.glb").waivers) == 3
    assert len(loaded.demand("new/a.glb").waivers) == 1


def test_the_digest_of_judging_changes_when_a_waiver_expires(tmp_path: Path) -> None:
    path = written(tmp_path, waiver_text(Waiver(code="X", pattern="*", owner="o", reason="r", expires="2026-06-15")))
    days = [datetime.date(2026, 6, day) for day in (14, 15, 16, 17)]
    digests = [str(load_policy(str(path), today=day).judging()) for day in days]
    assert digests[0] == digests[1] != digests[2] == digests[3]


def test_a_data_sheet_gives_each_asset_its_dimensions(tmp_path: Path) -> None:
    written(tmp_path, "pattern,x_m,y_m,z_m,note\nchairs/*.glb,0.5,0.5,0.9,as built\n", "sizes.csv")
    path = written(tmp_path, 'data-sheet = "sizes.csv"')
    assert policy(path).demand("chairs/a.glb").expected_m == (0.5, 0.5, 0.9)
    assert policy(path).demand("tables/a.glb").expected_m is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extend = 'web'", "no key 'extend'. Do you mean 'extends'?"),
        ("extends = 'wed'", "no profile wed. Do you mean 'web'?"),
        ("extends = 'studio.toml'", "in a circle"),
        (
            "[rules.GLBV_TEXTURE_TO_LARGE]\nmax_px = 1",
            f"rules.GLBV_TEXTURE_TO_LARGE: there is no rule GLBV_TEXTURE_TO_LARGE. Do you mean '{SIZE}'?",
        ),
        ("[rules.STUDIO_OWN]\nseverity = 'error'", "there is no rule STUDIO_OWN"),
        (f"[rules.{SIZE}]\nmax_pixels = 1", "no key 'max_pixels'. Do you mean 'max_px'?"),
        (f"[rules.{SIZE}]\nmax_px = 'big'", "max_px: a number is needed"),
        (f"[rules.{SIZE}]\nmax_px = true", "max_px: a number is needed"),
        (f"[rules.{SIZE}]\nmax_px = nan", "max_px: a number is needed"),
        (f"[rules.{SIZE}]\nseverity = 'fatal'", "a severity is one of error, warning, info, hint and off, not 'fatal'"),
        (f"[rules]\n{SIZE} = 'off'", "a table is needed"),
        ("[khronos]\nmax_issues = 1", "Do you mean 'max-issues'?"),
        ("[khronos]\nmax-issues = -1", "a whole number from 0"),
        ("[khronos]\nignore = 'A'", "a list of texts"),
        ("[khronos.override]\nA = 4", "a severity is one of"),
        ("[[waivers]]\ncode = 'X'", "'pattern' is missing"),
        (
            "[[waivers]]\ncode='X'\npattern='*'\nowner=''\nreason='r'\nexpires=2026-01-01",
            "waivers[0].owner: a text is needed",
        ),
        ("[[waivers]]\ncode='X'\npattern='*'\nowner='o'\nreason='r'\nexpires='soon'", "a date without quotes"),
        ("[waivers]\ncode='X'", "[[waivers]]"),
        ("[[paths]]\npattern = '*'", "'profile' is missing"),
        ("data-sheet = 'none.csv'", "the data sheet cannot be read"),
        ("a = ", "not valid TOML"),
    ],
)
def test_every_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match=re.escape(said)):
        policy(path)


def test_codes_of_a_studios_own_rules_are_taken_where_there_are_such_rules(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    written(tmp_path / "rules", "x = 1", "own.py")
    path = written(tmp_path, "[rules.STUDIO_OWN]\nseverity = 'error'\nmax = 3")
    assert policy(path, rules_folder=tmp_path / "rules").profile.levels["STUDIO_OWN"] == "error"


@pytest.mark.parametrize("text", ["def (:", "\0"])
def test_custom_rules_that_are_no_python_are_refused_before_the_run(tmp_path: Path, text: str) -> None:
    written(tmp_path, text, "own.py")
    with pytest.raises(UsageError, match=r"own\.py"):
        policy("default", rules_folder=tmp_path)


def test_a_folder_without_rules_is_a_slip_of_the_pen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no custom rules"):
        policy("default", rules_folder=tmp_path)
