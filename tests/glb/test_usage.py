from __future__ import annotations

from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, checker_png, cube

from .making import facts_of, pointers


def scene() -> GlbBuilder:
    """A textured cube, all of which is used."""
    builder = GlbBuilder()
    texture = builder.add("textures", source=builder.image(checker_png(), "image/png"), sampler=builder.add("samplers"))
    mesh = builder.mesh(cube(), material=builder.material("paint", texture=texture))
    builder.scene(builder.add("nodes", mesh=mesh))
    return builder


def unused(builder: GlbBuilder) -> dict[str, list[str]]:
    return {facts.what: pointers(facts.sample) for facts in facts_of(builder).unused}


def sizes(builder: GlbBuilder) -> dict[str, int]:
    return {facts.what: facts.bytes for facts in facts_of(builder).unused if facts.bytes}


def test_nothing_is_unused_in_a_good_file() -> None:
    assert unused(scene()) == {}


@pytest.mark.parametrize(
    "array", ["nodes", "skins", "meshes", "cameras", "materials", "textures", "samplers", "images"]
)
def test_what_nothing_refers_to(array: str) -> None:
    builder = scene()
    index = builder.add(array, name="spare")
    assert unused(builder) == {array: [f"/{array}/{index}"]}
    assert facts_of(builder).unused[0].sample.first[0].name == "spare"


def test_what_only_unused_things_lead_to_is_unused() -> None:
    builder = scene()
    size = len(checker_png(16))
    texture = builder.add("textures", source=builder.image(checker_png(16), "image/png"))
    builder.material("spare", texture=texture)
    assert list(unused(builder)) == ["materials", "textures", "images", "bufferViews"]
    assert sizes(builder) == {"images": size}  # its bufferView is not counted again


def test_bytes_of_an_unused_mesh_are_those_of_its_views() -> None:
    builder = scene()
    builder.mesh(cube(), material=0)
    assert sizes(builder) == {"bufferViews": 24 * (12 + 12 + 8) + 36 * 2}


def test_bytes_of_an_image_in_the_json() -> None:
    builder = scene()
    uri = "data:image/png;base64,iVBORw0KGgoAAAA="
    builder.add("images", uri=uri)
    assert sizes(builder) == {"images": len(uri)}


def test_views_that_overlap_or_lead_nowhere_save_no_more_than_there_is() -> None:
    builder = scene()
    whole = len(facts_of(builder).images) and facts_of(builder).bin_bytes
    for _ in range(10):
        builder.add("bufferViews", buffer=0, byteLength=whole)
        builder.add("bufferViews", buffer=0, byteLength=10**30)
    assert sizes(builder) == {"bufferViews": whole}


def test_animations_lead_to_nodes_and_data() -> None:
    builder = scene()
    node, data = builder.add("nodes", mesh=builder.mesh(cube(), material=0)), builder.accessor([(0.0,)])
    assert set(unused(builder)) == {"nodes", "meshes", "accessors", "bufferViews"}
    builder.add(
        "animations",
        samplers=[{"input": data, "output": data}],
        channels=[{"sampler": 0, "target": {"node": node, "path": "scale"}}],
    )
    assert unused(builder) == {}


def test_skins_lead_to_joints() -> None:
    builder = scene()
    joint = builder.add("nodes")
    builder.json["nodes"][0]["skin"] = builder.add("skins", joints=[joint])
    assert unused(builder) == {}


@pytest.mark.parametrize(
    ("array", "item", "extension"),
    [
        ("images", {}, ("textures", {"KHR_texture_basisu": {"source": 1}})),
        ("textures", {}, ("materials", {"KHR_materials_clearcoat": {"clearcoatTexture": {"index": 1}}})),
        ("accessors", {}, ("nodes", {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 4}}})),
        ("bufferViews", {"buffer": 0}, ("samplers", {"EXT_of_our_own": {"deep": [{"down": [5]}]}})),
        ("nodes", {}, ("scenes", {"EXT_of_our_own": {"camera_of": 1}})),
    ],
)
def test_extensions_lead_to_what_they_name(array: str, item: dict[str, Any], extension: tuple[str, Any]) -> None:
    builder = scene()
    builder.add(array, **item)
    assert array in unused(builder)
    holder, content = extension
    builder.json[holder][0]["extensions"] = content
    assert array not in unused(builder)


def test_numbers_of_known_extensions_are_no_indices() -> None:
    builder = scene()
    builder.material("spare")
    builder.json["extensions"] = {"KHR_lights_punctual": {"lights": [{"intensity": 1}]}}
    builder.json["materials"][0]["extensions"] = {"KHR_materials_ior": {"ior": 1}}
    assert unused(builder) == {"materials": ["/materials/1"]}


def test_variants_and_animated_pointers_lead_to_materials() -> None:
    builder = scene()
    builder.material("variant")
    builder.material("faded")
    assert unused(builder) == {"materials": ["/materials/1", "/materials/2"]}
    variants = {"KHR_materials_variants": {"mappings": [{"material": 1, "variants": [0]}]}}
    builder.json["meshes"][0]["primitives"][0]["extensions"] = variants
    pointer = {"KHR_animation_pointer": {"pointer": "/materials/2/alphaCutoff"}}
    builder.add("animations", channels=[{"target": {"path": "pointer", "extensions": pointer}}], samplers=[])
    assert unused(builder) == {}


def test_a_file_without_scenes_is_a_library() -> None:
    builder = scene()
    del builder.json["scenes"], builder.json["scene"]
    builder.mesh(cube(), material=builder.material("other"))
    builder.add("materials", name="spare")
    assert unused(builder) == {"meshes": ["/meshes/1"], "materials": ["/materials/2"]}


def test_cycles_end() -> None:
    builder = scene()
    builder.json["nodes"] += [{"children": [2]}, {"children": [1]}]
    assert unused(builder) == {"nodes": ["/nodes/1", "/nodes/2"]}
