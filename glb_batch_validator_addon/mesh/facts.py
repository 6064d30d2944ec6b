"""All that is measured of the meshes of one asset, put together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Literal

import numpy as np

from ..model.facts import MAX_PLACES, Gap, MeshFacts, Place, Sample, UvFacts
from ..model.finding import MAX_ELEMENTS, Elements, Vector
from .batch import Batch, Source
from .crossing import crossing_faces
from .grouping import Floats, Ints, refine, shared
from .layout import TooManySpansError, gutter_of, mask_of, overlapping_faces
from .pairs import TooManyPairsError
from .rounding import rounded, vector
from .surface import Surface, surface_of
from .topology import topology_of
from .uv import UV_TOLERANCE, UvMap, densities, island_counts, uv_maps, world_areas

MAX_DEEP_TRIANGLES = 1_000_000
"""Of one mesh that is looked at for self-intersections and overlaps in UV: some ten seconds of a core."""

Kind = Literal["vertex", "edge", "face"]

_UV_FIELDS = ("outside", "mirrored", "zero_area", "non_finite")


def mesh_facts(batch: Batch, *, deep: bool) -> tuple[tuple[MeshFacts, ...], tuple[Gap, ...]]:
    """The facts of each mesh, in order, and what could not be looked at. Takes any numbers and never warns."""
    with np.errstate(all="ignore"):
        return _Analysis(batch, deep=deep).facts()


class _Analysis:
    def __init__(self, batch: Batch, *, deep: bool) -> None:
        self._batch = batch
        self._deep = deep
        self._found: list[dict[str, Elements]] = [{} for _ in batch.sources]
        self._positions: list[dict[str, Vector]] = [{} for _ in batch.sources]
        self._left_out: dict[str, list[Source]] = {}

    def facts(self) -> tuple[tuple[MeshFacts, ...], tuple[Gap, ...]]:
        batch = self._batch
        surface = surface_of(batch)
        topology = topology_of(batch, surface)
        self._add("open_edges", "edge", topology.open_edges)
        self._add("non_manifold_edges", "edge", topology.non_manifold_edges)
        self._add("degenerate_faces", "face", np.flatnonzero(surface.flat))
        self._add("duplicate_faces", "face", topology.duplicate_faces)
        self._add("loose_vertices", "vertex", topology.loose_vertices)
        self._add("loose_edges", "edge", topology.loose_edges)
        self._add("small_parts", "face", topology.small_faces)
        self._add("inconsistent_edges", "edge", topology.inconsistent_edges)
        self._add("inverted_faces", "face", topology.inverted_faces)
        self._add("non_finite_vertices", "vertex", np.flatnonzero(~surface.finite))
        maps: list[list[UvFacts]] = [[] for _ in batch.sources]
        classes = surface.welded
        for uv_map in uv_maps(batch, surface):
            classes = _split(classes, batch.uvs[uv_map.number], UV_TOLERANCE) if uv_map.number else uv_map.joined
            for mesh, facts in zip(uv_map.meshes.tolist(), self._uv_facts(surface, uv_map), strict=True):
                maps[mesh].append(facts)
        self._add("duplicate_vertices", "vertex", _duplicates(batch, classes))

        count = batch.count
        mesh_of = batch.mesh_of_faces
        areas = np.bincount(mesh_of, np.sqrt((surface.normals**2).sum(axis=0)) / 2, minlength=count)
        counted = surface.sound & ~mask_of(topology.duplicate_faces, len(mesh_of))
        volumes = np.bincount(mesh_of[counted], surface.volumes[counted], minlength=count)
        parts = _by_mesh(np.flatnonzero((topology.parts == np.arange(len(mesh_of))) & counted), batch.face_starts)
        welded = _by_mesh(np.flatnonzero(surface.welded == np.arange(len(surface.welded))), batch.vertex_starts)
        vertices, faces = np.diff(batch.vertex_starts), np.diff(batch.face_starts)
        sound = np.bincount(mesh_of[counted], minlength=count) > 0
        all_facts = []
        for mesh, source in enumerate(batch.sources):
            found = self._found[mesh]
            watertight = bool(sound[mesh]) and not (
                found["open_edges"].count or found["non_manifold_edges"].count or found["inconsistent_edges"].count
            )
            crossings = self._crossings(surface, mesh) if self._deep else None
            all_facts.append(
                MeshFacts(
                    name=source.name,
                    pointer=source.pointer,
                    objects=source.objects,
                    object_count=source.object_count,
                    vertices=int(vertices[mesh]),
                    triangles=int(faces[mesh]),
                    welded_vertices=int(welded[mesh]),
                    weld_tolerance_m=rounded(surface.tolerance[mesh]),
                    open_edges=found["open_edges"],
                    non_manifold_edges=found["non_manifold_edges"],
                    degenerate_faces=found["degenerate_faces"],
                    duplicate_faces=found["duplicate_faces"],
                    duplicate_vertices=found["duplicate_vertices"] if source.complete else None,
                    loose_vertices=found["loose_vertices"],
                    loose_edges=found["loose_edges"],
                    parts=int(parts[mesh]),
                    small_parts=found["small_parts"],
                    inconsistent_edges=found["inconsistent_edges"],
                    inverted_faces=found["inverted_faces"],
                    non_finite_vertices=found["non_finite_vertices"],
                    watertight=watertight,
                    volume_m3=rounded(volumes[mesh]) if watertight else None,
                    area_m2=rounded(areas[mesh]),
                    uv_maps=tuple(maps[mesh]),
                    self_intersections=crossings,
                    positions=self._positions[mesh],
                )
            )
        return tuple(all_facts), self._gaps()

    def _uv_facts(self, surface: Surface, uv_map: UvMap) -> list[UvFacts]:
        """Of the meshes that have this map, in order."""
        batch, number = self._batch, uv_map.number
        names = {mesh: batch.sources[mesh].uv_names[number] for mesh in uv_map.meshes.tolist()}
        for field in _UV_FIELDS:
            self._add(field, "face", np.flatnonzero(getattr(uv_map, field)), names)
        islands = island_counts(batch, uv_map)
        inside = np.where(uv_map.outside, 0.0, uv_map.areas)
        coverage = np.bincount(batch.mesh_of_faces, inside, minlength=batch.count)
        by_material = densities(batch, surface, uv_map, world_areas(batch, surface))
        facts = []
        for mesh, name in names.items():
            found = {field: self._found[mesh][f"uv:{name}:{field}"] for field in _UV_FIELDS}
            overlapping, share, gutter = self._layout(surface, uv_map, mesh) if self._deep else (None, None, None)
            facts.append(
                UvFacts(
                    name=name,
                    **found,
                    islands=int(islands[mesh]),
                    coverage=rounded(coverage[mesh]),
                    densities=tuple(by_material[mesh]),
                    overlapping=overlapping,
                    overlap_share=share,
                    gutter=gutter,
                )
            )
        return facts

    def _layout(self, surface: Surface, uv_map: UvMap, mesh: int) -> tuple[Elements | None, float | None, float | None]:
        """`overlapping`, `overlap_share` and `gutter` of a UV map; None for what is too much."""
        start, end = self._batch.face_starts[mesh : mesh + 2]
        if end - start > MAX_DEEP_TRIANGLES:
            self._leave_out("for overlaps in UV", mesh)
            return None, None, None
        faces = np.flatnonzero(uv_map.laid_out(surface)[start:end]) + start
        try:
            overlapping, share = overlapping_faces(self._batch, uv_map, faces)
        except TooManySpansError:
            self._leave_out("for overlaps in UV", mesh)
            return None, None, None
        name = self._batch.sources[mesh].uv_names[uv_map.number]
        elements = self._add_one("overlapping", "face", overlapping, mesh, f"uv:{name}:")
        gutter = None
        try:  # islands one over another share their texels on purpose, and so can have no gutter
            gutter = gutter_of(self._batch, uv_map, faces[~np.isin(faces, overlapping)])
        except TooManyPairsError:
            self._leave_out("for the gutter between UV islands", mesh)
        return elements, rounded(share), None if gutter is None else rounded(gutter)

    def _crossings(self, surface: Surface, mesh: int) -> Elements | None:
        start, end = self._batch.face_starts[mesh : mesh + 2]
        try:
            if end - start <= MAX_DEEP_TRIANGLES:
                crossing = crossing_faces(self._batch, surface, mesh)
                return self._add_one("self_intersections", "face", crossing, mesh)
        except TooManyPairsError:
            pass
        self._leave_out("for self-intersections", mesh)
        return None

    def _leave_out(self, what: str, mesh: int) -> None:
        self._left_out.setdefault(what, []).append(self._batch.sources[mesh])

    def _gaps(self) -> tuple[Gap, ...]:
        return tuple(
            Gap(
                need="deep",
                reason=f"These meshes have too many faces, or faces too close, to look {what}.",
                places=places,
            )
            for what, places in ((what, places_of(sources)) for what, sources in self._left_out.items())
        )

    def _add(self, field: str, kind: Kind, indices: Ints, maps: dict[int, str] | None = None) -> None:
        """Record elements of all meshes, indices ascending; with `maps`, of these UV maps by mesh."""
        starts = self._starts(kind)
        meshes = range(self._batch.count) if maps is None else maps
        names = [field] * self._batch.count if maps is None else {m: f"uv:{name}:{field}" for m, name in maps.items()}
        if not len(indices):
            for mesh in meshes:
                self._found[mesh][names[mesh]] = _NONE[kind]
            return
        bounds = np.searchsorted(indices, starts).tolist()
        for mesh in meshes:
            low, high = bounds[mesh], bounds[mesh + 1]
            if low == high:
                self._found[mesh][names[mesh]] = _NONE[kind]
            else:
                self._found[mesh][names[mesh]] = self._elements(kind, indices[low:high], mesh, names[mesh])

    def _add_one(self, field: str, kind: Kind, indices: Ints, mesh: int, prefix: str = "") -> Elements:
        return self._elements(kind, indices, mesh, prefix + field) if len(indices) else _NONE[kind]

    def _elements(self, kind: Kind, indices: Ints, mesh: int, name: str) -> Elements:
        """Elements of one mesh, at least one; the place of the first is kept."""
        batch = self._batch
        first = indices[0]
        vertices = first if kind == "vertex" else batch.edges[:, first] if kind == "edge" else batch.corners[:, first]
        matrix = batch.sources[mesh].matrix
        point = matrix[:3, :3] @ batch.positions[:, np.atleast_1d(vertices)].mean(axis=1) + matrix[:3, 3]
        if np.isfinite(point).all():
            self._positions[mesh][name] = vector(point)
        within = indices[:MAX_ELEMENTS] - self._starts(kind)[mesh]
        return Elements(kind=kind, count=len(indices), first=tuple(within.tolist()))

    def _starts(self, kind: Kind) -> Ints:
        batch = self._batch
        return {"vertex": batch.vertex_starts, "edge": batch.edge_starts, "face": batch.face_starts}[kind]


_NONE: dict[Kind, Elements] = {
    "vertex": Elements(kind="vertex", count=0, first=()),
    "edge": Elements(kind="edge", count=0, first=()),
    "face": Elements(kind="face", count=0, first=()),
}


def places_of(sources: Sequence[Source]) -> Sample:
    """These meshes, for a gap."""
    first = tuple(Place(pointer=source.pointer or "/meshes", name=source.name) for source in sources[:MAX_PLACES])
    return Sample(count=len(sources), first=first)


def _by_mesh(indices: Ints, starts: Ints) -> Ints:
    """How many of the indices, ascending, are of each mesh."""
    return np.diff(np.searchsorted(indices, starts))


def _split(classes: Ints, values: Floats, reach: float) -> Ints:
    return refine(classes, values, reach, np.flatnonzero(shared(classes)))


def _duplicates(batch: Batch, classes: Ints) -> Ints:
    """Vertices that are equal to an earlier one in all; `classes` tell what is at one place in space and in UV."""
    slots = -1.0 - np.arange(len(classes))[None, :]  # a loose vertex is no duplicate
    for corner in batch.corners:
        slots[0, corner] = batch.slots
    for values, reach in chain([(slots, 0.0)], batch.attributes):
        among = np.flatnonzero(shared(classes))
        if not len(among):
            break
        classes = refine(classes, values, reach, among)
    return np.flatnonzero(classes != np.arange(len(classes)))
