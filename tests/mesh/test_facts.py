"""What is said of meshes whose faults are known, because they were made."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from glb_batch_validator_addon.mesh.facts import mesh_facts
from glb_batch_validator_addon.model.finding import MAX_ELEMENTS
from tests.mesh.examples import CLOSED, FIN
from tests.mesh.shapes import Mesh, batch, box, facts_of, grid, torus

FAULTS = (
    *("open_edges", "non_manifold_edges", "degenerate_faces", "duplicate_faces", "loose_vertices", "loose_edges"),
    *("small_parts", "inconsistent_edges", "inverted_faces", "non_finite_vertices"),
)


def faults(facts):
    return {field: getattr(facts, field).count for field in FAULTS if getattr(facts, field).count}


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_closed_has_no_fault(name):
    facts = facts_of(CLOSED[name])
    assert faults(facts) == {}
    assert facts.watertight


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_mesh_turned_over_is_inverted_and_nothing_else(name):
    facts = facts_of(CLOSED[name].turned_over())
    if name == "a leaf of two sides":  # it encloses nothing
        assert faults(facts) == {}
    elif name == "a hollow box":  # now the outer wall is wrong; the inner one, which is within no good one, is not
        assert faults(facts) == {"inverted_faces": 12}
    else:
        assert faults(facts) == {"inverted_faces": len(CLOSED[name].triangles)}


BROKEN = {
    "an open grid": (grid(4), {"open_edges": 16}),
    "a box without a face": (box().without(0, 1).split(), {"open_edges": 4}),
    "a fin on a box": (
        box().with_points((2, 2, 0)).with_triangles((6, 7, 8)),
        {"open_edges": 2, "non_manifold_edges": 1},
    ),
    "a split fin on a box": (
        box().split() + FIN,
        {"open_edges": 2, "non_manifold_edges": 1},
    ),
    "a triangle turned over": (box().turned_over(0), {"inconsistent_edges": 3}),
    "a second box turned over": (box() + box().moved(1, 1, 0).turned_over(), {"inverted_faces": 12}),
    "a triangle twice": (box().with_triangles((0, 1, 3)), {"duplicate_faces": 1}),
    "a triangle twice, begun elsewhere": (box().with_triangles((3, 0, 1)).split(), {"duplicate_faces": 1}),
    "a box twice": (box() + box(), {"duplicate_faces": 12}),
    "a triangle without area": (
        box().with_points((-0.5, -0.5, 0.0)).with_triangles((0, 1, 8)),
        {"degenerate_faces": 1, "open_edges": 2, "non_manifold_edges": 1},
    ),
    "a triangle that is a point": (box().with_points((0, 0, 0)).with_triangles((8, 8, 8)), {"degenerate_faces": 1}),
    "a side collapsed": (box().with_points((-0.5, -0.5, -0.5)).with_triangles((0, 8, 1)), {"degenerate_faces": 1}),
    "a loose point": (box().with_points((5, 5, 5)), {"loose_vertices": 1}),
    "a loose edge": (
        replace(box().with_points((5, 5, 5), (6, 6, 6)), loose=((8, 9),)),
        {"loose_edges": 1},
    ),
    "a crumb": (box() + box(1e-4, 1e-4, 1e-4).moved(2, 0, 0), {"small_parts": 12}),
    "a Moebius strip": (
        Mesh(
            np.array([(np.cos(a), np.sin(a), z) for a in np.arange(6) * np.pi / 3 for z in (-0.2, 0.2)]),
            np.array(
                [t for i in range(0, 10, 2) for t in ((i, i + 2, i + 1), (i + 1, i + 2, i + 3))]
                + [(10, 1, 11), (11, 1, 0)]
            ),
        ),
        {"open_edges": 12, "inconsistent_edges": 1},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_faults_are_counted(name):
    mesh, expected = BROKEN[name]
    assert faults(facts_of(mesh)) == expected


def test_elements_and_where_they_are():
    turned = np.array([[0, -2, 0, 10], [2, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])  # a quarter round Z, twice as large
    facts = facts_of(replace(box().turned_over(5), matrix=turned))
    assert facts.inconsistent_edges.kind == "edge"
    assert len(facts.inconsistent_edges.first) == 3
    facts = facts_of(replace(box().with_points((1, 2, 3)), matrix=turned))
    assert facts.loose_vertices.first == (8,)
    assert facts.positions == {"loose_vertices": (6.0, 2.0, 6.0)}
    facts = facts_of(replace(box().with_triangles((0, 1, 3)), matrix=turned))
    assert facts.duplicate_faces.first == (12,)
    assert facts.positions["duplicate_faces"] == pytest.approx((10 + 1 / 3, -1.0, 1 / 3), abs=1e-6)


def test_of_many_elements_the_first_are_named():
    facts = facts_of(grid(100).split().turned_over())
    assert (facts.open_edges.count, len(facts.open_edges.first)) == (400, MAX_ELEMENTS)
    assert list(facts.open_edges.first) == sorted(facts.open_edges.first)


def test_sizes():
    facts = facts_of(box(2, 3, 4).moved(100, 200, 300))
    assert facts.volume_m3 == pytest.approx(24)
    assert facts.area_m2 == pytest.approx(2 * (6 + 8 + 12))
    facts = facts_of(torus(200, 100))
    assert facts.volume_m3 == pytest.approx(2 * np.pi**2 * 0.3**2, rel=2e-3)
    assert facts.area_m2 == pytest.approx(4 * np.pi**2 * 0.3, rel=2e-3)
    assert (facts.vertices, facts.welded_vertices, facts.parts) == (201 * 101, 200 * 100, 1)
    assert facts_of(CLOSED["a hollow box"]).volume_m3 == pytest.approx(7)
    assert facts_of(grid(2)).volume_m3 is None
    assert facts_of(box() + box().moved(1, 1, 1) + box().moved(5, 0, 0)).parts == 2, "a common point connects"


def test_the_tolerance_is_of_the_mesh_and_not_of_one_vertex_gone_astray():
    astray = box().with_points((1e6, 0, 0)).with_triangles((0, 1, 8))
    assert facts_of(astray).weld_tolerance_m == pytest.approx(0.5e-6)
    assert facts_of(astray).welded_vertices == 9
    assert facts_of(box().moved(1000, 0, 0)).weld_tolerance_m == pytest.approx(1000.5e-6)


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_rounding_opens_nothing(seed):
    """Seams are found wherever the noise puts their two sides, as on both sides of a border of any grid."""
    mesh = torus(30, 20).split()
    noise = np.random.default_rng(seed).uniform(-4e-7, 4e-7, mesh.points.shape)
    assert faults(facts_of(replace(mesh, points=mesh.points + noise))) == {}
    assert facts_of(replace(mesh, points=mesh.points + 100 * noise)).open_edges.count > 0


def test_what_is_not_finite_is_counted_and_spoils_nothing_else():
    good = facts_of(box())
    points = np.vstack([box().points, [(np.nan, 0, 0), (0, np.inf, 0), (1, 1, -np.inf)]])
    mesh = replace(box().with_triangles((8, 9, 10), (0, 1, 8)), points=points)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (facts, other), gaps = mesh_facts(batch(mesh, box()), deep=True)
    assert faults(facts) == {"non_finite_vertices": 3}
    assert (facts.area_m2, facts.volume_m3, facts.parts) == (good.area_m2, good.volume_m3, 1)
    assert faults(other) == {}
    assert gaps == ()
    assert "non_finite_vertices" not in facts.positions


@pytest.mark.parametrize("value", [0.0, 1e-38, 3e38, np.nan])
def test_absurd_numbers_do_no_harm(value):
    mesh = replace(torus(8, 6), points=np.full_like(torus(8, 6).points, value), matrix=np.full((4, 4), value))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (facts,), _ = mesh_facts(batch(mesh), deep=True)
    assert facts.triangles == 96


def test_duplicate_vertices_are_those_that_need_not_be_split():
    normals = np.repeat([(0.0, 0.0, 1.0)], 16, axis=0)
    smooth = replace(grid(3), normals=normals).split()
    assert facts_of(smooth).duplicate_vertices.count == 3 * 18 - 16
    facets = replace(smooth, normals=np.random.default_rng(0).normal(size=smooth.points.shape))
    assert facts_of(facets).duplicate_vertices.count == 0
    apart = replace(smooth, uvs=np.random.default_rng(0).uniform(size=smooth.uvs.shape))
    assert facts_of(apart).duplicate_vertices.count == 0
    two = replace(smooth, slots=[0] * 6 + [1] * 12, materials=("a", "b"))
    assert facts_of(two).duplicate_vertices.count == 3 * 18 - 16 - 4, (
        "primitives share no vertices: four points are split"
    )
    assert facts_of(torus(8, 6)).duplicate_vertices.count == 0, "the seams of the UV map have to be"


def test_many_meshes_are_judged_as_each_alone():
    meshes = (
        [mesh for mesh, _ in BROKEN.values()] + list(CLOSED.values()) + [Mesh(np.zeros((0, 3)), np.zeros((0, 3), int))]
    )
    together, _ = mesh_facts(batch(*meshes), deep=True)
    for number, facts in enumerate(together):
        alone = facts_of(meshes[number], deep=True)
        named = {"name": facts.name, "pointer": facts.pointer, "objects": facts.objects}
        if meshes[number].uvs is not None:
            assert facts.uv_maps == alone.uv_maps
        assert replace(alone, **named, uv_maps=facts.uv_maps) == facts
