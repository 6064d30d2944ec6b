"""Skins, and how vertices are bound to their joints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..model.facts import Sample, SkinFacts
from .accessors import Accessors, Array, UnreadableError
from .document import JsonObject, is_index
from .hierarchy import Tree
from .places import Gaps, Tally
from .primitives import Primitive, plain_data

MAX_SKINS = 10_000
MANY_INFLUENCES = 4
"""What one JOINTS_n holds, and what readers must support at least (glTF 2.0, 3.7.3.1)."""
_SUM_TOLERANCE = 0.01
"""Of weights, which normalised bytes cannot hold to better than 0.008."""


class _Binding(NamedTuple):
    """Vertices bound to joints."""

    vertices: int
    influences: int
    many: int
    bad: int
    joints: Array
    """Indices in the skin's `joints`, ascending, that some vertex is bound to by more than 0."""

    def below(self, count: int) -> Array:
        """Those of them that a skin of so many joints has."""
        return self.joints[: int(np.searchsorted(self.joints, count))]


_NONE_BOUND = _Binding(0, 0, 0, 0, np.zeros(0, np.int64))


def skin_list(
    document: JsonObject,
    nodes: Sequence[JsonObject],
    tree: Tree,
    primitives: Iterable[Primitive],
    accessors: Accessors,
    gaps: Gaps,
) -> tuple[SkinFacts, ...]:
    """The first `MAX_SKINS`, with the vertices of all meshes that nodes show with them."""
    skins = document.objects("skins")
    if not skins:
        return ()
    if len(skins) > MAX_SKINS:
        gaps.add(f"The file has more than {MAX_SKINS:,} skins (MAX_SKINS).", f"/skins/{MAX_SKINS}")
        del skins[MAX_SKINS:]
    meshes = len(document.array("meshes"))
    meshes_of: list[dict[int, None]] = [{} for _ in skins]
    for node in nodes:
        mesh, skin = node.index("mesh"), node.index("skin")
        if mesh is not None and mesh < meshes and skin is not None and skin < len(skins):
            meshes_of[skin][mesh] = None
    skinned = {mesh for meshes in meshes_of for mesh in meshes}
    by_mesh: dict[int, list[Primitive]] = {}
    for primitive in primitives:
        if primitive.mesh in skinned:
            by_mesh.setdefault(primitive.mesh, []).append(primitive)
    bindings = {mesh: _of_mesh(ones, accessors, gaps) for mesh, ones in by_mesh.items()}
    contents = np.array(sorted(tree.start[index] for index, node in enumerate(nodes) if _carries(node)), np.int64)

    def facts(index: int, skin: JsonObject) -> SkinFacts:
        joints = [joint if is_index(joint) and joint < len(nodes) else None for joint in skin.array("joints")]
        bound = [bindings.get(mesh, _NONE_BOUND) for mesh in meshes_of[index]]
        known = [binding for binding in bound if binding is not None]
        complete = len(known) == len(bound)
        return SkinFacts(
            name=skin.text("name") or "",
            pointer=f"/skins/{index}",
            joints=len(joints),
            unused_joints=_unused(joints, nodes, tree, known, contents) if complete else None,
            influences=max((binding.influences for binding in known), default=0) if complete else None,
            many_influences=sum(binding.many for binding in known) if complete else None,
            bad_weights=sum(binding.bad for binding in known) if complete else None,
            vertices=sum(binding.vertices for binding in known) if complete else None,
            bind_matrices=skin.index("inverseBindMatrices") is not None,
        )

    return tuple(facts(index, skin) for index, skin in enumerate(skins))


def _carries(node: JsonObject) -> bool:
    """Whether it shows something that would lose its place without the joints above."""
    members = node.members
    return ("mesh" in members and "skin" not in members) or "camera" in members or bool(members.get("extensions"))


def _unused(
    joints: Sequence[int | None], nodes: Sequence[JsonObject], tree: Tree, bindings: Iterable[_Binding], contents: Array
) -> Sample:
    """A joint is used if the stretch of the tree's order that begins with it holds a bound joint, or other content."""
    bound = {joints[number] for binding in bindings for number in binding.below(len(joints))}
    marks = np.array(sorted(tree.start[joint] for joint in bound if joint is not None), np.int64)
    present = [joint for joint in joints if joint is not None]
    starts, ends = ([place[joint] for joint in present] for place in (tree.start, tree.end))
    in_use = np.searchsorted(marks, ends) > np.searchsorted(marks, starts)
    in_use |= np.searchsorted(contents, ends) > np.searchsorted(contents, starts)
    unused = Tally()
    for joint, is_used in zip(present, in_use, strict=True):
        if not is_used:
            unused.add(f"/nodes/{joint}", nodes[joint].string("name"))
    return unused.sample()


def _of_mesh(primitives: Iterable[Primitive], accessors: Accessors, gaps: Gaps) -> _Binding | None:
    """All primitives of a mesh together; None, and a gap, if one of them cannot be read."""
    found = []
    for primitive in primitives:
        try:
            found.append(_of_primitive(primitive, accessors))
        except UnreadableError as error:
            gaps.add(str(error), primitive.pointer, primitive.name)
            return None
    return _Binding(
        vertices=sum(binding.vertices for binding in found),
        influences=max((binding.influences for binding in found), default=0),
        many=sum(binding.many for binding in found),
        bad=sum(binding.bad for binding in found),
        joints=np.unique(np.concatenate([binding.joints for binding in found])),
    )


def _of_primitive(primitive: Primitive, accessors: Accessors) -> _Binding:
    sets = [name.removeprefix("JOINTS_") for name in primitive.attributes if name.startswith("JOINTS_")]
    sets = [name for name in sets if f"WEIGHTS_{name}" in primitive.attributes]
    if not sets:
        return _NONE_BOUND
    columns = []
    for name in sets:
        pair = [primitive.attributes[f"JOINTS_{name}"], primitive.attributes[f"WEIGHTS_{name}"]]
        for accessor in pair:
            plain_data(primitive, accessor, accessors)
        columns.append((accessors.read(pair[0]), accessors.read_floats(pair[1])))
    if (
        any(pair[0].dtype.kind != "u" for pair in columns)
        or len({array.shape for pair in columns for array in pair}) > 1
    ):
        raise UnreadableError("Its joints and weights do not fit together.")
    joints, weights = columns[0]
    if len(columns) > 1:
        joints, weights = (np.concatenate(arrays, axis=1) for arrays in zip(*columns, strict=True))
    bound = weights > 0
    influences = bound.sum(axis=1)
    good = np.abs(weights.sum(axis=1) - 1.0) <= _SUM_TOLERANCE  # NaN is not
    good &= ~(weights < 0).any(axis=1)
    return _Binding(
        vertices=len(weights),
        influences=int(influences.max(initial=0)),
        many=int((influences > MANY_INFLUENCES).sum()),
        bad=int(len(good) - good.sum()),
        joints=np.unique(joints[bound]),
    )
