"""Sorting, joining and welding of numbered things. The number of numpy calls depends on no number of groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MAX_STEPS = 64
"""Neighbours along the sweep that a point is compared with. Only meshes made to be slow have more that close together;
what is left stays apart."""

FULL_STEPS = 8
"""Neighbours that it is compared with even though it is one with a nearer one already: nothing is missed up to here."""

# Powers of the reciprocal plastic number: no two points of a regular grid fall together along them.
_DIRECTION = np.array([0.754877666, 0.569840291, 0.430159709, 0.324717957])


def keys(groups: Ints, values: Floats) -> Ints:
    """Integers that sort as (group, value) do, the value in single precision. Groups are from 0 to below 2**31."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    bits ^= (bits >> 63) & 0x7FFFFFFF  # negative floats sort backwards by their bits
    return (groups << 32) + bits


def components(count: int, first: Ints, second: Ints) -> Ints:
    """The connected components of a graph: for each of `count` nodes the lowest number of its component.

    `first` and `second` are the ends of the edges. Each node hooks onto its lowest neighbour if that is lower, pointer
    jumping flattens the trees, and the rest is the same problem among their roots. Two rounds at least halve the
    roots that have neighbours: one that is still there is the lowest at a node that is not.
    """
    labels = np.arange(count)
    np.minimum.at(labels, np.maximum(first, second), np.minimum(first, second))
    while True:
        above = labels[labels]
        if np.array_equal(above, labels):
            break
        labels = above
    first, second = labels[first], labels[second]
    apart = np.flatnonzero(first != second)
    if len(apart):
        roots = np.flatnonzero(labels == np.arange(count))
        number = np.empty(count, dtype=np.int64)
        number[roots] = np.arange(len(roots))
        among = components(len(roots), number[first[apart]], number[second[apart]])
        labels = roots[among[number[labels]]]
    return labels


def weld(points: Floats, groups: Ints, reach: Floats) -> Ints:
    """For each point the lowest number of those that it is one with. What is not finite is one with nothing.

    Points are columns of shape (1 to 4, n). They are one if they are of the same group and steps lead from one to the
    other of which each is at most `reach` long on every axis; `reach`, of shape (n,), is the same within a group.
    A sweep along one direction finds neighbours on both sides of any border, which a grid of rounded cells would not.
    """
    count = points.shape[1]
    direction = _DIRECTION[: len(points)]
    along = direction @ points
    order = np.argsort(keys(groups, along))
    points, groups, along, reach = points[:, order], groups[order], along[order], reach[order]
    # The order is that of single precision, whose steps may hide as much again
    window = reach * direction.sum() + np.abs(along) * 2.0**-22
    here = np.flatnonzero((groups[1:] == groups[:-1]) & (along[1:] - along[:-1] <= window[:-1]))
    firsts, seconds = [], []
    for step in range(1, MAX_STEPS + 1):
        there = here + step
        apart = np.abs(points[0, there] - points[0, here])
        for axis in points[1:]:
            np.maximum(apart, np.abs(axis[there] - axis[here]), out=apart)
        close = apart <= reach[here]
        firsts.append(here[close])
        seconds.append(there[close])
        done = close if step >= FULL_STEPS else apart == 0  # another one looks further on behalf of this one
        here = here[~done & (here < count - step - 1)]
        there = here + step + 1
        here = here[(groups[there] == groups[here]) & (along[there] - along[here] <= window[here])]
        if not len(here):
            break
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    if not len(first):
        return np.arange(count)
    return components(count, order[first], order[second])


def refine(classes: Ints, points: Floats, reach: float, among: Ints) -> Ints:
    """Split classes by one more property: those stay one that are close in `points` too, of shape (1 to 4, all).

    `classes` hold the number of the first member; `among` are the members of classes that have more than one.
    """
    refined = np.arange(len(classes))
    first = classes[among]
    close = np.ones(len(among), dtype=bool)
    for axis in points:
        close &= np.abs(axis[among] - axis[first]) <= reach
    mixed = np.zeros(len(classes), dtype=bool)
    mixed[first[~close]] = True
    again = mixed[first]  # most classes stay whole, and only the others are worth a sweep
    refined[among[~again]] = first[~again]
    among = among[again]
    if len(among):
        refined[among] = among[weld(points[:, among], classes[among], np.full(len(among), reach))]
    return refined


def shared(classes: Ints) -> Flags:
    """Which members of classes, each the number of a member, are not alone in theirs."""
    return np.bincount(classes, minlength=len(classes))[classes] > 1


def starts_of_runs(values: Ints) -> Ints:
    """Where in a sorted array each new value begins."""
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))) if len(values) else np.arange(0)
