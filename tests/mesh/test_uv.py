"""UV maps whose faults and measures are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glb_batch_validator_addon.mesh import surface, uv
from tests.mesh.shapes import Mesh, facts_of, grid, torus


def uv_of(mesh: Mesh, *, deep: bool = False):
    (uv_map,) = facts_of(mesh, deep=deep).uv_maps
    return uv_map


def mapped(mesh: Mesh, change) -> Mesh:
    """With other UV coordinates."""
    return replace(mesh, uvs=change(mesh.uvs.copy()))


def squares(*corners: tuple[float, float], size: float = 0.1) -> Mesh:
    """Quads apart in space, in the UV map at these corners."""
    whole = None
    for number, corner in enumerate(corners):
        square = mapped(grid(1), lambda uvs, at=corner: uvs * size + np.array(at)).moved(0, 0, number)
        whole = whole + square if whole else square
    return whole


def test_the_unit_square():
    uv_map = uv_of(grid(10), deep=True)
    assert (uv_map.outside.count, uv_map.mirrored.count, uv_map.zero_area.count, uv_map.overlapping.count) == (0,) * 4
    assert (uv_map.islands, uv_map.coverage, uv_map.overlap_share, uv_map.gutter) == (1, 1.0, 0.0, None)


def test_outside_is_beyond_a_ten_thousandth():
    assert uv_of(mapped(grid(2), lambda uvs: uvs + 0.9e-4)).outside.count == 0
    assert uv_of(mapped(grid(2), lambda uvs: uvs + 1.1e-4)).outside.count == 6
    assert uv_of(mapped(grid(2), lambda uvs: uvs + 1.1e-4)).coverage == pytest.approx(0.25)
    assert uv_of(mapped(grid(2), lambda uvs: uvs - 5)).coverage == 0


def test_mirrored_is_what_runs_the_other_way_round():
    assert uv_of(mapped(grid(2), lambda uvs: 1 - uvs)).mirrored.count == 0, "turned by half a circle"
    assert uv_of(mapped(grid(2), lambda uvs: uvs * (-1, 1) + (1, 0))).mirrored.count == 8
    assert uv_of(torus(8, 6)).mirrored.count == 0
    assert uv_of(torus(8, 6).turned_over(3)).mirrored.first == (3,)


def test_faces_without_area_in_the_map():
    assert uv_of(mapped(grid(2), lambda uvs: uvs * 0 + 0.5)).zero_area.count == 8
    assert uv_of(mapped(grid(2), lambda uvs: uvs * (1, 1e-8))).zero_area.count == 8
    assert uv_of(mapped(grid(2), lambda uvs: uvs * (1, 1e-5))).zero_area.count == 0
    flat = mapped(grid(2).scaled(1, 0, 1), lambda uvs: uvs * 0)
    assert uv_of(flat).zero_area.count == 0, "no area in space either"


def test_what_is_not_finite_is_counted_and_spoils_nothing_else():
    def spoil(uvs):
        uvs[0] = np.nan
        return uvs

    uv_map = uv_of(mapped(grid(2), spoil), deep=True)
    assert uv_map.non_finite.count == 2
    assert (uv_map.outside.count, uv_map.zero_area.count, uv_map.overlapping.count) == (0, 0, 0)
    assert uv_map.coverage == pytest.approx(0.75)


def test_islands_hang_together_where_space_and_map_do():
    assert uv_of(torus(8, 6)).islands == 1, "both sides of its seams are of one island"
    assert uv_of(squares((0, 0), (0.2, 0), (0.4, 0))).islands == 3
    assert uv_of(squares((0, 0), (0, 0))).islands == 2, "at the same place in the map, not in space"


def test_density_is_the_root_of_areas_in_the_world_of_the_first_object():
    stretched = np.diag([2.0, 8.0, 5.0, 1.0])
    (density,) = uv_of(replace(grid(10), matrix=stretched)).densities
    assert (density.material, density.uv_area, density.area_m2) == ("paint", 1.0, 16.0)
    assert density.median_uv_per_m == pytest.approx(0.25)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] @ np.diag([1, 2, 3])
    matrix = np.eye(4)
    matrix[:3, :3] = turned
    points = (turned @ torus(20, 10).points.T).T
    expected = uv_of(replace(torus(20, 10), points=points)).densities
    (density,) = uv_of(replace(torus(20, 10), matrix=matrix)).densities
    assert density.area_m2 == pytest.approx(expected[0].area_m2, rel=1e-5)
    assert density.least_uv_per_m == pytest.approx(expected[0].least_uv_per_m, rel=1e-5)


def test_percentiles_are_by_area_and_materials_apart():
    """A tenth of the area is dense, the rest is not; the second material is denser still."""
    mesh = grid(10)
    uvs = mesh.uvs.copy()
    dense = replace(mesh, points=mesh.points * (0.1, 1, 1) + (5, 0, 0))
    both = mesh + dense + replace(mesh, points=mesh.points * 0.01 + (9, 0, 0))
    both = replace(both, slots=[1] * 400 + [0] * 200, materials=("fine", "coarse"))
    fine, coarse = uv_of(both).densities
    assert (fine.material, coarse.material) == ("fine", "coarse")
    assert fine.median_uv_per_m == pytest.approx(100)
    assert (coarse.least_uv_per_m, coarse.median_uv_per_m) == (1.0, 1.0)
    assert coarse.most_uv_per_m == pytest.approx(10**0.5, rel=1e-5)
    assert (uvs == mesh.uvs).all()


@pytest.mark.parametrize(
    ("second", "share"),
    [((0.1, 0.0), 0.0), ((0.11, 0.0), 0.0), ((0.05, 0.0), 1 / 3), ((0.0, 0.0), 1.0), ((0.09, 0.09), 0.01 / 1.99)],
)
def test_overlaps_are_seen(second, share):
    uv_map = uv_of(squares((0.0, 0.0), second), deep=True)
    assert uv_map.overlap_share == pytest.approx(share, abs=0.004)
    assert (uv_map.overlapping.count > 0) == (share > 0)


def test_no_overlap_is_seen_where_there_is_none():
    """However the sides of faces fall on the pixels."""
    random = np.random.default_rng(3)
    for count in (3, 17, 120):
        mesh = grid(count)
        uvs = mesh.uvs + random.uniform(-0.2, 0.2, mesh.uvs.shape) / count * ((mesh.uvs > 0) & (mesh.uvs < 1))
        uv_map = uv_of(replace(mesh, uvs=uvs), deep=True)
        assert (uv_map.mirrored.count, uv_map.overlapping.count) == (0, 0)


def test_overlap_agrees_with_sampling():
    """Against a slow test of points in triangles."""
    random = np.random.default_rng(5)
    uvs = random.uniform(0, 1, (36, 2))
    mesh = Mesh(random.normal(size=(36, 3)), np.arange(36).reshape(-1, 3), uvs)
    uv_map = uv_of(mesh, deep=True)
    samples = random.uniform(0, 1, (40_000, 2))
    a, b, c = (uvs[corner][:, None] for corner in mesh.triangles.T)

    def side(p, q):
        return (q - p)[..., 0] * (samples - p)[..., 1] - (q - p)[..., 1] * (samples - p)[..., 0] > 0

    sides = np.stack([side(a, b), side(b, c), side(c, a)])
    layers = (sides.all(axis=0) | ~sides.any(axis=0)).sum(axis=0)
    assert uv_map.overlap_share == pytest.approx((layers > 1).sum() / (layers > 0).sum(), abs=0.01)


def test_the_gutter_is_the_distance_between_islands():
    assert uv_of(squares((0, 0), (0.11, 0)), deep=True).gutter == pytest.approx(0.01)
    assert uv_of(squares((0, 0), (0.103, 0.104)), deep=True).gutter == pytest.approx(0.005)
    assert uv_of(squares((0, 0), (0.1, 0)), deep=True).gutter == 0, "they touch"
    assert uv_of(squares((0, 0), (0.12, 0)), deep=True).gutter is None, "more than a 64th"
    assert uv_of(squares((0, 0), (0, 0)), deep=True).gutter is None, "one over the other: they share texels on purpose"
    assert uv_of(squares((0, 0), (0.11, 0)), deep=False).gutter is None


def test_percentiles_of_a_large_map_are_told_by_a_sample_and_areas_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    uneven = torus(60, 40)
    uneven = replace(uneven, uvs=uneven.uvs**1.5, slots=[1] + [0] * (len(uneven.triangles) - 1), materials=("a", "b"))
    uneven = replace(uneven, points=uneven.points + random.normal(0, 1e-3, uneven.points.shape))
    of_all = facts_of(uneven).uv_maps[0].densities
    monkeypatch.setattr(uv, "PERCENTILES_OF", 1000)
    sampled = facts_of(uneven).uv_maps[0].densities
    assert [density.material for density in sampled] == ["a", "b"], "a single face counts as well"
    for told, true in zip(sampled, of_all, strict=True):
        assert (told.uv_area, told.area_m2) == (true.uv_area, true.area_m2)
        assert told.median_uv_per_m == pytest.approx(true.median_uv_per_m, rel=0.05)
        assert told.least_uv_per_m == pytest.approx(true.least_uv_per_m, rel=0.1)


def test_faces_are_measured_block_by_block_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = torus(20, 12)
    at_once = facts_of(mesh)
    monkeypatch.setattr(surface, "BLOCK", 7)
    assert facts_of(mesh) == at_once
