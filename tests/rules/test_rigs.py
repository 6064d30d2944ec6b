"""Skins and animations: each rule about what breaks it and about what just keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, cube
from glb_batch_validator_addon.model.finding import Saving
from glb_batch_validator_addon.rules import rigs as _registered  # noqa: F401
from tests.rules.building import said_of, textured

VERTICES = 24


def skinned(weights: list[float], joints: int = 6) -> GlbBuilder:
    """A cube of which the first vertex has these weights to one joint after another; the rest hang on the first."""
    builder = GlbBuilder()
    bones = [builder.add("nodes", name=f"bone {number}") for number in range(joints)]
    padded = weights + [0.0] * (8 - len(weights))
    attributes: dict[str, int] = {}
    for number in range(2):
        part = slice(4 * number, 4 * number + 4)
        numbers = [[min(joint, joints - 1) for joint in range(8)][part]] + [[0] * 4] * (VERTICES - 1)
        shares = [padded[part]] + [[1.0 * (number == 0), 0.0, 0.0, 0.0]] * (VERTICES - 1)
        attributes |= {
            f"JOINTS_{number}": builder.accessor(numbers, 5121),
            f"WEIGHTS_{number}": builder.accessor(shares),
        }
    mesh = builder.mesh(cube(), material=builder.material("skin"), attributes=attributes)
    identity = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    skin = builder.add("skins", name="rig", joints=bones, inverseBindMatrices=builder.accessor([identity] * joints))
    builder.scene(*bones, builder.add("nodes", mesh=mesh, skin=skin))
    return builder


def animated(values: list[tuple[float, ...]], *, name: str = "run", path: str = "translation") -> GlbBuilder:
    builder = textured()
    times = builder.accessor([(float(second),) for second in range(len(values))], bounds=True)
    builder.add(
        "animations",
        name=name,
        samplers=[{"input": times, "output": builder.accessor(values)}],
        channels=[{"sampler": 0, "target": {"node": 0, "path": path}}],
    )
    return builder


@pytest.mark.parametrize(("weights", "many"), [([0.25] * 4, False), ([0.2] * 5, True)])
def test_vertices_bound_to_too_many_joints(weights: list[float], many: bool) -> None:
    issues = said_of("GLBV_SKIN_MANY_INFLUENCES", skinned(weights))
    assert len(issues) == many
    if many:
        assert issues[0].message == (
            'The skin "rig" binds vertices to up to 5 joints; at most 4 are allowed. More than 4 has 1 vertex of 24.'
        )
    assert said_of("GLBV_SKIN_MANY_INFLUENCES", skinned(weights), max_influences=8) == []
    assert said_of("GLBV_SKIN_MANY_INFLUENCES", skinned(weights), max_influences=None) == []
    assert len(said_of("GLBV_SKIN_MANY_INFLUENCES", skinned(weights), max_influences=3)) == 1


@pytest.mark.parametrize(
    ("weights", "bad"), [([0.5, 0.495], False), ([0.5, 0.48], True), ([], True), ([1.5, -0.5], True)]
)
def test_weights_that_do_not_add_up(weights: list[float], bad: bool) -> None:
    issues = said_of("GLBV_SKIN_BAD_WEIGHTS", skinned(weights))
    assert [(issue.pointer, issue.count) for issue in issues] == [("/skins/0", 1)] * bad


def test_joints_that_move_nothing() -> None:
    assert said_of("GLBV_SKIN_UNUSED_JOINTS", skinned([0.5, 0.5], joints=2)) == []
    (issue,) = said_of("GLBV_SKIN_UNUSED_JOINTS", skinned([0.5, 0.5], joints=4))
    assert issue.message == '2 joints of 4 to which nothing is bound: "bone 2", "bone 3".'
    unused = skinned([1.0], joints=4)
    del unused.json["nodes"][4]["skin"]
    assert said_of("GLBV_SKIN_UNUSED_JOINTS", unused) == []  # all of it is unused data


def test_bind_matrices_and_number_of_joints() -> None:
    builder = skinned([1.0])
    assert said_of("GLBV_SKIN_NO_BIND_MATRICES", builder) == []
    code = "GLBV_SKIN_TOO_MANY_JOINTS"
    assert said_of(code, builder) == said_of(code, builder, max_count=6) == []
    assert said_of(code, builder, max_count=5)[0].message == 'The skin "rig" has 6 joints; at most 5 are allowed.'
    del builder.json["skins"][0]["inverseBindMatrices"]
    assert said_of("GLBV_SKIN_NO_BIND_MATRICES", builder)[0].pointer == "/skins/0"


MOVES: list[tuple[float, ...]] = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)]


def test_animations_without_duration() -> None:
    assert said_of("GLBV_ANIMATION_ZERO_LENGTH", animated(MOVES)) == []
    (issue,) = said_of("GLBV_ANIMATION_ZERO_LENGTH", animated(MOVES[:1]))
    assert (issue.message, issue.pointer) == ('The animation "run" lasts 0 seconds.', "/animations/0")
    builder = textured()
    builder.add("animations", samplers=[], channels=[])
    assert said_of("GLBV_ANIMATION_ZERO_LENGTH", builder)[0].message == "The animation /animations/0 has no channels."


def test_keys_that_change_nothing() -> None:
    code = "GLBV_ANIMATION_REDUNDANT_KEYS"
    assert said_of(code, animated(MOVES)) == []
    still = animated([*MOVES[:1]] * 10)
    (issue,) = said_of(code, still)
    assert issue.message == 'The animation "run" has 8 keys of 10 that change nothing.'
    assert issue.saves == Saving(bytes=8 * (12 + 4))
    assert said_of(code, still, min_share=0.81) == said_of(code, still, min_share=None) == []
    assert len(said_of(code, still, min_share=0.8)) == 1


def test_names_of_animations() -> None:
    builder = animated(MOVES)
    assert said_of("GLBV_ANIMATION_NAME", builder) == []
    builder.add("animations", name="run", samplers=[], channels=[])
    builder.add("animations", samplers=[], channels=[])
    assert [issue.pointer for issue in said_of("GLBV_ANIMATION_NAME", builder)] == ["/animations/1", "/animations/2"]


def test_animations_that_leave_their_place() -> None:
    code = "GLBV_ANIMATION_TRAVEL"
    assert said_of(code, animated(MOVES)) == said_of(code, animated(MOVES), max_travel_m=1.0) == []
    (issue,) = said_of(code, animated(MOVES), max_travel_m=0.5)
    assert issue.message == 'The animation "run" moves a node by 1 m; at most 0.5 m are allowed.'


@pytest.mark.parametrize(("target", "lost"), [({"node": 0}, False), ({"node": 9}, True), ({}, True)])
def test_animations_of_nothing(target: dict[str, Any], lost: bool) -> None:
    builder = animated(MOVES)
    builder.json["animations"][0]["channels"][0]["target"] = {"path": "scale", **target}
    assert [issue.pointer for issue in said_of("GLBV_ANIMATION_NO_TARGET", builder)] == ["/animations/0"] * lost
