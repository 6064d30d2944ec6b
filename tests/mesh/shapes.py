"""Meshes as lists of points and triangles, and batches of them, for tests that know nothing of Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glb_batch_validator_addon.mesh.batch import Batch, Source
from glb_batch_validator_addon.mesh.facts import mesh_facts
from glb_batch_validator_addon.model.facts import MeshFacts


@dataclass(frozen=True)
class Mesh:
    """Points of shape (n, 3), triangles of shape (m, 3), UV coordinates of shape (n, 2), pairs of loose edges."""

    points: np.ndarray
    triangles: np.ndarray
    uvs: np.ndarray | None = None
    normals: np.ndarray | None = None
    loose: Sequence[tuple[int, int]] = ()
    slots: Sequence[int] | None = None
    materials: tuple[str, ...] = ("paint",)
    matrix: np.ndarray | None = None

    def moved(self, *offset: float) -> Mesh:
        return replace(self, points=self.points + np.array(offset))

    def scaled(self, *factors: float) -> Mesh:
        return replace(self, points=self.points * np.array(factors))

    def turned_over(self, *triangles: int) -> Mesh:
        """With the winding of these triangles, or of all, reversed."""
        changed = self.triangles.copy()
        which = list(triangles) or slice(None)
        changed[which] = changed[which][:, ::-1]
        return replace(self, triangles=changed)

    def with_triangles(self, *triangles: tuple[int, int, int]) -> Mesh:
        return replace(self, triangles=np.vstack([self.triangles, np.array(triangles)]))

    def with_points(self, *points: tuple[float, float, float]) -> Mesh:
        return replace(self, points=np.vstack([self.points, np.array(points, dtype=float)]), uvs=None, normals=None)

    def without(self, *triangles: int) -> Mesh:
        return replace(self, triangles=np.delete(self.triangles, triangles, axis=0))

    def split(self) -> Mesh:
        """With three points of its own for each triangle."""
        corners = self.triangles.ravel()
        return replace(
            self,
            points=self.points[corners],
            uvs=None if self.uvs is None else self.uvs[corners],
            normals=None if self.normals is None else self.normals[corners],
            triangles=np.arange(len(corners)).reshape(-1, 3),
        )

    def __add__(self, other: Mesh) -> Mesh:
        """Both as one mesh."""
        both = (self.uvs, other.uvs)
        return Mesh(
            np.vstack([self.points, other.points]),
            np.vstack([self.triangles, other.triangles + len(self.points)]),
            None if any(uvs is None for uvs in both) else np.vstack(both),
        )


def box(x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Mesh:
    """A closed box around the origin: eight points, twelve triangles."""
    points = np.array([(i, j, k) for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (-0.5, 0.5)]) * (x, y, z)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(points, np.array([half for a, b, c, d in quads for half in ((a, b, c), (a, c, d))]))


def grid(columns: int, rows: int | None = None) -> Mesh:
    """The unit square in the XY plane, its UV map the same square; `2 * columns * rows` triangles that face up."""
    rows = rows or columns
    points = np.array([(i / columns, j / rows, 0.0) for j in range(rows + 1) for i in range(columns + 1)])
    triangles = []
    for j in range(rows):
        for i in range(columns):
            a = j * (columns + 1) + i
            b, c, d = a + 1, a + columns + 2, a + columns + 1
            triangles += [(a, b, c), (a, c, d)]
    return Mesh(points, np.array(triangles), points[:, :2].copy())


def torus(rings: int, sides: int, *, radius: float = 1.0, thickness: float = 0.3) -> Mesh:
    """A closed ring with a seam in its UV map both ways round: there its points are double, and rounded differently."""
    turns = np.array([(i / rings, j / sides) for i in range(rings + 1) for j in range(sides + 1)])
    a, b = 2 * np.pi * turns.T
    ring = radius + thickness * np.cos(b)
    points = np.stack([ring * np.cos(a), ring * np.sin(a), thickness * np.sin(b)], axis=1).astype(np.float32)
    row = sides + 1
    starts = [i * row + j for i in range(rings) for j in range(sides)]
    triangles = [half for s in starts for half in ((s, s + row, s + 1), (s + 1, s + row, s + row + 1))]
    return Mesh(points.astype(np.float64), np.array(triangles), turns)


def batch(*meshes: Mesh) -> Batch:
    """These meshes for analysis, named `mesh 0`, `mesh 1`, ...; edges are numbered as they come, loose ones last."""
    vertex_starts, edge_starts, face_starts = [0], [0], [0]
    edges, sides = [], []
    for mesh in meshes:
        numbers: dict[tuple[int, int], int] = {}
        for triangle in mesh.triangles.tolist():
            pairs = zip(triangle, [*triangle[1:], triangle[0]], strict=True)
            sides.append([edge_starts[-1] + numbers.setdefault((min(p), max(p)), len(numbers)) for p in pairs])
        for pair in mesh.loose:
            numbers.setdefault(pair, len(numbers))
        edges += [(a + vertex_starts[-1], b + vertex_starts[-1]) for a, b in numbers]
        vertex_starts.append(vertex_starts[-1] + len(mesh.points))
        edge_starts.append(edge_starts[-1] + len(numbers))
        face_starts.append(face_starts[-1] + len(mesh.triangles))
    corners = [mesh.triangles + start for mesh, start in zip(meshes, vertex_starts, strict=False)]
    normals = np.vstack([np.zeros_like(mesh.points) if mesh.normals is None else mesh.normals for mesh in meshes])
    uvs = np.vstack([np.zeros((len(mesh.points), 2)) if mesh.uvs is None else mesh.uvs for mesh in meshes])
    slots = [np.zeros(len(m.triangles), dtype=int) if m.slots is None else np.array(m.slots) for m in meshes]
    return Batch(
        sources=tuple(_source(number, mesh) for number, mesh in enumerate(meshes)),
        vertex_starts=np.array(vertex_starts),
        edge_starts=np.array(edge_starts),
        face_starts=np.array(face_starts),
        positions=np.vstack([mesh.points for mesh in meshes]).T.astype(np.float64),
        edges=np.array(edges, dtype=np.int64).reshape(-1, 2).T,
        corners=np.vstack(corners).reshape(-1, 3).T.astype(np.int64),
        sides=np.array(sides, dtype=np.int64).reshape(-1, 3).T,
        slots=np.concatenate(slots).astype(np.int64),
        uvs=(uvs.T,) if any(mesh.uvs is not None for mesh in meshes) else (),
        attributes=((normals.T, 1e-3),),
    )


def _source(number: int, mesh: Mesh) -> Source:
    return Source(
        name=f"mesh {number}",
        pointer=f"/meshes/{number}",
        objects=(f"object {number}",),
        object_count=1,
        matrix=np.eye(4) if mesh.matrix is None else mesh.matrix,
        materials=mesh.materials,
        uv_names=() if mesh.uvs is None else ("UVMap",),
        complete=True,
    )


def facts_of(mesh: Mesh, *, deep: bool = False) -> MeshFacts:
    """The facts of one mesh, of which everything could be looked at."""
    (facts,), gaps = mesh_facts(batch(mesh), deep=deep)
    assert gaps == ()
    return facts
