"""Where to put a camera so that a subject fills the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

Part = tuple[Vectors, Vectors]
"""Points of shape (n, 3), and the 4 x 4 matrix that puts them into the world. Parts may share their points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A perspective camera with a square picture."""

    position: Vectors
    shift: tuple[float, float]
    """Of the picture to the right and up, in widths of the picture, as a shift lens does."""
    nearest: float
    farthest: float
    """Distances of the subject along the line of sight."""


def fit(parts: Sequence[Part], *, axes: Vectors, slope: float, fill: float) -> Shot | None:
    """The shot in which the subject is centred and its larger extent takes `fill` of the picture, exactly.

    `axes` are right, up and backwards of the camera, as rows; `slope` is the tangent of half its angle. None if the
    subject has no extent, or coordinates that are not finite.

    A point is inside the pyramid of the camera when it is on the inner side of its four planes, so how far the points
    reach along the normals of the planes says all about where its top must be: right and left give the position across
    and a least distance, above and below another one, and the larger distance holds. On the axis that decided, the
    subject touches both sides; on the other one it is moved to the middle by shifting the picture.
    """
    k = slope * fill
    reach = np.full(4, -np.inf)
    for across, up, back in _seen(parts, axes):
        with np.errstate(invalid="ignore"):  # infinite coordinates
            planes = (across + k * back, k * back - across, up + k * back, k * back - up)
        reach = np.maximum(reach, [plane.max() for plane in planes])
    if not np.isfinite(reach).all():
        return None
    right, left, above, below = reach
    distance = max(right + left, above + below) / (2 * k)
    center = np.array([(right - left) / 2, (above - below) / 2, distance])
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for across, up, back in _seen(parts, axes):
        depth = distance - back
        if not (depth > 0).all():  # a point, or a line towards the camera
            return None
        in_picture = ((across - center[0]) / depth, (up - center[1]) / depth, depth)
        low = np.minimum(low, [values.min() for values in in_picture])
        high = np.maximum(high, [values.max() for values in in_picture])
    middle = (low + high)[:2] / 2
    return Shot(
        position=center @ axes,
        shift=(float(middle[0] / (2 * slope)), float(middle[1] / (2 * slope))),
        nearest=float(low[2]),
        farthest=float(high[2]),
    )


def _seen(parts: Sequence[Part], axes: Vectors) -> Iterator[Vectors]:
    """Each part as the camera sees it: shape (3, n), across, up and backwards."""
    for points, matrix in parts:
        yield (axes @ matrix[:3, :3]) @ points.T + (axes @ matrix[:3, 3])[:, None]
