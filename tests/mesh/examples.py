"""Meshes without a fault, and for each rule one that breaks it and one that just keeps it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mesh.shapes import Mesh, box, grid, torus

_EIGHT = [box().moved(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]

CLOSED = {
    "a box": box(),
    "a box with split normals": box().split(),
    "a torus with seams": torus(24, 12),
    "a torus with split normals": torus(24, 12).split(),
    "a torus far from the origin": torus(24, 12).moved(5000, 0, 0),
    "a torus of a tenth of a millimetre": torus(24, 12).scaled(1e-4, 1e-4, 1e-4),
    "boxes apart": box() + box().moved(3, 0, 0),
    "boxes that share a face": box() + box().moved(1, 0, 0),
    "boxes that share a face with other diagonals": box() + box().scaled(-1, 1, 1).turned_over().moved(1, 0, 0),
    "boxes that share an edge": box() + box().moved(1, 1, 0),
    "boxes that share a point": box() + box().moved(1, 1, 1),
    "split boxes that share an edge": box().split() + box().moved(1, 1, 0).split(),
    "eight boxes around a point": sum(_EIGHT[1:], _EIGHT[0]),
    "boxes within each other": box() + box().moved(0.5, 0.5, 0.5),
    "a hollow box": box(2, 2, 2) + box().turned_over(),
    "a leaf of two sides": grid(3) + grid(3).turned_over(),
    "a box stretched to a needle": box(1, 1e-3, 1e-3),
}

FIN = Mesh(np.array([(0.5, 0.5, -0.5), (0.5, 0.5, 0.5), (2, 2, 0)]), np.array([(0, 1, 2)]))
"""Beside an edge of a box around the origin."""


def _smooth(mesh: Mesh) -> Mesh:
    return replace(mesh, normals=np.repeat([(0.0, 0.0, 1.0)], len(mesh.points), axis=0)).split()


def _thin(height: float) -> Mesh:
    return grid(3) + grid(1).scaled(1, height, 1).moved(0, 2, 0)


def _mapped(factor: float, offset: float = 0.0) -> Mesh:
    return replace(grid(3), uvs=grid(3).uvs * factor + offset)


def _pair(offset: float) -> Mesh:
    """Two squares, in the UV map a tenth wide and so far from each other."""
    left = replace(grid(1), uvs=grid(1).uvs * 0.1)
    return left + replace(left.moved(0, 0, 1), uvs=left.uvs + np.array([0.1 + offset, 0.0]))


GEOMETRY = {
    "GLBV_MESH_OPEN_EDGES": (box().split().without(3), box().split()),
    "GLBV_MESH_NON_MANIFOLD": (box().split() + FIN, box().split() + FIN.moved(0.001, 0, 0)),
    "GLBV_MESH_DEGENERATE_FACES": (_thin(5e-7), _thin(5e-6)),
    "GLBV_MESH_DUPLICATE_FACES": (
        box().split() + Mesh(box().points[:4], np.array([(3, 0, 1)])),
        box().split() + Mesh(box().points[:4], np.array([(3, 1, 0)])),
    ),
    "GLBV_MESH_DUPLICATE_VERTICES": (
        _smooth(grid(3)),
        replace(_smooth(grid(3)), uvs=np.arange(108).reshape(54, 2) * 0.01),
    ),
    "GLBV_MESH_LOOSE_VERTICES": (box().with_points((5, 5, 5)), box()),
    "GLBV_MESH_LOOSE_EDGES": (
        replace(box().with_points((5, 5, 5), (6, 6, 6)), loose=((8, 9),)),
        Mesh(np.array([(5.0, 5, 5), (6, 6, 6)]), np.zeros((0, 3), dtype=int), loose=((0, 1),)),
    ),
    "GLBV_MESH_SMALL_PARTS": (box() + box(5e-4, 5e-4, 5e-4).moved(0, 0, 0.4), box() + box(2e-3, 2e-3, 2e-3)),
    "GLBV_MESH_INCONSISTENT_WINDING": (box().split().turned_over(4), box().split()),
    "GLBV_MESH_INVERTED": (box().split().turned_over(), box(2, 2, 2) + box().turned_over()),
    "GLBV_MESH_SELF_INTERSECTIONS": (
        box() + box(0.2, 0.2, 3).moved(0.1, 0.2, 0),
        box() + box(0.2, 0.2, 3).moved(0.6, 0.2, 0),
    ),
}
"""By the rule's code: one mesh that breaks it and one that just keeps it."""

UV = {
    "GLBV_UV_OUTSIDE_0_1": (_mapped(1.0002), _mapped(1.00005)),
    "GLBV_UV_MIRRORED": (
        replace(grid(3), uvs=np.array([1.0, 0.0]) + grid(3).uvs * (-1, 1)),
        replace(grid(3), uvs=1 - grid(3).uvs),
    ),
    "GLBV_UV_ZERO_AREA": (_mapped(0.0, 0.5), _mapped(1e-4)),
    "GLBV_UV_OVERLAPPING": (_pair(-0.01), _pair(0.0)),
}
"""As `GEOMETRY`."""
