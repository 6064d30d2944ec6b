"""Headers of images that an independent encoder made."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

import pytest

from demo.glb_builder import png, solid_ktx2
from glb_batch_validator_addon.glb.images import ImageHeader, image_header

Image = pytest.importorskip("PIL.Image", reason="Pillow makes the images of these tests")

SIZE = (37, 21)


def encoded(mode: str, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, SIZE).save(file, image_format, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "options", "channels", "bit_depth"),
    [
        ("1", {}, 1, 1),
        ("L", {}, 1, 8),
        ("L", {"transparency": 3}, 2, 8),
        ("LA", {}, 2, 8),
        ("I;16", {}, 1, 16),
        ("RGB", {}, 3, 8),
        ("RGB", {"transparency": (1, 2, 3)}, 4, 8),
        ("RGBA", {}, 4, 8),
        ("P", {}, 3, 8),
        ("P", {"bits": 2}, 3, 8),
        ("P", {"transparency": 0}, 4, 8),
        ("P", {"bits": 4, "transparency": b"\x10\x20"}, 4, 8),
        ("RGB", {"icc_profile": bytes(100_000)}, 3, 8),
    ],
)
def test_png(mode: str, options: dict[str, Any], channels: int, bit_depth: int) -> None:
    header = image_header(encoded(mode, "PNG", **options))
    assert header == ImageHeader(mime_type="image/png", width=37, height=21, channels=channels, bit_depth=bit_depth)


def test_sixteen_bit_colour_png() -> None:
    data = bytearray(png(2, 2, bytes(12)))
    data[24:26] = b"\x10\x06"  # bit depth, colour type
    header = image_header(bytes(data))
    assert (header.channels, header.bit_depth) == (4, 16)


@pytest.mark.parametrize(
    ("mode", "options", "channels"),
    [
        ("L", {}, 1),
        ("RGB", {}, 3),
        ("RGB", {"progressive": True}, 3),
        ("RGB", {"exif": b"Exif\0\0" + bytes(60_000)}, 3),
        ("RGB", {"icc_profile": bytes(150_000)}, 3),
        ("RGB", {"comment": b"\xff\xc0 no frame"}, 3),
        ("CMYK", {}, 4),
    ],
)
def test_jpeg(mode: str, options: dict[str, Any], channels: int) -> None:
    header = image_header(encoded(mode, "JPEG", **options))
    assert header == ImageHeader(mime_type="image/jpeg", width=37, height=21, channels=channels, bit_depth=8)


def test_fill_bytes_between_jpeg_segments() -> None:
    data = encoded("RGB", "JPEG")
    assert image_header(data[:2] + b"\xff\xff\xff" + data[2:]) == image_header(data)


@pytest.mark.parametrize(
    ("mode", "options", "channels"),
    [
        ("RGB", {"lossless": False}, 3),
        ("RGB", {"lossless": True}, 3),
        ("RGBA", {"lossless": True, "exact": True}, 4),
        ("RGBA", {"lossless": False}, 4),
        ("RGB", {"exif": b"Exif\0\0"}, 3),
    ],
)
def test_webp(mode: str, options: dict[str, Any], channels: int) -> None:
    header = image_header(encoded(mode, "WEBP", **options))
    assert header == ImageHeader(mime_type="image/webp", width=37, height=21, channels=channels, bit_depth=8)


def ktx2(
    model: int,
    samples: list[tuple[int, int]],
    *,
    size: tuple[int, int] = (64, 32),
    levels: int = 0,
    vk_format: int = 0,
) -> bytes:
    """A KTX2 head with a data format descriptor of these samples: bit length and channel id."""
    block = struct.pack("<IHHBBBB4s8s", 0, 2, 24 + 16 * len(samples), model, 1, 2, 0, bytes(4), bytes(8))
    block += b"".join(struct.pack("<HBB4sII", 0, bits - 1, channel, bytes(4), 0, 0) for bits, channel in samples)
    descriptor = struct.pack("<I", 4 + len(block)) + block
    header = struct.pack("<9I4I2Q", vk_format, 1, *size, 0, 0, 1, levels, 0, 80, len(descriptor), 0, 0, 0, 0)
    return b"\xabKTX 20\xbb\r\n\x1a\n" + header + descriptor


RGBSD, ETC1S, UASTC, ASTC, BC = 1, 163, 166, 162, 128


@pytest.mark.parametrize(
    ("data", "channels", "bit_depth"),
    [
        (ktx2(RGBSD, [(8, 0), (8, 1), (8, 2)]), 3, 8),
        (ktx2(RGBSD, [(16, 0), (16, 1), (16, 2), (16, 15)]), 4, 16),
        (ktx2(RGBSD, [(5, 2), (6, 1), (5, 0)]), 3, 6),
        (ktx2(ETC1S, [(64, 0)]), 3, 8),
        (ktx2(ETC1S, [(64, 0), (64, 15)]), 4, 8),
        (ktx2(ETC1S, [(64, 3)]), 1, 8),
        (ktx2(ETC1S, [(64, 3), (64, 4)]), 2, 8),
        (ktx2(UASTC, [(128, 0)]), 3, 8),
        (ktx2(UASTC, [(128, 3)]), 4, 8),
        (ktx2(UASTC, [(128, 4)]), 1, 8),
        (ktx2(UASTC, [(128, 5)]), 2, 8),
        (ktx2(ASTC, [(128, 0)]), None, None),
    ],
)
def test_ktx2(data: bytes, channels: int | None, bit_depth: int | None) -> None:
    header = image_header(data)
    assert (header.mime_type, header.width, header.height) == ("image/ktx2", 64, 32)
    assert (header.channels, header.bit_depth) == (channels, bit_depth)


def test_the_ktx2_of_the_samples() -> None:
    header = image_header(solid_ktx2())
    assert (header.mime_type, header.width, header.height) == ("image/ktx2", 4, 4)
    assert (header.channels, header.bit_depth, header.gpu_bytes) == (4, 8, 16)  # one block, one level


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_four_bytes_a_pixel_and_a_third_more(image_format: str) -> None:
    assert image_header(encoded("RGB", image_format)).gpu_bytes == 37 * 21 * 4 * 4 // 3


RGBA8 = [(8, 0), (8, 1), (8, 2), (8, 15)]


@pytest.mark.parametrize(
    ("data", "bits_per_pixel"),
    [
        (ktx2(RGBSD, RGBA8), 32),
        (ktx2(RGBSD, RGBA8[:3]), 32),
        (ktx2(RGBSD, RGBA8[:2]), 16),
        (ktx2(RGBSD, RGBA8[:1]), 8),
        (ktx2(RGBSD, [(16, 0), (16, 1), (16, 2)]), 64),
        (ktx2(RGBSD, [(5, 2), (6, 1), (5, 0)]), 16),
        (ktx2(ETC1S, [(64, 0)]), 4),
        (ktx2(ETC1S, [(64, 0), (64, 15)]), 8),
        (ktx2(UASTC, [(128, 0)]), 8),
        (ktx2(BC, [(64, 0)], vk_format=131), 4),  # VK_FORMAT_BC1_RGB_UNORM_BLOCK
        (ktx2(BC, [(128, 0)], vk_format=138), 8),  # VK_FORMAT_BC3_SRGB_BLOCK
        (ktx2(BC, [(64, 0)], vk_format=140), 4),  # VK_FORMAT_BC4_SNORM_BLOCK
        (ktx2(BC, [(128, 0)], vk_format=146), 8),  # VK_FORMAT_BC7_SRGB_BLOCK
        (ktx2(BC, [(64, 0)], vk_format=148), 4),  # VK_FORMAT_ETC2_R8G8B8_SRGB_BLOCK
        (ktx2(BC, [(128, 0)], vk_format=151), 8),  # VK_FORMAT_ETC2_R8G8B8A8_UNORM_BLOCK
        (ktx2(BC, [(64, 0)], vk_format=153), 4),  # VK_FORMAT_EAC_R11_UNORM_BLOCK
        (ktx2(BC, [(128, 0)], vk_format=156), 8),  # VK_FORMAT_EAC_R11G11_SNORM_BLOCK
        (ktx2(ASTC, [(128, 0)], vk_format=157), 8),  # VK_FORMAT_ASTC_4x4_UNORM_BLOCK
        (ktx2(ASTC, [(128, 0)], vk_format=172), 2),  # VK_FORMAT_ASTC_8x8_SRGB_BLOCK
    ],
)
def test_gpu_bytes_of_ktx2(data: bytes, bits_per_pixel: int) -> None:
    assert image_header(data).gpu_bytes == 64 * 32 * bits_per_pixel // 8 * 4 // 3


def test_blocks_at_the_border_count_whole() -> None:
    assert image_header(ktx2(UASTC, [(128, 0)], size=(5, 1), levels=1)).gpu_bytes == 2 * 16
    wide = image_header(ktx2(ASTC, [(128, 0)], size=(25, 13), levels=1, vk_format=184))
    assert wide.gpu_bytes == 3 * 2 * 16  # VK_FORMAT_ASTC_12x12_SRGB_BLOCK


def test_what_cannot_be_said_of_gpu_bytes() -> None:
    assert image_header(ktx2(BC, [(64, 0)], vk_format=1000)).gpu_bytes is None
    assert image_header(ktx2(UASTC, [(128, 0)], size=(64, 0))).gpu_bytes is None
    assert image_header(ktx2(RGBSD, RGBA8, size=(2**32 - 1, 2**32 - 1))).gpu_bytes is None


GOOD = {
    "image/png": encoded("P", "PNG", transparency=0),
    "image/jpeg": encoded("RGB", "JPEG"),
    "image/webp": encoded("RGBA", "WEBP"),
    "image/ktx2": ktx2(ETC1S, [(64, 0), (64, 15)]),
}


@pytest.mark.parametrize("mime_type", GOOD)
def test_a_cut_image_says_what_it_can(mime_type: str) -> None:
    data = GOOD[mime_type]
    whole = image_header(data)
    for size in range(len(data)):
        cut = image_header(data[:size])
        assert cut.mime_type == (mime_type if size >= 12 else cut.mime_type)
        assert cut.width in (whole.width, None)
        assert cut.channels in (whole.channels, None)


@pytest.mark.parametrize("mime_type", GOOD)
def test_rubbish_never_raises(mime_type: str) -> None:
    rng = random.Random(mime_type)
    for _ in range(2000):
        data = bytearray(GOOD[mime_type][:400])
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(12, len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
        assert image_header(bytes(data)).mime_type == mime_type


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(50), b"DDS " + bytes(200), bytes(1000), b"RIFF\0\0\0\0WAVEfmt "]
)
def test_other_formats_are_not_guessed(data: bytes) -> None:
    assert image_header(data) == ImageHeader()
