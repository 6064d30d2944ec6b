"""A few bits that stay the same while a picture is scaled or encoded anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 8, 9
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""ITU-R BT.709, of stored values."""
_BEHIND = 0.5
"""What shows through transparency."""


def fingerprint(pixels: npt.NDArray[np.float32]) -> str:
    """16 hex digits, the difference hash of a picture of shape (height, width, 4), values 0 to 1, any size.

    Its greys are averaged to 8 rows of 9; a bit says whether a cell is brighter than its right neighbour (Krawetz,
    "Kind of Like That", 2013).
    """
    greys = pixels[..., :3] @ _LUMA
    greys = (greys - _BEHIND) * pixels[..., 3] + _BEHIND
    cells = _averaged(_averaged(greys, ROWS).T, COLUMNS).T
    bits = cells[:, :-1] > cells[:, 1:]
    return np.packbits(bits).tobytes().hex()


def _averaged(values: npt.NDArray[np.float32], rows: int) -> npt.NDArray[np.float32]:
    """Shape (any, n) to (rows, n), by means of rows that lie together; with fewer than `rows`, some are repeated."""
    starts = np.arange(rows) * len(values) // rows
    ends = np.maximum(np.arange(1, rows + 1) * len(values) // rows, starts + 1)
    return np.stack([values[start:end].mean(axis=0) for start, end in zip(starts, ends, strict=True)])
