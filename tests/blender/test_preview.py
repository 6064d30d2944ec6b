"""Pictures, inside a Blender. The truth is how the subjects were made; what is looked at are the files' pixels."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from demo.glb_builder import GlbBuilder, cube
from glb_batch_validator_addon.blender import preview, scene, studio
from glb_batch_validator_addon.blender.framing import fit
from glb_batch_validator_addon.blender.measure import NOT_EXPORTED, measure
from glb_batch_validator_addon.blender.preview import NoPictureError, Previews, choose_device
from glb_batch_validator_addon.model.preview import Order, Preview

SIZE = 96
"""Pixels: enough for all that is looked at here, and quick."""


@pytest.fixture(scope="module", autouse=True)
def _started() -> None:
    scene.start()


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    scene.reset(1)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order(engine="cycles", size=SIZE, format="png", folder=str(tmp_path / "pictures"))


def box(x: float = 1, y: float = 1, z: float = 1, *, at: tuple[float, float, float] = (0, 0, 0), name="box") -> Any:
    """A cuboid of so many metres, standing around `at`."""
    corners = [(a * x / 2, b * y / 2, c * z / 2) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh(corners, faces, at=at, name=name)


def mesh(corners: list[Any], faces: list[Any], *, at: tuple[float, float, float] = (0, 0, 0), name: str) -> Any:
    data = bpy.data.meshes.new(name)
    data.from_pydata(corners, [], faces)
    thing = bpy.data.objects.new(name, data)
    thing.location = at
    bpy.context.scene.collection.objects.link(thing)
    return thing


def painted(thing: Any, shader: str, **inputs: Any) -> Any:
    """With a material of one shader node."""
    material = bpy.data.materials.new(shader)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    node = nodes.new(shader)
    for name, value in inputs.items():
        node.inputs[name.replace("_", " ")].default_value = value
    material.node_tree.links.new(node.outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs[0])
    thing.data.materials.append(material)
    return thing


def taken(order: Order, contents: str = "asset") -> Preview:
    return Previews().take(order, contents=[contents], at=Path(f"{order.folder}.rendering"))


def pixels_of(order: Order, contents: str = "asset") -> np.ndarray:
    """Shape (height, width, 3), the top row first."""
    return preview._pixels(Path(order.folder, taken(order, contents).file))[..., :3]


def subject(pixels: np.ndarray) -> np.ndarray:
    """Where something is that is not the background, after a look at the background."""
    background = pixels[0, 0]
    assert (pixels[[0, -1]] == background).all()
    assert (pixels[:, [0, -1]] == background).all()
    assert np.ptp(background) == 0, "it is neutral"
    assert 0.6 < background[0] < 0.95, "it is light"
    return np.abs(pixels - background).max(axis=2) > 3 / 255


def extent(shown: np.ndarray) -> tuple[float, float]:
    """Of the larger side, and how far its middle is off, as shares of the picture."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    ends = [(side[0], side[-1] + 1) for side in (rows, columns)]
    size = len(shown)
    return max(high - low for low, high in ends) / size, max(abs(low + high - size) / 2 / size for low, high in ends)


def armature_bent() -> None:
    """A bar whose upper half a bone swings out: the rest pose is half as wide."""
    bar = mesh(
        [(x, y, z) for z in (0, 1, 2) for x, y in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))],
        [(4 * k + i, 4 * k + (i + 1) % 4, 4 * k + 4 + (i + 1) % 4, 4 * k + 4 + i) for k in (0, 1) for i in range(4)],
        name="bar",
    )
    data = bpy.data.armatures.new("rig")
    rig = bpy.data.objects.new("rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = data.edit_bones.new("top")
    bone.head, bone.tail = (0, 0, 1), (0, 0, 2)
    bpy.ops.object.mode_set(mode="OBJECT")
    group = bar.vertex_groups.new(name="top")
    group.add(list(range(8, 12)), 1.0, "ADD")
    bar.modifiers.new("rig", "ARMATURE").object = rig
    rig.pose.bones["top"].rotation_mode = "XYZ"
    rig.pose.bones["top"].rotation_euler = (0, 0, math.radians(90))
    rig.pose.bones["top"].location = (3, 0, 0)


def instances() -> None:
    first = box(0.2, 0.2, 0.2)
    for number in range(1, 30):
        other = bpy.data.objects.new(f"copy {number}", first.data)
        other.location = (number * 0.5, (number % 5) * 0.7, (number % 3) * 0.4)
        bpy.context.scene.collection.objects.link(other)


def plane() -> None:
    mesh([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], [(0, 1, 2, 3)], name="plane")


SUBJECTS = {
    "cube": box,
    "long bar along x": lambda: box(100, 0.5, 0.5),
    "long bar towards the camera": lambda: box(0.5, 100, 0.5),
    "pole": lambda: box(0.1, 0.1, 10),
    "plane on the ground": plane,
    "tiny": lambda: box(1e-4, 1e-4, 1e-4),
    "huge": lambda: box(1e4, 1e4, 1e4),
    "far from the origin": lambda: box(at=(5000, -3000, 1000)),
    "skinned": armature_bent,
    "instances": instances,
    "unlit black": lambda: painted(box(), "ShaderNodeEmission", Color=(0, 0, 0, 1)),
    "metal": lambda: painted(box(), "ShaderNodeBsdfGlossy", Color=(1, 1, 1, 1), Roughness=0.2),
    "half transparent": lambda: painted(box(), "ShaderNodeBsdfPrincipled", Alpha=0.5, Base_Color=(0.1, 0.1, 0.1, 1)),
    "two boxes": lambda: (box(at=(-3, 0, 0)), box(at=(4, 1, 2), name="other")),
}


@pytest.mark.parametrize("make", SUBJECTS.values(), ids=SUBJECTS)
def test_the_subject_fills_the_middle_of_the_picture(make: Any, order: Order) -> None:
    make()

    shown = subject(pixels_of(order))

    size, off = extent(shown)
    assert 0.60 <= size <= 0.95
    assert size == pytest.approx(studio.FILL, abs=0.03)
    assert off < 0.015
    assert shown.sum() > 20


def test_a_white_cube_has_three_sides_that_are_neither_black_nor_burnt_out(order: Order) -> None:
    painted(box(), "ShaderNodeBsdfPrincipled", Base_Color=(1, 1, 1, 1), Roughness=0.8)

    pixels = pixels_of(order)

    top, front, side = (
        float(np.median(pixels[rows, columns]))
        for rows, columns in (
            (slice(15, 22), slice(41, 52)),
            (slice(49, 60), slice(26, 37)),
            (slice(49, 60), slice(71, 79)),
        )
    )
    assert 0.5 < side < front - 0.04 < top - 0.08 < 0.95


def test_the_front_of_a_gltf_asset_is_what_one_sees(tmp_path: Path, order: Order) -> None:
    """+Z of glTF, with its own left hand, +X, on the right; and its top."""
    builder = GlbBuilder()
    colors = {"front": (1, 0, 0), "right": (0, 1, 0), "top": (0, 0, 1)}
    places = {"front": (0, 0, 2), "right": (2, 0, 0), "top": (0, 2, 0)}
    nodes = []
    for name, color in colors.items():
        shape = builder.mesh(cube(), material=builder.material(name, color=(*color, 1.0)), name=name)
        nodes.append(builder.add("nodes", mesh=shape, translation=list(places[name]), name=name))
    builder.scene(*nodes)
    path = tmp_path / "front.glb"
    path.write_bytes(builder.build())
    scene.import_glb(path, folder=tmp_path)

    pixels = pixels_of(order)

    def middle(channel: int) -> np.ndarray:
        others = np.delete(pixels, channel, axis=2).max(axis=2)
        return np.argwhere(pixels[..., channel] > others + 0.15).mean(axis=0)

    front, right, top = middle(0), middle(1), middle(2)
    assert top[0] < min(front[0], right[0]), "the top is above"
    assert front[1] < right[1], "the asset's left hand is on the right"
    assert front[0] > right[0], "the front is nearer, and so lower"


def test_lights_and_cameras_of_the_asset_do_not_count(order: Order) -> None:
    box()
    without = pixels_of(order, "without")
    scene.reset(1)
    box()
    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "POINT"))
    lamp.data.energy, lamp.location = 1e6, (0, -2, 2)
    eye = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    for thing in (lamp, eye):
        bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = eye

    assert (pixels_of(order, "with") == without).all()


def test_helpers_of_the_importer_are_not_in_the_picture(order: Order) -> None:
    box()
    without = pixels_of(order, "without")
    scene.reset(1)
    box()
    helper = box(30, 30, 30, name="Icosphere")
    helpers = bpy.data.collections.new(NOT_EXPORTED)
    bpy.context.scene.collection.children.link(helpers)
    bpy.context.scene.collection.objects.unlink(helper)
    helpers.objects.link(helper)

    assert (pixels_of(order, "with") == without).all()


def test_hidden_objects_and_loose_vertices_do_not_count_for_the_frame(order: Order) -> None:
    mesh([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0), (900, 0, 0)], [(0, 1, 2, 3)], name="plane")
    box(50, 50, 50).hide_render = True

    assert extent(subject(pixels_of(order)))[0] == pytest.approx(studio.FILL, abs=0.03)


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: mesh([(0, 0, 0), (1, 0, 0)], [], name="points"),
        lambda: mesh([(0, 0, 0)] * 3, [(0, 1, 2)], name="dot"),
        lambda: mesh([(0, 0, 0), (math.inf, 0, 0), (0, 1, 0)], [(0, 1, 2)], name="infinite"),
    ],
    ids=["empty", "points", "dot", "infinite"],
)
def test_without_anything_to_show_there_is_no_picture(make: Any, order: Order) -> None:
    make()
    with pytest.raises(NoPictureError, match="no faces"):
        taken(order)


def test_a_picture_of_nothing_but_background_is_none(order: Order) -> None:
    painted(box(), "ShaderNodeBsdfTransparent")
    with pytest.raises(NoPictureError, match="Nothing of the asset"):
        taken(order)
    assert list(Path(order.folder).parent.rglob("*.*")) == []


def test_twice_is_the_same_bytes(order: Order) -> None:
    """So that a picture that is there can be told from somebody else's, and a cache from a copy."""
    files = []
    for name in "ab":
        painted(box(), "ShaderNodeBsdfPrincipled", Roughness=0.3)
        files.append(Path(order.folder, taken(order, name).file).read_bytes())
        scene.reset(1)
    assert files[0] == files[1]


def blocks() -> dict[str, set[str]]:
    """All data-blocks by kind."""
    collections = {kind: getattr(bpy.data, kind) for kind in dir(bpy.data)}
    return {
        kind: {block.name for block in collection}
        for kind, collection in collections.items()
        if isinstance(collection, bpy.types.bpy_prop_collection)
    }


def test_it_leaves_nothing_behind(order: Order) -> None:
    scene.reset(1)
    empty = blocks()
    box()
    before = measure()

    taken(order)
    scene.reset(1)

    assert blocks() == empty
    box()
    assert measure() == before


def test_a_picture_that_is_kept_is_not_rendered_again(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    box()
    first = taken(order)
    monkeypatch.setattr(preview, "_render", lambda *_: pytest.fail("it renders"))

    assert taken(order) == first
    with pytest.raises(BaseException, match="it renders"):
        taken(order, "another asset")


def test_a_kept_picture_that_was_damaged_is_rendered_again(order: Order) -> None:
    box()
    first = taken(order)
    path = Path(order.folder, first.file)
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], b"\x89PNG\r\n\x1a\n"):
        path.write_bytes(damaged)
        assert taken(order) == first
        assert path.read_bytes() == whole


@pytest.mark.parametrize(("size", "format_", "magic"), [(512, "webp", b"RIFF"), (256, "png", b"\x89PNG")])
def test_size_and_format(order: Order, size: int, format_: Any, magic: bytes) -> None:
    box()
    wanted = Order(engine="cycles", size=size, format=format_, folder=order.folder)

    picture = taken(wanted)

    data = Path(order.folder, picture.file).read_bytes()
    assert data.startswith(magic)
    assert picture.file.endswith(f".{format_}")
    assert (picture.width, picture.height, picture.device) == (size, size, "CPU")
    assert int(picture.fingerprint, 16)
    if format_ == "webp":
        assert len(data) < 20_000
    filled, off = extent(subject_of_lossy(preview._pixels(Path(order.folder, picture.file))[..., :3]))
    assert (filled, off) == (pytest.approx(studio.FILL, abs=0.03), pytest.approx(0, abs=0.01))


def subject_of_lossy(pixels: np.ndarray) -> np.ndarray:
    return np.abs(pixels - pixels[0, 0]).max(axis=2) > 12 / 255


def test_a_folder_that_cannot_be_written_costs_the_picture(order: Order, tmp_path: Path) -> None:
    box()
    (tmp_path / "pictures").write_text("a file is in the way")
    with pytest.raises(NoPictureError, match="cannot be kept"):
        taken(order)


def test_a_blender_that_does_not_render_says_so(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Error: Out of memory\n")

    monkeypatch.setattr(preview, "_render", refuse)
    box()
    with pytest.raises(NoPictureError, match=r"^Blender did not render it: Out of memory$"):
        taken(order)


# The frame, without Blender


def test_random_clouds_fill_exactly_what_they_should() -> None:
    numbers = random.Random(1)
    axes = np.linalg.qr(np.array([[numbers.gauss(0, 1) for _ in range(3)] for _ in range(3)]))[0]
    for _ in range(50):
        cloud = np.array([[numbers.gauss(0, numbers.choice((0.01, 1, 50))) for _ in range(3)] for _ in range(200)])
        matrix = np.eye(4)
        matrix[:3, 3] = [numbers.uniform(-100, 100) for _ in range(3)]
        shot = fit([(cloud[:90], matrix), (cloud[90:], matrix)], axes=axes, slope=0.25, fill=0.85)
        assert shot
        across, up, back = ((cloud + matrix[:3, 3] - shot.position) @ axes.T).T
        assert (back < 0).all()
        in_picture = [across / -back / 0.5 - shot.shift[0], up / -back / 0.5 - shot.shift[1]]
        assert max(np.ptp(values) for values in in_picture) == pytest.approx(0.85)
        assert all(values.max() == pytest.approx(-values.min()) for values in in_picture)
        assert (shot.nearest, shot.farthest) == (pytest.approx(-back.max()), pytest.approx(-back.min()))


# The device


class _Preferences:
    """As those of Cycles on a machine with a GPU."""

    def __init__(self, kind: str, known: tuple[str, ...] = ("CUDA", "OPTIX", "HIP")) -> None:
        self._kind, self._known = kind, known
        self.devices: list[Any] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "compute_device_type" and value not in self._known:
            raise TypeError(f'enum "{value}" not found')
        super().__setattr__(name, value)

    def get_devices_for_type(self, kind: str) -> list[Any]:
        if kind == "CUDA" and self._kind != "CUDA":
            raise RuntimeError("the driver is too old")
        self.devices = [SimpleNamespace(type=which, use=False) for which in ("CPU", self._kind)]
        return [device for device in self.devices if device.type in (kind, "CPU")]


@pytest.mark.parametrize("kind", ["OPTIX", "CUDA", "HIP"])
def test_cycles_takes_the_gpu_that_is_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences = _Preferences(kind)
    addons = {"cycles": SimpleNamespace(preferences=preferences)}
    context = SimpleNamespace(preferences=SimpleNamespace(addons=addons))
    monkeypatch.setattr(preview, "bpy", SimpleNamespace(context=context))

    assert choose_device() == kind
    assert preferences.compute_device_type == kind
    assert [device.type for device in preferences.devices if device.use] == [kind]


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for addons in ({}, {"cycles": SimpleNamespace(preferences=_Preferences("CPU"))}, {"cycles": object()}):
        context = SimpleNamespace(preferences=SimpleNamespace(addons=addons))
        monkeypatch.setattr(preview, "bpy", SimpleNamespace(context=context))
        assert choose_device() == "CPU"


@pytest.mark.skipif("GLBV_GPU" in os.environ, reason="this machine has one")
def test_what_this_machine_has() -> None:
    assert choose_device() in ("CPU", *preview._GPUS)


def test_a_gpu_that_fails_gives_way_to_the_cpu(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = preview._render
    asked = []

    def render(at: Path, device: str) -> None:
        asked.append(device)
        if device != "CPU":
            raise RuntimeError("Error: Illegal address in CUDA queue")
        rendered(at, device)

    monkeypatch.setattr(preview, "_render", render)
    monkeypatch.setattr(preview, "choose_device", lambda: "CUDA")
    previews = Previews()
    box()

    for name in "ab":
        picture = previews.take(order, contents=[name], at=Path(f"{order.folder}.rendering"))
        assert picture.device == "CPU"
    assert asked == ["CUDA", "CPU", "CPU"]


def test_an_order_without_gpu_asks_for_none(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "choose_device", lambda: pytest.fail("it asks"))
    box()
    wanted = Order(engine="cycles", size=SIZE, format="png", folder=order.folder, gpu=False)
    assert taken(wanted).device == "CPU"
