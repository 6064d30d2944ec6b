"""From a finding to what is meant by it: selected and framed in the scene of the opened asset."""

import bmesh
import bpy
from bpy.props import IntProperty

from ..errors import UsageError
from .findings import Place
from .scenes import ASSET, corners_of, frame
from .state import STATE
from .witness import BROUGHT, POINTER

SURROUNDINGS = 0.1
"""Of an object's size are shown at least: one edge that fills the window tells nobody where it is."""


def select(context: bpy.types.Context, place: Place) -> str:
    """Select and frame what is meant, in edit mode where it is a part of a mesh; returns what there is to say of it.

    Raises `UsageError` if it is not there (any more).
    """
    thing = _object_of(context, place)
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in context.view_layer.objects:
        other.select_set(other == thing)
    context.view_layer.objects.active = thing
    if place.indices and thing.type == "MESH":
        return _select_elements(context, thing, place)
    frame(context, corners_of(thing))
    return ""


def _object_of(context: bpy.types.Context, place: Place) -> bpy.types.Object:
    """The object that the report names, or another one that shows the same mesh; the first one in sight."""
    known = [thing for thing in context.view_layer.objects if BROUGHT in thing]

    def having(mark: str, value: str | None, *, of_mesh: bool) -> list[bpy.types.Object]:
        marked = ((thing, thing.data if of_mesh else thing) for thing in known)
        return [thing for thing, block in marked if value and block and block.get(mark) == value]

    of_mesh = having(BROUGHT, place.mesh, of_mesh=True) or having(POINTER, place.pointer, of_mesh=True)
    itself = having(BROUGHT, place.object, of_mesh=False) or having(POINTER, place.pointer, of_mesh=False)
    found = [thing for thing in itself if thing in of_mesh] + of_mesh or itself
    if not found:
        raise UsageError(f"{place.mesh or place.object or place.pointer} is not in this scene, or not any more.")
    if shown := [thing for thing in found if thing.visible_get()]:
        return shown[0]
    raise UsageError(f"{found[0].name} is hidden: show it first.")


def _select_elements(context: bpy.types.Context, thing: bpy.types.Object, place: Place) -> str:
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_mode(type={"vertex": "VERT", "edge": "EDGE", "face": "FACE"}[place.kind])
    bpy.ops.mesh.select_all(action="DESELECT")
    mesh = bmesh.from_edit_mesh(thing.data)
    elements = {"vertex": mesh.verts, "edge": mesh.edges, "face": mesh.faces}[place.kind]
    elements.ensure_lookup_table()
    there = [index for index in place.indices if 0 <= index < len(elements)]
    for index in there:
        elements[index].hide_set(False)
        elements[index].select_set(True)
    mesh.select_flush_mode()
    bmesh.update_edit_mesh(thing.data, loop_triangles=False, destructive=False)
    points = [thing.matrix_world @ vertex.co for vertex in mesh.verts if vertex.select]
    frame(context, points, least_radius=SURROUNDINGS * thing.dimensions.length)
    gone = len(place.indices) - len(there)
    return f"{gone:,} of them are not in this mesh: it was changed since it was opened" if gone else ""


class GLBV_OT_select_elements(bpy.types.Operator):
    """Select and frame what this finding is about"""

    bl_idname = "glbv.select_elements"
    bl_label = "Select What Is Meant"
    bl_options = {"UNDO"}

    finding: IntProperty(
        name="Finding", description="Its number in the report of the opened asset, from 0", min=0, options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context, properties):
        opened = STATE.opened.get(context.scene.session_uid)
        place = opened and opened.places.get(properties.finding)
        if not place:
            return cls.__doc__
        return f"{place.message} {place.obstacle or 'Click to select and frame it'}"

    @classmethod
    def poll(cls, context):
        if ASSET in context.scene and context.scene.session_uid in STATE.opened:
            return True
        cls.poll_message_set("Open an asset in a new scene first: it is selected there")
        return False

    def execute(self, context):
        place = STATE.opened[context.scene.session_uid].places.get(self.finding)
        if place is None or place.obstacle:
            self.report({"ERROR"}, place.obstacle if place else "There is no such finding")
            return {"CANCELLED"}
        try:
            said = select(context, place)
        except UsageError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"WARNING" if said else "INFO"}, said or place.message)
        return {"FINISHED"}


CLASSES = (GLBV_OT_select_elements,)
