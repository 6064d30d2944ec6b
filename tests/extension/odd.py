"""An asset with faults that can be clicked, and with names that Blender has to change beside an artist's own."""

from __future__ import annotations

from dataclasses import replace

from demo.glb_builder import GlbBuilder, Shape, cube

INVERTED_FACES = tuple(range(12, 24))
"""Those of the mesh `Cube` that are inside out: what `GLBV_MESH_INVERTED` names."""

STEP_M = 4.0
"""From one object to the next along X: that with the mesh `Cube` is the second one."""


def odd_asset() -> bytes:
    """A whole box, two of which one is inside out, and an open one, called as Blender calls copies but not in order."""
    builder, box = GlbBuilder(), cube()
    material = builder.material("paint")
    shapes = ("Cube.001", box), ("Cube", _and_inside_out(box)), ("Cube", replace(box, indices=box.indices[:-3]))
    meshes = [builder.mesh(shape, material=material, name=name) for name, shape in shapes]
    nodes = [
        builder.add("nodes", mesh=mesh, name=name, translation=[index * STEP_M, 0.0, 0.0])
        for index, (mesh, (name, _)) in enumerate(zip(meshes, shapes, strict=True))
    ]
    nodes.append(builder.add("nodes", mesh=meshes[1], name="shares the mesh", translation=[0.0, STEP_M, 0.0]))
    builder.scene(*nodes)
    return builder.build()


def _and_inside_out(shape: Shape) -> Shape:
    """The shape, and above it the same with all triangles turned round."""
    count = len(shape.positions)
    return Shape(
        positions=[*shape.positions, *((x, y + 2.0, z) for x, y, z in shape.positions)],
        normals=[*shape.normals, *((-x, -y, -z) for x, y, z in shape.normals)],
        uvs=[*shape.uvs, *shape.uvs],
        indices=[*shape.indices, *(index + count for index in reversed(shape.indices))],
    )
