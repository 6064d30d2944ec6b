"""Primitives of meshes: what they have, what they lack, and whether their numbers are numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..model.facts import MaterialFacts, PrimitivesFacts
from .accessors import DRACO, Accessors, UnreadableError
from .document import JsonObject, is_index
from .places import Gaps, Tally

VARIANTS = "KHR_materials_variants"
TRIANGLES = 4
_LISTS = (0, 1, TRIANGLES)
"""Modes whose primitives can be put one after another: points, lines, triangles."""

_TEXCOORD = re.compile(r"TEXCOORD_(0|[1-9][0-9]{0,3})")
_FLOATS = ("POSITION", "NORMAL", "TANGENT")
MAX_BYTES = 2**53 - 1
"""JSON readers hold integers up to here exactly; a hostile file may declare any."""


class Primitive(NamedTuple):
    """One primitive of a mesh; what is not of the type that glTF asks for, or out of range, counts as absent."""

    mesh: int
    number: int
    name: str | None
    """Of the mesh."""
    attributes: dict[str, int]
    """Accessors by semantic."""
    targets: list[dict[str, int]]
    indices: int | None
    mode: int
    materials: list[int]
    """Its own first (if it has one), then those of KHR_materials_variants."""
    has_material: bool
    extensions: dict[str, Any]

    @property
    def pointer(self) -> str:
        return f"/meshes/{self.mesh}/primitives/{self.number}"

    @property
    def accessors(self) -> list[int]:
        """All that it refers to: attributes, morph targets, indices."""
        indices = [] if self.indices is None else [self.indices]
        return [*self.attributes.values(), *(index for target in self.targets for index in target.values()), *indices]

    @property
    def uv_sets(self) -> dict[int, int]:
        """Accessors of TEXCOORD_n by n."""
        return {
            int(match[1]): accessor
            for name, accessor in self.attributes.items()
            if name.startswith("TEXCOORD_") and (match := _TEXCOORD.fullmatch(name))
        }


def read_primitives(document: JsonObject, meshes: Sequence[JsonObject]) -> list[Primitive]:
    """Those of all meshes, in the order of the document."""
    accessors, materials = len(document.array("accessors")), len(document.array("materials"))
    return [
        _primitive(primitive, mesh, number, holder.string("name"), accessors, materials)
        for mesh, holder in enumerate(meshes)
        for number, primitive in enumerate(holder.objects("primitives"))
    ]


def _primitive(
    primitive: JsonObject, mesh: int, number: int, name: str | None, accessors: int, materials: int
) -> Primitive:
    own, mode, indices = primitive.index("material"), primitive.index("mode"), primitive.index("indices")
    used = [] if own is None or own >= materials else [own]
    has_material = bool(used)
    extensions = primitive.child("extensions").members if "extensions" in primitive.members else {}
    if VARIANTS in extensions:
        mapped = (mapping.index("material") for mapping in JsonObject(extensions).child(VARIANTS).objects("mappings"))
        used += [material for material in mapped if material is not None and material < materials]
    return Primitive(
        mesh=mesh,
        number=number,
        name=name,
        attributes=_indices(primitive.members.get("attributes"), accessors),
        targets=[_indices(target, accessors) for target in primitive.array("targets")],
        indices=indices if indices is not None and indices < accessors else None,
        mode=TRIANGLES if mode is None else mode,
        materials=used,
        has_material=has_material,
        extensions=extensions,
    )


def _indices(members: object, count: int) -> dict[str, int]:
    if not isinstance(members, dict):
        return {}
    return {name: index for name, index in members.items() if is_index(index) and index < count}


def primitives_facts(
    primitives: Sequence[Primitive],
    materials: Sequence[MaterialFacts],
    accessors: Accessors,
    placements: Counter[int],
    gaps: Gaps,
) -> PrimitivesFacts:
    """What is noteworthy about them; `placements` says how often the default scene shows each mesh."""
    needs = [_needs(material) for material in materials]
    data = _Finiteness(accessors, gaps)
    without_uv, without_normals, without_tangents, without_material = Tally(), Tally(), Tally(), Tally()
    without_indices, no_triangles, compressed, unused_uv, non_finite = Tally(), Tally(), Tally(), Tally(), Tally()
    used_uv_data: set[int] = set()
    unused_uv_data: set[int] = set()
    geometry: set[int] = set()
    mergeable: Counter[tuple[int, str]] = Counter()

    for primitive in primitives:
        own = [needs[index] for index in primitive.materials if index < len(needs)]
        needed = {uv_set for need in own for uv_set in need.uv_sets}
        uv_sets, referred = primitive.uv_sets, primitive.accessors
        # Extensions may have uses of their own for UV maps
        unused = uv_sets.keys() - needed if primitive.extensions.keys() <= {DRACO, VARIANTS} else set()
        for uv_set, accessor in uv_sets.items():
            (unused_uv_data if uv_set in unused else used_uv_data).add(accessor)
        geometry.update(referred)
        if primitive.mode in _LISTS and primitive.extensions.keys() <= {DRACO}:
            mergeable[primitive.mesh, _merge_key(primitive)] += 1

        triangles = primitive.mode >= TRIANGLES
        noteworthy = (
            (without_uv, not needed <= uv_sets.keys()),
            (without_normals, triangles and "NORMAL" not in primitive.attributes and all(need.normals for need in own)),
            (
                without_tangents,
                triangles and "TANGENT" not in primitive.attributes and any(need.tangents for need in own),
            ),
            (without_material, not primitive.has_material),
            (without_indices, triangles and primitive.indices is None),
            (no_triangles, not triangles),
            (compressed, DRACO in primitive.extensions or any(map(accessors.is_compressed, referred))),
            (unused_uv, bool(unused)),
            (non_finite, not data.of(primitive)),
        )
        for tally, applies in noteworthy:
            if applies:
                tally.add(primitive.pointer, primitive.name)

    only_unused = [index for index in unused_uv_data - used_uv_data if accessors.is_in_file(index)]
    return PrimitivesFacts(
        without_uv=without_uv.sample(),
        without_normals=without_normals.sample(),
        without_tangents=without_tangents.sample(),
        without_material=without_material.sample(),
        without_indices=without_indices.sample(),
        no_triangles=no_triangles.sample(),
        compressed=compressed.sample(),
        mergeable=sum((count - 1) * placements[mesh] for (mesh, _), count in mergeable.items()),
        unused_uv=unused_uv.sample(),
        unused_uv_bytes=min(sum(map(accessors.size_bytes, only_unused)), MAX_BYTES),
        geometry_bytes=min(sum(map(accessors.size_bytes, geometry)), MAX_BYTES),
        non_finite=None if data.nothing_read else non_finite.sample(),
    )


def plain_data(primitive: Primitive, accessor: int, accessors: Accessors) -> None:
    """Raise UnreadableError if the data of an accessor of the primitive are within its Draco data only."""
    if DRACO in primitive.extensions and not accessors.is_in_file(accessor):
        raise UnreadableError("Geometry compressed by Draco is not decoded here.")


class _Needs(NamedTuple):
    """What a material needs of the primitives that use it."""

    uv_sets: frozenset[int]
    tangents: bool
    normals: bool


def _needs(material: MaterialFacts) -> _Needs:
    slots = [use.slot for use in material.textures]
    return _Needs(
        uv_sets=frozenset(use.uv_set for use in material.textures),
        tangents=any(slot == "normal" or slot.endswith("NormalTexture") for slot in slots),
        normals="KHR_materials_unlit" not in material.extensions,
    )


def _merge_key(primitive: Primitive) -> str:
    """Equal for primitives of a mesh that could be one; text, so that no file can choose colliding hashes."""
    targets = [sorted(target) for target in primitive.targets]
    return repr((primitive.materials, primitive.mode, sorted(primitive.attributes), targets, primitive.indices is None))


class _Finiteness:
    """Which primitives have numbers only. Accessors are looked at once, however many primitives share them."""

    def __init__(self, accessors: Accessors, gaps: Gaps) -> None:
        self._accessors = accessors
        self._gaps = gaps
        self._known: dict[int, bool | str] = {}
        """By accessor; a text says why it could not be read."""
        self._read_any = self._failed_any = False

    @property
    def nothing_read(self) -> bool:
        """There was something to look at, and none of it could be."""
        return self._failed_any and not self._read_any

    def of(self, primitive: Primitive) -> bool:
        """False if some of what could be read is NaN or infinity."""
        finite, reason = True, ""
        for attributes in (primitive.attributes, *primitive.targets):
            for name, accessor in attributes.items():
                if name in _FLOATS or name.startswith("TEXCOORD_"):
                    known = self._known.get(accessor)
                    if known is None:
                        known = self._known[accessor] = self._look(primitive, accessor)
                    if isinstance(known, str):
                        reason = known
                    else:
                        finite &= known
                        self._read_any = True
        if reason:
            self._failed_any = True
            self._gaps.add(reason, primitive.pointer, primitive.name)
        return finite

    def _look(self, primitive: Primitive, accessor: int) -> bool | str:
        if not self._accessors.is_float(accessor):
            return True
        try:
            plain_data(primitive, accessor, self._accessors)
            return bool(np.isfinite(self._accessors.read(accessor)).all())
        except UnreadableError as error:
            return str(error)
