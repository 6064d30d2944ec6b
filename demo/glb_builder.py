"""Writes GLB, PNG and KTX2 bytes with the standard library alone. For samples and tests: it trusts its callers."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

Vec2 = tuple[float, float]
Vec3 = tuple[float, float, float]
Color = tuple[int, ...]

_BYTE, _SHORT, _INT, _FLOAT = 5121, 5123, 5125, 5126
_FORMATS = {_BYTE: "B", _SHORT: "H", _INT: "I", _FLOAT: "f"}
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963


@dataclass(frozen=True, slots=True)
class Shape:
    """A triangle mesh: one normal and one UV a vertex, three indices a triangle. Metres, glTF axes (Y up)."""

    positions: Sequence[Vec3]
    normals: Sequence[Vec3]
    uvs: Sequence[Vec2]
    indices: Sequence[int]


def cube(width: float = 1.0, height: float = 1.0, depth: float = 1.0) -> Shape:
    """A box around the origin, 24 vertices, 12 triangles."""
    half = (width / 2, height / 2, depth / 2)
    positions: list[Vec3] = []
    normals: list[Vec3] = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            for u, v in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)):
                corner = [0.0, 0.0, 0.0]
                corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = sign, u * sign, v
                positions.append((corner[0] * half[0], corner[1] * half[1], corner[2] * half[2]))
                normals.append((sign * (axis == 0), sign * (axis == 1), sign * (axis == 2)))
    faces = range(0, 24, 4)
    return Shape(
        positions=positions,
        normals=normals,
        uvs=[(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)] * 6,
        indices=[start + corner for start in faces for corner in (0, 1, 2, 0, 2, 3)],
    )


def torus(rings: int, sides: int, *, radius: float = 1.0, thickness: float = 0.35, waves: float = 0.0) -> Shape:
    """A ring in the XZ plane of `2 * rings * sides` triangles; `waves` is the height of three waves along it."""
    around = [(math.cos(a), math.sin(a), a) for a in (2 * math.pi * ring / rings for ring in range(rings + 1))]
    across = [(math.cos(b), math.sin(b)) for b in (2 * math.pi * side / sides for side in range(sides + 1))]
    positions = [
        ((radius + thickness * cb) * ca, thickness * sb + waves * math.sin(3 * a), (radius + thickness * cb) * sa)
        for ca, sa, a in around
        for cb, sb in across
    ]
    row = sides + 1
    indices: list[int] = []
    for start in (ring * row + side for ring in range(rings) for side in range(sides)):
        indices += (start, start + 1, start + row, start + 1, start + row + 1, start + row)
    return Shape(
        positions=positions,
        normals=[(cb * ca, sb, cb * sa) for ca, sa, _ in around for cb, sb in across],
        uvs=[(ring / rings, side / sides) for ring in range(rings + 1) for side in range(sides + 1)],
        indices=indices,
    )


class GlbBuilder:
    """Collects the parts of one GLB. Methods return the index that others refer to."""

    def __init__(self, **top_level: Any) -> None:
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "GLB Batch Validator samples"},
            **top_level,
        }
        self._bin = bytearray()

    def add(self, array: str, **item: Any) -> int:
        """Append to one of the top-level arrays."""
        items: list[Any] = self.json.setdefault(array, [])
        items.append(item)
        return len(items) - 1

    def extension(self, name: str, *, required: bool = False) -> None:
        """Declare an extension as used, and as required."""
        for array in ("extensionsUsed", "extensionsRequired") if required else ("extensionsUsed",):
            self.json.setdefault(array, []).append(name)

    def view(self, data: bytes, target: int | None = None) -> int:
        """A bufferView of its own for these bytes."""
        offset = len(self._bin)
        self._bin += data + bytes(-len(data) % 4)
        return self.add(
            "bufferViews", buffer=0, byteOffset=offset, byteLength=len(data), **({"target": target} if target else {})
        )

    def accessor(
        self,
        items: Sequence[Sequence[float]],
        component: int = _FLOAT,
        *,
        bounds: bool = False,
        target: int | None = None,
    ) -> int:
        """An accessor of vectors, or of scalars given as vectors of one."""
        width = len(items[0])
        data = struct.pack(f"<{len(items) * width}{_FORMATS[component]}", *chain.from_iterable(items))
        extra: dict[str, Any] = {}
        if bounds:
            columns = list(zip(*items, strict=True))
            as_stored = (lambda value: struct.unpack("<f", struct.pack("<f", value))[0]) if component == _FLOAT else int
            extra = {
                "min": [as_stored(min(column)) for column in columns],
                "max": [as_stored(max(column)) for column in columns],
            }
        kind = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}[width]
        return self.add(
            "accessors",
            bufferView=self.view(data, target),
            componentType=component,
            count=len(items),
            type=kind,
            **extra,
        )

    def mesh(
        self,
        shape: Shape,
        *,
        material: int | None = None,
        name: str = "",
        morphs: Iterable[Sequence[Vec3]] = (),
        attributes: Mapping[str, int] | None = None,
    ) -> int:
        """A mesh of one primitive; `morphs` displace its positions, `attributes` are accessors of more attributes."""
        wide = len(shape.positions) > 0xFFFF
        primitive: dict[str, Any] = {
            "attributes": {
                "POSITION": self.accessor(shape.positions, bounds=True, target=_ARRAY_BUFFER),
                "NORMAL": self.accessor(shape.normals, target=_ARRAY_BUFFER),
                "TEXCOORD_0": self.accessor(shape.uvs, target=_ARRAY_BUFFER),
                **(attributes or {}),
            },
            "indices": self.accessor(
                [(index,) for index in shape.indices], _INT if wide else _SHORT, target=_ELEMENT_ARRAY_BUFFER
            ),
        }
        targets = [{"POSITION": self.accessor(morph, bounds=True, target=_ARRAY_BUFFER)} for morph in morphs]
        if targets:
            primitive["targets"] = targets
        if material is not None:
            primitive["material"] = material
        return self.add("meshes", primitives=[primitive], **({"name": name} if name else {}))

    def skinning(self, joints: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]) -> dict[str, int]:
        """The attributes that bind each vertex to four joints."""
        return {
            "JOINTS_0": self.accessor(joints, _BYTE, target=_ARRAY_BUFFER),
            "WEIGHTS_0": self.accessor(weights, target=_ARRAY_BUFFER),
        }

    def image(self, data: bytes, mime_type: str, *, name: str = "") -> int:
        """An image within the file."""
        return self.add("images", bufferView=self.view(data), mimeType=mime_type, **({"name": name} if name else {}))

    def material(self, name: str, *, color: Sequence[float] = (0.8, 0.8, 0.8, 1.0), texture: int | None = None) -> int:
        """A rough material of one colour, or with a texture by it."""
        pbr: dict[str, Any] = {"baseColorFactor": list(color), "metallicFactor": 0.0}
        if texture is not None:
            pbr["baseColorTexture"] = {"index": texture}
        return self.add("materials", name=name, pbrMetallicRoughness=pbr)

    def scene(self, *nodes: int) -> None:
        """The default scene, with these nodes on top."""
        self.json["scene"] = self.add("scenes", nodes=list(nodes))

    def build(self) -> bytes:
        """The GLB."""
        document = dict(self.json)
        if self._bin:
            document["buffers"] = [{"byteLength": len(self._bin)}]
        return glb(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(), bytes(self._bin))


def glb(json_chunk: bytes, bin_chunk: bytes = b"") -> bytes:
    """A GLB container around JSON, which may be wrong, and BIN."""
    chunks = [(b"JSON", json_chunk + b" " * (-len(json_chunk) % 4))]
    if bin_chunk:
        chunks.append((b"BIN\0", bin_chunk + bytes(-len(bin_chunk) % 4)))
    body = b"".join(struct.pack("<I4s", len(data), kind) + data for kind, data in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def png(width: int, height: int, pixels: bytes, *, channels: int = 3) -> bytes:
    """An 8-bit PNG of rows of interleaved pixels, top row first."""
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    row = width * channels
    lines = b"".join(b"\0" + pixels[start : start + row] for start in range(0, height * row, row))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")


def checker_png(
    size: int = 64, *, squares: int = 8, colors: tuple[Color, Color] = ((230, 230, 230), (40, 90, 160))
) -> bytes:
    """A square checkerboard; colours of three or four channels."""
    cell = size // squares
    rows = [b"".join(bytes(colors[(x // cell + parity) % 2]) for x in range(size)) for parity in (0, 1)]
    pixels = b"".join(rows[y // cell % 2] for y in range(size))
    return png(size, size, pixels, channels=len(colors[0]))


class _Field(NamedTuple):
    value: int
    bits: int


def solid_ktx2(color: Color = (40, 90, 160, 255)) -> bytes:
    """A KTX2 image of 4 x 4 pixels of one colour in one UASTC block, as KHR_texture_basisu wants it."""
    fields = [_Field(0x17, 5), *(_Field(channel, 8) for channel in color)]  # mode 8: a solid colour; hints stay zero
    bits = shift = 0
    for field in fields:
        bits |= field.value << shift
        shift += field.bits
    block = bits.to_bytes(16, "little")

    # Data format descriptor: model 166 (UASTC), BT.709, sRGB; 4 x 4 texels in 16 bytes; one sample, RGBA (channel 3)
    basic = struct.pack("<IHHBBBB4s8s", 0, 2, 40, 166, 1, 2, 0, b"\3\3\0\0", b"\x10" + bytes(7))
    sample = struct.pack("<HBB4sII", 0, 127, 3, bytes(4), 0, 0xFFFFFFFF)
    descriptor = struct.pack("<I", 4 + len(basic) + len(sample)) + basic + sample
    descriptor_start = 80 + 24
    level_start = descriptor_start + len(descriptor) + -(descriptor_start + len(descriptor)) % 16
    header = struct.pack("<9I", 0, 1, 4, 4, 0, 0, 1, 1, 0)
    index = struct.pack("<4I2Q", descriptor_start, len(descriptor), 0, 0, 0, 0)
    level = struct.pack("<3Q", level_start, len(block), len(block))
    head = b"\xabKTX 20\xbb\r\n\x1a\n" + header + index + level + descriptor
    return head.ljust(level_start, b"\0") + block
