"""Materials: each rule about what breaks it and about what just keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, checker_png, cube
from glb_batch_validator_addon.model.finding import Saving
from glb_batch_validator_addon.rules import materials as _registered  # noqa: F401
from tests.rules.building import primitive, said_of, textured


def plain(color: tuple[float, ...] = (0.5, 0.5, 0.5, 1.0), *, metallic: float = 0.0, **material: Any) -> GlbBuilder:
    """A cube in one colour."""
    builder = GlbBuilder()
    pbr = {"baseColorFactor": list(color), "metallicFactor": metallic}
    builder.add("materials", name="paint", pbrMetallicRoughness=pbr, **material)
    builder.scene(builder.add("nodes", name="box", mesh=builder.mesh(cube(), material=0)))
    return builder


def grey(srgb: float) -> tuple[float, ...]:
    """Linear, of a value of 255."""
    value = srgb / 255
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return (linear, linear, linear, 1.0)


def test_materials_that_are_there_twice() -> None:
    builder = textured()
    builder.material("other")
    assert said_of("GLBV_MATERIAL_DUPLICATE", builder) == []
    builder.material("copy")
    (issue,) = said_of("GLBV_MATERIAL_DUPLICATE", builder)
    assert (issue.message, issue.pointer) == ('The material "copy" is the same as "other".', "/materials/2")


@pytest.mark.parametrize(("mode", "blended"), [("OPAQUE", False), ("MASK", False), ("BLEND", True)])
def test_blended_materials(mode: str, blended: bool) -> None:
    builder = textured(alphaMode=mode)
    builder.add("materials", alphaMode="BLEND")  # not used
    assert [issue.pointer for issue in said_of("GLBV_MATERIAL_ALPHA_BLEND", builder)] == ["/materials/0"] * blended


def test_double_sided_materials() -> None:
    code = "GLBV_MATERIAL_DOUBLE_SIDED"
    assert said_of(code, textured(doubleSided=True)) == []
    assert len(said_of(code, textured(doubleSided=True), allowed=False)) == 1
    assert said_of(code, textured(), allowed=False) == []


@pytest.mark.parametrize(("srgb", "outside"), [(29.9, True), (30.1, False), (239.9, False), (240.1, True)])
def test_the_range_of_base_colours(srgb: float, outside: bool) -> None:
    assert len(said_of("GLBV_MATERIAL_ALBEDO_RANGE", plain(grey(srgb)))) == outside
    assert said_of("GLBV_MATERIAL_ALBEDO_RANGE", plain(grey(srgb)), min_srgb=None, max_srgb=None) == []


def test_colours_are_in_range_if_one_channel_is_not_dark_or_not_bright() -> None:
    for color in ((0.0, 0.0, 0.5, 1.0), (1.0, 1.0, 0.5, 1.0)):
        assert said_of("GLBV_MATERIAL_ALBEDO_RANGE", plain(color)) == []
    (issue,) = said_of("GLBV_MATERIAL_ALBEDO_RANGE", plain((0.0, 0.0, 0.0, 1.0)))
    assert issue.message == 'The base colour of the material "paint" is sRGB (0, 0, 0), below 30.'


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param(plain((0.0, 0.0, 0.0, 1.0), emissiveFactor=[1, 0, 0]), id="a lamp"),
        pytest.param(plain((0.0, 0.0, 0.0, 0.5), alphaMode="BLEND"), id="dark glass"),
        pytest.param(plain((1.0, 1.0, 1.0, 1.0), metallic=1.0), id="silver"),
        pytest.param(plain((1.0, 1.0, 1.0, 1.0), extensions={"KHR_materials_transmission": {}}), id="glass"),
        pytest.param(plain((0.0, 0.0, 0.0, 1.0), extensions={"KHR_materials_unlit": {}}), id="an outline"),
        pytest.param(textured(pbr={"baseColorFactor": [1, 1, 1, 1]}), id="a texture"),
    ],
)
def test_colours_that_mean_something_else(builder: GlbBuilder) -> None:
    assert said_of("GLBV_MATERIAL_ALBEDO_RANGE", builder) == []


@pytest.mark.parametrize(
    ("metallic", "between"), [(0.0, False), (0.1, False), (0.11, True), (0.89, True), (0.9, False)]
)
def test_neither_metal_nor_not(metallic: float, between: bool) -> None:
    assert len(said_of("GLBV_MATERIAL_METALLIC_BETWEEN", plain(metallic=metallic))) == between
    by_texture = textured(pbr={"metallicFactor": metallic, "metallicRoughnessTexture": {"index": 0}})
    assert said_of("GLBV_MATERIAL_METALLIC_BETWEEN", by_texture) == []


@pytest.mark.parametrize(
    ("slot", "material", "dead"),
    [
        ("baseColor", {"pbr": {"baseColorFactor": [0, 0, 0, 1]}}, True),
        ("baseColor", {"pbr": {"baseColorFactor": [0, 0, 0.1, 1]}}, False),
        ("baseColor", {"pbr": {"baseColorFactor": [0, 0, 0, 1]}, "alphaMode": "MASK"}, False),
        ("baseColor", {"pbr": {"baseColorFactor": [0, 0, 0, 0]}, "alphaMode": "MASK"}, True),
        ("metallicRoughness", {"pbr": {"metallicFactor": 0, "roughnessFactor": 0}}, True),
        ("metallicRoughness", {"pbr": {"metallicFactor": 0}}, False),
        ("emissive", {}, True),
        ("emissive", {"emissiveFactor": [0, 0, 1]}, False),
        ("normal", {}, False),
    ],
)
def test_textures_multiplied_by_zero(slot: str, material: dict[str, Any], dead: bool) -> None:
    image = checker_png()
    builder = GlbBuilder()
    info = {"index": builder.add("textures", source=builder.image(image, "image/png"))}
    pbr = dict(material.pop("pbr", {})) if "pbr" in (material := dict(material)) else {}
    holder = pbr if slot in ("baseColor", "metallicRoughness") else material
    holder[f"{slot}Texture"] = info
    builder.add("materials", name="paint", pbrMetallicRoughness=pbr, **material)
    issues = said_of("GLBV_MATERIAL_FACTOR_ZERO_TEXTURE", builder)
    assert len(issues) == dead
    if dead:
        assert issues[0].message == f'The factor of the {slot} texture of the material "paint" is 0.'
        assert issues[0].saves == Saving(bytes=len(image), gpu_bytes=64 * 64 * 4 * 4 // 3)
    builder.extension("KHR_animation_pointer")
    assert said_of("GLBV_MATERIAL_FACTOR_ZERO_TEXTURE", builder) == []


def test_an_image_that_is_used_elsewhere_saves_nothing() -> None:
    (issue,) = said_of("GLBV_MATERIAL_FACTOR_ZERO_TEXTURE", textured(emissiveTexture={"index": 0}))
    assert issue.saves is None


def test_no_material() -> None:
    builder = textured()
    assert said_of("GLBV_MATERIAL_MISSING", builder) == []
    del primitive(builder)["material"]
    assert said_of("GLBV_MATERIAL_MISSING", builder)[0].pointer == "/meshes/0/primitives/0"


def test_required_textures() -> None:
    code = "GLBV_MATERIAL_MISSING_TEXTURE"
    assert said_of(code, textured()) == said_of(code, textured(), required=["baseColor"]) == []
    (issue,) = said_of(code, textured(), required=["baseColor", "normal", "occlusion"])
    assert issue.message == 'The material "paint" has no texture for normal, occlusion.'
