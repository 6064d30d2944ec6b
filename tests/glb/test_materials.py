"""Materials, and the images they use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, checker_png, cube, solid_ktx2
from glb_batch_validator_addon.glb import materials as module
from glb_batch_validator_addon.glb import textures
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import FileFacts, MaterialFacts, TextureUse

from .documents import glb_of, read
from .making import facts_of, gaps_of

PNG = checker_png(32)


def file_of(document: dict[str, Any], data: bytes = b"") -> FileFacts:
    return file_facts(*read(glb_of(document, data)), (), {})[0]


def material(**members: Any) -> MaterialFacts:
    (facts,) = file_of({"materials": [members]}).material_list
    return facts


def test_defaults_are_those_of_gltf() -> None:
    assert material() == MaterialFacts(
        name="",
        pointer="/materials/0",
        primitives=0,
        alpha_mode="OPAQUE",
        alpha_cutoff=0.5,
        double_sided=False,
        base_color=(1.0, 1.0, 1.0, 1.0),
        metallic=1.0,
        roughness=1.0,
        emissive=(0.0, 0.0, 0.0),
        textures=(),
        extensions=(),
        same_as=None,
        vertex_colors=False,
    )


def test_values_are_read() -> None:
    facts = material(
        name="glass",
        alphaMode="MASK",
        alphaCutoff=0.25,
        doubleSided=True,
        emissiveFactor=[1, 0.5, 0],
        pbrMetallicRoughness={"baseColorFactor": [0.1, 0.2, 0.3, 0.4], "metallicFactor": 0, "roughnessFactor": 0.5},
        extensions={"KHR_materials_ior": {}},
    )
    assert (facts.name, facts.alpha_mode, facts.alpha_cutoff, facts.double_sided) == ("glass", "MASK", 0.25, True)
    assert (facts.base_color, facts.emissive) == ((0.1, 0.2, 0.3, 0.4), (1.0, 0.5, 0.0))
    assert (facts.metallic, facts.roughness, facts.extensions) == (0.0, 0.5, ("KHR_materials_ior",))


@pytest.mark.parametrize(
    "value", [None, "x", True, {}, [], [1, 2], float("inf"), 10**400, [float("inf")] * 4, [None] * 4]
)
def test_what_is_no_number_counts_as_absent(value: Any) -> None:
    pbr = dict.fromkeys(("baseColorFactor", "metallicFactor", "roughnessFactor"), value)
    hostile = dict.fromkeys(("alphaCutoff", "emissiveFactor", "alphaMode", "extensions", "normalTexture"), value)
    facts = material(pbrMetallicRoughness=pbr, **hostile)
    assert facts.base_color == (1.0, 1.0, 1.0, 1.0)
    assert (facts.metallic, facts.alpha_cutoff, facts.emissive) == (1.0, 0.5, (0.0, 0.0, 0.0))
    material(pbrMetallicRoughness=value)


def test_textures_and_their_uv_sets() -> None:
    moved = {"index": 1, "texCoord": 1, "extensions": {"KHR_texture_transform": {"texCoord": 2}}}
    document = {
        "images": [{}, {}, {}],
        "textures": [{"source": 1}, {"source": 99, "extensions": {"EXT_texture_webp": {"source": 2}}}, {}],
        "materials": [
            {
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": moved},
                "normalTexture": {"index": 2, "texCoord": 3},
                "occlusionTexture": {"index": 99, "texCoord": 10**30},
                "extensions": {"KHR_materials_clearcoat": {"clearcoatTexture": {"index": 0}, "clearcoatFactor": 1}},
            }
        ],
    }
    facts = file_of(document)
    assert facts.material_list[0].textures == (
        TextureUse(slot="baseColor", image=1, uv_set=0),
        TextureUse(slot="metallicRoughness", image=2, uv_set=2),
        TextureUse(slot="normal", image=None, uv_set=3),
        TextureUse(slot="occlusion", image=None, uv_set=9999),
        TextureUse(slot="KHR_materials_clearcoat.clearcoatTexture", image=1, uv_set=0),
    )
    assert [image.slots for image in facts.images] == [
        (),
        ("KHR_materials_clearcoat.clearcoatTexture", "baseColor"),
        ("metallicRoughness",),
    ]


def test_an_image_and_its_fallback_have_the_same_slots() -> None:
    builder = GlbBuilder()
    basis, plain = builder.image(solid_ktx2(), "image/ktx2"), builder.image(PNG, "image/png")
    builder.add("textures", source=plain, extensions={"KHR_texture_basisu": {"source": basis}})
    builder.material("paint", texture=0)
    facts = facts_of(builder)
    assert [image.slots for image in facts.images] == [("baseColor",), ("baseColor",)]
    assert facts.material_list[0].textures[0].image == plain


def test_the_same_but_for_the_name() -> None:
    one = {"name": "a", "pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 0.5}}
    same = {"pbrMetallicRoughness": {"roughnessFactor": 0.5, "metallicFactor": 0.0}, "name": "b"}
    other = {"pbrMetallicRoughness": {"roughnessFactor": 0.5}}
    facts = file_of({"materials": [other, one, same, {**one, "alphaMode": "MASK"}, same]})
    assert [one.same_as for one in facts.material_list] == [None, None, 1, None, 1]


def test_who_uses_a_material() -> None:
    variants = {"KHR_materials_variants": {"mappings": [{"material": 1, "variants": [0]}]}}
    document = {
        "accessors": [{}],
        "materials": [{}, {}, {}],
        "meshes": [
            {"primitives": [{"material": 0}, {"material": 0, "extensions": variants}]},
            {"primitives": [{"material": 2, "attributes": {"COLOR_0": 0}}]},
        ],
        "nodes": [{"mesh": 0}, {"mesh": 0}, {"mesh": 1}],
        "scenes": [{"nodes": [0, 1]}],
    }
    facts = file_of(document).material_list
    assert [one.primitives for one in facts] == [2, 1, 0]
    assert [one.vertex_colors for one in facts] == [False, False, True]


def test_more_materials_than_the_limit_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MATERIALS", 2)
    builder = GlbBuilder()
    mesh = builder.mesh(cube(), material=2)
    builder.scene(builder.add("nodes", mesh=mesh))
    for name in "abc":
        builder.material(name)
    assert [one.name for one in facts_of(builder).material_list] == ["a", "b"]
    assert gaps_of(builder) == {"The file has more than 2 materials (MAX_MATERIALS).": ["/materials/2"]}


def test_images_are_hashed_as_they_are(tmp_path: Path) -> None:
    builder = GlbBuilder()
    builder.image(PNG, "image/png")
    builder.image(PNG, "image/png")
    builder.add("images", uri="it.png")
    file = tmp_path / "it.png"
    file.write_bytes(PNG)
    for content in (PNG, file):
        images = facts_of(builder, {"/images/2/uri": content}).images
        assert {image.sha256 for image in images} == {hashlib.sha256(PNG).hexdigest()[:16]}


def test_images_that_overlap_cost_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textures, "MAX_HASHED_BYTES", 2 * len(PNG))
    builder = GlbBuilder()
    first = builder.image(PNG, "image/png")
    for offset in range(1, 5):
        view = builder.add("bufferViews", buffer=0, byteOffset=offset, byteLength=len(PNG) - offset)
        builder.add("images", bufferView=view)
    builder.json["images"].append(builder.json["images"][first])  # in the same place: known
    hashes = [image.sha256 for image in facts_of(builder).images]
    assert [value is not None for value in hashes] == [True, True, False, False, False, True]
    (reason,) = gaps_of(builder)
    assert "MAX_HASHED_BYTES" in reason


def test_images_that_cannot_be_had_are_gaps() -> None:
    document = {"images": [{"uri": "a.png"}, {"bufferView": 7}, {"uri": "data:image/png;base64,!!!!"}]}
    facts, gaps = file_facts(*read(glb_of(document)), (), {})
    assert [image.sha256 for image in facts.images] == [None] * 3
    assert [(gap.need, gap.places and gap.places.first[0].pointer) for gap in gaps] == [
        ("data", "/images/0"),
        ("data", "/images/1"),
        ("data", "/images/2"),
    ]
