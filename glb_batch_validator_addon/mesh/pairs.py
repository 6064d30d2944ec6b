"""Which of many boxes touch each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .grouping import Floats, Ints

MAX_PAIRS = 40_000_000
"""Pairs of boxes, of single things or of whole branches of the tree, that are looked at: some ten seconds."""

_CHUNK = 1 << 17
"""Pairs that are looked at together: what bounds the memory (about 50 MB)."""

_BITS = 10
"""Of each coordinate of a box's centre: how finely the tree sorts."""


class TooManyPairsError(Exception):
    """More than `MAX_PAIRS` pairs would have to be looked at."""


def touching_boxes(low: Floats, high: Floats, groups: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of boxes of the same group that touch or overlap, each pair once, in portions.

    `low` and `high` have shape (2 or 3, n), `groups` shape (n,). Boxes are sorted along a Morton curve; neighbours in
    that order make a tree of bounding boxes, which is descended level by level, comparing branches with branches.
    Raises TooManyPairsError.
    """
    count = low.shape[1]
    if count < 2:
        return
    order = _morton_order(low, high, groups)
    depth = (count - 1).bit_length()
    spare = (1 << depth) - count
    # One more axis keeps groups apart; what fills the tree up touches nothing
    lows = [np.pad(np.vstack([low, groups])[:, order], ((0, 0), (0, spare)), constant_values=np.inf)]
    highs = [np.pad(np.vstack([high, groups])[:, order], ((0, 0), (0, spare)), constant_values=-np.inf)]
    for _ in range(depth):
        lows.append(np.minimum(lows[-1][:, ::2], lows[-1][:, 1::2]))
        highs.append(np.maximum(highs[-1][:, ::2], highs[-1][:, 1::2]))

    looked_at = 0
    pending = [(depth, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))]
    while pending:
        level, first, second = pending.pop()
        if level == 0:
            yield order[first], order[second]
            continue
        if len(first) > _CHUNK:
            pending += [(level, first[_CHUNK:], second[_CHUNK:])]
            first, second = first[:_CHUNK], second[:_CHUNK]
        level -= 1
        left, right = 2 * first, 2 * second
        apart = first != second
        # The children of a branch and itself: both and themselves, and the one with the other. A leaf has no itself.
        alike = slice(None) if level else apart
        first = np.concatenate([left[alike], left[alike] + 1, left, left[apart] + 1])
        second = np.concatenate([right[alike], right[alike] + 1, right + 1, right[apart]])
        looked_at += len(first)
        if looked_at > MAX_PAIRS:
            raise TooManyPairsError
        for below, above in zip(lows[level], highs[level], strict=True):
            touch = (below[first] <= above[second]) & (below[second] <= above[first])
            first, second = first[touch], second[touch]
        if len(first):
            pending.append((level, first, second))


def _morton_order(low: Floats, high: Floats, groups: Ints) -> Ints:
    """The order along a Z-shaped curve through the centres, group by group."""
    centres = (low + high) / 2
    least, most = centres.min(axis=1, keepdims=True), centres.max(axis=1, keepdims=True)
    cells = ((centres - least) / np.maximum(most - least, np.finfo(np.float64).tiny) * (2**_BITS - 1)).astype(np.int64)
    code = groups << (_BITS * len(low))
    for bit in range(_BITS):
        for axis, cell in enumerate(cells):
            code |= ((cell >> bit) & 1) << (bit * len(low) + axis)
    return np.argsort(code)
