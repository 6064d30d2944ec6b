"""What decoding shows, and what is never decoded. The truth is how the images were made: by hand, or by Pillow."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from demo.glb_builder import GlbBuilder, cube, png, solid_ktx2
from glb_batch_validator_addon.blender import pixels, scene
from glb_batch_validator_addon.blender.pixels import measure_pixels
from glb_batch_validator_addon.glb.images import image_header
from glb_batch_validator_addon.model.facts import Gap, ImageFacts, PixelFacts
from glb_batch_validator_addon.rules import textures as _registered  # noqa: F401
from tests.rules.making import empty, said, subject

# 8 x 8 pixels of (200, 100, 50), by Pillow with quality 95
JPEG = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2MGuU2MGrT1_%oX2?`1d3JL}Y3k(Yi3<(Mf3j"
    "f;xLjeK;0s;a81p@;G3I_%U3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JMAe3JU+g01*fP2mlBJ0U`hb5di}c0sq7"
    "R6#xMN00000000000000000005|HJ?k5CH%H0000000000000000095Q02BcM00000000000000000008|HJ?k5di=I0000000000000000095m0"
    "1N{G00I#M5dc2`o&c_FKmXY"
)
# 2 x 2 pixels, by Pillow, lossless
WEBP = base64.b85decode("Qb|TeH~;_uS4BclR!}%hEC2uiF9ARR5Fa2UAe`{h|LTU2fYANFsuBngPW*2fArK%qcP^M`RI6|UhKT-0")
WEBP_PIXELS = [(255, 0, 0, 255), (0, 128, 0, 128), (10, 20, 30, 0), (255, 255, 255, 255)]

MIME = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"\xabKTX": "image/ktx2"}
PBR = {"baseColor": "baseColorTexture", "metallicRoughness": "metallicRoughnessTexture"}


@pytest.fixture(scope="module", autouse=True)
def _started() -> None:
    scene.start()


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    scene.reset(1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(width: int, height: int, values: list[int]) -> bytes:
    """RGB with 16 bits a channel."""
    rows = [values[start : start + width * 3] for start in range(0, len(values), width * 3)]
    lines = b"".join(struct.pack(f">x{width * 3}H", *row) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def facts_of(content: bytes, *slots: str, **values: Any) -> ImageFacts:
    header = image_header(content)
    read = {name: getattr(header, name) for name in ("mime_type", "width", "height", "channels", "bit_depth")}
    digest = hashlib.sha256(content).hexdigest()[:16]
    return empty(
        ImageFacts, **{"slots": slots, "sha256": digest, "source": "bin", "size_bytes": len(content), **read} | values
    )


def imported(folder: Path, *contents: bytes, slot: str = "baseColor", external: bool = False) -> tuple[ImageFacts, ...]:
    """Import a file in which each image has a material and each material a mesh."""
    builder = GlbBuilder()
    nodes = []
    for index, content in enumerate(contents):
        mime_type = next((mime for magic, mime in MIME.items() if content.startswith(magic)), "image/png")
        if external:
            Path(folder, f"{index}.img").write_bytes(content)
            builder.add("images", uri=f"{index}.img")
        else:
            builder.image(content, mime_type)
        if mime_type == "image/webp":
            texture = builder.add("textures", extensions={"EXT_texture_webp": {"source": index}})
            builder.json["extensionsUsed"] = ["EXT_texture_webp"]
        else:
            texture = builder.add("textures", source=index)
        use = {"index": texture}
        shown = {"pbrMetallicRoughness": {PBR[slot]: use}} if slot in PBR else {f"{slot}Texture": use}
        material = builder.add("materials", name=f"m{index}", **shown)
        nodes.append(builder.add("nodes", mesh=builder.mesh(cube(), material=material)))
    builder.scene(*nodes)
    path = folder / "asset.glb"
    path.write_bytes(builder.build())
    scene.import_glb(path, folder=folder)
    source = {"source": "0.img"} if external else {}
    return tuple(facts_of(content, slot, **source) for content in contents)


def one(folder: Path, content: bytes, **options: Any) -> PixelFacts:
    """Facts of the only image, after which nothing of it is left in memory."""
    (facts,), gaps = measure_pixels(imported(folder, content, **options))
    assert (gaps, facts.image, facts.broken) == ((), 0, "")
    assert not any(image.has_data for image in bpy.data.images)
    return facts


def refused(folder: Path, *contents: bytes) -> Gap:
    """The only gap, for what was not decoded."""
    _, (gap,) = measure_pixels(imported(folder, *contents))
    assert gap.need == "pixels"
    return gap


@pytest.mark.parametrize("slot", ["baseColor", "emissive", "normal", "metallicRoughness", "occlusion"])
def test_values_are_as_stored_whatever_the_image_is_used_for(tmp_path, slot):
    pixels_of_png = bytes((255, 0, 0, 255, 0, 128, 0, 128, 10, 20, 30, 0, 255, 255, 255, 255))
    facts = one(tmp_path, png(2, 2, pixels_of_png, channels=4), slot=slot)
    assert facts.mean == pytest.approx((510 / 3 / 255, 383 / 3 / 255, 255 / 3 / 255), abs=1e-6)
    assert (facts.least_alpha, facts.visible) == (0.0, 0.75)
    assert (facts.darkest, facts.brightest) == pytest.approx((128 / 3 / 255, 1.0), abs=1e-6)
    assert (facts.one_color, facts.grey) == (None, False)


def test_sixteen_bits_are_as_stored_too(tmp_path):
    """In the colour space that the importer sets for a base colour, Blender would make linear values of them."""
    facts = one(tmp_path, png16(2, 1, [65535, 16384, 0, 65535, 16384, 0]), slot="baseColor")
    assert facts.one_color == pytest.approx((1.0, 16384 / 65535, 0.0, 1.0), abs=1e-6)


def test_jpeg_is_that_of_pillow(tmp_path):
    assert one(tmp_path, JPEG).one_color == pytest.approx((200 / 255, 100 / 255, 50 / 255, 1.0), abs=1e-6)


def test_what_follows_an_image_does_no_harm(tmp_path):
    assert one(tmp_path, JPEG + bytes(100_000)).one_color
    scene.reset(1)
    assert one(tmp_path, WEBP + b"after").visible == 0.75


def test_webp_is_that_of_pillow(tmp_path):
    facts = one(tmp_path, WEBP)
    visible = [pixel[:3] for pixel in WEBP_PIXELS if pixel[3]]
    assert facts.mean == pytest.approx([sum(values) / 3 / 255 for values in zip(*visible, strict=True)], abs=1e-6)
    assert (facts.least_alpha, facts.visible) == (0.0, 0.75)


def test_any_format_that_pillow_writes_has_the_values_that_pillow_reads(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    values = np.random.default_rng(1).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    rgba = image_module.fromarray(values)
    variants = {
        "rgba.png": rgba, "rgb.png": rgba.convert("RGB"), "grey.png": rgba.convert("L"), "la.png": rgba.convert("LA"),
        "palette.png": rgba.convert("RGB").quantize(8), "rgb.jpg": rgba.convert("RGB"), "grey.jpg": rgba.convert("L"),
        "lossy.webp": rgba.convert("RGB"),
    }  # fmt: skip
    for name, image in variants.items():
        image.save(tmp_path / name)
        truth = np.asarray(image_module.open(tmp_path / name).convert("RGBA")).reshape(-1, 4) / 255
        visible = truth[truth[:, 3] > 0, :3]
        facts = one(tmp_path, (tmp_path / name).read_bytes())
        assert facts.mean == pytest.approx(visible.mean(axis=0), abs=1e-2 if "lossy" in name else 1e-5), name
        assert facts.least_alpha == pytest.approx(truth[:, 3].min(), abs=1e-6), name
        assert facts.grey == ("grey" in name or "la" in name), name
        scene.reset(1)


def test_statistics_over_many_strips_are_those_of_the_whole():
    """More pixels than a strip holds, and not a multiple of it."""
    count = 2 * pixels._STRIP + 1234
    rng = np.random.default_rng(7)
    whole = rng.random((count, 4), dtype=np.float32)
    whole[rng.random(count) < 0.3, 3] = 0.0
    shown = whole[whole[:, 3] > 0, :3].astype(np.float64)
    normal_length = np.linalg.norm(whole[:, :3].astype(np.float64) * 2 - 1, axis=1)
    facts = pixels._statistics(whole, normals=True)
    assert facts.mean == pytest.approx(shown.mean(axis=0), abs=1e-5)
    assert facts.visible == len(shown) / count
    assert facts.darkest == pytest.approx(shown.mean(axis=1).min(), abs=1e-5)
    assert facts.brightest == pytest.approx(shown.mean(axis=1).max(), abs=1e-5)
    assert facts.normals == pytest.approx(np.mean(np.abs(normal_length - 1) < 0.1), abs=1e-4)
    assert (facts.one_color, facts.grey, facts.least_alpha) == (None, False, 0.0)


@pytest.mark.parametrize("last", [0, 100, -1])
def test_one_pixel_of_another_colour_is_found_wherever_it_is(last):
    same = np.full((3 * pixels._STRIP + 5, 4), 0.5, dtype=np.float32)
    assert pixels._statistics(same, normals=False).one_color == (0.5, 0.5, 0.5, 0.5)
    same[last, 2] += 1 / 255
    facts = pixels._statistics(same, normals=False)
    assert (facts.one_color, facts.grey) == (None, True)
    same[last, 2] += 1 / 255
    assert not pixels._statistics(same, normals=False).grey


def test_colours_of_what_is_fully_transparent_mean_nothing():
    hidden = np.array([[1, 0, 0, 0], [0, 0, 1, 0]], dtype=np.float32)
    facts = pixels._statistics(hidden, normals=False)
    assert (facts.visible, facts.mean, facts.darkest, facts.brightest) == (0.0, (0.0, 0.0, 0.0), 0.0, 0.0)
    assert facts.grey
    assert facts.one_color is None


def test_the_share_of_normals_in_a_normal_map(tmp_path):
    flat, tilted, black, red = (128, 128, 255), (218, 128, 218), (0, 0, 0), (255, 0, 0)
    content = png(4, 1, bytes((*flat, *tilted, *black, *red)))
    assert one(tmp_path, content, slot="normal").normals == 0.5
    scene.reset(1)
    assert one(tmp_path, content, slot="occlusion").normals is None


def test_images_that_no_material_uses_are_not_decoded(tmp_path, monkeypatch):
    imported(tmp_path, JPEG)
    monkeypatch.setattr(pixels, "_statistics", lambda *_, **__: pytest.fail("decoded"))
    assert measure_pixels((facts_of(JPEG),)) == ((), ())


def test_equal_images_are_decoded_once(tmp_path, monkeypatch):
    decoded = []
    whole = pixels._Reader.measure
    monkeypatch.setattr(pixels._Reader, "measure", lambda *about, **more: decoded.append(1) or whole(*about, **more))
    facts, gaps = measure_pixels(imported(tmp_path, JPEG, WEBP, JPEG))
    assert (len(decoded), gaps, [fact.image for fact in facts]) == (2, (), [0, 1, 2])
    assert facts[0].one_color == facts[2].one_color is not None


def test_images_beside_the_file_are_packed_by_the_importer(tmp_path):
    assert one(tmp_path, JPEG, external=True).one_color


def test_a_name_tells_where_the_bytes_are_not_known_if_it_is_the_only_one(tmp_path):
    imported(tmp_path, JPEG)
    nameless = facts_of(JPEG, "baseColor", sha256=None)
    (facts,), _ = measure_pixels((nameless,))  # the importer calls it Image_0
    assert facts.one_color
    twice = facts_of(JPEG, "baseColor", sha256=None, name="Image_0")
    none, (gap,) = measure_pixels((nameless, twice))
    assert (none, gap.places.count, gap.reason) == ((), 2, "Blender loaded no such image.")


def test_other_bytes_are_another_image_whatever_its_name(tmp_path):
    imported(tmp_path, JPEG)
    none, (gap,) = measure_pixels((facts_of(WEBP, "baseColor", name="Image_0"),))
    assert none == ()
    assert [place.pointer for place in gap.places.first] == ["/images/0"]


def huge_png(width: int = 65535, height: int = 65535) -> bytes:
    """A few bytes that say they are gigabytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def huge_jpeg() -> bytes:
    frame = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:frame] + struct.pack(">HH", 65535, 65535) + JPEG[frame + 4 :]


def huge_webp() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xfe\x3f\x00" * 2 + WEBP[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize("content", [huge_png(), huge_png(2**31 - 1, 1), huge_jpeg(), huge_webp()])
def test_image_bombs_are_not_decoded(tmp_path, content):
    gap = refused(tmp_path, content)
    assert gap.reason == f"It has more than {pixels.MAX_IMAGE_PIXELS:,} pixels."
    assert gap.places.count == 1


def test_the_header_that_counts_is_that_of_the_bytes_in_blender(tmp_path):
    (image,) = imported(tmp_path, huge_png())
    lies = facts_of(huge_png(), "baseColor", width=4, height=4)
    assert image.width == 65535
    none, (gap,) = measure_pixels((lies,))
    assert none == ()
    assert "more than" in gap.reason


def test_a_size_that_is_not_in_the_first_chunk_is_none_to_rely_on(tmp_path):
    hidden = huge_png()
    decoy = hidden[:8] + chunk(b"tEXt", struct.pack(">IIBBBBB", 4, 4, 8, 6, 0, 0, 0)) + hidden[8:]
    assert image_header(decoy).width == 4
    assert refused(tmp_path, decoy).reason.startswith("Its header tells no size")


@pytest.mark.parametrize("content", [b"", b"not an image", b"BM" + bytes(200), JPEG[:20]])
def test_what_tells_no_size_is_not_decoded(tmp_path, content):
    none, (gap,) = measure_pixels(imported(tmp_path, JPEG, content)[1:])
    assert none == ()
    assert gap.reason in (
        "Its header tells no size, so nobody knows what decoding it would take.",
        "Blender loaded no such image.",
    )


def noise(width: int, height: int) -> bytes:
    return png(width, height, random.Random(3).randbytes(width * height * 3))


@pytest.mark.parametrize(
    "content",
    [noise(64, 64)[:5000], huge_png(100, 100), JPEG[:-40], WEBP[:-10]],
    ids=["cut PNG", "too little data", "cut JPEG", "cut WebP"],
)
def test_broken_images_are_named_and_told_of(tmp_path, content):
    (fact,), (gap,) = measure_pixels(imported(tmp_path, content))
    assert fact.broken == gap.reason
    assert [place.pointer for place in gap.places.first] == ["/images/0"]
    (issue,) = said("GLBV_TEXTURE_UNREADABLE", _about((facts_of(content, "baseColor"),), (fact,)))
    assert fact.broken in issue.message


def _about(images: tuple[ImageFacts, ...], decoded: tuple[PixelFacts, ...]) -> Any:
    from glb_batch_validator_addon.model.facts import FileFacts

    return subject(file=empty(FileFacts, images=images), pixels=decoded)


def test_ktx2_is_left_to_others(tmp_path):
    imported(tmp_path, JPEG)
    none, (gap,) = measure_pixels((facts_of(solid_ktx2(), "baseColor"),))
    assert (none, gap.reason) == ((), "Blender does not decode image/ktx2.")


def test_an_asset_with_too_many_pixels_is_looked_at_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_ASSET_PIXELS", 70)
    facts, (gap,) = measure_pixels(imported(tmp_path, JPEG, noise(8, 8), WEBP))  # 64, 64 and 4 pixels
    assert [fact.image for fact in facts] == [0, 2]
    assert (gap.reason, gap.places.count) == ("The images of the asset have more than 70 pixels together.", 1)


def test_time_runs_out(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_SECONDS", -1.0)
    assert refused(tmp_path, JPEG, WEBP).places.count == 2


def test_rules_judge_what_was_decoded(tmp_path):
    images = imported(tmp_path, png(32, 32, bytes((9, 9, 9)) * 1024), noise(32, 32))
    facts, _ = measure_pixels(images)
    (issue,) = said("GLBV_TEXTURE_ONE_COLOR", _about(images, facts))
    assert issue.pointer == "/images/0"
    assert issue.saves.bytes == images[0].size_bytes
    scene.reset(1)
    normals = imported(tmp_path, png(8, 8, bytes((128, 128, 255)) * 64), noise(8, 8), slot="normal")
    facts, _ = measure_pixels(normals)
    (issue,) = said("GLBV_TEXTURE_NORMAL_MAP_INVALID", _about(normals, facts))
    assert issue.pointer == "/images/1"
