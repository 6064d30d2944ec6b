from __future__ import annotations

import math
from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, checker_png, cube
from glb_batch_validator_addon.glb import accessors
from glb_batch_validator_addon.model.facts import PrimitivesFacts

from .making import facts_of, gaps_of, pointers

FIRST = ["/meshes/0/primitives/0"]


def textured(slot: str = "baseColor", uv_set: int = 0, **material: Any) -> GlbBuilder:
    """A cube with TEXCOORD_0 and a material with one texture."""
    builder = GlbBuilder()
    texture = builder.add("textures", source=builder.image(checker_png(), "image/png"))
    info = {"index": texture, "texCoord": uv_set}
    if slot == "baseColor":
        material["pbrMetallicRoughness"] = {"baseColorTexture": info}
    else:
        material[f"{slot}Texture"] = info
    builder.add("materials", **material)
    builder.scene(builder.add("nodes", mesh=builder.mesh(cube(), material=0, name="box")))
    return builder


def primitive(builder: GlbBuilder, mesh: int = 0) -> dict[str, Any]:
    item: dict[str, Any] = builder.json["meshes"][mesh]["primitives"][0]
    return item


def listed(builder: GlbBuilder) -> PrimitivesFacts:
    return facts_of(builder).primitive_list


def test_a_good_primitive_is_not_noteworthy() -> None:
    facts = listed(textured())
    for name in ("without_uv", "without_normals", "without_tangents", "without_material", "without_indices"):
        assert getattr(facts, name).count == 0
    for name in ("no_triangles", "compressed", "unused_uv", "non_finite"):
        assert getattr(facts, name).count == 0
    assert (facts.mergeable, facts.unused_uv_bytes) == (0, 0)
    assert facts.geometry_bytes == 24 * (12 + 12 + 8) + 36 * 2


@pytest.mark.parametrize("slot", ["baseColor", "normal", "emissive"])
def test_uv_maps_that_are_needed_and_not_there(slot: str) -> None:
    assert pointers(listed(textured(slot, uv_set=1)).without_uv) == FIRST
    builder = textured(slot)
    del primitive(builder)["attributes"]["TEXCOORD_0"]
    assert pointers(listed(builder).without_uv) == FIRST
    assert listed(builder).without_uv.first[0].name == "box"


def test_uv_maps_that_are_there_and_not_needed() -> None:
    builder = textured()
    primitive(builder)["attributes"]["TEXCOORD_1"] = builder.accessor([(0.0, 0.0)] * 24)
    facts = listed(builder)
    assert (pointers(facts.unused_uv), facts.unused_uv_bytes) == (FIRST, 24 * 8)
    primitive(builder)["attributes"]["TEXCOORD_1"] = primitive(builder)["attributes"]["TEXCOORD_0"]
    assert (listed(builder).unused_uv.count, listed(builder).unused_uv_bytes) == (1, 0)  # the other needs it


def test_variants_and_unknown_extensions_may_use_uv_maps() -> None:
    builder = textured()
    builder.material("plain")
    primitive(builder)["material"] = 1
    assert listed(builder).unused_uv.count == 1
    primitive(builder)["extensions"] = {"KHR_materials_variants": {"mappings": [{"material": 0}]}}
    assert listed(builder).unused_uv.count == 0
    primitive(builder)["extensions"] = {"EXT_mesh_features": {"featureIds": [{"texture": {"index": 0}}]}}
    assert listed(builder).unused_uv.count == 0


def test_normals_and_tangents() -> None:
    builder = textured("normal")
    assert pointers(listed(builder).without_tangents) == FIRST
    del primitive(builder)["attributes"]["NORMAL"]
    assert pointers(listed(builder).without_normals) == FIRST
    builder.json["materials"][0]["extensions"] = {"KHR_materials_unlit": {}}
    assert listed(builder).without_normals.count == 0
    primitive(builder)["attributes"]["TANGENT"] = builder.accessor([(1.0, 0.0, 0.0, 1.0)] * 24)
    assert listed(builder).without_tangents.count == 0


@pytest.mark.parametrize(("mode", "triangles"), [(0, False), (1, False), (3, False), (4, True), (5, True), (6, True)])
def test_modes(mode: int, triangles: bool) -> None:
    builder = textured()
    primitive(builder)["mode"] = mode
    del primitive(builder)["indices"]
    facts = listed(builder)
    assert (facts.no_triangles.count, facts.without_indices.count) == (int(not triangles), int(triangles))


def test_no_material() -> None:
    builder = textured()
    del primitive(builder)["material"]
    assert pointers(listed(builder).without_material) == FIRST
    primitive(builder)["material"] = 99
    assert pointers(listed(builder).without_material) == FIRST


def test_what_could_be_merged() -> None:
    builder = textured()
    one = primitive(builder)
    primitives = builder.json["meshes"][0]["primitives"]
    primitives += [dict(one), dict(one), {**one, "mode": 1}, {**one, "mode": 5}, {**one, "mode": 5}]
    primitives.append({**one, "attributes": {"POSITION": one["attributes"]["POSITION"]}})
    primitives += [{**one, "extensions": {"KHR_materials_variants": {}}}] * 2
    assert listed(builder).mergeable == 2
    builder.json["scenes"][0]["nodes"].append(builder.add("nodes", mesh=0))
    assert listed(builder).mergeable == 4  # drawn twice
    builder.json["scenes"][0]["nodes"].clear()
    assert listed(builder).mergeable == 0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["POSITION", "NORMAL", "TANGENT", "TEXCOORD_0", "TEXCOORD_1"])
def test_numbers_that_are_none(name: str, number: float) -> None:
    builder = textured()
    width = {"TANGENT": 4, "TEXCOORD_0": 2, "TEXCOORD_1": 2}.get(name, 3)
    primitive(builder)["attributes"][name] = builder.accessor([(0.5,) * width] * 23 + [(number,) * width])
    assert pointers(listed(builder).non_finite) == FIRST


def test_numbers_that_are_none_in_morph_targets_and_not_in_attributes_of_others() -> None:
    builder = textured()
    broken = builder.accessor([(math.nan,) * 3] * 24)
    primitive(builder)["attributes"]["_MOOD"] = broken
    assert listed(builder).non_finite.count == 0  # type: ignore[union-attr]
    primitive(builder)["targets"] = [{"POSITION": broken}]
    assert pointers(listed(builder).non_finite) == FIRST


def test_integers_are_always_numbers() -> None:
    builder = textured()
    primitive(builder)["attributes"]["TEXCOORD_0"] = builder.accessor([(65535, 0)] * 24, 5123)
    assert listed(builder).non_finite.count == 0  # type: ignore[union-attr]


def test_draco_is_a_gap_and_not_zeros() -> None:
    builder = textured()
    builder.extension("KHR_draco_mesh_compression", required=True)
    primitive(builder)["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
    for accessor in builder.json["accessors"]:
        del accessor["bufferView"]
    facts = listed(builder)
    assert (pointers(facts.compressed), facts.non_finite) == (FIRST, None)
    assert facts.geometry_bytes == 24 * (12 + 12 + 8) + 36 * 2
    assert gaps_of(builder) == {"Geometry compressed by Draco is not decoded here.": FIRST}


@pytest.mark.parametrize("name", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
def test_meshopt_is_a_gap_unless_there_is_a_plain_copy(name: str) -> None:
    builder = textured()
    position = builder.json["accessors"][primitive(builder)["attributes"]["POSITION"]]["bufferView"]
    view = builder.json["bufferViews"][position]
    view["extensions"] = {name: {"buffer": 0, "byteOffset": 0, "byteLength": 10}}
    assert pointers(listed(builder).compressed) == FIRST
    assert gaps_of(builder) == {}
    view["buffer"] = 1
    assert gaps_of(builder) == {"Data compressed by meshopt are not decoded here.": FIRST}
    assert listed(builder).non_finite is not None  # normals could be read


def test_the_rest_is_read_when_the_limit_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accessors, "MAX_READ_BYTES", 200)
    builder = textured()
    facts = listed(builder)
    assert facts.non_finite is not None
    assert facts.non_finite.count == 0
    (reason,) = gaps_of(builder)
    assert "more than 200 bytes" in reason
