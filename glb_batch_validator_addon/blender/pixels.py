"""What decoding an image shows: one colour only, alpha that is not there, normals that are none."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import bpy
import numpy as np
import numpy.typing as npt

from ..glb.images import HEAD_BYTES, image_header
from ..model.facts import MAX_PLACES, Gap, ImageFacts, PixelFacts, Place, Sample
from ..model.finding import Vector
from .fingerprint import fingerprint

MAX_IMAGE_PIXELS = 4096 * 8192
"""Blender holds 4 bytes a pixel (16 above 8 bits a channel) and gives them out as 16 more: 0.7 to 1.1 GB at the most.
A larger image would bring a worker near its memory limit, and costs seconds."""

MAX_ASSET_PIXELS = 16 * 4096 * 4096
"""Of all images of one asset together: about 10 s of decoding."""

MAX_SECONDS = 60.0
"""After which no further image is decoded: far above what `MAX_ASSET_PIXELS` take, for data made to decode slowly."""

CHANNELS = 4
"""Blender gives out RGBA for whatever PNG, JPEG and WebP hold: grey three times, alpha 1 where there is none."""

NORMAL_TOLERANCE = 0.1
"""How far the length of a normal may be from 1: 8 bits a channel and JPEG cost 1 to 3 %, smaller mip levels more."""

_STRIP = 1 << 14
"""Pixels that are looked at in one go: four planes of them fit into the second-level cache."""

_FINGERPRINT_PIXELS = 256
"""Of the shorter side: a fingerprint needs no more, and a large image has 256 times as many."""

_STEP = 1 / 255
_EPSILON = 1e-6  # of a colour in single precision

_DECODED = ("image/png", "image/jpeg", "image/webp")
_SHA256_DIGITS = 16

_Plane = npt.NDArray[np.float32]


def measure_pixels(images: tuple[ImageFacts, ...]) -> tuple[tuple[PixelFacts, ...], tuple[Gap, ...]]:
    """Decode the images of the imported asset that materials use (`slots`), each once, and let them go.

    Values are as the file stores them, whatever colour space the material reads them in: Blender changes nothing of
    8 bits a channel, and nothing of 16 in the colour space Non-Color, which they are read in. Alpha is straight,
    because the importer sets `CHANNEL_PACKED`. (Seen on 4.2.23, 4.3.2, 4.5.15, 5.0.1, 5.2.2 and 5.2.3.)

    Facts come in the order of `images`, equal ones for equal images. What was not decoded is in the gaps, by reason;
    what is broken is in both.
    """
    facts: dict[int, PixelFacts] = {}
    reasons: defaultdict[str, list[int]] = defaultdict(list)
    arrived, lost = _arrived(images)
    for index in lost:
        mime_type = images[index].mime_type
        known = mime_type is None or mime_type in _DECODED
        reasons["Blender loaded no such image." if known else f"Blender does not decode {mime_type}."].append(index)
    reader = _Reader()
    for image, indices in arrived:
        normals = {index for index in indices if any(map(is_normal, images[index].slots))}
        try:
            measured = reader.measure(image, normals=bool(normals))
        except _RefusedError as refusal:
            reasons[str(refusal)] += indices
        except _BrokenError as fault:
            reasons[str(fault)] += indices
            facts.update((index, replace(_NOTHING, image=index, broken=str(fault))) for index in indices)
        else:
            for index in indices:
                facts[index] = replace(measured, image=index, normals=measured.normals if index in normals else None)
    gaps = (
        Gap(need="pixels", reason=reason, places=_sample(images, sorted(indices)))
        for reason, indices in sorted(reasons.items())
    )
    return tuple(facts[index] for index in sorted(facts)), tuple(gaps)


def is_normal(slot: str) -> bool:
    """True for the slots that hold normals: `normal` and `KHR_materials_clearcoat.clearcoatNormalTexture`."""
    return slot == "normal" or slot.endswith("NormalTexture")


def _sample(images: tuple[ImageFacts, ...], indices: list[int]) -> Sample:
    first = (Place(pointer=f"/images/{index}", name=images[index].name) for index in indices[:MAX_PLACES])
    return Sample(count=len(indices), first=tuple(first))


@dataclass(frozen=True, slots=True)
class _Arrived:
    """An image as Blender has it. `size` is what its header tells, None where it tells nothing to rely on."""

    image: bpy.types.Image
    mime_type: str | None
    size: tuple[int, int] | None
    whole: bool


def _arrived(images: tuple[ImageFacts, ...]) -> tuple[list[tuple[_Arrived, list[int]]], list[int]]:
    """Blender's images with the indices of the glTF images they were made from, and the indices that have none.

    Bytes tell which is which, and where there are none to compare with, the name that the importer gives. It packs
    external images by default too (`import_pack_images`); what is not packed is not looked at: without its bytes
    nobody knows how large it is.
    """
    wanted = [index for index, image in enumerate(images) if image.slots]
    if not wanted:
        return [], []
    of_bytes, of_name = {}, {}
    for image in bpy.data.images:
        if image.packed_file:
            data = image.packed_file.data  # a copy: asked for once
            digest = hashlib.sha256(data).hexdigest()[:_SHA256_DIGITS]
            of_bytes[digest] = of_name[image.name] = _look(image, data)
    names = Counter(_imported_name(index, image) for index, image in enumerate(images))
    found: dict[str, tuple[_Arrived, list[int]]] = {}
    lost = []
    for index in wanted:
        facts, name = images[index], _imported_name(index, images[index])
        if facts.sha256 is not None:
            match = of_bytes.get(facts.sha256)
        else:
            match = of_name.get(name) if names[name] == 1 else None
        if match:
            found.setdefault(match.image.name, (match, []))[1].append(index)
        else:
            lost.append(index)
    return list(found.values()), lost


def _imported_name(index: int, image: ImageFacts) -> str:
    return image.name or f"Image_{index}"


def _look(image: bpy.types.Image, data: bytes) -> _Arrived:
    """Read the header of the very bytes that Blender would decode."""
    header = image_header(memoryview(data)[:HEAD_BYTES])
    size = (header.width, header.height) if header.width and header.height else None
    whole = True
    if header.mime_type == "image/png" and data[12:16] != b"IHDR":
        size = None  # what was taken for its size is something else
    elif header.mime_type == "image/jpeg":  # cut JPEG and WebP are decoded without a word, the rest grey or empty
        whole = data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")  # the end of the image after its last scan
    elif header.mime_type == "image/webp":
        whole = int.from_bytes(data[4:8], "little") + 8 <= len(data) + 1  # some leave the last padding out
    return _Arrived(image, header.mime_type, size, whole)


class _RefusedError(Exception):
    """Why an image is not decoded: one sentence."""


class _BrokenError(Exception):
    """Why an image cannot be decoded: one sentence."""


class _Reader:
    """Decodes one image after the other within the limits, through one buffer."""

    def __init__(self) -> None:
        self._left = MAX_ASSET_PIXELS
        self._deadline = time.monotonic() + MAX_SECONDS
        self._buffer = np.empty(0, dtype=np.float32)

    def measure(self, arrived: _Arrived, *, normals: bool) -> PixelFacts:
        """Raises `_RefusedError` or `_BrokenError`. The image is left without its pixels."""
        if arrived.mime_type not in _DECODED or arrived.size is None:
            raise _RefusedError("Its header tells no size, so nobody knows what decoding it would take.")
        width, height = arrived.size
        if width * height > MAX_IMAGE_PIXELS:
            raise _RefusedError(f"It has more than {MAX_IMAGE_PIXELS:,} pixels.")
        if width * height > self._left:
            raise _RefusedError(f"The images of the asset have more than {MAX_ASSET_PIXELS:,} pixels together.")
        if time.monotonic() > self._deadline:
            raise _RefusedError(f"Decoding the images before it took more than {MAX_SECONDS:.0f} s.")
        if not arrived.whole:
            raise _BrokenError("Its data ends too early.")
        self._left -= width * height
        color_space = arrived.image.colorspace_settings.name
        try:
            pixels = self._pixels(arrived.image, width * height)
            facts = _statistics(pixels, normals=normals)
            if facts.one_color is not None:
                return facts
            step = max(1, min(width, height) // _FINGERPRINT_PIXELS)
            return replace(facts, fingerprint=fingerprint(pixels.reshape(height, width, CHANNELS)[::step, ::step]))
        finally:
            arrived.image.colorspace_settings.name = color_space  # for the preview; it lets the pixels go, too
            arrived.image.buffers_free()

    def _pixels(self, image: bpy.types.Image, count: int) -> _Plane:
        """Shape (count, CHANNELS), bottom row first, valid until the next call."""
        image.colorspace_settings.name = "Non-Color"
        pixels = image.pixels
        values = len(pixels)  # decodes
        if values != count * CHANNELS:
            raise _BrokenError(f"Blender decodes {values // CHANNELS:,} pixels where its header tells {count:,}.")
        if len(self._buffer) < values:
            self._buffer = np.empty(0, dtype=np.float32)  # let the smaller one go before there are two
            self._buffer = np.empty(values, dtype=np.float32)
        flat = self._buffer[:values]
        pixels.foreach_get(flat)  # straight into the buffer: no copy of Blender's in between
        return flat.reshape(-1, CHANNELS)


_NOTHING = PixelFacts(
    image=0,
    broken="",
    one_color=None,
    grey=False,
    least_alpha=1.0,
    visible=0.0,
    mean=(0.0, 0.0, 0.0),
    darkest=0.0,
    brightest=0.0,
    normals=None,
    fingerprint=None,
)


def _planes(pixels: _Plane) -> Iterator[tuple[_Plane, _Plane]]:
    """The pixels strip by strip: (CHANNELS, up to _STRIP) values, and the sums of red, green and blue. Both are reused.

    Planes in buffers that stay take numpy a fifth of the time that interleaved pixels and new arrays do.
    """
    buffer = np.empty((CHANNELS + 1, min(_STRIP, len(pixels))), dtype=np.float32)
    for start in range(0, len(pixels), _STRIP):
        strip = pixels[start : start + _STRIP]
        planes, sums = buffer[:CHANNELS, : len(strip)], buffer[CHANNELS, : len(strip)]
        np.copyto(planes, strip.T)
        np.add(planes[0], planes[1], out=sums)
        sums += planes[2]
        yield planes, sums


def _statistics(pixels: _Plane, *, normals: bool) -> PixelFacts:
    """Facts of the `pixels`, shape (any, CHANNELS), with `image` 0."""
    low, high = pixels[0].copy(), pixels[0].copy()
    total = np.zeros(3)
    visible = units = 0
    darkest, brightest, grey = np.inf, -np.inf, True
    for planes, sums in _planes(pixels):
        colors, alpha = planes[:3], planes[3]
        least = planes.min(axis=1)
        low, high = np.minimum(low, least), np.maximum(high, planes.max(axis=1))
        if least[3] > 0:
            shown, seen = None, len(alpha)
            darkest, brightest = min(darkest, float(sums.min())), max(brightest, float(sums.max()))
            total += colors.sum(axis=1)
        else:  # the colours of fully transparent pixels mean nothing
            shown = alpha > 0
            seen = int(np.count_nonzero(shown))
            darkest = min(darkest, float(np.where(shown, sums, np.inf).min()))
            brightest = max(brightest, float(np.where(shown, sums, -np.inf).max()))
            total += (colors * shown).sum(axis=1)
        visible += seen
        if grey:
            spread = colors.max(axis=0) - colors.min(axis=0)
            grey = float((spread if shown is None else spread * shown).max()) <= _STEP + _EPSILON
        if normals:
            units += _units(colors, sums)
    one_color = bool((high - low).max() <= _STEP / 2)
    return replace(
        _NOTHING,
        one_color=(*_rounded(low[:3]), round(float(low[3]), 6)) if one_color else None,
        grey=grey,
        least_alpha=round(float(low[3]), 6),
        visible=visible / len(pixels),
        mean=_rounded(total / max(visible, 1)),
        darkest=round(darkest / 3, 6) if visible else 0.0,
        brightest=round(brightest / 3, 6) if visible else 0.0,
        normals=units / len(pixels) if normals else None,
    )


def _units(colors: _Plane, sums: _Plane) -> int:
    """How many are unit vectors. Both arrays are written over."""
    colors *= 2
    colors -= 1
    colors *= colors
    np.add(colors[0], colors[1], out=sums)
    sums += colors[2]
    return int(np.count_nonzero((sums > (1 - NORMAL_TOLERANCE) ** 2) & (sums < (1 + NORMAL_TOLERANCE) ** 2)))


def _rounded(values: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> Vector:
    red, green, blue = (round(float(value), 6) for value in values)
    return (red, green, blue)
