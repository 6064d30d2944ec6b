"""The artist's scenes: exported for validation, left alone when an asset is opened in one of its own."""

from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Vector

from ..blender.scene import import_glb
from ..errors import UsageError
from .state import temporary_folder

ASSET = "glbv_asset"
"""The custom property of a scene that an asset was opened in; its value is the asset's key."""

_BACK, _BROUGHT, _VIEW = "glbv_back", "glbv_brought", "glbv_view"
"""Custom properties: of that scene the one to go back to, of all that came with it a mark, the view before it."""

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
    known = set(_blocks())
    scene = bpy.data.scenes.new(name.encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore"))
    context.window.scene = scene
    try:
        import_glb(path, folder=path.parent)
    except BaseException:
        _show(context, scene, before)
        bpy.data.batch_remove(set(_blocks()) - known)
        raise
    scene[ASSET], scene[_BACK] = key, before.name
    for block in set(_blocks()) - known:
        block[_BROUGHT] = True


def frame_all(context: bpy.types.Context) -> None:
    """Let the viewport that is in use show the whole scene; `close_asset` gives back what it showed before."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return
    corners = [
        thing.matrix_world @ Vector(corner)
        for thing in context.scene.objects
        if thing.type == "MESH"
        for corner in thing.bound_box
    ]
    if not corners:
        return
    view = area.spaces.active.region_3d
    context.scene[_VIEW] = [*view.view_location, view.view_distance]
    view.view_location = sum(corners, Vector()) / len(corners)
    view.view_distance = _DISTANCE * max((corner - view.view_location).length for corner in corners)


def close_asset(context: bpy.types.Context) -> None:
    """Remove the scene of an opened asset and all that came with it; the window shows another scene."""
    scene = context.window.scene
    if _VIEW in scene and context.area and context.area.type == "VIEW_3D":
        view = context.area.spaces.active.region_3d
        *view.view_location, view.view_distance = scene[_VIEW]
    before = bpy.data.scenes.get(scene[_BACK])
    _show(context, scene, before or next(other for other in bpy.data.scenes if other != scene))
    brought = [thing for thing in scene.objects if _BROUGHT in thing and set(thing.users_scene) == {scene}]
    bpy.data.batch_remove([*brought, scene])
    while orphans := [block for block in _blocks() if _BROUGHT in block and block.users == 0]:
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
