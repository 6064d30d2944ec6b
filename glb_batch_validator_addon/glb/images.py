"""Size, channels and bit depth of an image, from its first bytes, for the formats that glTF files hold."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

HEAD_BYTES = 256 * 1024
"""How much of an image is looked at: a JPEG may have a few segments of 64 KiB with a colour profile before its size."""

_MAX_STEPS = 256
"""Chunks or segments that are stepped over before giving up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What the first bytes of an image say; None where they do not, as after a cut."""

    mime_type: str | None = None
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    channels: int | None = None
    """A palette counts as 3, with transparency 4; a transparent colour or level counts as an alpha channel."""
    bit_depth: int | None = None
    """Bits per channel, of the decoded colours."""
    block: tuple[int, int, int] | None = (1, 1, 4)
    """How a GPU holds it: width and height in pixels and size in bytes of what it reads at once. Readers make four
    bytes a pixel of PNG, JPEG and WebP."""
    layers: int = 1
    """Layers, faces and slices: other than 1 only in KTX2 images that glTF does not allow."""
    has_mips: bool = True
    """In the file, or made by the reader."""

    @property
    def gpu_bytes(self) -> int | None:
        """On a GPU; smaller levels together take a third more. None also for what no JSON number says exactly."""
        if self.width is None or self.height is None or self.block is None:
            return None
        width, height, size = self.block
        blocks = -(-self.width // width) * -(-self.height // height) * self.layers
        total = blocks * size * 4 // 3 if self.has_mips else blocks * size
        return total if total < 2**53 else None


def image_header(content: bytes | memoryview) -> ImageHeader:
    """Read the header of a PNG, JPEG, WebP or KTX2 image; all is None if it is none of these. Never raises."""
    signature = bytes(content[:12])
    for is_format, mime_type, read in _FORMATS:
        if is_format(signature):
            try:
                return read(memoryview(content)[:HEAD_BYTES])
            except (struct.error, IndexError):  # the head is cut
                return ImageHeader(mime_type=mime_type)
    return ImageHeader()


_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def _png(head: memoryview) -> ImageHeader:
    width, height, bit_depth, color_type = struct.unpack_from(">IIBB", head, 16)
    channels = _PNG_CHANNELS.get(color_type)
    if channels is not None and color_type in (0, 2, 3):
        transparent = _png_has_transparency(head)
        channels = None if transparent is None else channels + transparent
    return ImageHeader(
        mime_type="image/png",
        width=width,
        height=height,
        channels=channels,
        bit_depth=8 if color_type == 3 else bit_depth,
    )


def _png_has_transparency(head: memoryview) -> bool | None:
    """Whether there is a tRNS chunk before the pixels; None if the head does not reach them."""
    offset = 8
    for _ in range(_MAX_STEPS):
        if offset + 8 > len(head):
            return None
        size, kind = struct.unpack_from(">I4s", head, offset)
        if kind == b"tRNS":
            return True
        if kind in (b"IDAT", b"IEND"):
            return False
        offset += 12 + size
    return None


_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG and DAC
_JPEG_BARE = frozenset([0x01, *range(0xD0, 0xD9)])  # TEM, RSTn, SOI: markers without a length


def _jpeg(head: memoryview) -> ImageHeader:
    offset = 2
    for _ in range(_MAX_STEPS):
        if head[offset] != 0xFF:
            break
        while head[offset] == 0xFF:  # any number of fill bytes
            offset += 1
        marker = head[offset]
        offset += 1
        if marker in _JPEG_FRAMES:
            bit_depth, height, width, channels = struct.unpack_from(">2xBHHB", head, offset)
            # Height 0: it follows after the first scan
            return ImageHeader(
                mime_type="image/jpeg", width=width, height=height or None, channels=channels, bit_depth=bit_depth
            )
        if marker in (0xD9, 0xDA):  # the end, or the pixels
            break
        if marker not in _JPEG_BARE:
            offset += struct.unpack_from(">H", head, offset)[0]
    return ImageHeader(mime_type="image/jpeg")


def _webp(head: memoryview) -> ImageHeader:
    kind = bytes(head[12:16])
    if kind == b"VP8X":
        flags, size = head[20], head[24:30]
        if len(size) < 6:
            raise IndexError
        width = int.from_bytes(size[:3], "little") + 1
        height = int.from_bytes(size[3:], "little") + 1
        channels = 4 if flags & 0x10 else 3
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        channels = 4 if bits >> 28 & 1 else 3
    elif kind == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", head, 26))
        channels = 3
    else:
        raise IndexError
    return ImageHeader(mime_type="image/webp", width=width, height=height, channels=channels, bit_depth=8)


_RGBSD, _ETC1S, _UASTC = 1, 163, 166
"""Colour models of the Khronos data format descriptor: plain channels and the two of Basis Universal.

Basis Universal is turned into what a GPU reads, at best: of ETC1S half a byte a pixel (ETC1, BC1) and a byte with alpha
(ETC2, BC3), of UASTC a byte (ASTC 4x4, BC7). Readers without any of these take four to eight times as much.
"""
_UASTC_CHANNELS = {0: 3, 3: 4, 4: 1, 5: 2}
"""By the channel id of the only sample: RGB, RGBA, RRR, RRRG."""


def _ktx2(head: memoryview) -> ImageHeader:
    vk_format, _, width, height, depth, layers, faces, levels = struct.unpack_from("<8I", head, 12)
    channels, bit_depth = None, None
    (descriptor,) = struct.unpack_from("<I", head, 48)
    block_size, model = struct.unpack_from("<HB", head, descriptor + 10)
    # Samples of 16 bytes follow the first 24 bytes of the block
    samples = [
        struct.unpack_from("<HBB", head, descriptor + 28 + 16 * number)
        for number in range(min((block_size - 24) // 16, _MAX_STEPS))
    ]
    ids = [channel & 0x0F for _, _, channel in samples]
    block = _vulkan_block(vk_format)
    if model == _RGBSD and samples:
        channels, bit_depth = len(set(ids)), max(bits for _, bits, _ in samples) + 1
        size = sum(bits + 1 for _, bits, _ in samples) // 8
        block = (1, 1, size // 3 * 4 if size in (3, 6, 12) else size)  # GPUs have no formats of three channels
    elif model == _ETC1S:
        channels, bit_depth = (3 if 0 in ids else 1) + (len(ids) > 1), 8
        block = (4, 4, 16 if len(ids) > 1 else 8)
    elif model == _UASTC and ids:
        channels, bit_depth = _UASTC_CHANNELS.get(ids[0]), 8
        block = (4, 4, 16)
    return ImageHeader(
        mime_type="image/ktx2",
        width=width,
        height=height or None,
        channels=channels,
        bit_depth=bit_depth,
        block=block,
        layers=max(depth, 1) * max(layers, 1) * max(faces, 1),
        has_mips=levels != 1,  # 0 asks the reader to make them
    )


_ASTC_BLOCKS = (
    *((4, 4), (5, 4), (5, 5), (6, 5), (6, 6), (8, 5), (8, 6)),
    *((8, 8), (10, 5), (10, 6), (10, 8), (10, 10), (12, 10), (12, 12)),
)
_BC1, _BC2, _BC4, _BC5, _ETC2_RGB, _ETC2_RGBA, _EAC_R, _EAC_RG, _ASTC, _AFTER = (
    131,
    135,
    139,
    141,
    147,
    151,
    153,
    155,
    157,
    185,
)


def _vulkan_block(vk_format: int) -> tuple[int, int, int] | None:
    """The block of a compressed VkFormat; None for any other. Those of a family have consecutive numbers."""
    if not _BC1 <= vk_format < _AFTER:
        return None
    if vk_format >= _ASTC:
        return (*_ASTC_BLOCKS[(vk_format - _ASTC) // 2], 16)
    small = (range(_BC1, _BC2), range(_BC4, _BC5), range(_ETC2_RGB, _ETC2_RGBA), range(_EAC_R, _EAC_RG))
    return 4, 4, 8 if any(vk_format in formats for formats in small) else 16


_FORMATS: tuple[tuple[Callable[[bytes], bool], str, Callable[[memoryview], ImageHeader]], ...] = (
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), "image/png", _png),
    (lambda head: head.startswith(b"\xff\xd8\xff"), "image/jpeg", _jpeg),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", "image/webp", _webp),
    (lambda head: head.startswith(b"\xabKTX 20\xbb\r\n\x1a\n"), "image/ktx2", _ktx2),
)
