"""The photographer's studio for previews: camera, light and background around the asset that was imported.

What it adds are data-blocks, which `scene.reset` takes away with the asset, and settings of the scene that neither an
import nor a measurement asks for.
"""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..errors import AssetError
from ..model.preview import Order
from .framing import Part, Shot, Vectors, fit
from .measure import NOT_EXPORTED

FILL = 0.85
"""Share of the picture that the larger extent of the subject takes."""

SAMPLES = 12
"""Rays a pixel. Each takes 45 ms at 256 pixels on one core; with 16 the grain on metals is a little finer. Adaptive
sampling makes no difference with so few."""

TIME_LIMIT_SECONDS = 0.5
"""Of rendering 256 pixels, after which Cycles is content with the samples it has; more pixels have more. On one core
most assets seen have all their samples by then; what fills the picture with detail shows some grain."""

WEBP_QUALITY = 85
"""At which grain and edges of 256 pixels look as in the PNG, in a tenth of its bytes."""

_LENS, _SENSOR = 70.0, 36.0
"""Millimetres: long enough to keep proportions, short enough to show depth."""

_TO_CAMERA = (0.62, -1.0, 0.48)
"""From the subject, three quarters from the front: that of a glTF asset is its +Z, which is Blender's -Y."""

# Directions to the lights as the camera sees them: to its right, up, and towards it.
_KEY, _KEY_WATTS = (-0.62, 0.62, 0.48), 2.2
_RIM, _RIM_WATTS = (0.75, 0.50, -0.50), 1.5
_LIGHT_ANGLE = 0.3
"""Radians: soft shadows."""

_SKY, _GROUND = 0.64, 0.26
_BOXES = (((-0.62, 0.62, 0.48), 26, 38, 1.2), ((0.80, 0.25, -0.55), 22, 36, 1.0), ((-0.80, 0.15, -0.58), 22, 36, 1.0))
"""Soft boxes that only reflections see: direction, angles in degrees inside of which it is full and outside of which it
is dark, radiance. So metals have something to reflect, and nothing gets noisier: a sample that finds a small bright box
by chance is what grain is made of."""

_BACKGROUND = 0.62
"""Linear grey; sRGB 203 in the picture."""

_WORKBENCH_STOPS = 0.8
"""Its own lights are darker than ours."""

Settings = dict[str, object]

_RENDER: Settings = {
    "resolution_percentage": 100,
    "pixel_aspect_x": 1.0,
    "pixel_aspect_y": 1.0,
    "use_border": False,
    "film_transparent": False,
    "dither_intensity": 0.0,  # the background has one colour
    "use_compositing": False,
    "use_sequencer": False,
    "use_motion_blur": False,
    "use_simplify": False,
    "use_file_extension": False,
    "use_overwrite": True,
}

# What Blender would write into a PNG, and what differs from run to run.
_TEXTS = ("camera", "marker", "date", "filename", "frame", "hostname", "lens", "memory", "render_time", "scene", "time")

_CYCLES: Settings = {
    "samples": SAMPLES,
    "use_adaptive_sampling": False,
    "seed": 0,
    "use_animated_seed": False,
    "use_denoising": False,  # not every build has a denoiser
    "use_light_tree": False,
    "max_bounces": 6,
    "diffuse_bounces": 1,
    "glossy_bounces": 2,
    "transmission_bounces": 6,
    "volume_bounces": 0,
    "transparent_max_bounces": 16,
    "caustics_reflective": False,
    "caustics_refractive": False,
    "use_auto_tile": False,
}


class NoPictureError(AssetError):
    """There is no picture; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("NoPicture", message)


def set_up(order: Order, *, threads: int = 0) -> None:
    """Put the studio around the imported asset; 0 threads are one a core.

    Raises `NoPictureError` if there is nothing to see.
    """
    axes = _axes()
    shot = fit(_subject(), axes=axes, slope=_SENSOR / 2 / _LENS, fill=FILL)
    if shot is None:
        raise NoPictureError("The asset has no faces with an extent that could be shown.")
    for thing in bpy.context.view_layer.objects:
        if thing.type == "LIGHT":
            thing.hide_render = True
    scene = bpy.context.scene
    scene.camera = _camera(shot, axes)
    scene.world = _world(axes)
    if order.engine == "cycles":
        _sun("Key", _KEY, _KEY_WATTS, axes)
        _sun("Rim", _RIM, _RIM_WATTS, axes)
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    scene.render.threads = max(1, threads)
    _set_render(scene, order)


def _subject() -> list[Part]:
    """What the picture shows: meshes with faces that are neither hidden nor the importer's own."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    helpers = bpy.data.collections.get(NOT_EXPORTED)
    hidden = set(helpers.all_objects) if helpers else set()
    parts: list[Part] = []
    of_mesh: dict[str, Vectors] = {}
    for thing in bpy.context.view_layer.objects:
        if thing in hidden:
            thing.hide_render = True
        elif thing.type == "MESH" and not thing.hide_render:
            evaluated = thing.evaluated_get(depsgraph)
            # Only an object that nothing deforms has the same coordinates as the others of its mesh
            shared = thing.data.users > 1 and not thing.modifiers and not thing.data.shape_keys
            points = of_mesh.get(thing.data.name) if shared else None
            if points is None:
                points = _corners(evaluated.data)
                if shared:
                    of_mesh[thing.data.name] = points
            if len(points):
                parts.append((points, np.array(evaluated.matrix_world)))
    return parts


def _corners(mesh: bpy.types.Mesh) -> Vectors:
    """The vertices that faces use, shape (n, 3), in the mesh's own space: loose ones are not rendered."""
    count = len(mesh.loops)
    if not count:
        return np.empty((0, 3))
    flat = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", flat)
    used = np.empty(count, dtype=np.int32)
    mesh.attributes[".corner_vert"].data.foreach_get("value", used)
    in_faces = np.zeros(len(mesh.vertices), dtype=bool)
    in_faces[used] = True
    return flat.reshape(-1, 3)[in_faces].astype(np.float64)


def _axes() -> Vectors:
    """Right, up and backwards of the camera, as rows."""
    back = Vector(_TO_CAMERA).normalized()
    right = Vector((0, 0, 1)).cross(back).normalized()
    return np.array([right, back.cross(right), back])


def _camera(shot: Shot, axes: Vectors) -> bpy.types.Object:
    data = bpy.data.cameras.new("Preview")
    data.sensor_width, data.lens = _SENSOR, _LENS
    data.shift_x, data.shift_y = shot.shift
    data.clip_start, data.clip_end = shot.nearest * 0.9, shot.farthest * 1.1
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T, shot.position
    return _placed(data, Matrix(matrix))


def _sun(name: str, direction: tuple[float, float, float], watts: float, axes: Vectors) -> None:
    """A light that is the same at every scale; direction as the camera sees it, watts a square metre."""
    data = bpy.data.lights.new(name, "SUN")
    data.energy, data.angle = watts, _LIGHT_ANGLE
    _placed(data, Vector(np.array(direction) @ axes).to_track_quat("Z", "Y").to_matrix().to_4x4())


def _placed(data: bpy.types.ID, matrix: Matrix) -> bpy.types.Object:
    thing = bpy.data.objects.new(data.name, data)
    thing.matrix_world = matrix
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _world(axes: Vectors) -> bpy.types.World:
    """One grey for the camera, a sky for light, and soft boxes for reflections."""
    world = bpy.data.worlds.new("Preview")
    world.color = (_BACKGROUND / 2**_WORKBENCH_STOPS,) * 3  # of Workbench, before the exposure
    if world.node_tree is None:  # in Blender 5 each has one, and 6 is to drop the switch
        world.use_nodes = True
    world.cycles.sampling_method = "NONE"  # nothing in it is worth the search, and the map of it takes time
    nodes = _Nodes(world.node_tree)
    light_path = nodes.new("ShaderNodeLightPath")
    direction = nodes.new("ShaderNodeTexCoord").outputs["Generated"]
    boxes = [
        nodes.ramp(
            nodes.vector_math("DOT_PRODUCT", direction, tuple((Vector(np.array(to) @ axes)).normalized())),
            (math.cos(math.radians(outside)), 0.0),
            (math.cos(math.radians(inside)), radiance),
        )
        for to, inside, outside, radiance in _BOXES
    ]
    reflected = nodes.math("MULTIPLY", nodes.sum(boxes), light_path.outputs["Is Glossy Ray"])
    sky = nodes.ramp(nodes.vector_math("DOT_PRODUCT", direction, (0, 0, 1)), (-0.4, _GROUND), (0.9, _SKY))
    around = nodes.new("ShaderNodeBackground")
    nodes.link(nodes.sum([sky, reflected]), around.inputs["Color"])
    behind = nodes.new("ShaderNodeBackground")
    behind.inputs["Color"].default_value = (_BACKGROUND, _BACKGROUND, _BACKGROUND, 1)
    either = nodes.new("ShaderNodeMixShader")
    nodes.link(light_path.outputs["Is Camera Ray"], either.inputs[0])
    nodes.link(around.outputs[0], either.inputs[1])
    nodes.link(behind.outputs[0], either.inputs[2])
    nodes.link(either.outputs[0], nodes.new("ShaderNodeOutputWorld").inputs["Surface"])
    return world


class _Nodes:
    """Writes a node tree, which it empties first."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        tree.nodes.clear()
        self.new = tree.nodes.new
        self.link = tree.links.new

    def math(self, operation: str, first: bpy.types.NodeSocket, second: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
        node = self.new("ShaderNodeMath")
        node.operation = operation
        self.link(first, node.inputs[0])
        self.link(second, node.inputs[1])
        return node.outputs[0]

    def sum(self, sockets: list[bpy.types.NodeSocket]) -> bpy.types.NodeSocket:
        total, *rest = sockets
        for socket in rest:
            total = self.math("ADD", total, socket)
        return total

    def vector_math(
        self, operation: str, first: bpy.types.NodeSocket, second: tuple[float, ...]
    ) -> bpy.types.NodeSocket:
        node = self.new("ShaderNodeVectorMath")
        node.operation = operation
        self.link(first, node.inputs[0])
        node.inputs[1].default_value = second
        return node.outputs["Value"]

    def ramp(
        self, value: bpy.types.NodeSocket, start: tuple[float, float], end: tuple[float, float]
    ) -> bpy.types.NodeSocket:
        """Smoothly from one (value, result) to another."""
        node = self.new("ShaderNodeMapRange")
        node.interpolation_type = "SMOOTHSTEP"
        self.link(value, node.inputs["Value"])
        for side, (at, result) in (("Min", start), ("Max", end)):
            node.inputs[f"From {side}"].default_value = at
            node.inputs[f"To {side}"].default_value = result
        return node.outputs[0]


def _set_render(scene: bpy.types.Scene, order: Order) -> None:
    render = scene.render
    render.engine = {"cycles": "CYCLES", "workbench": "BLENDER_WORKBENCH"}[order.engine]
    render.resolution_x = render.resolution_y = order.size
    for name, value in _RENDER.items():
        setattr(render, name, value)
    for name in _TEXTS:
        setattr(render, f"use_stamp_{name}", False)
    file = render.image_settings
    file.file_format = order.format.upper()
    file.color_mode = "RGB"
    if order.format == "webp":
        file.quality = WEBP_QUALITY
    else:
        file.color_depth = "8"
    scene.display_settings.display_device = "sRGB"
    view = scene.view_settings
    view.view_transform = "Khronos PBR Neutral"  # in every Blender from 4.2 on
    view.look, view.exposure, view.gamma, view.use_curve_mapping = "None", 0.0, 1.0, False
    if order.engine == "cycles":
        for name, value in _CYCLES.items():
            setattr(scene.cycles, name, value)
        scene.cycles.time_limit = TIME_LIMIT_SECONDS * max(1.0, (order.size / 256) ** 2)
    else:
        view.exposure = _WORKBENCH_STOPS
        scene.display.render_aa = "8"
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "TEXTURE"
        shading.show_cavity, shading.show_shadows, shading.show_object_outline = True, False, False
