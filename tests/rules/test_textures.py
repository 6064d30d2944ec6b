"""Textures: each rule about what breaks it and about what just keeps it. Bytes are read by the product's own reader."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from demo.glb_builder import checker_png, png
from glb_batch_validator_addon.glb.images import image_header
from glb_batch_validator_addon.model.facts import FileFacts, ImageFacts, MaterialFacts, PixelFacts, TextureUse
from glb_batch_validator_addon.model.finding import Saving
from glb_batch_validator_addon.rules import textures as _registered  # noqa: F401
from glb_batch_validator_addon.rules.registry import RULES, Subject
from tests.rules.making import empty, said, subject

MIB = 1024 * 1024
SAMPLE_PIXELS = {"visible": 1.0, "least_alpha": 1.0, "mean": (0.5, 0.5, 0.5)}


def image(*slots: str, size: tuple[int, int] = (64, 64), **values: Any) -> ImageFacts:
    """An 8-bit PNG of three channels."""
    usual = {"mime_type": "image/png", "size_bytes": 1000, "channels": 3, "bit_depth": 8, "source": "bin"}
    gpu_bytes = size[0] * size[1] * 4 * 4 // 3
    return empty(ImageFacts, slots=slots, width=size[0], height=size[1], **{"gpu_bytes": gpu_bytes} | usual | values)


def read(content: bytes, *slots: str) -> ImageFacts:
    """Facts of these bytes."""
    header = image_header(content)
    return image(
        *slots,
        size=(header.width or 0, header.height or 0),
        mime_type=header.mime_type,
        channels=header.channels,
        bit_depth=header.bit_depth,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest()[:16],
    )


def material(*uses: tuple[str, int], **values: Any) -> MaterialFacts:
    """A white, rough non-metal that shows these images, by slot and index."""
    textures = tuple(TextureUse(slot=slot, image=index, uv_set=0) for slot, index in uses)
    usual = {"name": "paint", "pointer": "/materials/0", "alpha_mode": "OPAQUE", "alpha_cutoff": 0.5, "roughness": 1.0}
    return empty(MaterialFacts, textures=textures, **{"base_color": (1.0, 1.0, 1.0, 1.0)} | usual | values)


def pixels(index: int = 0, **values: Any) -> PixelFacts:
    return empty(PixelFacts, image=index, **SAMPLE_PIXELS | values)


def asset(*images: ImageFacts, **values: Any) -> Subject:
    of_file = {"material_list": values.pop("materials", ()), "extensions_used": values.pop("extensions_used", ())}
    return subject(file=empty(FileFacts, images=images, **of_file), **{"pixels": ()} | values)


# What just keeps each rule that looks at one image, and what just breaks it
ONE_IMAGE: list[tuple[str, ImageFacts, ImageFacts, dict[str, Any]]] = [
    ("TOO_LARGE", image("normal", size=(4096, 4096)), image("normal", size=(1, 4097)), {}),
    ("TOO_SMALL", image("normal", size=(512, 512)), image("normal", size=(512, 511)), {"min_px": 512}),
    ("NOT_POWER_OF_TWO", image("normal", size=(1, 2048)), image("normal", size=(2048, 1536)), {}),
    ("NOT_SQUARE", image("normal", size=(64, 64)), image("normal", size=(64, 32)), {"allowed": False}),
    ("BIT_DEPTH", image("baseColor", bit_depth=8), image("baseColor", "normal", bit_depth=16), {}),
    ("CHANNELS", image("baseColor", channels=4), image("normal", channels=4), {}),
    ("CHANNELS", image("occlusion", channels=1), image("normal", channels=1), {}),
    ("CHANNELS", image("KHR_materials_specular.specularTexture", channels=4), image("emissive", channels=4), {}),
    ("COLOR_SPACE", image("baseColor", "emissive"), image("baseColor", "occlusion"), {}),
    ("COLOR_SPACE", image("metallicRoughness", "occlusion"), image("emissive", "normal"), {}),
    (
        "COLOR_SPACE",  # sheen's colour is in sRGB, its roughness in alpha
        image("KHR_materials_sheen.sheenColorTexture", "KHR_materials_sheen.sheenRoughnessTexture"),
        image("KHR_materials_sheen.sheenColorTexture", "KHR_materials_clearcoat.clearcoatNormalTexture"),
        {},
    ),
    ("FORMAT", image("normal"), image("normal", mime_type="image/webp"), {"allowed": ["image/png", "image/jpeg"]}),
    ("UNREADABLE", image("normal"), image("normal", mime_type=None, size=(0, 0)), {}),
    ("UNREADABLE", image("normal", size_bytes=None, source="a.png"), image("normal", size_bytes=None), {}),
    ("GPU_MEMORY", image("normal", gpu_bytes=2 * MIB), image("normal", gpu_bytes=2 * MIB + 1), {"max_mb": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "keeps", "breaks", "thresholds"), ONE_IMAGE)
def test_one_image(name: str, keeps: ImageFacts, breaks: ImageFacts, thresholds: dict[str, Any]) -> None:
    code = f"GLBV_TEXTURE_{name}"
    assert said(code, asset(keeps), **thresholds) == []
    (issue,) = (
        said(code, asset(image(), keeps, breaks), **thresholds)
        if name != "GPU_MEMORY"
        else said(code, asset(breaks), **thresholds)
    )
    assert issue.pointer == ("/images/0" if name == "GPU_MEMORY" else "/images/2")
    unused = {field: getattr(breaks, field) for field in ImageFacts.__slots__} | {"slots": ()}
    assert said(code, asset(ImageFacts(**unused)), **thresholds) == [], "images that nothing uses are another rule's"


@pytest.mark.parametrize("code", ["TOO_SMALL", "NOT_SQUARE", "GPU_MEMORY", "FORMAT"])
def test_what_depends_on_the_target_has_no_limit_by_default(code: str) -> None:
    odd = image("normal", size=(3, 1), mime_type="image/webp", gpu_bytes=10**12)
    assert said(f"GLBV_TEXTURE_{code}", asset(odd)) == []


def test_scaling_a_large_image_down_saves_its_share_of_the_memory() -> None:
    (issue,) = said("GLBV_TEXTURE_TOO_LARGE", asset(image("baseColor", size=(4096, 4096))), max_px=2048)
    assert issue.saves == Saving(gpu_bytes=4096 * 4096 * 4 * 4 // 3 * 3 // 4)
    assert issue.message == "The image for baseColor is 4096 x 4096 pixels; at most 2048 are allowed."


def test_the_largest_image_is_named_when_memory_is_short() -> None:
    about = asset(image("normal", gpu_bytes=1 * MIB), image("baseColor", gpu_bytes=3 * MIB, name="wood"))
    (issue,) = said("GLBV_TEXTURE_GPU_MEMORY", about, max_mb=2.5)
    assert (issue.pointer, issue.saves) == ("/images/1", Saving(gpu_bytes=MIB * 3 // 2))
    assert '"wood" (baseColor) of 64 x 64 takes 3.0' in issue.message


def test_a_damaged_image_is_unreadable_and_no_other_rule_looks_at_it() -> None:
    damaged = pixels(broken="Blender cannot decode it.", one_color=(0.0, 0.0, 0.0, 0.0), normals=0.0)
    about = asset(image("normal", "baseColor"), pixels=(damaged,), materials=(material(("baseColor", 0)),))
    (issue,) = said("GLBV_TEXTURE_UNREADABLE", about)
    assert issue.message.endswith("cannot be read. Blender cannot decode it.")
    of_pixels = [code for code, rule in RULES.items() if rule.family == "textures" and "pixels" in rule.needs]
    assert [code for code in of_pixels if said(code, about)] == []


def test_a_format_of_an_extension_is_not_damage() -> None:
    avif = image("baseColor", mime_type=None, size=(0, 0))
    assert said("GLBV_TEXTURE_UNREADABLE", asset(avif, extensions_used=("EXT_texture_avif",))) == []
    cut = image("baseColor", mime_type="image/jpeg", size=(0, 0))
    assert len(said("GLBV_TEXTURE_UNREADABLE", asset(cut, extensions_used=("EXT_texture_avif",)))) == 1


def test_what_needs_only_the_file_does_without_pixels() -> None:
    about = asset(image("baseColor", "normal", mime_type=None), pixels=None)
    assert len(said("GLBV_TEXTURE_COLOR_SPACE", about)) == len(said("GLBV_TEXTURE_UNREADABLE", about)) == 1


def test_black_and_white_are_the_same_as_colour_and_as_data() -> None:
    about = image("baseColor", "metallicRoughness")
    assert said("GLBV_TEXTURE_COLOR_SPACE", asset(about, pixels=(pixels(one_color=(1.0, 0.0, 1.0, 0.5)),))) == []
    assert len(said("GLBV_TEXTURE_COLOR_SPACE", asset(about, pixels=(pixels(one_color=(0.5, 0.5, 0.5, 1.0)),)))) == 1


def test_one_colour_is_a_factor_unless_the_image_is_tiny() -> None:
    content = png(32, 32, bytes((200, 100, 50)) * 32 * 32)
    plain = pixels(one_color=(200 / 255, 100 / 255, 50 / 255, 1.0))
    (issue,) = said("GLBV_TEXTURE_ONE_COLOR", asset(read(content, "baseColor"), pixels=(plain,)))
    assert issue.message == "All 32 x 32 pixels of the image for baseColor are (200, 100, 50, 255) of 255."
    assert issue.saves == Saving(bytes=len(content), gpu_bytes=32 * 32 * 4 * 4 // 3)
    assert said("GLBV_TEXTURE_ONE_COLOR", asset(image("baseColor", size=(16, 1)), pixels=(plain,))) == []
    assert len(said("GLBV_TEXTURE_ONE_COLOR", asset(image("baseColor", size=(17, 1)), pixels=(plain,)))) == 1
    assert said("GLBV_TEXTURE_ONE_COLOR", asset(image("baseColor"), pixels=(pixels(),))) == []


def test_equal_bytes_are_there_twice() -> None:
    wood, steel = checker_png(), checker_png(colors=((1, 2, 3), (4, 5, 6)))
    about = asset(
        read(wood, "baseColor"), read(steel, "baseColor"), read(wood, "emissive"), read(wood), read(wood, "normal")
    )
    issues = said("GLBV_TEXTURE_DUPLICATE", about)
    assert [issue.pointer for issue in issues] == ["/images/2", "/images/4"]
    assert "as /images/0." in issues[1].message
    assert issues[0].saves == Saving(bytes=len(wood), gpu_bytes=64 * 64 * 4 * 4 // 3)
    unknown = image("normal", sha256=None)
    assert said("GLBV_TEXTURE_DUPLICATE", asset(unknown, unknown)) == []


def test_a_duplicate_outside_of_the_file_saves_memory_alone() -> None:
    outside = image("normal", sha256="0" * 16, source="wood.png")
    (issue,) = said("GLBV_TEXTURE_DUPLICATE", asset(outside, outside))
    assert issue.saves == Saving(gpu_bytes=64 * 64 * 4 * 4 // 3)


def alpha(least: float, mode: str, *, channels: int = 4, slots: tuple[str, ...] = ("baseColor",)) -> list[str]:
    about = asset(
        image(*slots, channels=channels),
        pixels=(pixels(least_alpha=least),),
        materials=(material(("baseColor", 0), alpha_mode=mode),),
    )
    return [issue.message for issue in said("GLBV_TEXTURE_UNUSED_ALPHA", about)]


def test_alpha_that_is_opaque_or_not_read_is_named() -> None:
    (opaque,), (not_read,) = alpha(1.0, "BLEND"), alpha(0.25, "OPAQUE")
    assert opaque.endswith("is opaque everywhere.")
    assert "alpha down to 0.25" in not_read
    assert alpha(0.25, "MASK") == alpha(1.0, "OPAQUE", channels=3) == []
    assert alpha(0.25, "OPAQUE", slots=("baseColor", "KHR_materials_specular.specularTexture")) == []


def test_one_material_that_reads_the_alpha_is_enough() -> None:
    uses = (material(("baseColor", 0)), material(("baseColor", 0), alpha_mode="MASK"))
    about = asset(image("baseColor", channels=4), pixels=(pixels(least_alpha=0.0),), materials=uses)
    assert said("GLBV_TEXTURE_UNUSED_ALPHA", about) == []


def test_occlusion_and_metallic_roughness_belong_into_one_image() -> None:
    apart = material(("metallicRoughness", 0), ("occlusion", 1))
    images = (image("metallicRoughness"), image("occlusion"))
    (issue,) = said("GLBV_TEXTURE_ORM_NOT_PACKED", asset(*images, materials=(apart, apart)))
    assert issue.saves == Saving(gpu_bytes=64 * 64 * 4 * 4 // 3)
    other_size = (images[0], image("occlusion", size=(128, 128)))
    together = material(("metallicRoughness", 0), ("occlusion", 0))
    uses = (TextureUse(slot="metallicRoughness", image=0, uv_set=0), TextureUse(slot="occlusion", image=1, uv_set=1))
    for keeps in (
        asset(*other_size, materials=(apart,)),
        asset(image("metallicRoughness", "occlusion"), materials=(together,)),
        asset(*images, materials=(replace(apart, textures=uses),)),
        asset(*images, materials=(material(("occlusion", 1)),)),
        asset(images[0], materials=(apart,)),
    ):
        assert said("GLBV_TEXTURE_ORM_NOT_PACKED", keeps) == []


@pytest.mark.parametrize(
    ("metallic", "values", "wrong"),
    [
        (1.0, {"grey": True}, True),
        (0.0, {"grey": True}, False),
        (1.0, {"grey": False}, False),
        (1.0, {"grey": True, "one_color": (1.0, 1.0, 1.0, 1.0)}, False),
    ],
)
def test_a_grey_image_makes_what_is_rough_metallic(metallic: float, values: dict[str, Any], wrong: bool) -> None:
    shown = material(("metallicRoughness", 0), metallic=metallic)
    about = asset(image("metallicRoughness"), pixels=(pixels(**values),), materials=(shown,))
    assert len(said("GLBV_TEXTURE_ORM_GREY", about)) == wrong


@pytest.mark.parametrize(("share", "wrong"), [(1.0, False), (0.5, False), (0.49, True), (None, False)])
def test_half_of_a_normal_map_may_be_padding(share: float | None, wrong: bool) -> None:
    about = asset(image("normal"), pixels=(pixels(normals=share),))
    assert len(said("GLBV_TEXTURE_NORMAL_MAP_INVALID", about)) == wrong


def needless(mode: str, *, factor: float = 1.0, least: float | None = 1.0, channels: int = 4, **values: Any) -> int:
    """Issues about a material with a base colour image, whose pixels are not known if `least` is None."""
    shown = material(("baseColor", 0), alpha_mode=mode, base_color=(1.0, 1.0, 1.0, factor), **values)
    known = () if least is None else (pixels(least_alpha=least),)
    about = asset(image("baseColor", channels=channels), pixels=known, materials=(shown,))
    return len(said("GLBV_MATERIAL_ALPHA_NEEDLESS", about))


def test_blending_needs_something_that_is_not_opaque() -> None:
    assert needless("BLEND") == needless("BLEND", channels=3, least=None) == 1
    assert needless("BLEND", least=0.99) == needless("BLEND", factor=0.99) == needless("OPAQUE") == 0


def test_a_mask_needs_something_below_its_cutoff() -> None:
    assert needless("MASK", least=0.5) == needless("MASK", least=0.2, alpha_cutoff=0.1) == 1
    assert needless("MASK", least=0.49) == needless("MASK", least=0.8, factor=0.6) == 0


def test_alpha_that_cannot_be_known_may_be_needed() -> None:
    assert needless("BLEND", least=None) == needless("BLEND", vertex_colors=True) == 0
    assert needless("BLEND", extensions=("KHR_materials_pbrSpecularGlossiness",)) == 0
    about = asset(materials=(material(alpha_mode="BLEND"),), extensions_used=("KHR_animation_pointer",))
    assert said("GLBV_MATERIAL_ALPHA_NEEDLESS", about) == []


def test_a_factor_alone_tells_as_well() -> None:
    (issue,) = said("GLBV_MATERIAL_ALPHA_NEEDLESS", asset(materials=(material(alpha_mode="BLEND"),)))
    assert issue.pointer == "/materials/0"
    glass = material(alpha_mode="BLEND", base_color=(1.0, 1.0, 1.0, 0.3))
    assert said("GLBV_MATERIAL_ALPHA_NEEDLESS", asset(materials=(glass,))) == []


def albedo(*mean: float, **values: Any) -> list[str]:
    """Of a base colour image of this mean, of 255."""
    about = asset(
        image("baseColor"),
        pixels=(pixels(mean=tuple(value / 255 for value in mean)),),
        materials=(material(("baseColor", 0), **values),),
    )
    return [issue.message for issue in said("GLBV_ALBEDO_RANGE_TEXTURE", about)]


def test_a_base_colour_darker_than_coal_or_brighter_than_snow_is_named() -> None:
    (dark,), (bright,) = albedo(10, 20, 29.4), albedo(241, 250, 255)
    assert dark.endswith("is sRGB (10, 20, 29), below 30.")
    assert bright.endswith("is sRGB (241, 250, 255), above 240.")
    assert albedo(0, 0, 30.1) == albedo(239.9, 255, 255) == []


def test_the_factor_counts_in_linear_light() -> None:
    """sRGB 128 is linear 0.2159; a tenth of it is sRGB 40 (IEC 61966-2-1), a hundredth 7."""
    assert albedo(128, 128, 128, base_color=(0.1, 0.1, 0.1, 1.0)) == []
    (dark,) = albedo(128, 128, 128, base_color=(0.01, 0.01, 0.01, 1.0))
    assert "sRGB (7, 7, 7)" in dark


def test_metal_may_be_bright_and_a_lamp_dark() -> None:
    assert albedo(250, 250, 250, metallic=1.0) == []
    assert albedo(0, 0, 0, emissive=(1.0, 1.0, 1.0)) == []
    assert albedo(0, 0, 0, vertex_colors=True) == albedo(0, 0, 0, extensions=("KHR_materials_unlit",)) == []


def test_a_good_texture_breaks_no_rule() -> None:
    about = asset(
        read(checker_png(256), "baseColor"),
        image("metallicRoughness", "occlusion", size=(256, 256)),
        image("normal", size=(256, 256), bit_depth=16),
        pixels=(pixels(), pixels(1), pixels(2, normals=0.97)),
        materials=(material(("baseColor", 0), ("metallicRoughness", 1), ("occlusion", 1), ("normal", 2)),),
    )
    spoken = {code: said(code, about) for code, rule in RULES.items() if rule.family == "textures"}
    assert {code: issues for code, issues in spoken.items() if issues} == {}
