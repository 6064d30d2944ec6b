"""The hierarchy, against matrices that numpy multiplies."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from glb_batch_validator_addon.glb.hierarchy import read_tree
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import NodesFacts

from .documents import glb_of, parse, read
from .making import pointers

MESH = {"primitives": [{"attributes": {}}]}


def hierarchy(nodes: list[Any], **document: Any) -> NodesFacts:
    return file_facts(*read(glb_of({"nodes": nodes, "meshes": [MESH], **document})), (), {})[0].hierarchy


@pytest.mark.parametrize(
    ("nodes", "depth"),
    [
        ([], 0),
        ([{}], 1),
        ([{"children": [1]}, {"children": [2]}, {}, {}], 3),
        ([{}, {"children": [0]}], 2),
        ([{"children": [0]}], 1),
        ([{"children": [1]}, {"children": [2]}, {"children": [0]}], 3),
        ([{"children": [1, 2]}, {"children": [3]}, {"children": [1]}, {}], 3),
        ([{"children": [99, -1, "x", 1, 1]}, {}], 2),
    ],
)
def test_depth(nodes: list[Any], depth: int) -> None:
    assert hierarchy(nodes).depth == depth


def test_the_tree_holds_what_is_below_a_node_in_one_stretch() -> None:
    rng = random.Random(1)
    for _ in range(200):
        count = rng.randint(1, 12)
        nodes = [{"children": [rng.randrange(count) for _ in range(rng.randint(0, 3))]} for _ in range(count)]
        tree = read_tree(parse({"nodes": nodes}).objects("nodes"))
        assert sorted(tree.order) == list(range(count))
        for index in range(count):
            below = {index}
            for other in tree.order:
                if tree.parent[other] in below:
                    below.add(other)
            assert set(tree.order[tree.start[index] : tree.end[index]]) == below


def rotation(quaternion: list[float]) -> Any:
    axis, w = np.array(quaternion[:3]), quaternion[3]
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) * (w * w - axis @ axis) + 2 * np.outer(axis, axis) + 2 * w * cross


def random_node(rng: random.Random) -> dict[str, Any]:
    node: dict[str, Any] = {"mesh": 0} if rng.random() < 0.7 else {}
    quaternion = np.array([rng.gauss(0, 1) for _ in range(4)])
    turn = (quaternion / np.linalg.norm(quaternion)).tolist()
    scale = rng.choice(
        [[1.0] * 3, [2.0] * 3, [-1.0, 1.0, 1.0], [-2.0] * 3, [1.0, 2.0, 1.0], [1.0, 1.0005, 1.0], [0.0] * 3]
    )
    if rng.random() < 0.3:
        matrix = np.eye(4)
        matrix[:3, :3] = rotation(turn) * scale
        return node | {"matrix": matrix.T.ravel().tolist()}
    if rng.random() < 0.6:
        node["rotation"] = turn
    if rng.random() < 0.4:
        node["scale"] = scale
    return node


def linear(node: dict[str, Any]) -> Any:
    if "matrix" in node:
        return np.array(node["matrix"]).reshape(4, 4).T[:3, :3]
    return rotation(node.get("rotation", [0.0, 0.0, 0.0, 1.0])) * node.get("scale", [1.0] * 3)


@pytest.mark.parametrize("seed", range(100))
def test_scales_agree_with_singular_values_of_world_matrices(seed: int) -> None:
    rng = random.Random(seed)
    nodes = [random_node(rng) for _ in range(8)]
    parents = [rng.randrange(index) if index and rng.random() < 0.8 else None for index in range(8)]
    for index, parent in enumerate(parents):
        if parent is not None:
            nodes[parent].setdefault("children", []).append(index)
    worlds: list[Any] = []
    for index, parent in enumerate(parents):
        worlds.append(linear(nodes[index]) if parent is None else worlds[parent] @ linear(nodes[index]))
    with_mesh = [index for index, node in enumerate(nodes) if "mesh" in node]
    lengths = {index: np.linalg.svd(worlds[index])[1] for index in with_mesh}
    flat = [index for index in with_mesh if lengths[index][2] < 1e-9]
    stretched = [index for index in with_mesh if index not in flat and lengths[index][0] / lengths[index][2] > 1.001]
    below = [{index} for index in range(8)]
    for index in reversed(range(8)):
        if (parent := parents[index]) is not None:
            below[parent] |= below[index]
    mirrored = [i for i in range(8) if np.linalg.det(linear(nodes[i])) < 0 and below[i].intersection(with_mesh)]
    facts = hierarchy(nodes)
    assert pointers(facts.zero_scale) == [f"/nodes/{index}" for index in flat]
    assert pointers(facts.non_uniform_scale) == [f"/nodes/{index}" for index in stretched]
    assert pointers(facts.negative_scale) == [f"/nodes/{index}" for index in mirrored]


def test_long_chains_stay_within_floats() -> None:
    chain = [{"children": [index + 1], "scale": [1e30, 2e30, 1e30]} for index in range(50)]
    facts = hierarchy([*chain, {"mesh": 0}])
    assert pointers(facts.zero_scale) == ["/nodes/50"]  # 2 ** 50 to 1 is nothing that can be seen
    assert pointers(hierarchy([*chain[:1], {"mesh": 0}]).non_uniform_scale) == ["/nodes/1"]


@pytest.mark.parametrize(
    "node",
    [
        {"translation": [0.0, 0.0, 1e-4]},
        {"rotation": [0.0, 0.1, 0.0, 0.995]},
        {"scale": [1.0, 1.0, 1.1]},
        {"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.5, 1]},
    ],
)
def test_transformed_roots(node: dict[str, Any]) -> None:
    assert pointers(hierarchy([node], scenes=[{"nodes": [0]}]).transformed_roots) == ["/nodes/0"]
    assert pointers(hierarchy([node]).transformed_roots) == ["/nodes/0"]
    assert hierarchy([{"children": [1]}, node], scenes=[{"nodes": [0]}]).transformed_roots.count == 0
    assert hierarchy([{}, node], scenes=[{"nodes": [0]}, {"nodes": [1]}]).transformed_roots.count == 0
    assert hierarchy([{}, node], scenes=[{"nodes": [0]}, {"nodes": [1]}], scene=1).transformed_roots.count == 1


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"translation": [0.0, 1e-6, 0.0], "scale": [1, 1, 1], "rotation": [0, 0, 0, -1]},
        {"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]},
        {"translation": [1.0], "scale": "x", "rotation": [0, 0, 0], "matrix": {}},
    ],
)
def test_roots_that_are_not_transformed(node: dict[str, Any]) -> None:
    assert hierarchy([node], scenes=[{"nodes": [0, 0, 7]}]).transformed_roots.count == 0


@pytest.mark.parametrize("name", ["translation", "rotation", "scale", "matrix"])
@pytest.mark.parametrize("number", [float("inf"), 1e39, -1e39, 10**400])
def test_numbers_that_a_float_does_not_hold(name: str, number: float) -> None:
    length = {"rotation": 4, "matrix": 16}.get(name, 3)
    facts = hierarchy([{}, {"mesh": 0, name: [0.5] * (length - 1) + [number]}])
    assert pointers(facts.non_finite) == ["/nodes/1"]
    assert hierarchy([{name: [3e38] * length}]).non_finite.count == 0


@pytest.mark.parametrize(
    ("node", "is_empty"),
    [
        ({}, True),
        ({"name": "x", "translation": [1, 2, 3]}, True),
        ({"children": [], "extensions": {}}, True),
        ({"children": [1]}, False),
        ({"mesh": 0}, False),
        ({"camera": 0}, False),
        ({"extras": {}}, False),
        ({"extensions": {"KHR_lights_punctual": {"light": 0}}}, False),
    ],
)
def test_empty_nodes(node: dict[str, Any], is_empty: bool) -> None:
    assert ("/nodes/0" in pointers(hierarchy([node, {"mesh": 0}]).empty)) == is_empty


def test_what_skins_and_animations_refer_to_is_not_empty() -> None:
    nodes: list[Any] = [{}, {}, {}, {}]
    animations = [{"channels": [{"target": {"node": 2}}]}]
    facts = hierarchy(nodes, skins=[{"joints": [0], "skeleton": 1}], animations=animations)
    assert pointers(facts.empty) == ["/nodes/3"]


def test_names() -> None:
    nodes = [{"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "a"}, {"name": ""}, {"name": ""}, {"mesh": 0}]
    facts = hierarchy(nodes)
    assert pointers(facts.same_name) == ["/nodes/2", "/nodes/3"]
    assert pointers(facts.unnamed) == ["/nodes/6"]
    assert hierarchy(nodes, meshes=[{**MESH, "name": "box"}]).unnamed.count == 0


@pytest.mark.parametrize("name", ["a\nb", "\x00", "\x7f", "\x85", "x" * 201, "\ud800"])
@pytest.mark.parametrize("array", ["nodes", "meshes", "materials", "animations"])
def test_odd_names(name: str, array: str) -> None:
    facts = file_facts(
        *read(glb_of({array: [{"name": "stół 椅子 \N{SLIGHTLY SMILING FACE}"}, {"name": name}]})), (), {}
    )[0]
    assert pointers(facts.hierarchy.odd_names) == [f"/{array}/1"]


def test_a_sample_names_twenty_and_counts_all() -> None:
    facts = hierarchy([{} for _ in range(50)])
    assert (facts.empty.count, len(facts.empty.first)) == (50, 20)
