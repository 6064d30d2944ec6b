"""A few bits that stay the same while a picture is scaled or encoded anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 8, 9
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""ITU-R BT.709, of stored values."""
_BEHIND = 0.5
"""What shows through transparency."""
_STEP = 1 / 512
"""Half a step of 8 bits: in an area of one colour rounding would decide."""


def fingerprint(pixels: npt.NDArray[np.float32]) -> str:
    """16 hex digits, the difference hash of a picture of shape (height, width, 4), values 0 to 1, any size.

    Its greys are averaged to 8 rows of 9; a bit says whether a cell is brighter than its right neighbour (Krawetz,
    "Kind of Like That", 2013).
    """
    greys = pixels[..., :3] @ _LUMA
    greys = (greys - _BEHIND) * pixels[..., 3] + _BEHIND
    cells = _areas(ROWS, len(greys)) @ greys @ _areas(COLUMNS, greys.shape[1]).T
    bits = cells[:, :-1] - cells[:, 1:] > _STEP
    return np.packbits(bits).tobytes().hex()


def _areas(cells: int, pixels: int) -> npt.NDArray[np.float32]:
    """Shape (cells, pixels): the share that each pixel of a row has in each of the cells that divide the row evenly."""
    edges, starts = np.linspace(0, pixels, cells + 1), np.arange(pixels)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return (np.maximum(overlap, 0) * cells / pixels).astype(np.float32)
