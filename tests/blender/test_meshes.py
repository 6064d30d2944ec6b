"""Facts of meshes that went through a GLB and Blender's importer, against bmesh and against how they were made."""

from __future__ import annotations

import math
import random
import time
from collections import Counter

import bpy  # isort: split

import bmesh  # the wheel of bpy brings it, and so has to come first
import numpy as np
import pytest
from bpy_extras.bmesh_utils import bmesh_linked_uv_islands

from demo.glb_builder import GlbBuilder
from demo.samples import small_assets, write_samples
from glb_batch_validator_addon.blender import meshes as module
from glb_batch_validator_addon.blender import scene
from glb_batch_validator_addon.blender.meshes import measure_meshes
from glb_batch_validator_addon.glb.document import JsonObject
from glb_batch_validator_addon.model.facts import Sample
from glb_batch_validator_addon.rules import geometry, uv  # noqa: F401  (they enter the registry)
from glb_batch_validator_addon.rules.registry import RULES
from tests.mesh.examples import CLOSED, GEOMETRY, UV
from tests.mesh.shapes import Mesh, box, grid, torus
from tests.rules.making import said, subject

_POINTS, _LINES, _TRIANGLES = 0, 1, 4
DEEP = {code for code, rule in RULES.items() if "deep" in rule.needs}


@pytest.fixture(scope="module", autouse=True)
def _started():
    scene.start()


def add_mesh(builder: GlbBuilder, mesh: Mesh, *, name: str = "", material: int | None = None) -> int:
    """With its points as they will be in Blender: glTF's (x, y, z) is Blender's (x, -z, y), and its v runs down."""
    attributes = {"POSITION": builder.accessor(_to_gltf(mesh.points))}
    builder.json["accessors"][attributes["POSITION"]].update(min=[-1e9] * 3, max=[1e9] * 3)
    if mesh.normals is not None:
        attributes["NORMAL"] = builder.accessor(_to_gltf(mesh.normals))
    if mesh.uvs is not None:
        attributes["TEXCOORD_0"] = builder.accessor([(u, 1 - v) for u, v in mesh.uvs.tolist()])
    used = {*mesh.triangles.ravel().tolist(), *(end for edge in mesh.loose for end in edge)}
    kinds = {
        _TRIANGLES: mesh.triangles.ravel().tolist(),
        _LINES: [end for edge in mesh.loose for end in edge],
        _POINTS: [number for number in range(len(mesh.points)) if number not in used],
    }
    primitives = [
        {"attributes": attributes, "indices": builder.accessor([(i,) for i in indices], 5125), "mode": mode}
        for mode, indices in kinds.items()
        if indices
    ]
    if material is not None:
        primitives[0]["material"] = material
    return builder.add("meshes", primitives=primitives, **({"name": name} if name else {}))


def _to_gltf(points: np.ndarray) -> list[tuple[float, ...]]:
    return [(x, z, -y) for x, y, z in points.tolist()]


@pytest.fixture
def imported(tmp_path):
    """Import what a builder holds, and say what is measured of it."""

    def measured(builder: GlbBuilder, *, deep: bool = False):
        path = tmp_path / "asset.glb"
        path.write_bytes(builder.build())
        scene.reset(1)
        scene.import_glb(path, folder=tmp_path)
        return measure_meshes(JsonObject(builder.json), deep=deep)

    return measured


@pytest.fixture
def facts_of(imported):
    """Of meshes, each in a node of its own, and how it is moved."""

    def facts(*meshes: Mesh, deep: bool = False, **node):
        builder = GlbBuilder()
        numbers = [add_mesh(builder, mesh, name=f"mesh {number}") for number, mesh in enumerate(meshes)]
        builder.scene(*(builder.add("nodes", mesh=number, name=f"object {number}", **node) for number in numbers))
        found, gaps = imported(builder, deep=deep)
        assert gaps == ()
        return found

    return facts


@pytest.mark.parametrize("code", [*GEOMETRY, *UV])
def test_rules_are_broken_and_kept_by_what_arrives(facts_of, code):
    found = facts_of(*{**GEOMETRY, **UV}[code], deep=code in DEEP)
    (issue,) = said(code, subject(meshes=found))
    assert (issue.mesh, issue.pointer, issue.object) == ("mesh 0", "/meshes/0", "object 0")


def test_what_is_sound_gives_no_issue(facts_of):
    about = subject(meshes=facts_of(*CLOSED.values(), deep=True))
    assert len(about.meshes) == len(CLOSED)
    codes = {code for code, rule in RULES.items() if rule.family == "geometry"}
    spoken = {code for code in codes if said(code, about)}
    assert spoken <= {"GLBV_MESH_DUPLICATE_VERTICES", "GLBV_MESH_SELF_INTERSECTIONS"}
    assert all(mesh.watertight for mesh in about.meshes)


def test_good_samples_give_no_warning(tmp_path):
    """Instances, skin, morph targets, textures, and assets of a size with those of a library."""
    write_samples(tmp_path)
    paths = sorted((tmp_path / "good").glob("*.glb"))
    for number, (_, data) in enumerate(small_assets(5, seed=1)):
        paths.append(tmp_path / f"small {number}.glb")
        paths[-1].write_bytes(data)
    for path in paths:
        scene.reset(1)
        scene.import_glb(path, folder=tmp_path)
        found, gaps = measure_meshes(JsonObject({}), deep=path.name != "heavy.glb")
        assert gaps == ()
        assert found
        spoken = {
            code for code, rule in RULES.items() if rule.family == "geometry" and said(code, subject(meshes=found))
        }
        assert spoken <= {"GLBV_MESH_DUPLICATE_VERTICES"}, path.name


def bmesh_of(name: str, tolerance: float) -> bmesh.types.BMesh:
    """The imported mesh, welded by Blender."""
    welded = bmesh.new()
    welded.from_mesh(bpy.data.meshes[name])
    bmesh.ops.remove_doubles(welded, verts=welded.verts, dist=tolerance)
    return welded


def counted_by_bmesh(welded: bmesh.types.BMesh) -> Counter:
    found = Counter(welded_vertices=len(welded.verts))
    for edge in welded.edges:
        forwards = sum(loop.vert == edge.verts[0] for loop in edge.link_loops)
        backwards = len(edge.link_loops) - forwards
        found["open_edges"] += len(edge.link_faces) == 1
        found["non_manifold_edges"] += len(edge.link_faces) > 2 and forwards != backwards
        found["inconsistent_edges"] += len(edge.link_faces) == 2 and not edge.is_contiguous
    found["area"] = sum(face.calc_area() for face in welded.faces)
    return found


def test_heaps_of_triangles_are_counted_as_by_bmesh(facts_of):
    """Any three points of a lattice, each triangle with points of its own: edges with up to ten faces."""
    dice = random.Random(4)
    lattice = np.array([(x, y, z) for x in range(3) for y in range(3) for z in range(2)], dtype=float)
    heaps = []
    for count in (1, 5, 20, 60, 150):
        chosen: dict[frozenset, list[int]] = {}
        while len(chosen) < count:
            triangle = dice.sample(range(len(lattice)), 3)
            chosen.setdefault(frozenset(triangle), triangle)  # bmesh holds no two faces of the same points
        heaps.append(Mesh(lattice, np.array(list(chosen.values()))).split())
    for facts in facts_of(*heaps):
        truth = counted_by_bmesh(bmesh_of(facts.name, facts.weld_tolerance_m))
        assert facts.welded_vertices == truth["welded_vertices"]
        for field in ("open_edges", "non_manifold_edges", "inconsistent_edges"):
            assert getattr(facts, field).count == truth[field], (facts.name, field)
        assert facts.area_m2 == pytest.approx(truth["area"], rel=1e-5)


def test_volumes_and_parts_are_those_of_bmesh(facts_of):
    for facts in facts_of(torus(40, 20).split(), box(1, 2, 3) + box().moved(5, 5, 5), torus(12, 8).moved(100, 0, 0)):
        welded = bmesh_of(facts.name, facts.weld_tolerance_m)
        assert facts.volume_m3 == pytest.approx(welded.calc_volume(signed=True), rel=1e-4)
        assert not counted_by_bmesh(welded)["open_edges"]


def test_uv_islands_are_those_of_blender(facts_of):
    dice = np.random.default_rng(2)
    shuffled = grid(6).split()
    for quads in (dice.permutation(72)[:20], dice.permutation(72)[:40]):
        moved = shuffled.uvs.copy()
        for triangle in quads:
            moved[3 * triangle : 3 * triangle + 3] += dice.integers(1, 4, 2)
        shuffled = Mesh(shuffled.points, shuffled.triangles, moved)
        for facts in facts_of(shuffled, torus(8, 6), grid(3)):
            welded = bmesh_of(facts.name, facts.weld_tolerance_m)
            truth = bmesh_linked_uv_islands(welded, welded.loops.layers.uv.active)
            assert facts.uv_maps[0].islands == len(truth)


def test_indices_are_of_the_mesh_in_blender(facts_of):
    """The elements that are named are those that an artist finds selected."""
    (facts,) = facts_of(box().split().without(7) + box().moved(3, 0, 0).turned_over(), translation=[0, 0, -10])
    mesh = bpy.data.meshes[facts.name]
    inverted = {tuple(sorted(mesh.polygons[index].vertices)) for index in facts.inverted_faces.first}
    assert inverted == {
        tuple(sorted(face.vertices)) for face in mesh.polygons if mesh.vertices[face.vertices[0]].co.x > 2
    }
    corners = np.array([mesh.vertices[v].co for index in facts.open_edges.first for v in mesh.edges[index].vertices])
    assert facts.open_edges.count == 3
    assert (np.abs(corners) == 0.5).all()
    middle = corners[:2].mean(axis=0) + np.array([0, 10, 0])
    assert facts.positions["open_edges"] == pytest.approx(tuple(middle))


def test_a_mesh_of_many_objects_is_measured_once_in_the_world_of_the_first(imported):
    builder = GlbBuilder()
    number = add_mesh(builder, grid(2), name="tile", material=builder.material("tiles"))
    places = [
        builder.add("nodes", mesh=number, name=f"tile {x}", translation=[x, 0, 0], scale=[2, 2, 2]) for x in range(8)
    ]
    builder.scene(*places)
    ((facts,), _) = imported(builder)
    assert (facts.object_count, facts.objects) == (8, tuple(f"tile {x}" for x in range(5)))
    (density,) = facts.uv_maps[0].densities
    assert (density.material, density.area_m2, density.median_uv_per_m) == ("tiles", 4.0, 0.5)


def test_which_gltf_mesh_it_is_told_where_that_is_sure(imported):
    builder = GlbBuilder()
    names = ("twice", "twice", "", "once", "once.001", "x" * 300)
    builder.scene(*(builder.add("nodes", mesh=add_mesh(builder, grid(1), name=name)) for name in names))
    found, _ = imported(builder)
    by_name = {facts.name: facts.pointer for facts in found}
    assert by_name["Mesh_2"] == "/meshes/2"
    assert by_name["once"] == "/meshes/3"
    assert by_name["once.001"] == "/meshes/4"
    assert (by_name["twice"], by_name["twice.001"]) == (None, None)
    assert [pointer for name, pointer in by_name.items() if name.startswith("xx")] == [None]


@pytest.mark.parametrize("attribute", ["TANGENT", "WEIGHTS_0"])
def test_of_meshes_whose_vertices_more_tells_apart_no_duplicates_are_told(imported, attribute):
    for more in ({}, {attribute: 0}):
        builder = GlbBuilder()
        builder.accessor([(0.0, 0.0, 1.0, 1.0)] * 54)
        number = add_mesh(builder, GEOMETRY["GLBV_MESH_DUPLICATE_VERTICES"][0], name="mesh")
        builder.json["meshes"][number]["primitives"][0]["attributes"].update(more)
        builder.scene(builder.add("nodes", mesh=number))
        ((facts,), _) = imported(builder)
        assert (facts.duplicate_vertices is None) == bool(more)


def test_colours_and_shapes_keep_vertices_apart(imported):
    same = GEOMETRY["GLBV_MESH_DUPLICATE_VERTICES"][0]
    dice = np.random.default_rng(0)
    for which in ("COLOR_0", "_CUSTOM", "targets", ""):
        builder = GlbBuilder()
        number = add_mesh(builder, same, name="mesh")
        (primitive,) = builder.json["meshes"][number]["primitives"]
        if which == "targets":
            primitive["targets"] = [{"POSITION": builder.accessor(dice.uniform(0, 1, (54, 3)).tolist(), bounds=True)}]
        elif which:
            primitive["attributes"][which] = builder.accessor(
                dice.uniform(0, 1, (54, 4 if which == "COLOR_0" else 1)).tolist()
            )
        builder.scene(builder.add("nodes", mesh=number))
        ((facts,), _) = imported(builder)
        assert facts.duplicate_vertices.count == (0 if which else 38), which


def test_what_blender_leaves_out_or_replaces_does_not_arrive(facts_of):
    """Faces with a vertex twice, faces of the same vertices, numbers that are none: see the docstring of the module."""
    (facts,) = facts_of(box().with_triangles((0, 0, 1), (0, 3, 1), (0, 1, 3)))
    assert (facts.triangles, facts.duplicate_faces.count, facts.degenerate_faces.count) == (12, 0, 0)
    points = box().points.copy()
    points[0] = math.nan
    (facts,) = facts_of(Mesh(points, box().triangles))
    assert facts.non_finite_vertices.count == 0
    assert tuple(bpy.data.meshes[0].vertices[0].co) == (0, 0, 0)


def test_what_is_no_part_of_the_asset_is_not_measured(facts_of):
    (first,) = facts_of(box())
    helpers = bpy.data.collections.new("glTF_not_exported")
    bpy.context.scene.collection.children.link(helpers)
    helpers.objects.link(bpy.data.objects.new("Icosphere", bpy.data.meshes.new("Icosphere")))
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("empty", None))
    assert measure_meshes(JsonObject({"meshes": [{"name": "mesh 0"}]}), deep=False) == ((first,), ())


def test_nothing_and_meshes_of_nothing(facts_of):
    scene.reset(1)
    assert measure_meshes(JsonObject({}), deep=True) == ((), ())
    for name in ("void", "box"):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, bpy.data.meshes.new(name)))
    found, gaps = measure_meshes(JsonObject({}), deep=True)
    assert [(facts.name, facts.vertices, facts.watertight, facts.parts) for facts in found] == [
        ("void", 0, False, 0),
        ("box", 0, False, 0),
    ]
    assert gaps == ()


@pytest.mark.parametrize(("limit", "value", "left"), [("MAX_MESHES", 2, 1), ("MAX_TRIANGLES", 25, 1)])
def test_what_is_too_much_is_a_gap_and_named(imported, monkeypatch, limit, value, left):
    monkeypatch.setattr(module, limit, value)
    builder = GlbBuilder()
    builder.scene(*(builder.add("nodes", mesh=add_mesh(builder, box(), name=f"box {n}")) for n in range(3)))
    found, (gap,) = imported(builder)
    assert len(found) == 2
    assert gap.need == "meshes"
    assert gap.places.count == left
    assert isinstance(gap.places, Sample)
    assert (gap.places.first[0].name, gap.places.first[0].pointer) == ("box 2", "/meshes/2")


def test_small_assets_take_a_few_milliseconds(tmp_path):
    taken = []
    for _, data in small_assets(12, seed=2):
        path = tmp_path / "asset.glb"
        path.write_bytes(data)
        scene.reset(1)
        scene.import_glb(path, folder=tmp_path)
        started = time.thread_time()
        measure_meshes(JsonObject({}), deep=False)
        taken.append(time.thread_time() - started)
    assert sorted(taken)[6] < 0.02  # 0.0015 s on an idle core


def test_real_assets_are_counted_as_by_bmesh(corpus):
    """All meshes of up to 5,000 triangles in small files; not those in which bmesh drops faces of the same points."""
    compared = 0
    for path in sorted(corpus.rglob("*.glb")):
        if path.stat().st_size > 300_000:
            continue
        scene.reset(1)
        try:
            scene.import_glb(path, folder=path.parent)
        except Exception:  # what this Blender does not read
            continue
        for facts in measure_meshes(JsonObject({}), deep=False)[0]:
            welded = bmesh_of(facts.name, facts.weld_tolerance_m)
            collapsed = len(bpy.data.meshes[facts.name].polygons) - len(welded.faces)
            if facts.triangles <= 5000 and collapsed <= facts.degenerate_faces.count:
                truth = counted_by_bmesh(welded)
                named = {field: getattr(facts, field).count for field in ("open_edges", "non_manifold_edges")}
                assert named == {field: truth[field] for field in named}, (path.name, facts.name)
                assert facts.welded_vertices == truth["welded_vertices"]
                compared += 1
            welded.free()
    assert compared >= 40  # without a library for Draco 50, with it a few more
