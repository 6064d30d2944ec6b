"""UV maps: what lies outside, is mirrored or has no area, islands, and how densely each material is laid out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..model.facts import DensityFacts
from .batch import Batch
from .grouping import Flags, Floats, Ints, components, keys, refine, shared, starts_of_runs
from .rounding import rounded
from .surface import Surface, cross

OUTSIDE = 1e-4
"""Beyond 0 to 1: what rounding, or packing to the very edge, leaves. A fifth of a texel at 2,048 pixels."""

UV_TOLERANCE = 2.0**-22
"""Coordinates closer than this are one: four steps of single precision below 1, 1/256 of a texel at 16,384 pixels."""


PERCENTILES_OF = 65_536
"""Faces of a UV map, evenly chosen, by which percentiles of density are told: to sort a million takes 0.1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UvMap:
    """One UV map of each mesh that has as many."""

    number: int
    """0 for the first map of each mesh."""
    meshes: Ints
    """Those that have it."""
    present: Flags
    """Shape (faces,): of such a mesh."""
    outside: Flags
    mirrored: Flags
    zero_area: Flags
    non_finite: Flags
    """Shape (faces,), as these."""
    areas: Floats
    """Shape (faces,), of the unit square; 0 where not finite."""
    joined: Ints
    """Shape (vertices,): the first vertex at the same place in space and in the map."""
    islands: Ints
    """Shape (vertices,): the first vertex of its island. Islands are connected by such places, as in Blender."""

    def laid_out(self, surface: Surface) -> Flags:
        """Faces with an area in the map, all of it within 0 to 1."""
        return self.present & ~self.outside & ~self.non_finite & ~self.zero_area & surface.sound & (self.areas > 0)


def uv_maps(batch: Batch, surface: Surface) -> Iterator[UvMap]:
    """The first UV maps of all meshes, then the second ones, ..."""
    split = np.flatnonzero(shared(surface.welded))
    for number, coordinates in enumerate(batch.uvs):
        has = np.array([number < len(source.uv_names) for source in batch.sources])
        present = batch.of_faces(has)
        finite = np.isfinite(coordinates).all(axis=0)
        non_finite = present & ~finite[batch.corners].all(axis=0) if not finite.all() else np.zeros_like(present)
        u, v = coordinates if finite.all() else np.where(finite, coordinates, 0.0)
        beyond = (np.minimum(u, v) < -OUTSIDE) | (np.maximum(u, v) > 1 + OUTSIDE)

        a, b, c = batch.corners
        ab, ac = (u[b] - u[a], v[b] - v[a]), (u[c] - u[a], v[c] - v[a])
        doubled = ab[0] * ac[1] - ab[1] * ac[0]
        bc = (ac[0] - ab[0], ac[1] - ab[1])
        longest = np.sqrt(np.maximum(np.maximum(*(x * x + y * y for x, y in (ab, ac))), bc[0] * bc[0] + bc[1] * bc[1]))
        some = np.abs(doubled) > UV_TOLERANCE * longest
        counted = present & ~non_finite
        joined = refine(surface.welded, coordinates, UV_TOLERANCE, split)
        yield UvMap(
            number=number,
            meshes=np.flatnonzero(has),
            present=present,
            outside=counted & (beyond[a] | beyond[b] | beyond[c]) if beyond.any() else np.zeros_like(present),
            mirrored=counted & some & (doubled < 0),
            zero_area=counted & ~some & surface.sound & ~surface.flat,
            non_finite=non_finite,
            areas=np.where(counted, np.abs(doubled) / 2, 0.0),
            joined=joined,
            islands=_islands(batch, joined),
        )


def _islands(batch: Batch, joined: Ints) -> Ints:
    a, b, c = (joined[corner] for corner in batch.corners)
    return components(len(joined), np.concatenate([a, b]), np.concatenate([b, c]))[joined]


def island_counts(batch: Batch, uv_map: UvMap) -> Ints:
    """How many islands each mesh has, shape (meshes,)."""
    root = np.zeros(len(uv_map.islands), dtype=bool)
    root[uv_map.islands[batch.corners[0]]] = True
    return np.diff(np.searchsorted(np.flatnonzero(root), batch.vertex_starts))


def world_areas(batch: Batch, surface: Surface) -> Floats:
    """Areas of faces in the world of the first object, shape (faces,), square metres.

    A matrix takes the perpendicular of a face to that of its image by its cofactors, whatever it does to lengths.
    """
    matrices = np.array([source.matrix[:3, :3] for source in batch.sources]).transpose(2, 1, 0)  # column, row, mesh
    x, y, z = matrices
    cofactors = np.stack([cross(y, z), cross(z, x), cross(x, y)], axis=1).transpose(2, 0, 1)
    areas = np.empty(surface.normals.shape[1])
    for cofactor, start, end in zip(cofactors, batch.face_starts[:-1], batch.face_starts[1:], strict=True):
        normals = cofactor @ surface.normals[:, start:end]
        areas[start:end] = np.sqrt(np.einsum("ij,ij->j", normals, normals)) / 2
    return areas


def densities(batch: Batch, surface: Surface, uv_map: UvMap, areas: Floats) -> list[list[DensityFacts]]:
    """For each mesh its materials, by slot. `areas` are those of `world_areas`."""
    slot_starts = np.cumsum([0, *(len(source.materials) for source in batch.sources)])
    counts = uv_map.present & ~uv_map.zero_area & (uv_map.areas > 0) & ~surface.flat & (areas > 0) & np.isfinite(areas)
    found: list[list[DensityFacts]] = [[] for _ in batch.sources]
    if not counts.any():
        return found
    groups = (batch.of_faces(slot_starts[:-1]) + batch.slots)[counts]
    uv_areas, areas = uv_map.areas[counts], areas[counts]
    totals, totals_uv = np.bincount(groups, areas), np.bincount(groups, uv_areas)
    first = np.full(len(totals), -1)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    chosen = np.union1d(np.arange(0, len(groups), len(groups) // PERCENTILES_OF + 1), first[first >= 0])
    groups, values, areas = groups[chosen], np.sqrt(uv_areas[chosen] / areas[chosen]), areas[chosen]
    order = np.argsort(keys(groups, values))
    groups, values, areas = groups[order], values[order], areas[order]
    starts = starts_of_runs(groups)
    total = np.add.reduceat(areas, starts)
    passed = np.cumsum(areas)
    ends = np.append(starts[1:], len(groups)) - 1
    before = passed[starts] - areas[starts]
    percentiles = [
        values[np.clip(np.searchsorted(passed, before + share * total), starts, ends)] for share in (0.05, 0.5, 0.95)
    ]
    found_in = groups[starts]
    for row in zip(found_in, totals_uv[found_in], totals[found_in], *percentiles, strict=True):
        mesh = int(np.searchsorted(slot_starts, row[0], side="right")) - 1
        uv_area, area, least, median, most = (rounded(value) for value in row[1:])
        found[mesh].append(
            DensityFacts(
                material=batch.sources[mesh].materials[row[0] - slot_starts[mesh]],
                uv_area=uv_area,
                area_m2=area,
                least_uv_per_m=least,
                median_uv_per_m=median,
                most_uv_per_m=most,
            )
        )
    return found
