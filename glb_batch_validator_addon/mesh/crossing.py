"""Faces that run through each other."""

from __future__ import annotations

import numpy as np

from .batch import Batch
from .grouping import Flags, Floats, Ints
from .pairs import touching_boxes
from .surface import Surface, cross


def crossing_faces(batch: Batch, surface: Surface, mesh: int) -> Ints:
    """Faces of one mesh that run through another that shares no point with them. Raises TooManyPairsError.

    To touch is not to cross: each face must have points on both sides of the other's plane, and a side of one must
    pass through the other, all by more than the tolerance of welding.
    """
    start, end = batch.face_starts[mesh : mesh + 2]
    faces = np.flatnonzero(surface.sound[start:end] & ~surface.flat[start:end]) + start
    corners = surface.corners[:, faces]
    points = np.stack([batch.positions[:, corner] for corner in corners])  # corner, axis, face
    normals = surface.normals[:, faces] / np.sqrt((surface.normals[:, faces] ** 2).sum(axis=0))
    tolerance = float(surface.tolerance[mesh])
    crossing = np.zeros(len(faces), dtype=bool)
    for first, second in touching_boxes(points.min(axis=0), points.max(axis=0), np.zeros(len(faces), dtype=np.int64)):
        apart = _on_both_sides(points, normals, first, second, tolerance)
        first, second = first[apart], second[apart]
        apart = _on_both_sides(points, normals, second, first, tolerance)
        first, second = first[apart], second[apart]
        strangers = np.ones(len(first), dtype=bool)
        for one in corners:
            for other in corners:
                strangers &= one[first] != other[second]
        first, second = first[strangers], second[strangers]
        through = _pierced(points, normals, first, second, tolerance)
        through |= _pierced(points, normals, second, first, tolerance)
        crossing[first[through]] = True
        crossing[second[through]] = True
    return np.asarray(faces[crossing])


def _on_both_sides(points: Floats, normals: Floats, faces: Ints, planes: Ints, tolerance: float) -> Flags:
    """Which faces have corners on both sides of the plane of the other one."""
    distances = _distances(points, normals, faces, planes)
    return np.asarray((distances.min(axis=0) < -tolerance) & (distances.max(axis=0) > tolerance))


def _distances(points: Floats, normals: Floats, faces: Ints, planes: Ints) -> Floats:
    """Of each corner from the plane of the other face, shape (3, n)."""
    normal, origin = normals[:, planes], points[0][:, planes]
    return np.stack([((corner[:, faces] - origin) * normal).sum(axis=0) for corner in points])


def _pierced(points: Floats, normals: Floats, faces: Ints, through: Ints, tolerance: float) -> Flags:
    """Which faces have a side that passes through the inside of the other one."""
    distances = _distances(points, normals, faces, through)
    normal = normals[:, through]
    target = points[:, :, through]
    inward = [cross(normal, target[(corner + 1) % 3] - target[corner]) for corner in range(3)]
    pierced = np.zeros(len(faces), dtype=bool)
    for corner in range(3):
        here, there = distances[corner], distances[(corner + 1) % 3]
        passes = (np.minimum(here, there) < -tolerance) & (np.maximum(here, there) > tolerance)
        share = np.divide(here, here - there, out=np.zeros_like(here), where=passes)
        start = points[corner][:, faces]
        point = start + share * (points[(corner + 1) % 3][:, faces] - start)
        for origin, direction in zip(target, inward, strict=True):
            margin = tolerance * np.sqrt((direction**2).sum(axis=0))  # `direction` is as long as the side
            passes &= ((point - origin) * direction).sum(axis=0) > margin
        pierced |= passes
    return pierced
