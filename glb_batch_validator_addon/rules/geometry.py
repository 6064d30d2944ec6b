"""Rules about the geometry of meshes."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.facts import MeshFacts
from ..model.finding import Issue, Saving
from .on_meshes import counted, each_with, mesh_issue
from .registry import Subject, Threshold, Thresholds, rule

_WELDED = (
    " Vertices at the same place count as one, so seams of normals and UV maps are no matter; so does what an exporter"
    " rounded differently, up to a millionth of the mesh's size."
)


@rule(
    code="GLBV_MESH_NON_FINITE",
    title="Numbers that are none",
    family="geometry",
    severity="error",
    needs=("file", "data"),
    what="It speaks when positions, normals, tangents or UV coordinates in the file hold NaN or infinity.",
    why="Such a vertex makes its faces vanish or cover the screen, and bounds that no camera can frame. Blender puts"
    " the vertex at the origin and says nothing.",
    how="Find what made them (most often a division by zero in a script or a modifier on faces without area) and"
    " export again.",
)
def mesh_non_finite(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if sample := subject.file.primitive_list.non_finite:
        for place in sample.first:
            name = f' of "{place.name}"' if place.name else ""
            text = f"A primitive{name} has vertex data that are not finite numbers (NaN or infinity)."
            yield Issue(message=text, pointer=place.pointer)
        if rest := sample.count - len(sample.first):
            yield Issue(message=f"{rest:,} more primitives have such data.", count=rest)


@rule(
    code="GLBV_MESH_OPEN_EDGES",
    title="Open edges",
    family="geometry",
    severity="info",
    needs=("meshes",),
    what="It counts edges where only one face ends." + _WELDED,
    why="From some side one looks through the surface from behind, where most engines draw nothing. That is as it"
    " should be for leaves, cloth and walls that are only seen from one side, so it is no more than a note; for 3D"
    " printing and for physics that need a volume it is a fault.",
    how="In Edit Mode, *Select, Select All by Trait, Non Manifold* shows them. Fill the hole (*Alt F*), bridge the"
    " edges, or merge by distance what should be one.",
)
def mesh_open_edges(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "open_edges",
        lambda count, mesh: f'The mesh "{mesh.name}" is open at {count}: one face ends there alone.',
    )


@rule(
    code="GLBV_MESH_NON_MANIFOLD",
    title="Non-manifold edges",
    family="geometry",
    severity="info",
    needs=("meshes",),
    what="It counts edges where three or more faces meet that cannot be pairs of one surface each. Closed"
    " parts that touch along an edge are none of these." + _WELDED,
    why="There is no inside and outside at such an edge: subdivision, unwrapping, simplification, normals and"
    " booleans go wrong around it. It renders well enough.",
    how="In Edit Mode, *Select, Select All by Trait, Non Manifold* shows them. Most often an inner face is to be"
    " deleted, or a part that ends on another one is to be detached.",
)
def mesh_non_manifold(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "non_manifold_edges",
        lambda count, mesh: f'The mesh "{mesh.name}" has {count} at which more than two faces meet.',
    )


@rule(
    code="GLBV_MESH_DEGENERATE_FACES",
    title="Faces without area",
    family="geometry",
    severity="info",
    needs=("meshes",),
    what="It counts faces with two corners at the same place, or as good as no height: a millionth of the mesh's"
    " size. Faces that name a vertex twice do not get as far: Blender's importer drops them.",
    why="They are never seen, but take part in everything: they have no normal, break tangents and so normal maps,"
    " and upset ray tracing and physics.",
    how="In Edit Mode, *Mesh, Clean Up, Degenerate Dissolve*.",
)
def mesh_degenerate_faces(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "degenerate_faces",
        lambda count, mesh: f'The mesh "{mesh.name}" has {count} without area.',
        lambda count: Saving(triangles=count),
    )


@rule(
    code="GLBV_MESH_DUPLICATE_FACES",
    title="Duplicate faces",
    family="geometry",
    severity="warning",
    needs=("meshes",),
    what="It counts faces with the same three points as another one, facing the same way. Faces back to"
    " back, as of leaves and of parts that touch, are none of these." + _WELDED,
    why="Two surfaces at one place flicker where they differ (z-fighting), twice the transparency darkens, light"
    " bakes in blotches; and they cost twice.",
    how="In Edit Mode, merge by distance (*M*); what was there twice is then one face. A whole part that was"
    " duplicated by accident is easier found by *Select Linked*.",
)
def mesh_duplicate_faces(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "duplicate_faces",
        lambda count, mesh: f'The mesh "{mesh.name}" has {count} on top of others, facing the same way.',
        lambda count: Saving(triangles=count),
    )


_VERTEX_BYTES = 24
_UV_BYTES = 8
"""Of position and normal, and of each UV map, in single precision, as nearly all exporters write them."""


@rule(
    code="GLBV_MESH_DUPLICATE_VERTICES",
    title="Vertices that are the same",
    family="geometry",
    severity="hint",
    needs=("file", "meshes"),
    what="It counts vertices that are equal to another one in position, normal, UV maps, colours, shapes and material"
    " (normals within 0.06 degrees). Meshes with tangents or weights are left out: Blender does not hand over what"
    " tells their vertices apart.",
    why="Each is sent, stored and transformed once more than needed.",
    how="Merge by distance before the export, or run the file through `gltfpack` or `gltf-transform weld`.",
    thresholds={"max_share": Threshold(0.01, "Share of a mesh's vertices up to which nothing is said.")},
)
def mesh_duplicate_vertices(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    compressed = subject.file.primitive_list.compressed.count
    for mesh in subject.meshes:
        same = mesh.duplicate_vertices
        if same and at["max_share"] is not None and same.count > at["max_share"] * mesh.vertices:
            size = same.count * (_VERTEX_BYTES + _UV_BYTES * len(mesh.uv_maps))
            text = f'The mesh "{mesh.name}" has {counted(same)} of {mesh.vertices:,} that are equal to others.'
            saves = Saving(bytes=0 if compressed else size, gpu_bytes=size)
            yield mesh_issue(mesh, text, field="duplicate_vertices", elements=same, saves=saves)


def _surfaces(subject: Subject) -> list[MeshFacts]:
    """Meshes that have faces: one of nothing but points or lines is meant so."""
    return [mesh for mesh in subject.meshes if mesh.triangles]


@rule(
    code="GLBV_MESH_LOOSE_VERTICES",
    title="Loose vertices",
    family="geometry",
    severity="hint",
    needs=("meshes",),
    what="It counts vertices at no edge, in meshes that have faces. Those that no index of the file refers to do not"
    " get as far: Blender's importer leaves them out.",
    why="They are not seen but enlarge the bounds: cameras frame too much, and shadows and culling suffer.",
    how="In Edit Mode, *Mesh, Clean Up, Delete Loose*.",
)
def mesh_loose_vertices(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        _surfaces(subject),
        "loose_vertices",
        lambda count, mesh: f'The mesh "{mesh.name}" has {count} that no face or edge uses.',
    )


@rule(
    code="GLBV_MESH_LOOSE_EDGES",
    title="Loose edges",
    family="geometry",
    severity="info",
    needs=("meshes",),
    what="It counts edges at no face, in meshes that have faces.",
    why="They become lines of one pixel in some viewers, nothing in others, and each material of theirs a draw call"
    " more.",
    how="In Edit Mode, *Mesh, Clean Up, Delete Loose*.",
)
def mesh_loose_edges(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        _surfaces(subject), "loose_edges", lambda count, mesh: f'The mesh "{mesh.name}" has {count} without a face.'
    )


@rule(
    code="GLBV_MESH_SMALL_PARTS",
    title="Tiny parts",
    family="geometry",
    severity="hint",
    needs=("meshes",),
    what="It counts the faces of parts whose diagonal is below a thousandth of the mesh's: a millimetre on a chair.",
    why="Crumbs of a boolean or a scan cost as much as what is seen, and get texture space and texels in a bake.",
    how="Select one in Edit Mode, add what is linked (*Ctrl L*), and delete it.",
)
def mesh_small_parts(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "small_parts",
        lambda count, mesh: f'The mesh "{mesh.name}" has tiny parts, of {count} together.',
        lambda count: Saving(triangles=count),
    )


@rule(
    code="GLBV_MESH_INCONSISTENT_WINDING",
    title="Faces that turn over",
    family="geometry",
    severity="warning",
    needs=("meshes",),
    what="It counts edges whose two faces run along it in the same direction: one shows its front where the"
    " other shows its back." + _WELDED,
    why="Where back faces are culled one sees holes; where they are drawn, light falls from the wrong side.",
    how="In Edit Mode, select all and *Mesh, Normals, Recalculate Outside* (*Shift N*). The overlay *Face"
    " Orientation* shows in red what is turned over.",
)
def mesh_inconsistent_winding(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "inconsistent_edges",
        lambda count, mesh: f'In the mesh "{mesh.name}" neighbouring faces show different sides at {count}.',
    )


@rule(
    code="GLBV_MESH_INVERTED",
    title="Inside out",
    family="geometry",
    severity="warning",
    needs=("meshes",),
    what="It counts the faces of closed parts that enclose a negative volume: their fronts face inwards. A"
    " part within the bounds of another one is let pass, for the wall of a cavity has to be so." + _WELDED,
    why="With back faces culled one looks through the front onto the far wall; light, shadows and collisions are"
    " inverted.",
    how="In Edit Mode, select all and *Mesh, Normals, Recalculate Outside* (*Shift N*). Often a negative scale was"
    " applied without it. For a sky dome it is right: take the rule off for it, or leave the dome open.",
)
def mesh_inverted(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "inverted_faces",
        lambda count, mesh: f'In the mesh "{mesh.name}" closed parts of {count} are inside out.',
    )


@rule(
    code="GLBV_MESH_NOT_WATERTIGHT",
    title="Not watertight",
    family="geometry",
    severity="hint",
    needs=("meshes",),
    what="Where it is required, it names meshes with an edge that is open, non-manifold or turned over." + _WELDED,
    why="3D printing, fluids, collision volumes and boolean operations need surfaces that enclose a volume.",
    how="The rules about open edges, non-manifold edges and faces that turn over say where.",
    thresholds={"required": Threshold(False, "Whether every mesh with faces has to be watertight.")},
)
def mesh_not_watertight(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for mesh in subject.meshes:
        if at["required"] and mesh.triangles and not mesh.watertight:
            reasons = (
                ("open", mesh.open_edges),
                ("non-manifold", mesh.non_manifold_edges),
                ("turned over", mesh.inconsistent_edges),
            )
            said = ", ".join(f"{counted(edges)} {word}" for word, edges in reasons if edges.count)
            yield mesh_issue(
                mesh, f'The mesh "{mesh.name}" is not watertight: {said or "none of its faces has an area"}.'
            )


@rule(
    code="GLBV_MESH_SELF_INTERSECTIONS",
    title="Faces that run through each other",
    family="geometry",
    severity="hint",
    needs=("meshes", "deep"),
    what="It counts faces that another face of the same mesh, with which they share no point, runs through. To touch"
    " is not to cross.",
    why="Light bakes, ambient occlusion and booleans go wrong along the crossing, and what is inside is drawn for"
    " nothing. Parts that are stuck into each other are a usual and cheap way to model, so it is no more than a hint.",
    how="Union the parts (*Boolean*, solver *Exact*), or move what crosses by accident. *Intersect (Knife)* in Edit"
    " Mode shows where.",
)
def mesh_self_intersections(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return each_with(
        subject.meshes,
        "self_intersections",
        lambda count, mesh: f'In the mesh "{mesh.name}" {count} run through others.',
    )
