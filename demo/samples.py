"""The sample library: small files that are good, and one of each kind that is not. The same bytes on every machine."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .glb_builder import GlbBuilder, Shape, checker_png, cube, glb, png, solid_ktx2, torus


@dataclass(frozen=True, slots=True)
class Sample:
    """One asset of the library."""

    name: str
    """Its path below the library's folder, with "/"."""
    shows: str
    error: str
    """The type in the error block of its report on any Blender, "" where it has none."""


def write_samples(folder: Path) -> list[Sample]:
    """Write the library below `folder`, which may exist. 6 MB, nearly all of it the heavy mesh."""
    samples = []
    for name, shows, error, make in _SAMPLES:
        _write(folder / name, make())
        samples.append(Sample(name, shows, error))
    for name, data in _COMPANIONS.items():
        _write(folder / name, data())
    return samples


def small_assets(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of `count` distinct valid GLBs of 24 to 40 kB, 300 to 750 vertices, every other one textured."""
    for number in range(count):
        name = f"{number // 1000:03d}/asset-{number:06d}.glb"
        yield name, _small_asset(random.Random(f"{seed}/{number}"), textured=number % 2 == 0)


def small_library(folder: Path, count: int, *, seed: int) -> list[str]:
    """Write `small_assets` below `folder` and return their names."""
    names = []
    for name, data in small_assets(count, seed=seed):
        _write(folder / name, data)
        names.append(name)
    return names


def write_draco_sample(path: Path, bpy_python: str | Path) -> bool:
    """Let a Python that has bpy export a Draco-compressed torus to `path`; False, and no file, if it cannot.

    The exporter writes uncompressed without a word when its Draco library is missing, so the file is looked into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    script = _DRACO_SCRIPT.format(path=str(path))
    done = subprocess.run([str(bpy_python), "-c", script], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if done.returncode or not path.is_file():
        return False
    data = path.read_bytes()
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    if "KHR_draco_mesh_compression" not in document.get("extensionsUsed", []):
        path.unlink()
        return False
    return True


# os._exit: bpy as a module can hang when the interpreter ends
_DRACO_SCRIPT = """
import os
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_torus_add(major_segments=96, minor_segments=48)
bpy.ops.export_scene.gltf(filepath={path!r}, export_format="GLB", export_draco_mesh_compression_enable=True)
os._exit(0)
"""


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _simple(shape: Shape, name: str, *, texture_uri: str | None = None, image: bytes | None = None) -> GlbBuilder:
    """One mesh with one material in one node, with an embedded or an external texture or none."""
    builder = GlbBuilder()
    texture = None
    if image is not None:
        texture = builder.add("textures", source=builder.image(image, "image/png", name="checker"))
    elif texture_uri is not None:
        texture = builder.add("textures", source=builder.add("images", uri=texture_uri))
    mesh = builder.mesh(shape, material=builder.material("paint", texture=texture), name=name)
    builder.scene(builder.add("nodes", mesh=mesh, name=name))
    return builder


def _cube() -> bytes:
    return _simple(cube(2.0, 1.0, 0.5), "cube").build()


def _textured() -> bytes:
    return _simple(cube(), "crate", image=checker_png()).build()


def _heavy() -> bytes:
    return _simple(torus(500, 200), "torus").build()


def _animated() -> bytes:
    builder = _simple(cube(), "spinner")
    times = builder.accessor([(0.0,), (1.0,), (2.0,)], bounds=True)
    turns = builder.accessor([(0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, -1.0)])
    moves = builder.accessor([(0.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.0)])
    builder.add(
        "animations",
        name="spin",
        samplers=[{"input": times, "output": turns}, {"input": times, "output": moves}],
        channels=[
            {"sampler": 0, "target": {"node": 0, "path": "rotation"}},
            {"sampler": 1, "target": {"node": 0, "path": "translation"}},
        ],
    )
    return builder.build()


def _skinned() -> bytes:
    builder = GlbBuilder()
    bar = torus(16, 8, radius=1.0, thickness=0.1)
    upper = [z > 0 for _, _, z in bar.positions]
    attributes = builder.skinning([(int(side), 0, 0, 0) for side in upper], [(1.0, 0.0, 0.0, 0.0)] * len(bar.positions))
    mesh = builder.mesh(bar, material=builder.material("skin"), name="ring", attributes=attributes)
    tip = builder.add("nodes", name="tip", translation=[0.0, 0.0, 1.0])
    root = builder.add("nodes", name="root", children=[tip])
    identity = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    inverse = builder.accessor([identity, (*identity[:14], -1.0, 1.0)])
    skin = builder.add("skins", joints=[root, tip], skeleton=root, inverseBindMatrices=inverse)
    builder.scene(root, builder.add("nodes", name="ring", mesh=mesh, skin=skin))
    return builder.build()


def _morph() -> bytes:
    builder = GlbBuilder()
    shape = cube()
    wide = [(x, 0.0, 0.0) for x, _, _ in shape.positions]
    tall = [(0.0, y, 0.0) for _, y, _ in shape.positions]
    mesh = builder.mesh(shape, material=builder.material("clay"), name="clay", morphs=[wide, tall])
    builder.json["meshes"][mesh].update(weights=[0.0, 0.0], extras={"targetNames": ["wide", "tall"]})
    builder.scene(builder.add("nodes", mesh=mesh, name="clay"))
    return builder.build()


def _instanced() -> bytes:
    builder = GlbBuilder()
    mesh = builder.mesh(cube(), material=builder.material("brick"), name="brick")
    nodes = [
        builder.add("nodes", mesh=mesh, name=f"brick {number}", translation=[number % 5 * 1.5, number // 5 * 1.5, 0.0])
        for number in range(25)
    ]
    builder.scene(*nodes)
    return builder.build()


def _light_and_camera() -> bytes:
    builder = GlbBuilder()
    builder.extension("KHR_lights_punctual")
    light = {"type": "point", "name": "lamp", "color": [1.0, 0.9, 0.8], "intensity": 100.0}
    builder.json["extensions"] = {"KHR_lights_punctual": {"lights": [light]}}
    camera = builder.add("cameras", type="perspective", perspective={"yfov": 0.7, "znear": 0.1, "zfar": 100.0})
    builder.scene(
        builder.add("nodes", name="cube", mesh=builder.mesh(cube(), material=builder.material("paint"))),
        builder.add(
            "nodes", name="lamp", translation=[2.0, 2.0, 2.0], extensions={"KHR_lights_punctual": {"light": 0}}
        ),
        builder.add("nodes", name="camera", translation=[0.0, 0.0, 5.0], camera=camera),
    )
    return builder.build()


def _without_scene() -> bytes:
    builder = _simple(cube(), "lost")
    del builder.json["scenes"], builder.json["scene"], builder.json["nodes"]
    return builder.build()


def _external_texture() -> bytes:
    return _simple(cube(), "crate", texture_uri="../textures/checker%20board.png").build()


def _leaves_library() -> bytes:
    """Six textures, none of which may ever be opened."""
    builder = GlbBuilder()
    nodes: list[int] = []
    for uri in (
        "../../../outside.png",
        "%2e%2e/%2e%2e/%2e%2e/outside.png",
        "/etc/hostname",
        "https://example.com/texture.png",
        "data:x/../../../../outside.png",  # Blender takes it for a path
        "COM1.png",
    ):
        material = builder.material(uri, texture=builder.add("textures", source=builder.add("images", uri=uri)))
        mesh = builder.mesh(cube(), material=material)
        nodes.append(builder.add("nodes", mesh=mesh, translation=[len(nodes) * 1.5, 0.0, 0.0]))
    builder.scene(*nodes)
    return builder.build()


def _required_extension() -> bytes:
    builder = _simple(cube(), "cube")
    builder.extension("EXAMPLE_unheard_of", required=True)
    return builder.build()


def _basisu(*, required: bool) -> bytes:
    builder = GlbBuilder()
    builder.extension("KHR_texture_basisu", required=required)
    basis = builder.image(solid_ktx2(), "image/ktx2", name="basis")
    fallback = {} if required else {"source": builder.image(checker_png(), "image/png", name="fallback")}
    texture = builder.add("textures", extensions={"KHR_texture_basisu": {"source": basis}}, **fallback)
    mesh = builder.mesh(cube(), material=builder.material("paint", texture=texture))
    builder.scene(builder.add("nodes", mesh=mesh, name="cube"))
    return builder.build()


def _inside_out() -> bytes:
    shape = cube()
    return _simple(replace(shape, indices=shape.indices[::-1]), "inside out").build()


def _torn() -> bytes:
    """A box without its last side, whose first triangle is there twice, and with one that is a line."""
    shape = cube()
    indices = [*shape.indices[:30], *shape.indices[1:3], shape.indices[0], 4, 5, 5]
    return _simple(replace(shape, indices=indices), "torn").build()


def _plain_texture() -> bytes:
    return _simple(cube(), "plain", image=png(256, 256, bytes((200, 40, 40)) * 256 * 256)).build()


def _truncated() -> bytes:
    data = _textured()
    return data[: len(data) * 2 // 3]


def _s3_error() -> bytes:
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        b"<Message>The specified key does not exist.</Message><Key>props/chair.glb</Key></Error>"
    )


def _lfs_pointer() -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0123456789abcdef" * 4 + b"\nsize 132848\n"


def _html_page() -> bytes:
    return b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"


def _version_1() -> bytes:
    content = b'{"asset":{"version":"1.0"},"scenes":{}} '
    return struct.pack("<4s4I", b"glTF", 1, 20 + len(content), len(content), 0) + content


def _wrong_magic() -> bytes:
    return b"gltf" + _cube()[4:]


def _deep_json() -> bytes:
    return glb(b'{"asset":{"version":"2.0"},"extras":' + b"[" * 2000 + b"]" * 2000 + b"}")


def _crashes_blender() -> bytes:
    """Two indices make no triangle: every Blender from 4.2 to 5.2 that was tried dies of SIGSEGV in the import."""
    builder = _simple(cube(), "cube")
    indices = builder.json["meshes"][0]["primitives"][0]["indices"]
    builder.json["accessors"][indices]["count"] = 2
    return builder.build()


def endless_asset() -> bytes:
    """Five million instances in a kilobyte: Blender makes an object of each, for hours and gigabytes."""
    builder = _simple(cube(), "cube")
    builder.extension("EXT_mesh_gpu_instancing")
    places = builder.add("accessors", componentType=5126, type="VEC3", count=5_000_000)
    builder.json["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    return builder.build()


_SAMPLES: tuple[tuple[str, str, str, Callable[[], bytes]], ...] = (
    ("good/cube.glb", "a box of 2 x 1 x 0.5 m", "", _cube),
    ("good/textured crate.glb", "an embedded PNG, and a space in the name", "", _textured),
    ("good/heavy.glb", "200,000 triangles", "", _heavy),
    ("good/animated.glb", "rotation and translation, two seconds", "", _animated),
    ("good/skinned.glb", "two joints", "", _skinned),
    ("good/morph.glb", "two morph targets", "", _morph),
    ("good/instanced.glb", "one mesh in 25 nodes", "", _instanced),
    ("good/light and camera.glb", "a point light and a camera", "", _light_and_camera),
    ("good/SHOUTED.GLB", "a suffix in upper case", "", _cube),
    ("good/stół-椅子-стул.glb", "a name in three scripts", "", _cube),
    ("good/a+b=100%.glb", "+ and % in the name", "", _cube),
    ("good/nested/folders/leaf.glb", "a key of several parts", "", _cube),
    (
        "good/basisu fallback.glb",
        "KTX2 by KHR_texture_basisu, not required, with a PNG beside it",
        "",
        lambda: _basisu(required=False),
    ),
    ("references/props/external texture.glb", "a texture elsewhere in the library", "", _external_texture),
    ("references/props/leaves the library.glb", "references that must not be opened", "", _leaves_library),
    ("flawed/inside out.glb", "every triangle faces inwards", "", _inside_out),
    ("flawed/torn.glb", "a hole, a face that is there twice, and one without area", "", _torn),
    ("flawed/plain texture.glb", "65,536 pixels of one colour", "", _plain_texture),
    ("doubtful/without scene.glb", "a mesh, but neither a node nor a scene that shows it", "", _without_scene),
    ("unsupported/basisu required.glb", "KTX2 only", "ExtensionRequired", lambda: _basisu(required=True)),
    ("unsupported/unknown extension.glb", "an extension that nothing reads", "ExtensionRequired", _required_extension),
    ("broken/truncated.glb", "an upload that broke off", "Truncated", _truncated),
    ("broken/empty.glb", "no bytes at all", "Empty", bytes),
    ("broken/html page.glb", "a log-in page, saved as an asset", "HtmlPage", _html_page),
    ("broken/s3 error.glb", "an error of S3, saved as an asset", "S3Error", _s3_error),
    ("broken/lfs pointer.glb", "Git LFS was not asked for the content", "GitLfsPointer", _lfs_pointer),
    ("broken/version 1.glb", "glTF 1.0", "Version1", _version_1),
    ("broken/wrong magic.glb", "a corrupt first byte", "WrongMagic", _wrong_magic),
    ("broken/deep json.glb", "2,000 nested arrays", "OverLimit", _deep_json),
    ("broken/crashes blender.glb", "two indices of a triangle", "Crashed", _crashes_blender),
)
_COMPANIONS: dict[str, Callable[[], bytes]] = {"references/textures/checker board.png": checker_png}


def _small_asset(rng: random.Random, *, textured: bool) -> bytes:
    rings, sides = (
        (rng.randint(20, 24), rng.randint(14, 17)) if textured else (rng.randint(30, 33), rng.randint(18, 20))
    )
    shape = torus(
        rings, sides, radius=rng.uniform(0.5, 3.0), thickness=rng.uniform(0.1, 0.4), waves=rng.uniform(0.0, 0.5)
    )
    builder = GlbBuilder()
    texture = None
    if textured:
        noise = png(64, 64, rng.randbytes(64 * 64 * 3))
        texture = builder.add("textures", source=builder.image(noise, "image/png", name="noise"))
    color = (rng.random(), rng.random(), rng.random(), 1.0)
    mesh = builder.mesh(shape, material=builder.material("main", color=color, texture=texture), name="body")
    nodes = [builder.add("nodes", mesh=mesh, name="body", translation=[rng.uniform(-1.0, 1.0), 0.0, 0.0])]
    if rng.random() < 0.5:
        foot = builder.mesh(cube(), material=builder.material("foot"), name="foot")
        nodes.append(builder.add("nodes", mesh=foot, name="foot", translation=[0.0, -1.0, 0.0]))
    builder.scene(*nodes)
    return builder.build()
