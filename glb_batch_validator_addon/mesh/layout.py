"""How faces lie beside and over one another in a UV map."""

from __future__ import annotations

import numpy as np

from .batch import Batch
from .grouping import Flags, Floats, Ints, starts_of_runs
from .pairs import touching_boxes
from .uv import UvMap

RESOLUTION = 1024
"""Pixels across the unit square in which faces are drawn to see where they overlap. A face between the centres of all
pixels is not seen."""

_ROW = RESOLUTION + 1

MAX_SPANS = 20_000_000
"""Rows of pixels, over all faces of one map; about four seconds."""

_CHUNK = 1 << 20
"""Faces or spans that are drawn at once: what bounds the memory (about 100 MB)."""

GUTTER_REACH = 1 / 64
"""The greatest distance at which islands are looked for: 16 pixels at 1,024, more than mip maps need."""


class TooManySpansError(Exception):
    """More than `MAX_SPANS` rows would have to be drawn."""


def overlapping_faces(batch: Batch, uv_map: UvMap, faces: Ints) -> tuple[Ints, float]:
    """Which of these faces of one mesh share pixels with another, and the share of covered pixels that are.

    A pixel is of the faces that its centre is in; a centre on a common side of two faces is in one of them.
    Raises TooManySpansError.
    """
    coordinates = batch.uvs[uv_map.number]
    layers = np.zeros(1 + RESOLUTION * _ROW, dtype=np.int64)
    spans = []
    total = 0
    for start in range(0, len(faces), _CHUNK):
        corners = batch.corners[:, faces[start : start + _CHUNK]]
        for face, left, right in _rows(coordinates[0][corners], coordinates[1][corners]):
            total += len(face)
            if total > MAX_SPANS:
                raise TooManySpansError
            layers += np.bincount(left, minlength=len(layers))
            layers -= np.bincount(right, minlength=len(layers))
            spans.append((face + start, left, right))
    np.cumsum(layers, out=layers)
    several = np.cumsum(layers > 1, dtype=np.int32)
    overlaps = np.zeros(len(faces), dtype=bool)
    for face, left, right in spans:
        overlaps[face[several[right - 1] > several[left - 1]]] = True
    covered = np.count_nonzero(layers)
    return faces[overlaps], int(several[-1]) / covered if covered else 0.0


def _rows(u: Floats, v: Floats) -> list[tuple[Ints, Ints, Ints]]:
    """Triangles, corners of shape (3, n), as rows of pixels: triangle, first pixel, the pixel after the last.

    Pixels are numbered from 1, row by row, with one more at the end of each row. Sides are always computed from their
    lower end, so that of two triangles one ends where the other begins.
    """
    order = np.lexsort((u, v), axis=0)
    x = np.take_along_axis(u, order, axis=0) * RESOLUTION - 0.5
    y = np.take_along_axis(v, order, axis=0) * RESOLUTION - 0.5
    low = np.clip(np.ceil(y[0]), 0, RESOLUTION).astype(np.int64)
    heights = np.clip(np.ceil(y[2]), 0, RESOLUTION).astype(np.int64) - low
    ends = np.cumsum(heights)
    portions: list[tuple[Ints, Ints, Ints]] = []
    first = 0
    while first < len(heights):
        already = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, already + _CHUNK, side="right")), first + 1)
        these = np.arange(first, last)
        face = np.repeat(these, heights[these])
        row = np.arange(len(face)) - np.repeat(ends[these] - heights[these] - already, heights[these]) + low[face]
        upper = (row >= y[1][face]).astype(np.int64)  # the second of the two sides opposite the long one
        long_side = _at(x, y, 0, 2, face, row)
        short_side = np.where(upper, _at(x, y, 1, 2, face, row), _at(x, y, 0, 1, face, row))
        left, right = (
            np.clip(np.ceil(bound(long_side, short_side)), 0, RESOLUTION).astype(np.int64) + 1 + row * _ROW
            for bound in (np.minimum, np.maximum)
        )
        some = right > left
        portions.append((face[some], left[some], right[some]))
        first = last
    return portions


def _at(x: Floats, y: Floats, low: int, high: int, face: Ints, row: Ints) -> Floats:
    """Where the side between two corners crosses a row."""
    rise = y[high] - y[low]
    slope = np.divide(x[high] - x[low], rise, out=np.zeros_like(rise), where=rise > 0)
    return np.asarray(x[low][face] + slope[face] * (row - y[low][face]))


def gutter_of(batch: Batch, uv_map: UvMap, faces: Ints) -> float | None:
    """The least distance between the outlines of two islands of these faces, None above `GUTTER_REACH`.

    Raises TooManyPairsError.
    """
    coordinates = batch.uvs[uv_map.number]
    corners = uv_map.joined[batch.corners[:, faces]]
    first, second = corners.ravel(), np.roll(corners, -1, axis=0).ravel()
    sides = np.minimum(first, second) * len(uv_map.joined) + np.maximum(first, second)
    order = np.argsort(sides)
    starts = starts_of_runs(sides[order])
    outline = order[starts[np.diff(starts, append=len(order)) == 1]]
    islands = uv_map.islands[first[outline]]
    if not len(islands) or islands.min() == islands.max():
        return None
    a, b = coordinates[:, first[outline]], coordinates[:, second[outline]]
    low, high = np.minimum(a, b) - GUTTER_REACH / 2, np.maximum(a, b) + GUTTER_REACH / 2
    least = np.inf
    for one, other in touching_boxes(low, high, np.zeros(len(outline), dtype=np.int64)):
        strangers = islands[one] != islands[other]
        one, other = one[strangers], other[strangers]
        if len(one):
            least = min(least, _between(a[:, one], b[:, one], a[:, other], b[:, other]))
    return float(least) if least <= GUTTER_REACH else None


def _between(a: Floats, b: Floats, c: Floats, d: Floats) -> float:
    """The least distance of any segment from a to b to its counterpart from c to d; arrays of shape (2, n)."""
    ends = [_from_segment(point, *side) for points, side in (((a, b), (c, d)), ((c, d), (a, b))) for point in points]
    crossed = (_turn(a, b, c) * _turn(a, b, d) < 0) & (_turn(c, d, a) * _turn(c, d, b) < 0)
    return 0.0 if crossed.any() else float(np.min(ends))


def _from_segment(point: Floats, start: Floats, end: Floats) -> Floats:
    along = end - start
    share = ((point - start) * along).sum(axis=0) / np.maximum((along**2).sum(axis=0), np.finfo(np.float64).tiny)
    return np.asarray(np.hypot(*(start + np.clip(share, 0.0, 1.0) * along - point)))


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    return np.asarray((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def mask_of(faces: Ints, count: int) -> Flags:
    """Which of `count` faces these are."""
    mask = np.zeros(count, dtype=bool)
    mask[faces] = True
    return mask
