"""The artist's scenes: exported for validation, left alone when an asset is opened in one of its own."""

import math
from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Vector

from ..blender.scene import import_glb
from ..errors import UsageError
from .state import temporary_folder
from .witness import BROUGHT, mark, watched
from .words import unicode

ASSET = "glbv_asset"
"""The custom property of a scene that an asset was opened in; its value is the asset's key."""

_BACK, _VIEWS = "glbv_back", "glbv_views"
"""Custom properties of that scene: the one to go back to, and what viewports showed before it."""

_DISTANCE = 4.0
"""From the viewport's lens of 50 mm, in radii of the asset, that shows it whole."""

MAX_NAME_BYTES = 60
"""Of a scene: Blender cuts names at 63, and needs room for .001."""


def export_scene(context: bpy.types.Context, *, only_selected: bool, apply_modifiers: bool) -> Path:
    """Write the open scene as a GLB into a folder of its own, and return that. Raises `UsageError`, OSError."""
    if only_selected and not context.selected_objects:
        raise UsageError("Nothing is selected.")
    folder = temporary_folder() / "scene"
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():  # by the last time
        left.unlink()
    path = folder / f"{bpy.path.clean_name(context.scene.name)}.glb"
    active = context.view_layer.objects.active
    mode = active.mode if active else "OBJECT"
    editing, selected = list(context.objects_in_mode), list(context.selected_objects)
    try:
        bpy.ops.export_scene.gltf(
            filepath=str(path), export_format="GLB", use_selection=only_selected, export_apply=apply_modifiers
        )
    except RuntimeError as error:
        raise UsageError(f"The scene cannot be exported: {str(error).strip().splitlines()[-1]}") from error
    finally:
        if active and active.mode != mode:  # the exporter leaves edit mode, which is entered by what is selected
            _select(context, editing)
            bpy.ops.object.mode_set(mode=mode)
            _select(context, selected)
    return folder


def _select(context: bpy.types.Context, things: list[bpy.types.Object]) -> None:
    for thing in context.view_layer.objects:
        thing.select_set(thing in things)


def no_gltf(kind: str) -> str:
    """Why there is no glTF `IMPORT` or `EXPORT` in this Blender, "" if there is."""
    there = hasattr(bpy.types, f"{kind}_SCENE_OT_gltf")
    return "" if there else "Enable the add-on glTF 2.0 format in the preferences first"


def open_asset(context: bpy.types.Context, path: Path, *, key: str, name: str) -> None:
    """Import a GLB into a new scene, which the window then shows. Raises `AssetError`, and then nothing is left."""
    before = context.window.scene
    views = {
        name: {"perspective": view.view_perspective, "seen": [*view.view_location, view.view_distance]}
        for name, view in _views(context.window)
    }
    known = set(_blocks())
    scene = bpy.data.scenes.new(name.encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore"))
    context.window.scene = scene
    try:
        with watched() as made:
            import_glb(path, folder=path.parent)
    except BaseException:
        _show(context, scene, before)
        bpy.data.batch_remove(set(_blocks()) - known)
        raise
    scene[ASSET], scene[_BACK], scene[_VIEWS] = unicode(key), before.name, views
    for block in set(_blocks()) - known:
        block[BROUGHT] = block.name
    mark(made)


def frame_all(context: bpy.types.Context) -> None:
    """Let the viewport that is in use show the whole asset."""
    frame(context, [corner for thing in context.scene.objects if thing.type == "MESH" for corner in corners_of(thing)])


def corners_of(thing: bpy.types.Object) -> list[Vector]:
    """Of its bounding box, in world space."""
    return [thing.matrix_world @ Vector(corner) for corner in thing.bound_box]


def frame(context: bpy.types.Context, points: list[Vector], *, least_radius: float = 0.0) -> None:
    """Let the viewport that is in use, if there is one, show these points; `close_asset` gives its own view back.

    By bounds, for `view3d.view_selected` comes so near that a box fills more than the window.
    """
    points = [point for point in points if all(map(math.isfinite, point))]  # it is such assets that are looked at
    if not points or context.area is None or context.area.type != "VIEW_3D":
        return
    view = context.area.spaces.active.region_3d
    if view.view_perspective == "CAMERA":
        view.view_perspective = "PERSP"
    view.view_location = sum(points, Vector()) / len(points)
    radius = max((point - view.view_location).length for point in points)
    view.view_distance = _DISTANCE * (max(radius, least_radius) or 1.0)


def _views(window: bpy.types.Window) -> Iterator[tuple[str, bpy.types.RegionView3D]]:
    """The views of a window's 3D viewports, each with a name that it keeps while Blender runs."""
    for area in window.screen.areas:
        space = area.spaces.active
        if area.type == "VIEW_3D" and space.region_3d:
            yield str(space.as_pointer()), space.region_3d


def close_asset(context: bpy.types.Context) -> None:
    """Remove the scene of an opened asset and all that came with it; the window shows another scene."""
    scene = context.window.scene
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    before = bpy.data.scenes.get(scene[_BACK])
    windows = [window for window in context.window_manager.windows if window.scene == scene]
    _show(context, scene, before or next(other for other in bpy.data.scenes if other != scene))
    for name, view in (entry for window in windows for entry in _views(window)):
        if kept := scene.get(_VIEWS, {}).get(name):
            view.view_perspective = kept["perspective"]
            *view.view_location, view.view_distance = kept["seen"]
    brought = [thing for thing in scene.objects if BROUGHT in thing and set(thing.users_scene) == {scene}]
    bpy.data.batch_remove([*brought, scene])
    while orphans := [block for block in _blocks() if BROUGHT in block and block.users == 0]:
        bpy.data.batch_remove(orphans)


def _show(context: bpy.types.Context, scene: bpy.types.Scene, other: bpy.types.Scene) -> None:
    """Let windows show another scene in place of one: Blender crashes if it is removed under a window."""
    for window in context.window_manager.windows:
        if window.scene == scene:
            window.scene = other


def _blocks() -> Iterator[bpy.types.ID]:
    """Every data-block of this file that a person could have made or imported."""
    for collection in _COLLECTIONS:
        yield from getattr(bpy.data, collection)


_COLLECTIONS = (
    "actions",
    "armatures",
    "cameras",
    "collections",
    "images",
    "lights",
    "materials",
    "meshes",
    "node_groups",
    "objects",
    "scenes",
    "textures",
    "worlds",
)
