from __future__ import annotations

from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, Vec3, cube
from glb_batch_validator_addon.glb import animations as module
from glb_batch_validator_addon.model.facts import AnimationFacts

from .making import facts_of, gaps_of

STILL: list[Vec3] = [(0.0, 0.0, 0.0)] * 4


def animated(
    *channels: tuple[str, list[Any]], interpolation: str = "LINEAR", share_times: bool = True, **node: Any
) -> GlbBuilder:
    """A cube in a node, and an animation of these paths and values at whole seconds."""
    builder = GlbBuilder()
    builder.scene(
        builder.add("nodes", mesh=builder.mesh(cube(), material=builder.material("paint")), name="it", **node)
    )
    samplers: list[dict[str, Any]] = []
    for _, values in channels:
        count = len(values) // (3 if interpolation == "CUBICSPLINE" else 1)
        if not share_times or not samplers or builder.json["accessors"][samplers[0]["input"]]["count"] != count:
            times = builder.accessor([(float(second),) for second in range(count)], bounds=True)
        samplers.append({"input": times, "output": builder.accessor(values), "interpolation": interpolation})
    builder.add(
        "animations",
        name="run",
        samplers=samplers,
        channels=[
            {"sampler": number, "target": {"node": 0, "path": path}} for number, (path, _) in enumerate(channels)
        ],
    )
    return builder


def only(builder: GlbBuilder) -> AnimationFacts:
    (animation,) = facts_of(builder).animations
    return animation


def test_keys_are_counted_over_all_channels() -> None:
    facts = only(animated(("translation", STILL), ("scale", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])))
    assert (facts.channels, facts.keys, facts.redundant_keys, facts.seconds) == (2, 6, 2, 3.0)


def test_bytes_of_times_count_where_nothing_shares_them() -> None:
    assert only(animated(("translation", STILL))).redundant_bytes == 2 * (12 + 4)
    assert only(animated(("translation", STILL), ("scale", STILL))).redundant_bytes == 4 * 12
    apart = only(animated(("translation", STILL), ("scale", STILL), share_times=False))
    assert apart.redundant_bytes == 4 * (12 + 4)


def test_values_that_channels_share_are_counted_once() -> None:
    builder = animated(("translation", STILL))
    builder.json["animations"][0]["channels"].append({"sampler": 0, "target": {"node": 0, "path": "scale"}})
    facts = only(builder)
    assert (facts.keys, facts.redundant_keys) == (8, 4)
    assert facts.redundant_bytes == 2 * (12 + 4)


@pytest.mark.parametrize(
    ("node", "travel"),
    [
        ({}, 5.0),
        ({"translation": [3.0, 4.0, 0.0]}, 5.0),
        ({"translation": [3.0, 4.0, 12.0]}, 13.0),
        ({"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 3, 4, 1, 1]}, 26**0.5),
    ],
)
def test_travel_is_measured_from_where_the_node_rests(node: dict[str, Any], travel: float) -> None:
    assert only(animated(("translation", [(0.0, 0.0, 0.0), (3.0, 4.0, 0.0)]), **node)).travel_m == pytest.approx(travel)


def test_of_a_spline_the_tangents_do_not_travel() -> None:
    far, near = (100.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    facts = only(animated(("translation", [far, near, far] * 2), interpolation="CUBICSPLINE"))
    assert (facts.keys, facts.travel_m) == (2, 1.0)


def test_rotations_do_not_travel() -> None:
    assert only(animated(("rotation", [(0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.0)]))).travel_m == 0.0


def test_weights_have_several_numbers_a_key() -> None:
    facts = only(animated(("weights", [(0.5,)] * 12)))
    assert facts.keys == 12  # of one weight
    builder = animated(("translation", STILL), ("weights", [(0.5,), (0.25,)] * 4))
    builder.json["animations"][0]["samplers"][1]["input"] = builder.json["animations"][0]["samplers"][0]["input"]
    assert (only(builder).keys, only(builder).redundant_keys) == (8, 4)


@pytest.mark.parametrize(
    ("target", "outside"),
    [
        ({"node": 0, "path": "scale"}, 0),
        ({"node": 1, "path": "scale"}, 1),
        ({"path": "scale"}, 1),
        ({}, 1),
        ({"path": "pointer", "extensions": {"KHR_animation_pointer": {"pointer": "/materials/0/alphaCutoff"}}}, 0),
    ],
)
def test_targets_outside_of_the_file(target: dict[str, Any], outside: int) -> None:
    builder = animated(("translation", STILL))
    builder.json["animations"][0]["channels"][0]["target"] = target
    assert only(builder).outside_targets == outside


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        ({"output": 99}, "There is no such accessor."),
        ({"input": 0}, "Its times and values do not fit together."),
        ({}, "There is no such accessor."),
    ],
)
def test_what_cannot_be_read_is_none_and_a_gap(sampler: dict[str, Any], reason: str) -> None:
    builder = animated(("translation", STILL), ("scale", STILL))
    samplers = builder.json["animations"][0]["samplers"]
    samplers[1] = sampler and {**samplers[1], **sampler}
    facts = only(builder)
    assert (facts.keys, facts.redundant_keys, facts.redundant_bytes, facts.travel_m) == (None,) * 4
    assert gaps_of(builder) == {reason: ["/animations/0/channels/1"]}


def test_more_keys_than_the_limit_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    (reason,) = gaps_of(animated(("translation", STILL)))
    assert "more than 3 keys" in reason


def test_more_animations_than_the_limit_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANIMATIONS", 1)
    builder = animated(("translation", STILL))
    builder.add("animations", name="walk")
    assert len(facts_of(builder).animations) == 1
    assert gaps_of(builder) == {"The file has more than 1 animations (MAX_ANIMATIONS).": ["/animations/1"]}


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [("translation", [(float(key * line), 0.0, 0.0) for key in range(4)]) for line in range(5)]
    whole = only(animated(*paths))
    monkeypatch.setattr(module, "_BATCH_VALUES", 13)
    assert only(animated(*paths)) == whole
    assert whole.redundant_keys == 10
