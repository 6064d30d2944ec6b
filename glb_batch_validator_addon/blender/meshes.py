"""The meshes of an asset, from Blender's memory to facts: as imported, without modifiers, in rest pose.

What arrives is not all that is in the file. Before the importer is done it lets Blender validate each mesh: that drops
faces with the same vertex twice and faces with the same vertices as another (whatever their winding), and puts 0 in the
place of coordinates that are not finite. Nor do vertices arrive that no index refers to. Normals that are zero or not
finite give way to Blender's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..glb.document import JsonObject
from ..mesh.batch import Batch, Source
from ..mesh.facts import mesh_facts, places_of
from ..mesh.grouping import Floats, Ints
from ..model.facts import Gap, MeshFacts
from .measure import NOT_EXPORTED

MAX_MESHES = 1000
"""Meshes of one asset that are listed."""

MAX_TRIANGLES = 4_000_000
"""Triangles of all of them together: about a gigabyte and five seconds."""

MAX_OBJECTS = 5
"""Objects that are named for a mesh."""

NORMAL_TOLERANCE = 1e-3
"""Normals closer than this on each axis are one: Blender keeps them as two 16-bit numbers, relative to the faces."""

_KINDS = {
    "FLOAT": ("value", 1),
    "INT": ("value", 1),
    "FLOAT2": ("vector", 2),
    "FLOAT_VECTOR": ("vector", 3),
    "FLOAT_COLOR": ("color", 4),
    "BYTE_COLOR": ("color", 4),
}
"""Data types of the attributes that the importer makes: property and number of values."""

_KNOWN = ("position", "custom_normal")
"""Attributes that are looked at under another name."""

_Get = Callable[[bpy.types.Mesh], tuple[Any, str] | None]
"""From a mesh to a collection and a property of its items; None where it has none."""


def measure_meshes(document: JsonObject, *, deep: bool) -> tuple[tuple[MeshFacts, ...], tuple[Gap, ...]]:
    """Measure the meshes that the import left in the active view layer, and say which were left out."""
    bpy.context.evaluated_depsgraph_get()  # for world matrices
    helpers = bpy.data.collections.get(NOT_EXPORTED)
    hidden = set(helpers.all_objects) if helpers else set()
    shown: dict[str, list[bpy.types.Object]] = {}
    for thing in bpy.context.view_layer.objects:
        if thing.type == "MESH" and thing not in hidden:
            shown.setdefault(thing.data.name, []).append(thing)
    origins = _Origins(document)
    sources = {name: _source(objects, origins) for name, objects in shown.items()}
    left_out: dict[str, list[Source]] = {}
    meshes: list[bpy.types.Mesh] = []
    triangles = 0
    for name, objects in shown.items():
        mesh = objects[0].data
        count = len(mesh.polygons)
        if len(meshes) == MAX_MESHES:
            left_out.setdefault(f"An asset has more than {MAX_MESHES:,} meshes.", []).append(sources[name])
        elif triangles + count > MAX_TRIANGLES:
            left_out.setdefault(f"The meshes have more than {MAX_TRIANGLES:,} triangles.", []).append(sources[name])
        elif len(mesh.loops) != 3 * count:  # the importer makes none: an extension that hooks into it may
            left_out.setdefault("The meshes have faces that are no triangles.", []).append(sources[name])
        else:
            triangles += count
            meshes.append(mesh)
    facts, gaps = mesh_facts(_batch(meshes, [sources[mesh.name] for mesh in meshes]), deep=deep) if meshes else ((), ())
    return facts, (
        *(Gap(need="meshes", reason=reason, places=places_of(which)) for reason, which in left_out.items()),
        *gaps,
    )


def _source(objects: Sequence[bpy.types.Object], origins: _Origins) -> Source:
    mesh = objects[0].data
    return Source(
        name=mesh.name,
        pointer=origins.pointer(mesh.name),
        objects=tuple(thing.name for thing in objects[:MAX_OBJECTS]),
        object_count=len(objects),
        matrix=np.array(objects[0].matrix_world),
        materials=tuple(material.name if material else "" for material in mesh.materials) or ("",),
        uv_names=tuple(layer.name for layer in mesh.uv_layers),
        complete=origins.is_complete(mesh.name),
    )


class _Origins:
    """Which glTF mesh a Blender mesh is. The importer names it after that, else `Mesh_N`, and numbers what is taken."""

    _NUMBERED = re.compile(r"(.+)\.\d{3,}")
    _READ = re.compile(r"POSITION|NORMAL|TEXCOORD_[0-7]|COLOR_[0-7]|_.*")
    """Attributes of which Blender hands all over in bulk. Tangents it leaves out, weights it hands out one by one."""

    def __init__(self, document: JsonObject) -> None:
        self._by_name: dict[str, list[int]] = {}
        self._more: set[int] = set()
        """Meshes with more attributes than those."""
        for index, mesh in enumerate(document.objects("meshes")):
            self._by_name.setdefault(mesh.string("name") or f"Mesh_{index}", []).append(index)
            primitives = mesh.objects("primitives")
            if not all(self._READ.fullmatch(name) for one in primitives for name in one.child("attributes").members):
                self._more.add(index)

    def pointer(self, name: str) -> str | None:
        """JSON Pointer; None where two have the name, or it was cut because it is too long for Blender."""
        found = self._of(name)
        return f"/meshes/{found[0]}" if len(found) == 1 else None

    def is_complete(self, name: str) -> bool:
        """Whether all its attributes arrive, as in `Source`."""
        return self._more.isdisjoint(self._of(name) or self._more)

    def _of(self, name: str) -> list[int]:
        exact = self._by_name.get(name, [])
        numbered = self._NUMBERED.fullmatch(name)
        taken = self._by_name.get(numbered[1], []) if numbered else []  # also by itself: with two skins it becomes two
        return exact if exact and len(taken) < 2 else [*exact, *taken]


def _batch(meshes: Sequence[bpy.types.Mesh], sources: Sequence[Source]) -> Batch:
    """All that is analysed, copied out of Blender."""
    vertices = _Rows(meshes, [len(mesh.vertices) for mesh in meshes])
    edges = _Rows(meshes, [len(mesh.edges) for mesh in meshes])
    faces = _Rows(meshes, [len(mesh.polygons) for mesh in meshes])
    corners = _Rows(meshes, [3 * length for length in faces.lengths])

    # By name, an attribute is copied as a block; `vertices`, `loops` and `edges` hand over one number at a time
    corner_vertices = corners.read_indices(".corner_vert")[0] + corners.each(vertices.starts[:-1])
    corner_edges = corners.read_indices(".corner_edge")[0] + corners.each(edges.starts[:-1])
    last_slots = np.array([len(source.materials) - 1 for source in sources])
    at_corners = _AtCorners(corners, corner_vertices, int(vertices.starts[-1]))
    uv_maps = max(len(source.uv_names) for source in sources)
    return Batch(
        sources=tuple(sources),
        vertex_starts=vertices.starts,
        edge_starts=edges.starts,
        face_starts=faces.starts,
        positions=vertices.read(_attribute("position", "vector"), 3),
        edges=edges.read_indices(".edge_verts", 2) + edges.each(vertices.starts[:-1]),
        corners=np.ascontiguousarray(corner_vertices.reshape(-1, 3).T),
        sides=np.ascontiguousarray(corner_edges.reshape(-1, 3).T),
        slots=np.clip(faces.read_indices("material_index")[0], 0, faces.each(last_slots)),
        uvs=tuple(at_corners.read(_uv_map(number), 2) for number in range(uv_maps)),
        attributes=_attributes(meshes, vertices, at_corners),
    )


class _Rows:
    """Elements of one kind, of all meshes in a row. What is read is filled into one buffer, mesh by mesh."""

    def __init__(self, meshes: Sequence[bpy.types.Mesh], lengths: Sequence[int]) -> None:
        self._meshes = meshes
        self.lengths = lengths
        self.starts = np.cumsum([0, *lengths])

    def each(self, by_mesh: Ints) -> Ints:
        """A value of each mesh for each of its elements."""
        return np.repeat(by_mesh, self.lengths)

    def read(self, get: _Get, width: int) -> Floats:
        """Shape (width, elements); 0 for meshes that have it not."""
        return self.copy(get, width, np.float32).astype(np.float64, order="C")

    def read_indices(self, name: str, width: int = 1) -> Ints:
        """The attribute of that name, shape (width, elements); 0 for meshes that have it not."""
        return self.copy(_attribute(name, "value"), width, np.int32).astype(np.int64, order="C")

    def copy(self, get: _Get, width: int, kind: type[np.float32] | type[np.int32]) -> npt.NDArray[Any]:
        """As Blender has it, shape (width, elements)."""
        buffer = np.zeros(int(self.starts[-1]) * width, dtype=kind)
        for mesh, start, length in zip(self._meshes, (self.starts * width).tolist(), self.lengths, strict=False):
            if length and (got := get(mesh)):
                collection, name = got
                collection.foreach_get(name, buffer[start : start + length * width])
        return buffer.reshape(-1, width).T


class _AtCorners:
    """What Blender holds at corners, for vertices: in glTF all corners of a vertex have the same."""

    def __init__(self, corners: _Rows, corner_vertices: Ints, vertices: int) -> None:
        self._corners = corners
        self._corner_of = np.zeros(vertices, dtype=np.int64)
        self._corner_of[corner_vertices] = np.arange(len(corner_vertices))

    def read(self, get: _Get, width: int) -> Floats:
        """Shape (width, vertices); 0 for meshes that have it not."""
        values = self._corners.copy(get, width, np.float32)
        if not values.shape[1]:
            return np.zeros((width, len(self._corner_of)))
        return values.take(self._corner_of, axis=1).astype(np.float64)


def _attribute(name: str, value: str) -> _Get:
    def get(mesh: bpy.types.Mesh) -> tuple[Any, str] | None:
        attribute = mesh.attributes.get(name)
        return None if attribute is None else (attribute.data, value)

    return get


def _uv_map(number: int) -> _Get:
    return lambda mesh: (mesh.uv_layers[number].uv, "vector") if number < len(mesh.uv_layers) else None


def _attributes(
    meshes: Sequence[bpy.types.Mesh], vertices: _Rows, at_corners: _AtCorners
) -> Iterator[tuple[Floats, float]]:
    """What else may tell vertices apart, and how far equal values may differ: colours and the like, shapes, normals."""
    found = {
        (attribute.name, attribute.domain, attribute.data_type): None
        for mesh in meshes
        for attribute in mesh.attributes
        if attribute.domain in ("POINT", "CORNER") and attribute.name not in _KNOWN and attribute.name[:1] != "."
    }
    for name, domain, kind in found:
        if kind in _KINDS and not (domain == "CORNER" and kind == "FLOAT2"):  # those are the UV maps
            value, width = _KINDS[kind]
            rows = vertices if domain == "POINT" else at_corners
            yield rows.read(_typed(name, domain, kind, value), width), 0.0
    for number in range(1, max((len(mesh.shape_keys.key_blocks) for mesh in meshes if mesh.shape_keys), default=0)):
        yield vertices.read(_shape(number), 3), 0.0
    yield at_corners.read(_normals, 3), NORMAL_TOLERANCE


def _typed(name: str, domain: str, kind: str, value: str) -> _Get:
    """The attribute, of meshes in which it is of this kind."""

    def get(mesh: bpy.types.Mesh) -> tuple[Any, str] | None:
        attribute = mesh.attributes.get(name)
        same = attribute is not None and (attribute.domain, attribute.data_type) == (domain, kind)
        return (attribute.data, value) if same else None

    return get


def _shape(number: int) -> _Get:
    def get(mesh: bpy.types.Mesh) -> tuple[Any, str] | None:
        blocks = mesh.shape_keys.key_blocks if mesh.shape_keys else ()
        return (blocks[number].points, "co") if number < len(blocks) else None

    return get


def _normals(mesh: bpy.types.Mesh) -> tuple[Any, str] | None:
    return (mesh.corner_normals, "vector") if mesh.has_custom_normals else None
