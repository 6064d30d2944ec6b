"""Boxes that touch, faces that cross, and what is too much to look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glb_batch_validator_addon.mesh import facts as facts_module
from glb_batch_validator_addon.mesh import layout, pairs
from glb_batch_validator_addon.mesh.facts import mesh_facts
from glb_batch_validator_addon.mesh.pairs import touching_boxes
from tests.mesh.shapes import batch, box, facts_of, grid, torus


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64, 65, 300])
def test_pairs_of_boxes_are_those_that_touch(count):
    random = np.random.default_rng(count)
    low = random.integers(0, 20, (3, count)).astype(float)
    high = low + random.integers(0, 6, (3, count))
    groups = random.integers(0, 2, count)
    touch = (low[:, :, None] <= high[:, None]).all(axis=0) & (low[:, None] <= high[:, :, None]).all(axis=0)
    touch &= groups[:, None] == groups
    found = [
        tuple(sorted(pair)) for one, other in touching_boxes(low, high, groups) for pair in zip(one, other, strict=True)
    ]
    assert sorted(found) == [(a, b) for a in range(count) for b in range(a + 1, count) if touch[a, b]]


NOT_CROSSING = {
    "a torus": torus(24, 12),
    "a split torus": torus(24, 12).split(),
    "boxes that share a face": box() + box().moved(1, 0, 0),
    "boxes whose faces touch in part": box() + box().moved(1, 0.3, 0.2),
    "a corner on a face": box() + box(0.5, 0.5, 0.5).moved(0.25, 0.25, 0.75),
    "a box within another": box(2, 2, 2) + box(),
    "a sheet that stands on another": grid(3) + grid(3).moved(-0.5, -0.5, 0).scaled(0.5, 0, 1).moved(0.5, 0.5, 0),
    "faces in one plane": grid(3) + grid(2).moved(0.1, 0.1, 0),
}


@pytest.mark.parametrize("name", NOT_CROSSING)
def test_to_touch_is_not_to_cross(name):
    assert facts_of(NOT_CROSSING[name], deep=True).self_intersections.count == 0


def test_faces_that_cross_are_found_on_both_sides():
    mesh = grid(1) + grid(1).moved(-0.5, -0.5, 0.0)
    upright = mesh.points.copy()
    upright[4:] = upright[4:, [0, 2, 1]] * (0.5, 1, 1) + (0.6, 0.4, 0.0)
    crossing = type(mesh)(upright, mesh.triangles)
    assert facts_of(crossing, deep=True).self_intersections.count > 0
    assert facts_of(crossing).self_intersections is None
    boxes = box() + box(0.2, 0.2, 3).moved(0.1, 0.2, 0)
    assert set(facts_of(boxes, deep=True).self_intersections.first) & set(range(12, 24)), "the pole"
    assert set(facts_of(boxes, deep=True).self_intersections.first) & set(range(12)), "the box"


def test_random_triangles_against_a_slow_answer():
    """A triangle crosses another if a side of one passes through the other: by barycentric coordinates."""
    random = np.random.default_rng(1)
    points = (random.uniform(-1, 1, (300, 1, 3)) + random.normal(0, 0.15, (300, 3, 3))).reshape(-1, 3)
    triangles = np.arange(900).reshape(-1, 3)
    expected = set()
    corners = points[triangles]
    for i in range(300):
        a, b, c = corners[i]
        for corner in range(3):
            start, end = corners[:, corner], corners[:, (corner + 1) % 3]
            system = np.stack(
                [np.broadcast_to(b - a, start.shape), np.broadcast_to(c - a, start.shape), start - end], axis=2
            )
            system[i] = np.eye(3)
            u, v, t = np.linalg.solve(system, (start - a)[..., None])[..., 0].T
            hit = np.flatnonzero((u > 0) & (v > 0) & (u + v < 1) & (t > 0) & (t < 1) & (np.arange(300) != i))
            expected |= {i, *hit.tolist()} if len(hit) else set()
    mesh = type(box())(points, triangles)
    found = facts_of(mesh, deep=True).self_intersections
    assert found.count == len(expected) > 50
    assert set(found.first) <= expected


@pytest.mark.parametrize(
    ("module", "limit", "gaps"),
    [
        (facts_module, "MAX_DEEP_TRIANGLES", {"self-intersections", "overlaps"}),
        (pairs, "MAX_PAIRS", {"self-intersections", "gutter"}),
        (layout, "MAX_SPANS", {"overlaps"}),
    ],
)
def test_what_is_too_much_is_a_gap_and_named(monkeypatch, module, limit, gaps):
    monkeypatch.setattr(module, limit, 100)
    half = replace(grid(20), uvs=grid(20).uvs * (0.49, 1))
    two_islands = half + replace(half.moved(0, 0, 1), uvs=np.array([0.5, 0.0]) + half.uvs)
    (small, large), found = mesh_facts(batch(grid(1), two_islands), deep=True)
    assert {
        word for gap in found for word in ("self-intersections", "overlaps", "gutter") if word in gap.reason
    } == gaps
    assert all(
        gap.need == "deep" and gap.places.first[0].name == "mesh 1" for gap in found if "overlaps" not in gap.reason
    )
    assert small.self_intersections is not None
    assert (large.self_intersections is None) == ("self-intersections" in gaps)
    assert (large.uv_maps[0].overlapping is None) == ("overlaps" in gaps)
    assert large.open_edges.count == 160
