from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, cube
from glb_batch_validator_addon.glb import rigs as module
from glb_batch_validator_addon.model.facts import SkinFacts

from .making import facts_of, gaps_of, pointers

Rows = Sequence[Sequence[float]]
VERTICES = 24


def skinned(joints: Rows, weights: Rows, *, parents: Sequence[int | None] = (None, 0, 1)) -> GlbBuilder:
    """A cube bound to a skin of one joint for each of `parents`; the last row goes for all vertices that are left."""
    builder = GlbBuilder()
    rows = [*joints, *[joints[-1]] * (VERTICES - len(joints))]
    shares = [*weights, *[weights[-1]] * (VERTICES - len(weights))]
    attributes: dict[str, int] = {}
    for number in range(len(rows[0]) // 4):
        part = slice(4 * number, 4 * number + 4)
        attributes[f"JOINTS_{number}"] = builder.accessor([row[part] for row in rows], 5121)
        attributes[f"WEIGHTS_{number}"] = builder.accessor([row[part] for row in shares])
    mesh = builder.mesh(cube(), material=builder.material("skin"), attributes=attributes)
    bones = [builder.add("nodes", name=f"bone {number}") for number, _ in enumerate(parents)]
    for bone, parent in zip(bones, parents, strict=True):
        if parent is not None:
            builder.json["nodes"][parent].setdefault("children", []).append(bone)
    skin = builder.add("skins", joints=bones, inverseBindMatrices=builder.accessor([(0.0,) * 16] * len(bones)))
    body = builder.add("nodes", name="body", mesh=mesh, skin=skin)
    builder.scene(body, *(bone for bone, parent in zip(bones, parents, strict=True) if parent is None))
    return builder


def only(builder: GlbBuilder) -> SkinFacts:
    (skin,) = facts_of(builder).skin_list
    return skin


ONE: Rows = [(0, 0, 0, 0)]
WHOLE: Rows = [(1.0, 0.0, 0.0, 0.0)]


def test_a_good_skin() -> None:
    facts = only(skinned([(0, 1, 2, 0)], [(0.5, 0.25, 0.25, 0.0)]))
    assert (facts.joints, facts.vertices, facts.influences, facts.many_influences) == (3, 24, 3, 0)
    assert (facts.bad_weights, facts.bind_matrices) == (0, True)
    assert pointers(facts.unused_joints) == []


def test_influences_count_over_all_sets() -> None:
    joints, weights = [(0, 1, 2, 3, 4, 5, 0, 0)], [(0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.0), (0.25,) * 4 + (0.0,) * 4]
    facts = only(skinned(joints, weights, parents=[None] * 6))
    assert (facts.influences, facts.many_influences, facts.bad_weights) == (6, 1, 0)


@pytest.mark.parametrize(
    ("weights", "bad"),
    [
        ((0.5, 0.5, 0.0, 0.0), False),
        ((0.5, 0.491, 0.0, 0.0), False),
        ((0.5, 0.489, 0.0, 0.0), True),
        ((0.5, 0.52, 0.0, 0.0), True),
        ((0.0, 0.0, 0.0, 0.0), True),
        ((1.5, -0.5, 0.0, 0.0), True),
        ((math.nan, 1.0, 0.0, 0.0), True),
        ((math.inf, 0.0, 0.0, 0.0), True),
    ],
)
def test_weights_that_do_not_add_up(weights: tuple[float, ...], bad: bool) -> None:
    assert only(skinned(ONE, [weights, WHOLE[0]])).bad_weights == int(bad)


def test_normalised_bytes_add_up() -> None:
    builder = skinned(ONE, WHOLE)
    weights = builder.accessor([(85, 85, 85, 0)] * VERTICES, 5121)
    builder.json["accessors"][weights]["normalized"] = True
    builder.json["meshes"][0]["primitives"][0]["attributes"]["WEIGHTS_0"] = weights
    assert (only(builder).bad_weights, only(builder).influences) == (0, 3)


def test_joints_that_move_nothing() -> None:
    #     0 - 1 - 2      3 - 4      vertices are bound to 1
    parents = [None, 0, 1, None, 3]
    bound_to_1: Rows = [(1, 4, 4, 4)]  # to 4 by a weight of 0
    builder = skinned(bound_to_1, WHOLE, parents=parents)
    assert pointers(only(builder).unused_joints) == ["/nodes/2", "/nodes/3", "/nodes/4"]
    builder.json["nodes"][4]["children"] = [builder.add("nodes", name="sword", mesh=0)]
    assert pointers(only(builder).unused_joints) == ["/nodes/2"]


def test_a_skin_that_nothing_is_shown_with() -> None:
    builder = skinned(ONE, WHOLE)
    del builder.json["nodes"][3]["skin"]
    facts = only(builder)
    assert (facts.vertices, facts.influences, facts.bad_weights) == (0, 0, 0)


def test_two_nodes_with_a_mesh_count_it_once_a_skin() -> None:
    builder = skinned(ONE, WHOLE)
    builder.add("nodes", mesh=0, skin=0)
    assert only(builder).vertices == 24
    builder.add("skins", joints=[0])
    builder.add("nodes", mesh=0, skin=1)
    assert [(skin.vertices, skin.bind_matrices) for skin in facts_of(builder).skin_list] == [(24, True), (24, False)]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"WEIGHTS_0": 0}, "Its joints and weights do not fit together."),  # positions
        ({"JOINTS_0": 3}, "Its joints and weights do not fit together."),  # weights
    ],
)
def test_what_cannot_be_read_is_none_and_a_gap(attributes: dict[str, int], reason: str) -> None:
    builder = skinned(ONE, WHOLE)
    own: dict[str, Any] = builder.json["meshes"][0]["primitives"][0]["attributes"]
    own.update({"WEIGHTS_0": own["POSITION"]} if "WEIGHTS_0" in attributes else {"JOINTS_0": own["WEIGHTS_0"]})
    facts = only(builder)
    assert (facts.vertices, facts.influences, facts.many_influences, facts.bad_weights) == (None,) * 4
    assert facts.unused_joints is None
    assert gaps_of(builder) == {reason: ["/meshes/0/primitives/0"]}


def test_draco_is_a_gap() -> None:
    builder = skinned(ONE, WHOLE)
    builder.json["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    for accessor in builder.json["accessors"]:
        accessor.pop("bufferView")
    assert only(builder).influences is None
    assert list(gaps_of(builder)) == ["Geometry compressed by Draco is not decoded here."]


def test_joints_out_of_range_are_passed_over() -> None:
    builder = skinned([(7, 0, 0, 0)], WHOLE)
    builder.json["skins"][0]["joints"] = [0, 99, "x", 1, -1]
    facts = only(builder)
    assert (facts.joints, facts.influences) == (5, 1)
    assert pointers(facts.unused_joints) == ["/nodes/0", "/nodes/1"]


def test_more_skins_than_the_limit_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SKINS", 1)
    builder = skinned(ONE, WHOLE)
    builder.add("skins", joints=[0])
    assert len(facts_of(builder).skin_list) == 1
    assert gaps_of(builder) == {"The file has more than 1 skins (MAX_SKINS).": ["/skins/1"]}
