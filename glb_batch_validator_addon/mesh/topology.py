"""How faces hang together: edges, shells, parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .batch import Batch
from .grouping import Flags, Floats, Ints, components, shared, starts_of_runs
from .pairs import TooManyPairsError, touching_boxes
from .surface import Surface

SMALL_PART = 1e-3
"""Of the mesh's own size: a part below it is smaller than a millimetre on a chair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Indices of what is noteworthy, ascending. Faces that are not sound, and duplicates, count for nothing here.

    Edges are looked at after welding; of several Blender edges at one place the first is named.
    """

    open_edges: Ints
    non_manifold_edges: Ints
    inconsistent_edges: Ints
    duplicate_faces: Ints
    small_faces: Ints
    """Faces of small parts."""
    inverted_faces: Ints
    loose_edges: Ints
    loose_vertices: Ints
    parts: Ints
    """Shape (faces,): the first face of the part; parts are connected by points."""


def topology_of(batch: Batch, surface: Surface) -> Topology:
    """Look at how the faces of all meshes hang together.

    Where closed shells touch along an edge, four or more faces meet there, and as many of them run along it one way as
    the other: then they are taken for pairs, and the edge for several edges at one place. It is not manifold if no such
    pairing is possible.
    """
    edges = _welded_edges(batch, surface)
    along = surface.welded[batch.edges].min(axis=0)
    # Every side of a face is one run along an edge, forwards if it begins at the lower of its two points
    runs = 2 * edges[batch.sides] + (surface.corners == along[batch.sides])
    counts = _count(runs, surface.sound, len(edges))
    duplicates = _duplicates(surface, runs, counts)
    valid = surface.sound
    if len(duplicates):
        valid = valid.copy()
        valid[duplicates] = False
        counts = _count(runs, valid, len(edges))
    backwards, forwards = counts
    total = backwards + forwards
    balanced = backwards == forwards

    shells = _shells(runs, valid, np.flatnonzero(balanced & (total == 2)), len(edges))
    shells = _whole_shells(shells, runs, valid, counts)
    parts = _parts(surface, shells, valid)
    used = np.bincount(batch.sides.ravel(), minlength=len(edges)) > 0
    return Topology(
        open_edges=np.flatnonzero(total == 1),
        non_manifold_edges=np.flatnonzero((total > 2) & ~balanced),
        inconsistent_edges=np.flatnonzero((total == 2) & ~balanced),
        duplicate_faces=duplicates,
        small_faces=_small(batch, parts, valid),
        inverted_faces=_inverted(batch, surface, shells, valid, runs, counts),
        loose_edges=np.flatnonzero(~used),
        loose_vertices=np.flatnonzero(np.bincount(batch.edges.ravel(), minlength=len(surface.welded)) == 0),
        parts=parts,
    )


def _welded_edges(batch: Batch, surface: Surface) -> Ints:
    """For each edge the first that connects the same two places."""
    first, second = surface.welded[batch.edges]
    split = shared(surface.welded)
    among = np.flatnonzero(split[first] | split[second])  # other edges have a point of their own, and so are alone
    edges = np.arange(len(first))
    if len(among):
        first, second = first[among], second[among]
        places = np.minimum(first, second) * len(surface.welded) + np.maximum(first, second)
        order = np.argsort(places)
        starts = starts_of_runs(places[order])
        lowest = np.minimum.reduceat(order, starts)
        edges[among[order]] = among[np.repeat(lowest, np.diff(starts, append=len(order)))]
    return edges


def _count(runs: Ints, valid: Flags, edges: int) -> Ints:
    """How many valid faces run along each edge backwards and forwards, shape (2, edges)."""
    chosen = runs.ravel() if valid.all() else runs[:, valid].ravel()
    return np.bincount(chosen, minlength=2 * edges).reshape(-1, 2).T


def _duplicates(surface: Surface, runs: Ints, counts: Ints) -> Ints:
    """Faces with the same points in the same order as an earlier one. They share all three runs with another."""
    several = counts.T.ravel() > 1
    if not several.any():
        return np.arange(0)
    suspects = np.flatnonzero(several[runs].all(axis=0) & surface.sound)
    corners = surface.corners[:, suspects]
    turned = (corners.argmin(axis=0) + np.arange(3)[:, None]) % 3
    a, b, c = np.take_along_axis(corners, turned, axis=0)
    order = np.lexsort((c, b, a))
    same = np.concatenate([row[order] for row in (a, b, c)]).reshape(3, -1)
    return np.sort(suspects[order[1:][(same[:, 1:] == same[:, :-1]).all(axis=0)]])


def _shells(runs: Ints, valid: Flags, manifold: Ints, edges: int) -> Ints:
    """For each face the first face of its shell: shells are connected by manifold edges."""
    faces = np.arange(runs.shape[1])
    if not valid.all():
        runs, faces = runs[:, valid], faces[valid]
    face_at = np.empty(2 * edges, dtype=np.int64)
    for row in runs:
        face_at[row] = faces
    return components(len(valid), face_at[2 * manifold], face_at[2 * manifold + 1])


def _whole_shells(shells: Ints, runs: Ints, valid: Flags, counts: Ints) -> Ints:
    """Join shells that touch along an edge and only together run along it as often one way as the other.

    A box on a box leaves four faces at each edge of the common face: all manifold edges there are lost to its shells.
    """
    touching = np.repeat((counts[0] == counts[1]) & (counts[0] > 1), 2)
    if not touching.any():
        return shells
    side, face = np.nonzero(touching[runs] & valid)
    here = runs[side, face]
    places = (here >> 1) * len(shells) + shells[face]  # edge and shell
    order = np.argsort(places)
    starts = starts_of_runs(places[order])
    sums = np.add.reduceat(2 * (here[order] & 1) - 1, starts)
    edge, shell = np.divmod(places[order[starts[sums != 0]]], len(shells))
    same = edge[1:] == edge[:-1]
    return components(len(shells), shell[:-1][same], shell[1:][same])[shells]


def _parts(surface: Surface, shells: Ints, valid: Flags) -> Ints:
    """For each face the first face of its part: shells that share a point are one part."""
    shell_at = np.empty(len(surface.welded), dtype=np.int64)
    for corner in surface.corners:
        shell_at[corner[valid]] = shells[valid]
    firsts, seconds = [], []
    for corner in surface.corners:
        other = shell_at[corner]
        differs = np.flatnonzero((other != shells) & valid)
        firsts.append(shells[differs])
        seconds.append(other[differs])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return components(len(shells), first, second)[shells] if len(first) else shells


def _small(batch: Batch, parts: Ints, valid: Flags) -> Ints:
    """Faces of parts whose diagonal is below `SMALL_PART` of the mesh's, in meshes of several parts."""
    roots = np.flatnonzero((parts == np.arange(len(parts))) & valid)
    mesh_of_roots = np.searchsorted(batch.face_starts, roots, side="right") - 1
    several = np.bincount(mesh_of_roots, minlength=batch.count) > 1
    if not several.any():
        return np.arange(0)
    faces = np.flatnonzero(batch.of_faces(several) & valid)
    labels, low, high = _boxes(batch, parts, faces)
    mesh_of = np.searchsorted(batch.face_starts, labels, side="right") - 1
    starts = starts_of_runs(mesh_of)
    extent = np.maximum.reduceat(high, starts, axis=1) - np.minimum.reduceat(low, starts, axis=1)
    whole = np.repeat(np.sqrt((extent**2).sum(axis=0)), np.diff(starts, append=len(mesh_of)))
    small = np.zeros(len(parts), dtype=bool)
    small[labels[np.sqrt(((high - low) ** 2).sum(axis=0)) < SMALL_PART * whole]] = True
    return np.asarray(faces[small[parts[faces]]])


def _boxes(batch: Batch, labels: Ints, faces: Ints) -> tuple[Ints, Floats, Floats]:
    """The labels of these faces, ascending, and the least and greatest corner of the faces of each, shape (3, n)."""
    faces = faces[np.argsort(labels[faces])]
    starts = starts_of_runs(labels[faces])
    points = [batch.positions[:, corner] for corner in batch.corners[:, faces]]
    low = np.minimum.reduceat(np.minimum(np.minimum(points[0], points[1]), points[2]), starts, axis=1)
    high = np.maximum.reduceat(np.maximum(np.maximum(points[0], points[1]), points[2]), starts, axis=1)
    return labels[faces[starts]], low, high


def _inverted(batch: Batch, surface: Surface, shells: Ints, valid: Flags, runs: Ints, counts: Ints) -> Ints:
    """Faces of closed shells that are inside out and not the wall of a cavity: within the box of one that is not."""
    closed = np.ones(len(shells), dtype=bool)
    closed[shells[~valid]] = False
    unbalanced = np.repeat(counts[0] != counts[1], 2)
    if unbalanced.any():
        closed[shells[unbalanced[runs].any(axis=0)]] = False

    areas = np.sqrt(np.einsum("ij,ij->j", surface.normals, surface.normals)) / 2
    volumes = np.bincount(shells, surface.volumes, minlength=len(shells))
    thinnest = batch.of_faces(surface.tolerance) * np.bincount(shells, areas, minlength=len(shells))
    root = closed & (shells == np.arange(len(shells)))
    negative = root & (volumes < -thinnest)
    if not negative.any():
        return np.arange(0)
    negative[_cavities(batch, shells, negative, root & (volumes > thinnest))] = False
    return np.flatnonzero(negative[shells] & valid)


def _cavities(batch: Batch, shells: Ints, negative: Flags, positive: Flags) -> Ints:
    """Which negative shells are within the box of a positive one of the same mesh: for what is hollow that is right."""
    labels, low, high = _boxes(batch, shells, np.flatnonzero((negative | positive)[shells]))
    mesh_of = np.searchsorted(batch.face_starts, labels, side="right") - 1
    found = []
    try:
        for first, second in touching_boxes(low, high, mesh_of):
            for inner, outer in ((first, second), (second, first)):
                fits = (low[:, inner] >= low[:, outer]).all(axis=0) & (high[:, inner] <= high[:, outer]).all(axis=0)
                found.append(labels[inner[fits & negative[labels[inner]] & positive[labels[outer]]]])
    except TooManyPairsError:
        return labels  # in such a heap of shells nothing is said of any
    return np.concatenate(found) if found else np.arange(0)
