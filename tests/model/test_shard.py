"""Parts of a library: they cover it, do not overlap, and are the same on every machine."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.model.shard import Shard, parts_in_words, shard_of

KEYS = [f"library/asset-{number}.glb" for number in range(8000)]


@pytest.mark.parametrize(
    ("text", "shard", "written"),
    [
        ("0/1", Shard(0, 0, 1), "0/1"),
        ("3/10", Shard(3, 3, 10), "3/10"),
        ("3-7/10", Shard(3, 7, 10), "3-7/10"),
        ("3-3/10", Shard(3, 3, 10), "3/10"),
        ("0-9/10", Shard(0, 9, 10), "0-9/10"),
    ],
)
def test_a_shard_is_one_part_or_a_range_of_parts(text: str, shard: Shard, written: str) -> None:
    assert Shard.parse(text) == shard
    assert str(shard) == written
    assert Shard.parse(written) == shard


@pytest.mark.parametrize(
    "text", ["", "3", "/10", "10/10", "7-3/10", "3-10/10", "-3/10", "3-/10", "a/b", "0/0", "３/10"]
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|no range"):
        Shard.parse(text)


@pytest.mark.parametrize(
    "texts", [["0/1"], ["0-9/10"], ["0/10", "1-3/10", "4-8/10", "9/10"], [f"{part}/7" for part in range(7)]]
)
def test_ranges_beside_each_other_cover_all_assets_and_never_overlap(texts: list[str]) -> None:
    shards = [Shard.parse(text) for text in texts]
    assert all(sum(shard.holds(key) for shard in shards) == 1 for key in KEYS)


def test_a_range_holds_what_its_parts_hold() -> None:
    parts = [Shard(part, part, 10) for part in (3, 4, 5)]
    assert all(Shard(3, 5, 10).holds(key) == any(part.holds(key) for part in parts) for key in KEYS)


def test_the_whole_holds_everything() -> None:
    assert all(Shard.whole().holds(key) for key in (*KEYS, "a\udcff.glb"))


def test_the_shard_of_a_key_never_changes() -> None:
    """A farm may run several versions at once, and repeats a shard with the next one."""
    assert [shard_of(key, 10) for key in ("a.glb", "props/chair.glb", "Stühle/Tisch 1.glb")] == [1, 8, 3]


def test_shards_are_even() -> None:
    counts = [0] * 8
    for key in KEYS:
        counts[shard_of(key, 8)] += 1
    assert max(counts) < 1.2 * min(counts)


def test_files_of_shards_have_names_of_their_own() -> None:
    assert Shard(3, 3, 10).name("summary.json") == "summary-3-of-10.json"
    assert Shard(3, 7, 10).name("shard.jsonl.gz") == "shard-3-7-of-10.jsonl.gz"


def test_parts_are_named_in_brief() -> None:
    assert parts_in_words([0, 3, 4, 5, 9]) == "0, 3-5, 9"
    assert parts_in_words([]) == ""
