"""Welding, areas and volumes: what a mesh is before anybody asks how its faces hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .batch import Batch
from .grouping import Flags, Floats, Ints, keys, weld

WELD_TOLERANCE = 1e-6
"""Of the size of a mesh's coordinates (the median over its vertices of the largest of the three): eight steps of single
precision there. Two computations of one point differ by less; what is farther apart is a crack that a renderer shows.
The median, because one vertex gone astray must not weld all the others."""

MEDIAN_OF = 65_536
"""Vertices of an asset, evenly chosen, that are sorted for that median: a million take 0.1 s."""

BLOCK = 32_768
"""Faces that are measured at once: their corners stay in the processor's cache, and take no new memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The faces of a batch, after welding."""

    tolerance: Floats
    """Shape (meshes,), metres."""
    welded: Ints
    """Shape (vertices,): the first vertex at the same place."""
    corners: Ints
    """Shape (3, faces): welded vertices."""
    finite: Flags
    """Shape (vertices,)."""
    sound: Flags
    """Shape (faces,): three finite and different points."""
    flat: Flags
    """Shape (faces,): finite, and lower than the tolerance or with two corners at one place."""
    normals: Floats
    """Shape (3, faces): perpendicular, as long as twice the area; 0 where not finite."""
    heights: Floats
    """Shape (faces,): over the longest side."""
    volumes: Floats
    """Shape (faces,): signed, of the tetrahedron with the first vertex of the mesh; over a closed surface their sum is
    the volume within (the divergence theorem)."""


def surface_of(batch: Batch) -> Surface:
    """Weld the vertices of all meshes by position and look at each face for itself."""
    finite = np.isfinite(batch.positions).all(axis=0)
    positions = batch.positions if finite.all() else np.where(finite, batch.positions, 0.0)
    mesh_of = batch.of_vertices(np.arange(batch.count))
    tolerance = _tolerance(batch, mesh_of, positions)
    # A vertex that is not finite is one with nothing: NaN
    welded = weld(positions if finite.all() else batch.positions, mesh_of, tolerance[mesh_of])

    corners = np.stack([welded[corner] for corner in batch.corners])
    first = np.minimum(batch.vertex_starts[:-1], max(len(welded) - 1, 0))
    origins = np.repeat(
        positions[:, first] if len(welded) else np.zeros((3, batch.count)), np.diff(batch.face_starts), 1
    )
    normals, longest, volumes = _measures(positions, batch.corners, origins)
    doubled = np.sqrt(np.einsum("ij,ij->j", normals, normals))
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.where(longest > 0, doubled / longest, 0.0)

    of_numbers = np.ones(corners.shape[1], dtype=bool)
    if not finite.all():
        of_numbers = finite[batch.corners].all(axis=0)
        normals, volumes = normals * of_numbers, volumes * of_numbers
    distinct = (corners[0] != corners[1]) & (corners[1] != corners[2]) & (corners[2] != corners[0])
    return Surface(
        tolerance=tolerance,
        welded=welded,
        corners=corners,
        finite=finite,
        sound=of_numbers & distinct,
        flat=of_numbers & (~distinct | (heights <= batch.of_faces(tolerance))),
        normals=normals,
        heights=heights,
        volumes=volumes,
    )


def _tolerance(batch: Batch, mesh_of: Ints, positions: Floats) -> Floats:
    """`WELD_TOLERANCE` in metres, shape (meshes,)."""
    sizes = np.abs(positions[0])
    for axis in positions[1:]:
        np.maximum(sizes, np.abs(axis), out=sizes)
    some = np.diff(batch.vertex_starts) > 0
    chosen = np.union1d(np.arange(0, len(sizes), len(sizes) // MEDIAN_OF + 1), batch.vertex_starts[:-1][some])
    in_order = chosen[np.argsort(keys(mesh_of[chosen], sizes[chosen]))]
    lengths = np.bincount(mesh_of[chosen], minlength=batch.count)
    middles = np.cumsum(lengths) - lengths + lengths // 2
    tolerance = np.zeros(batch.count)
    tolerance[some] = WELD_TOLERANCE * sizes[in_order[middles[some]]]
    return tolerance


def _measures(positions: Floats, corners: Ints, origins: Floats) -> tuple[Floats, Floats, Floats]:
    """Of triangles, by the numbers of their corners: normals, longest sides and volumes as in `Surface`."""
    count = corners.shape[1]
    normals, longest, volumes = np.empty((3, count)), np.empty(count), np.empty(count)
    for start in range(0, count, BLOCK):
        part = slice(start, start + BLOCK)
        a, b, c = (positions[:, corner] for corner in corners[:, part])
        ab, ac, bc = b - a, c - a, c - b
        normals[:, part] = normal = cross(ab, ac)
        longest[part] = np.sqrt(np.maximum(np.maximum(_squared(ab), _squared(ac)), _squared(bc)))
        volumes[part] = np.einsum("ij,ij->j", a - origins[:, part], normal) / 6.0
    return normals, longest, volumes


def cross(a: Floats, b: Floats) -> Floats:
    """Cross products of columns, shape (3, n). numpy's own takes five times as long on small arrays."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def _squared(vectors: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->j", vectors, vectors))
