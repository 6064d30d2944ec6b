"""What the analysis takes for granted in every Blender."""

from __future__ import annotations

import bpy


def test_this_is_a_background_blender_we_support():
    assert bpy.app.background
    assert bpy.app.version >= (4, 2, 0)


def test_the_gltf_importer_is_registered():
    assert "filepath" in bpy.ops.import_scene.gltf.get_rna_type().properties


def test_mesh_data_arrives_in_numpy():
    import numpy as np

    mesh = bpy.data.meshes.new("triangle")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 2, 0)], [], [(0, 1, 2)])
    positions = np.empty((3, 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", positions.ravel())
    bpy.data.meshes.remove(mesh)

    assert positions.max(axis=0).tolist() == [1, 2, 0]
