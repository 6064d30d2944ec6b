"""What Blender made of an asset: counts and exact bounds, from evaluated meshes."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np
import numpy.typing as npt

from ..model.facts import SceneFacts
from ..model.finding import Vector

NOT_EXPORTED = "glTF_not_exported"
"""The collection in which the importer keeps its own helpers, such as bone shapes. They are not part of the asset."""

_PRECISION = 6
"""Decimals of metres in reports: single precision floats hold no more at the scale of props and rooms."""


def measure() -> SceneFacts:
    """Measure what the import left in the active view layer (scenes of the file that are not shown do not count)."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    helpers = bpy.data.collections.get(NOT_EXPORTED)
    hidden = set(helpers.all_objects) if helpers else set()
    objects = [thing for thing in bpy.context.view_layer.objects if thing not in hidden]

    unique = np.zeros(4, dtype=np.int64)
    rendered = np.zeros(4, dtype=np.int64)
    counts: dict[str, npt.NDArray[np.int64]] = {}
    coordinates: dict[str, npt.NDArray[np.float64]] = {}
    low = np.full(3, np.inf)
    high = np.full(3, -np.inf)
    mesh_objects = 0
    for thing in objects:
        if thing.type != "MESH":
            continue
        mesh_objects += 1
        evaluated = thing.evaluated_get(depsgraph)
        mesh, name = evaluated.data, thing.data.name
        if name not in counts:
            counts[name] = _counts(mesh)
            unique += counts[name]
        rendered += counts[name]
        # Only an object that nothing deforms has the same coordinates as the others of its mesh.
        shared = thing.data.users > 1 and not thing.modifiers and not thing.data.shape_keys
        local = coordinates.get(name) if shared else None
        if local is None:
            local = _coordinates(mesh)
            if shared:
                coordinates[name] = local
        if len(local):
            matrix = np.array(evaluated.matrix_world)
            world = local @ matrix[:3, :3].T + matrix[:3, 3]
            low = np.minimum(low, world.min(axis=0))
            high = np.maximum(high, world.max(axis=0))

    meshes = [mesh for mesh in bpy.data.meshes if mesh.name in counts]
    bounds = (_vector(low), _vector(high)) if np.isfinite([low, high]).all() else None
    return SceneFacts(
        vertices=int(unique[0]),
        edges=int(unique[1]),
        faces=int(unique[2]),
        triangles=int(unique[3]),
        rendered_vertices=int(rendered[0]),
        rendered_edges=int(rendered[1]),
        rendered_faces=int(rendered[2]),
        rendered_triangles=int(rendered[3]),
        objects=len(objects),
        mesh_objects=mesh_objects,
        meshes=len(meshes),
        materials=_names(bpy.data.materials),
        uv_maps=_names(layer for mesh in meshes for layer in mesh.uv_layers),
        color_attributes=_names(layer for mesh in meshes for layer in mesh.color_attributes),
        bounds_m=bounds,
        dimensions_m=_vector(high - low) if bounds else None,
        armatures=sum(thing.type == "ARMATURE" for thing in objects),
        bones=sum(len(armature.bones) for armature in bpy.data.armatures),
        shape_keys=sum(len(mesh.shape_keys.key_blocks) - 1 for mesh in meshes if mesh.shape_keys),
        actions=len(bpy.data.actions),
        lights=sum(thing.type == "LIGHT" for thing in objects),
        cameras=sum(thing.type == "CAMERA" for thing in objects),
    )


def _counts(mesh: bpy.types.Mesh) -> npt.NDArray[np.int64]:
    """Vertices, edges, faces, triangles; a face of n corners makes n - 2 triangles."""
    faces = len(mesh.polygons)
    return np.array([len(mesh.vertices), len(mesh.edges), faces, len(mesh.loops) - 2 * faces])


def _coordinates(mesh: bpy.types.Mesh) -> npt.NDArray[np.float64]:
    """Shape (vertices, 3), in the mesh's own space."""
    flat = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def _names(blocks: Iterable[bpy.types.ID]) -> tuple[str, ...]:
    return tuple(sorted({block.name for block in blocks}))


def _vector(values: npt.NDArray[np.float64]) -> Vector:
    x, y, z = (round(float(value), _PRECISION) + 0.0 for value in values)  # + 0.0 turns -0.0 into 0.0
    return (x, y, z)
