"""Assets that somebody made to do harm, or that a broken exporter made by chance: small files, each with one trick."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from demo.glb_builder import GlbBuilder, Shape, checker_png, cube, glb, png, torus
from demo.samples import small_assets

NAN, INF, HUGE = math.nan, math.inf, 1e308
BILLION = 1_000_000_000
FLOAT, INT = 5126, 5125
NAMES = {
    "control characters": "a\0b\x1b[31m\r\n\x7f",
    "markup": "<script>alert(1)</script>[bold red]{0}%s",
    "lone surrogate": "\ud800 and \udfff",
    "a megabyte": "x" * 1_000_000,
    "right to left": "\u202eglb.exe",
    "path": "../../../etc/passwd",
}


def assets() -> dict[str, bytes]:
    """The files, by their names."""
    return {f"{name}.glb": make() for name, make in _tricks().items()}


def flipped(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Good small assets after one to four faults: a bit turned over, or a digit of the JSON that is another one."""
    good = [data for _, data in small_assets(4, seed=seed)]
    good += [_rich().build(), _skinned(), _textured(checker_png())]
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        data = bytearray(rng.choice(good))
        json_end = 20 + struct.unpack_from("<I", data, 12)[0]
        digits = [place for place in range(20, json_end) if chr(data[place]).isdigit()]
        for _ in range(rng.randint(1, 4)):
            kind = rng.random()
            if kind < 0.6:
                data[rng.choice(digits)] = ord(rng.choice("0123456789"))
            else:
                data[rng.randrange(20, json_end) if kind < 0.7 else rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield f"flipped-{number:03d}.glb", bytes(data)


def _tricks() -> dict[str, Callable[[], bytes]]:
    tricks: dict[str, Callable[[], bytes]] = {
        "flood of issues": _flood,
        "billion elements with data": lambda: _counted(BILLION),
        "billion elements without data": lambda: _counted(BILLION, without_data=True),
        "billion indices without data": lambda: _counted(BILLION, "indices", without_data=True),
        "billion sparse elements": lambda: _counted(BILLION, sparse=4),
        "billion substitutes": lambda: _counted(24, sparse=BILLION),
        "negative count": lambda: _counted(-1),
        "count of 400 digits": lambda: _counted(10**400),
        "count of 5000 digits": lambda: _json_of(_cube()).replace(b'"count":24', b'"count":' + b"9" * 5000, 1),
        "nested 100 times": lambda: _nested(100),
        "nested 100,000 times": lambda: _nested(100_000),
        "png of 65,535 squared": lambda: _textured(_png_header(65_535)),
        "png of 16,000 squared": lambda: _textured(_one_color(16_000)),
        "png cut off": lambda: _textured(checker_png()[:200]),
        "png without an end": lambda: _textured(png(8, 8, bytes(192))[:-12]),
        "jpeg of two bytes": lambda: _textured(b"\xff\xd8"),
        "chain of 100,000 nodes": lambda: _chain(100_000),
        "ring of nodes": _ring,
        "node that is its own child": lambda: _with(nodes=[{"mesh": 0, "children": [0]}]),
        "node of many parents": lambda: _with(
            nodes=[*({"children": [50]} for _ in range(50)), {"mesh": 0}], scenes=[{"nodes": list(range(50))}]
        ),
        "10,000 images": lambda: _images(10_000),
        "10,001 images": lambda: _images(10_001),
        "keys twice": lambda: _json_of(_cube()).replace(b'"meshes":', b'"meshes":7,"meshes":[],"meshes":', 1),
        "everything of the wrong type": _wrong_types,
        "indices that lead nowhere": _nowhere,
        "arrays of nothing": lambda: _with(meshes=[None, 7, "x", {}], nodes=[[], None, {"mesh": 3}]),
        "empty object": lambda: glb(b"{}"),
        "asset alone": lambda: glb(b'{"asset":{"version":"2.0"}}'),
        "asset version of numbers": lambda: _with(asset={"version": 2.0}),
        "byte order mark": lambda: glb(b"\xef\xbb\xbf" + b'{"asset":{"version":"2.0"}}'),
        "bytes that are no text": lambda: glb(b'{"asset":{"version":"2.0","generator":"\xff\xfe"}}'),
    }
    for trick, number in (("NaN", NAN), ("infinity", INF), ("1e38", 1e38)):
        tricks |= {
            f"{trick} in positions": lambda n=number: _shaped(positions=n),
            f"{trick} in normals": lambda n=number: _shaped(normals=n),
            f"{trick} in uvs": lambda n=number: _shaped(uvs=n),
            f"{trick} in weights": lambda n=number: _skinned(weight=n),
            f"{trick} in matrices": lambda n=number: _skinned(matrix=n),
            f"{trick} in keys": lambda n=number: _animated(n),
        }
    for trick, text in (("1e308", "1e308"), ("1e999", "1e999"), ("400 digits", "9" * 400)):
        tricks[f"{trick} everywhere"] = lambda text=text: _json_of(_rich("NUMBER")).replace(b'"NUMBER"', text.encode())
        for place in ("translation", "rotation", "scale"):
            tricks[f"{trick} in {place}"] = lambda text=text, place=place: _json_of(_placed(place, "NUMBER")).replace(
                b'"NUMBER"', text.encode()
            )
    for trick, name in NAMES.items():
        tricks[f"names, {trick}"] = lambda name=name: _json_of(_rich(1.0, name="NAME")).replace(
            b'"NAME"', json.dumps(name).encode()
        )
    return tricks


def _cube(**about: Any) -> GlbBuilder:
    builder = GlbBuilder()
    mesh = builder.mesh(cube(), material=builder.material("paint"), name="cube", **about)
    builder.scene(builder.add("nodes", mesh=mesh, name="cube"))
    return builder


def _with(**top_level: Any) -> bytes:
    builder = _cube()
    builder.json |= top_level
    return builder.build()


class _Json:
    """Bytes of the JSON chunk that are changed before they become a GLB."""

    def __init__(self, builder: GlbBuilder) -> None:
        data = builder.build()
        self._end = 20 + struct.unpack_from("<I", data, 12)[0]
        self._json, self._bin = data[20 : self._end], data[self._end + 8 :]

    def replace(self, old: bytes, new: bytes, count: int = -1) -> bytes:
        assert old in self._json
        return glb(self._json.replace(old, new, count), self._bin)


def _json_of(builder: GlbBuilder) -> _Json:
    return _Json(builder)


def _flood() -> bytes:
    """Every vertex, index and normal is wrong: some 300,000 issues of a handful of codes."""
    ring = torus(200, 200)
    wrong = Shape(
        positions=[(NAN, y, z) for _, y, z in ring.positions],
        normals=[(9.0, 0.0, 0.0)] * len(ring.normals),
        uvs=[(INF, 0.0)] * len(ring.uvs),
        indices=[60_000] * len(ring.indices),
    )
    builder = GlbBuilder()
    builder.scene(builder.add("nodes", mesh=builder.mesh(wrong, material=builder.material("paint"))))
    for bounds in ("min", "max"):  # NaN is no JSON
        builder.json["accessors"][0][bounds] = [0.0, 0.0, 0.0]
    return builder.build()


def _counted(count: int, which: str = "POSITION", *, without_data: bool = False, sparse: int = 0) -> bytes:
    builder = _cube()
    primitive = builder.json["meshes"][0]["primitives"][0]
    accessor = builder.json["accessors"][primitive["indices"] if which == "indices" else primitive["attributes"][which]]
    accessor["count"] = count
    if without_data:
        del accessor["bufferView"]
    if sparse:
        view = builder.view(bytes(64))
        indices = {"bufferView": view, "componentType": INT}
        accessor["sparse"] = {"count": sparse, "indices": indices, "values": {"bufferView": view}}
    return builder.build()


def _nested(depth: int) -> bytes:
    return _json_of(_cube()).replace(b'"asset":{', b'"extras":' + b"[" * depth + b"]" * depth + b',"asset":{', 1)


def _textured(image: bytes) -> bytes:
    builder = GlbBuilder()
    texture = builder.add("textures", source=builder.image(image, "image/png"))
    mesh = builder.mesh(cube(), material=builder.material("paint", texture=texture))
    builder.scene(builder.add("nodes", mesh=mesh))
    return builder.build()


def _png_header(size: int) -> bytes:
    """A size, and nearly no pixels."""
    good = bytearray(png(8, 8, bytes(192)))
    good[16:24] = struct.pack(">II", size, size)
    good[29:33] = struct.pack(">I", zlib.crc32(good[12:29]))
    return bytes(good)


def _one_color(size: int) -> bytes:
    """A valid image whose pixels take a thousand times the room of the file: a gigabyte once it is decoded."""
    squeeze = zlib.compressobj(1)
    row = bytes(size + 1)
    data = b"".join([*(squeeze.compress(row * 1000) for _ in range(size // 1000)), squeeze.flush()])

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _chain(length: int) -> bytes:
    nodes: list[dict[str, Any]] = [{"children": [number + 1]} for number in range(length - 1)]
    return _with(nodes=[*nodes, {"mesh": 0}])


def _ring() -> bytes:
    return _with(nodes=[{"children": [1]}, {"children": [2], "mesh": 0}, {"children": [0]}])


def _images(count: int) -> bytes:
    builder = _cube()
    view = builder.view(checker_png(8))
    builder.json["images"] = [{"bufferView": view, "mimeType": "image/png"}] * count
    return builder.build()


def _wrong_types() -> bytes:
    document = json.loads(_json_of(_rich())._json)
    wrong = {key: {"x": value} if isinstance(value, list) else [value] for key, value in document.items()}
    return glb(json.dumps({**wrong, "asset": {"version": "2.0", "generator": 7, "extras": True}}).encode(), bytes(64))


def _nowhere() -> bytes:
    builder = _rich()
    text = json.dumps({key: value for key, value in builder.json.items() if key != "asset"})
    for key in ("mesh", "index", "source", "bufferView", "sampler", "node", "input", "output", "POSITION", "indices"):
        text = text.replace(f'"{key}": 0', f'"{key}": 999').replace(f'"{key}": 1', f'"{key}": -1')
    builder.json |= json.loads(text)
    return builder.build()


def _shaped(**wrong: float) -> bytes:
    """The first vertex of a box has the number in each of its components."""
    box = cube()
    parts = {
        name: [(wrong[name],) * len(values[0]), *values[1:]] if name in wrong else values
        for name, values in (("positions", box.positions), ("normals", box.normals), ("uvs", box.uvs))
    }
    builder = GlbBuilder()
    texture = builder.add("textures", source=builder.image(checker_png(), "image/png"))
    mesh = builder.mesh(Shape(indices=box.indices, **parts), material=builder.material("paint", texture=texture))
    builder.scene(builder.add("nodes", mesh=mesh))
    builder.json["accessors"][0] |= {"min": [-0.5] * 3, "max": [0.5] * 3}
    return builder.build()


def _skinned(*, weight: float = 1.0, matrix: float = 1.0) -> bytes:
    builder = GlbBuilder()
    box = cube()
    attributes = builder.skinning([(0, 0, 0, 0)] * 24, [(weight, 0.0, 0.0, 0.0)] * 24)
    mesh = builder.mesh(box, material=builder.material("skin"), attributes=attributes)
    joint = builder.add("nodes", name="joint")
    inverse = builder.accessor([tuple(matrix if i % 5 == 0 else 0.0 for i in range(16))])
    skin = builder.add("skins", joints=[joint], inverseBindMatrices=inverse)
    builder.scene(joint, builder.add("nodes", mesh=mesh, skin=skin))
    return builder.build()


def _animated(number: float) -> bytes:
    builder = _cube()
    times = builder.accessor([(0.0,), (number,)])
    builder.json["accessors"][times] |= {"min": [0.0], "max": [1.0]}
    moves = builder.accessor([(number, 0.0, 0.0), (0.0, number, 0.0)])
    sampler = {"input": times, "output": moves}
    builder.add(
        "animations", samplers=[sampler], channels=[{"sampler": 0, "target": {"node": 0, "path": "translation"}}]
    )
    return builder.build()


def _placed(place: str, number: Any) -> GlbBuilder:
    builder = _cube()
    builder.json["nodes"][0][place] = [number] * (4 if place == "rotation" else 3)
    return builder


def _rich(number: Any = 0.5, *, name: str = "part") -> GlbBuilder:
    """One of everything that has a number or a name."""
    builder = GlbBuilder()
    builder.extension("KHR_lights_punctual")
    builder.extension("KHR_materials_emissive_strength")
    light = {"type": "spot", "name": name, "color": [number] * 3, "intensity": number, "range": number}
    builder.json["extensions"] = {"KHR_lights_punctual": {"lights": [light | {"spot": {"outerConeAngle": number}}]}}
    picture = builder.image(checker_png(), "image/png", name=name)
    texture = builder.add("textures", source=picture, name=name)
    material = builder.add(
        "materials",
        name=name,
        alphaMode="MASK",
        alphaCutoff=number,
        emissiveFactor=[number] * 3,
        pbrMetallicRoughness={
            "baseColorFactor": [number] * 4,
            "metallicFactor": number,
            "roughnessFactor": number,
            "baseColorTexture": {"index": texture},
        },
        normalTexture={"index": texture, "scale": number},
        extensions={"KHR_materials_emissive_strength": {"emissiveStrength": number}},
    )
    mesh = builder.mesh(cube(), material=material, name=name)
    builder.json["meshes"][mesh]["weights"] = [number]
    builder.json["accessors"][0] |= {"min": [number] * 3, "max": [number] * 3}
    camera = builder.add("cameras", name=name, type="perspective", perspective={"yfov": number, "znear": number})
    times = builder.accessor([(0.0,), (1.0,)], bounds=True)
    builder.json["accessors"][times]["max"] = [number]
    moves = builder.accessor([(0.0, 0.0, 0.0), (0.0, 0.5, 0.0)])
    node = builder.add("nodes", mesh=mesh, name=name, translation=[number] * 3)
    builder.add(
        "animations",
        name=name,
        samplers=[{"input": times, "output": moves}],
        channels=[{"sampler": 0, "target": {"node": node, "path": "translation"}}],
    )
    lamp = builder.add("nodes", name=name, extensions={"KHR_lights_punctual": {"light": 0}})
    builder.scene(node, lamp, builder.add("nodes", name=name, camera=camera, matrix=[number] * 16))
    builder.json["scenes"][0]["name"] = name
    return builder
