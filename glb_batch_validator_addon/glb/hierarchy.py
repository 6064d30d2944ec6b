"""The node hierarchy: who hangs below whom, and what transforms, names and emptiness there are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..model.facts import NodesFacts, Sample
from .document import MAX_TEXT, JsonObject
from .places import Tally

Matrix3 = tuple[float, float, float, float, float, float, float, float, float]
"""The linear part of a transform, row by row."""

_FLOAT_MAX = 3.4028234663852886e38
"""The greatest number of 32 bits."""
_IDENTITY_TOLERANCE = 1e-5
_STRETCH = 0.002
"""0.1 % of a length, as the relative difference of its squares."""
_FLAT = 1e-12
"""Determinants below this share of the cube of the size count as 0: what floats make of it."""
_CONTENT = frozenset(["mesh", "camera", "skin", "extras"])
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Tree(NamedTuple):
    """The nodes with one parent each at most: cycles are cut, and of several parents the first met counts."""

    parent: list[int]
    """Of each node; -1 for a root."""
    order: list[int]
    """Parents before their children, each node followed by all below it."""
    start: list[int]
    """The position of each node in `order`; what is below it goes on until `end`."""
    end: list[int]
    depth: int
    """Nodes from a root to the deepest, both included."""


def read_tree(nodes: Sequence[JsonObject]) -> Tree:
    """Walk from the roots; what then is left are cycles, each entered at its first node."""
    count = len(nodes)
    children = [
        [child for child in node.indices("children") if child < count] if "children" in node.members else []
        for node in nodes
    ]
    below = {child for ones in children for child in ones}
    parent, start, end = [-1] * count, [-1] * count, [0] * count
    order: list[int] = []
    levels, deepest = [0] * count, 0
    for root in (*(index for index in range(count) if index not in below), *range(count)):
        if start[root] >= 0:
            continue
        pending = [(root, -1)]
        while pending:
            index, above = pending.pop()
            if start[index] >= 0:
                continue
            start[index], parent[index] = len(order), above
            levels[index] = levels[above] + 1 if above >= 0 else 1
            deepest = max(deepest, levels[index])
            order.append(index)
            pending += [(child, index) for child in reversed(children[index]) if start[child] < 0]
    for index in reversed(order):
        end[index] = max(end[index], start[index] + 1)
        if parent[index] >= 0:
            end[parent[index]] = max(end[parent[index]], end[index])
    return Tree(parent, order, start, end, deepest)


def nodes_facts(document: JsonObject, nodes: Sequence[JsonObject], tree: Tree, referred: set[int]) -> NodesFacts:
    """What is noteworthy about them; `referred` are the nodes that skins and animations refer to."""
    meshes = document.objects("meshes")
    placed = [index if (index := node.index("mesh")) is not None and index < len(meshes) else None for node in nodes]
    empty, unnamed, same_name, non_finite = Tally(), Tally(), Tally(), Tally()
    names: set[str] = set()
    own: list[_Transform] = []
    for index, node in enumerate(nodes):
        name, mesh, pointer = node.string("name"), placed[index], f"/nodes/{index}"
        if index not in referred and not _has_content(node):
            empty.add(pointer, name)
        if mesh is not None and not name and not meshes[mesh].string("name"):
            unnamed.add(pointer)
        if name:
            if name in names:
                same_name.add(pointer, name)
            names.add(name)
        transform = _transform(node)
        own.append(transform)
        if transform.broken:
            non_finite.add(pointer, name)
    transformed = [index for index in _roots(document, tree) if not own[index].identity]

    def sample(indices: Iterable[int]) -> Sample:
        tally = Tally()
        for index in indices:
            tally.add(f"/nodes/{index}", nodes[index].string("name"))
        return tally.sample()

    mirrored, stretched, flat = _scales(tree, own, [mesh is not None for mesh in placed])
    return NodesFacts(
        depth=tree.depth,
        empty=empty.sample(),
        unnamed=unnamed.sample(),
        same_name=same_name.sample(),
        odd_names=_odd_names(document),
        negative_scale=sample(mirrored),
        non_uniform_scale=sample(stretched),
        zero_scale=sample(flat),
        transformed_roots=sample(transformed),
        non_finite=non_finite.sample(),
    )


def _has_content(node: JsonObject) -> bool:
    members = node.members
    return not _CONTENT.isdisjoint(members) or bool(members.get("children")) or bool(members.get("extensions"))


def _roots(document: JsonObject, tree: Tree) -> Iterable[int]:
    scenes = document.objects("scenes")
    if not scenes:
        return (index for index, parent in enumerate(tree.parent) if parent < 0)
    default = document.index("scene") or 0
    named = scenes[default].indices("nodes") if default < len(scenes) else ()
    return dict.fromkeys(index for index in named if index < len(tree.parent))


def _odd_names(document: JsonObject) -> Sample:
    odd = Tally()
    for array in ("nodes", "meshes", "materials", "animations"):
        for index, item in enumerate(document.array(array)):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and (len(name) > MAX_TEXT or _ODD.search(name)):
                odd.add(f"/{array}/{index}", name)
    return odd.sample()


class _Transform(NamedTuple):
    """What matters of a node's own transform."""

    linear: Matrix3 | None
    """None for a rotation, perhaps with a uniform scale other than 0: that stretches no axis more than another."""
    rotation: tuple[float, ...] | None
    """The quaternion (x, y, z, w) of a node without `linear`; None if it does not turn."""
    mirrors: bool
    identity: bool
    broken: bool
    """It has numbers that a float does not hold; their property counts as absent."""


_IDENTITY = _Transform(None, None, False, True, False)
_TRS = (("translation", 3), ("rotation", 4), ("scale", 3))


def _transform(node: JsonObject) -> _Transform:
    members = node.members
    if "matrix" in members:
        return _by_matrix(members["matrix"])
    if not ("translation" in members or "rotation" in members or "scale" in members):
        return _IDENTITY
    found = [_numbers(members.get(name), count) for name, count in _TRS]
    translation = found[0] or (0.0, 0.0, 0.0)
    rotation = found[1] or (0.0, 0.0, 0.0, 1.0)
    x, y, z = found[2] or (1.0, 1.0, 1.0)
    turned = max(*map(abs, rotation[:3]), abs(abs(rotation[3]) - 1.0)) > _IDENTITY_TOLERANCE
    moved = max(map(abs, translation)) > _IDENTITY_TOLERANCE
    scaled = max(abs(x - 1.0), abs(y - 1.0), abs(z - 1.0)) > _IDENTITY_TOLERANCE
    linear = None
    if not x == y == z != 0.0:
        linear = _product(_rotation(rotation), (x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, z))
    return _Transform(
        linear=linear,
        rotation=rotation if turned and linear is None else None,
        mirrors=bool(x and y and z) and (x < 0) ^ (y < 0) ^ (z < 0),
        identity=not (turned or moved or scaled),
        broken=None in found and any(_broken(members.get(name)) for name, _ in _TRS),
    )


def translation_of(node: JsonObject) -> tuple[float, ...]:
    """Metres; of a node's own matrix or translation."""
    if matrix := _numbers(node.members.get("matrix"), 16):
        return matrix[12:15]
    return _numbers(node.members.get("translation"), 3) or (0.0, 0.0, 0.0)


def _by_matrix(value: object) -> _Transform:
    matrix = _numbers(value, 16)
    if matrix is None:
        return _IDENTITY._replace(broken=_broken(value))
    linear = matrix[0], matrix[4], matrix[8], matrix[1], matrix[5], matrix[9], matrix[2], matrix[6], matrix[10]
    identity = all(abs(number - (place % 5 == 0)) <= _IDENTITY_TOLERANCE for place, number in enumerate(matrix))
    return _Transform(linear, None, _determinant(linear) < 0, identity, False)


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    """The numbers of an array of that length; None for anything else, and where a float does not hold them."""
    if not isinstance(value, list) or len(value) != count:
        return None
    numbers = []
    for item in value:
        if (type(item) is not float and type(item) is not int) or not -_FLOAT_MAX <= item <= _FLOAT_MAX:
            return None
        numbers.append(float(item))
    return tuple(numbers)


def _broken(value: object) -> bool:
    return isinstance(value, list) and any(
        type(item) in (int, float) and not -_FLOAT_MAX <= item <= _FLOAT_MAX for item in value
    )


def _scales(tree: Tree, own: Sequence[_Transform], has_mesh: Sequence[bool]) -> tuple[list[int], list[int], list[int]]:
    """The nodes that mirror what is below them, those whose mesh is stretched, and those whose mesh is flattened."""
    above: dict[int, Matrix3] = {}
    """By node: what its children are stretched by; most are not."""
    stretched: list[int] = []
    flat: list[int] = []
    meshes = [0]
    """Before each place in the tree's order."""
    for index in tree.order:
        meshes.append(meshes[-1] + has_mesh[index])
        transform, world = own[index], above.get(tree.parent[index])
        if world is None:
            world = transform.linear
        elif transform.linear is not None:
            world = _product(world, transform.linear)
        elif transform.rotation is not None:
            world = _product(world, _rotation(transform.rotation))
        if world is None:
            continue
        size = max(map(abs, world)) or 1.0
        world = tuple(value / size for value in world)  # type: ignore[assignment]  # keeps long chains within floats
        is_stretched, is_flat = _stretch(world)
        if is_stretched or is_flat:
            above[index] = world
            if has_mesh[index]:
                (flat if is_flat else stretched).append(index)
    mirrored = [
        index
        for index, transform in enumerate(own)
        if transform.mirrors and meshes[tree.end[index]] > meshes[tree.start[index]]
    ]
    return mirrored, sorted(stretched), sorted(flat)


def _rotation(quaternion: Sequence[float]) -> Matrix3:
    x, y, z, w = quaternion
    length = math.sqrt(x * x + y * y + z * z + w * w)
    if not length:
        return 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0
    x, y, z, w = x / length, y / length, z / length, w / length
    return (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )


def _product(left: Matrix3, right: Matrix3) -> Matrix3:
    a, b, c, d, e, f, g, h, i = left
    j, k, l, m, n, o, p, q, r = right  # noqa: E741
    return (
        *(a * j + b * m + c * p, a * k + b * n + c * q, a * l + b * o + c * r),
        *(d * j + e * m + f * p, d * k + e * n + f * q, d * l + e * o + f * r),
        *(g * j + h * m + i * p, g * k + h * n + i * q, g * l + h * o + i * r),
    )


def _determinant(matrix: Matrix3) -> float:
    a, b, c, d, e, f, g, h, i = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _stretch(matrix: Matrix3) -> tuple[bool, bool]:
    """Whether it stretches axes differently, and whether it makes a plane, a line or a point of space.

    The products of its columns with each other are a multiple of the identity for rotations with a uniform scale.
    """
    a, b, c, d, e, f, g, h, i = matrix
    x, y, z = a * a + d * d + g * g, b * b + e * e + h * h, c * c + f * f + i * i
    skew = max(abs(a * b + d * e + g * h), abs(a * c + d * f + g * i), abs(b * c + e * f + h * i))
    mean = (x + y + z) / 3
    return max(max(x, y, z) - min(x, y, z), 2 * skew) > _STRETCH * mean, abs(_determinant(matrix)) <= _FLAT * mean**1.5
