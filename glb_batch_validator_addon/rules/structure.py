"""Rules about the file: what it refers to, what it needs, what it holds in vain, and how its meshes are made up."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.facts import ReferenceFacts
from ..model.finding import Issue, Saving
from .registry import Subject, Threshold, Thresholds, rule
from .wording import counted, of_sample

_RATIFIED = (
    *("KHR_animation_pointer", "KHR_draco_mesh_compression", "KHR_lights_punctual", "KHR_materials_anisotropy"),
    *("KHR_materials_clearcoat", "KHR_materials_dispersion", "KHR_materials_emissive_strength", "KHR_materials_ior"),
    *("KHR_materials_iridescence", "KHR_materials_sheen", "KHR_materials_specular", "KHR_materials_transmission"),
    *("KHR_materials_unlit", "KHR_materials_variants", "KHR_materials_volume", "KHR_mesh_quantization"),
    *("KHR_texture_basisu", "KHR_texture_transform", "KHR_xmp_json_ld"),
)
_IN_PROGRESS = (
    *("KHR_accessor_float64", "KHR_audio_emitter", "KHR_audio_graph", "KHR_collision_shapes", "KHR_gaussian_splatting"),
    *("KHR_gaussian_splatting_compression_spz", "KHR_gaussian_splatting_compression_spz_2", "KHR_implicit_shapes"),
    *("KHR_interactivity", "KHR_materials_diffuse_transmission", "KHR_materials_subsurface", "KHR_meshopt_compression"),
    *("KHR_materials_volume_scatter", "KHR_node_hoverability", "KHR_node_selectability", "KHR_node_visibility"),
    *("KHR_physics_rigid_bodies", "KHR_texture_procedurals", "KHR_texture_video"),
)
_ARCHIVED = ("KHR_materials_pbrSpecularGlossiness", "KHR_techniques_webgl", "KHR_xmp")
_KHRONOS = frozenset([*_RATIFIED, *_IN_PROGRESS, *_ARCHIVED])
"""Extensions of Khronos: the registry of glTF 2.0 (extensions/README.md of KhronosGroup/glTF, as of 2025), and what it
got since."""

_PREFIXES = frozenset(
    [
        *("EXT", "ADOBE", "AGI", "AGT", "ALCM", "ALI", "AMZN", "ANIMECH", "ASOBO", "AUDACES", "AVR", "BENTLEY"),
        *("BEVY", "BLENDER", "C3D", "CAPTURE", "CESIUM", "CITRUS", "CLO", "CVTOOLS", "DGG", "DOTV", "EMBARK"),
        *("ENVOKE", "EPIC", "ESSILORLUXOTTICA", "F8", "FB", "FOXIT", "GODOT", "GOOGLE", "GRIFFEL", "HEVOLUS"),
        *("ICOSA", "INTEL", "KDAB", "KITTYCAD", "LLQ", "MAGNUM", "MANYFOLD", "MAXAR", "MESHOPT", "MF"),
        *("MIRROR", "MODUPLAY", "MOZ", "MPEG", "MSFT", "MTTR", "MX", "NEEDLE", "NTAR", "NV", "OFT", "OMI"),
        *("OTOY", "OWLII", "PANDA3D", "POLUTROPON", "PTC", "S8S", "SE", "SEIN", "SHAPEDIVER", "SI", "SIRADEL"),
        *("SKFB", "SKYLINE", "SNAP", "SPECTRUM", "TENCENT", "TRACE", "TRYON", "UNITY", "USSF", "UX3D", "VRMC"),
        *("VSEKAI", "WEB3D", "WGE"),
    ]
)
"""Of vendors: extensions/Prefixes.md of KhronosGroup/glTF, as of 2025. EXT is of several vendors together."""
_UNREGISTERED = frozenset(["VRM"])
"""Not among them, but widely read: VRM 0.x."""


def _references(subject: Subject, outcome: str) -> list[ReferenceFacts]:
    return [reference for reference in subject.file.references if reference.outcome == outcome]


@rule(
    code="GLBV_FILE_EXTERNAL_REFERENCE",
    title="Refers to another file",
    family="structure",
    severity="info",
    needs=("file",),
    what="It names each file outside of the GLB that it refers to and that could be had.",
    why="A GLB is passed on as one file: moved without the others, it loses textures, or cannot be opened at all.",
    how="Export as glTF Binary with the images embedded; Blender does so by itself.",
)
def file_external_reference(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for reference in _references(subject, "fetched"):
        yield Issue(message=f'It refers to the file "{reference.uri}".', pointer=reference.pointer)


@rule(
    code="GLBV_FILE_REFERENCE_MISSING",
    title="Refers to a file that is not there",
    family="structure",
    severity="error",
    needs=("file",),
    what="It names each file outside of the GLB that it refers to and that could not be had.",
    why="The texture is missing or, if it is a buffer, the whole asset cannot be opened.",
    how="Put the file where the reference leads, or export as glTF Binary with all embedded.",
)
def file_reference_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for reference in _references(subject, "missing"):
        text = f'It refers to the file "{reference.uri}", which could not be had. {reference.reason}'
        yield Issue(message=text.rstrip(), pointer=reference.pointer)


@rule(
    code="GLBV_FILE_REFERENCE_REFUSED",
    title="Refers to something outside of the library",
    family="structure",
    severity="error",
    needs=("file",),
    what="It names each reference that leads out of the library: absolute paths, URLs, devices. None is ever opened.",
    why="It works on one machine only, and a reader that follows it opens files of whoever views the asset.",
    how="Export as glTF Binary with all embedded.",
)
def file_reference_refused(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for reference in _references(subject, "refused"):
        text = f'It refers to "{reference.uri}". {reference.reason}'
        yield Issue(message=text, pointer=reference.pointer)


@rule(
    code="GLBV_EXTENSION_NOT_ALLOWED",
    title="Extension that is not allowed",
    family="structure",
    severity="error",
    needs=("file",),
    what="It names each extension of `extensionsUsed` that the profile does not allow.",
    why="The readers that the assets are meant for do not know it: they refuse the file, or show it without.",
    how="Switch the extension off in the exporter, or change the material so that it is not needed.",
    thresholds={"allowed": Threshold(None, "Names of extensions.", kind="texts")},
)
def extension_not_allowed(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, name in enumerate(subject.file.extensions_used):
        if at["allowed"] is not None and name not in at["allowed"]:
            yield Issue(message=f"It uses the extension {name}.", pointer=f"/extensionsUsed/{index}")


@rule(
    code="GLBV_EXTENSION_UNKNOWN",
    title="Unknown extension",
    family="structure",
    severity="warning",
    needs=("file",),
    what="It names each used extension that begins with KHR and is none of Khronos', or whose prefix no vendor has"
    " registered with Khronos.",
    why="No reader but its maker's knows what it means. Often it is a misspelt one, which nobody reads.",
    how="Correct the name; what is only yours belongs into `extras`, or under a registered prefix.",
)
def extension_unknown(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, name in enumerate(subject.file.extensions_used):
        prefix = name.partition("_")[0]
        if name not in _KHRONOS and prefix not in _PREFIXES and name not in _UNREGISTERED:
            kind = "is none of Khronos'" if prefix == "KHR" else "has no registered prefix"
            yield Issue(message=f'The extension "{name}" {kind}.', pointer=f"/extensionsUsed/{index}")


@rule(
    code="GLBV_EXTENSION_ARCHIVED",
    title="Extension that Khronos gave up",
    family="structure",
    severity="info",
    needs=("file",),
    what="It names each used extension that the registry has archived, such as KHR_materials_pbrSpecularGlossiness.",
    why="New readers do not bring it any more (three.js dropped specular-glossiness in 2022): the look is gone.",
    how="Export again with a current exporter, or convert it: `gltf-transform metalrough`.",
)
def extension_archived(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, name in enumerate(subject.file.extensions_used):
        if name in _ARCHIVED:
            yield Issue(message=f"It uses {name}, which is archived.", pointer=f"/extensionsUsed/{index}")


@rule(
    code="GLBV_EXTENSION_REQUIRED",
    title="Cannot be read without an extension",
    family="structure",
    severity="info",
    needs=("file",),
    what="It names each extension of `extensionsRequired`.",
    why="A reader that lacks one of them must refuse the whole file (glTF 2.0, 3.12).",
    how="See that all readers know it. Compression is required by its nature; textures may have a PNG beside them.",
)
def extension_required(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, name in enumerate(subject.file.extensions_required):
        yield Issue(message=f"It requires the extension {name}.", pointer=f"/extensionsRequired/{index}")


@rule(
    code="GLBV_DATA_UNUSED",
    title="Data that nothing uses",
    family="structure",
    severity="info",
    needs=("file",),
    what="It speaks once for each kind of object (materials, images, accessors, ...) to which neither a scene nor an"
    " animation leads. What an extension may use is left out.",
    why="It is downloaded and kept in memory, and never shown. It may be what was forgotten to be put into the scene.",
    how="Delete it: in Blender, File, Clean Up, Purge Unused Data before the export; or `gltf-transform prune`.",
)
def data_unused(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for unused in subject.file.unused:
        size = f", {unused.bytes:,} bytes" if unused.bytes else ""
        noun = {"meshes": "mesh", "bufferViews": "bufferView"}.get(unused.what, unused.what.removesuffix("s"))
        text = f"that nothing uses{size}"
        saves = Saving(bytes=unused.bytes) if unused.bytes else None
        yield from of_sample(unused.sample, noun, text, plural=unused.what, saves=saves)


@rule(
    code="GLBV_NODES_TOO_DEEP",
    title="Hierarchy too deep",
    family="structure",
    severity="warning",
    needs=("file",),
    what="It speaks when there are more nodes between a root and a leaf, both included, than the limit.",
    why="Each level multiplies matrices in every frame and adds to their rounding; readers that walk recursively fail.",
    how="Take out parents that do nothing: Alt+P, Clear and Keep Transformation.",
    thresholds={"max_depth": Threshold(None, "Nodes, roots and leaves included.")},
)
def nodes_too_deep(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    depth, limit = subject.file.hierarchy.depth, at["max_depth"]
    if limit is not None and depth > limit:
        yield Issue(message=f"The hierarchy is {depth:,} nodes deep; at most {limit:,} are allowed.")


@rule(
    code="GLBV_NODES_TOO_MANY",
    title="Too many nodes",
    family="structure",
    severity="warning",
    needs=("file",),
    what="It speaks when there are more nodes than the limit.",
    why="Each is an object of its own in a reader: it takes memory, and time in every frame.",
    how="Join objects that never move apart (Ctrl+J), and delete empties.",
    thresholds={"max_count": Threshold(None, "Nodes of the file.")},
)
def nodes_too_many(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    nodes, limit = subject.file.nodes, at["max_count"]
    if limit is not None and nodes > limit:
        yield Issue(message=f"The file has {nodes:,} nodes; at most {limit:,} are allowed.")


@rule(
    code="GLBV_NODES_EMPTY",
    title="Empty node",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names leaves of the hierarchy without mesh, camera, light, extension or extras, that no skin and no"
    " animation refers to.",
    why="They do nothing. They may be left from what was deleted, or mark a place on purpose.",
    how="Delete the empties, or leave them if they are places to attach something.",
)
def nodes_empty(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.hierarchy.empty, "node", "without anything")


@rule(
    code="GLBV_NAMES_MISSING",
    title="Mesh without a name",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names nodes with a mesh where neither of both has a name.",
    why="Nobody finds it: scripts, variants and reports go by names. Blender calls it by a number that may change.",
    how="Name the objects before the export.",
)
def names_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.hierarchy.unnamed, "node", "with a mesh, without a name")


@rule(
    code="GLBV_NAMES_DUPLICATE",
    title="Name that is not unique",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names nodes that have the name of an earlier one. glTF allows it.",
    why="Scripts that look for a name get any of them, and readers change names: Blender and three.js add a number.",
    how="Give each object a name of its own; Blender does by itself.",
)
def names_duplicate(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.hierarchy.same_name, "node", "with the name of another one")


@rule(
    code="GLBV_NAMES_ODD",
    title="Name that breaks tools",
    family="structure",
    severity="warning",
    needs=("file",),
    what="It names nodes, meshes, materials and animations whose names hold control characters or half a character, or"
    " are longer than 200 characters.",
    why="Line breaks and the like break logs, file names and scripts. Blender cuts names at 63 bytes, or 255 from 5.0"
    " on.",
    how="Rename it.",
)
def names_odd(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    sample = subject.file.hierarchy.odd_names
    if sample.count:  # the names themselves had better not stand in a message
        text = f"{counted(sample.count, 'name')} with control characters, or longer than 200 characters: of"
        where = ", ".join(place.pointer for place in sample.first[:3])
        yield Issue(message=f"{text} {where}.", pointer=sample.first[0].pointer, count=sample.count)


@rule(
    code="GLBV_MESH_NO_INDICES",
    title="Mesh without indices",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names primitives of triangles without indices: each corner of each triangle is a vertex of its own.",
    why="Vertices are stored and transformed up to six times; smooth shading, welding and compression do not find"
    " neighbours.",
    how="Export again from Blender, which always writes indices, or weld: `gltf-transform weld`.",
)
def mesh_no_indices(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.without_indices, "primitive", "of triangles without indices")


@rule(
    code="GLBV_MESH_NOT_TRIANGLES",
    title="Points or lines",
    family="structure",
    severity="info",
    needs=("file",),
    what="It names primitives of points and lines.",
    why="Many viewers and engines draw nothing of them, or one pixel wide; they cast no shadow and have no surface.",
    how="Delete loose vertices and edges (Mesh, Clean Up, Delete Loose), or make tubes of curves, if it is not meant.",
)
def mesh_not_triangles(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.no_triangles, "primitive", "of points or lines")


@rule(
    code="GLBV_PRIMITIVES_MERGEABLE",
    title="Primitives that could be one",
    family="structure",
    severity="info",
    needs=("file",),
    what="It counts the draw calls of meshes that are split into primitives of the same material, mode and attributes.",
    why="Each primitive is a draw call of its own, in every frame, for the same picture.",
    how="Export again from Blender, which writes one primitive per material, or `gltf-transform join`.",
)
def primitives_mergeable(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if saved := subject.file.primitive_list.mergeable:
        text = f"{saved:,} of {counted(subject.file.draw_calls, 'draw call')} could be saved by joining primitives."
        yield Issue(message=text, saves=Saving(draw_calls=saved))


@rule(
    code="GLBV_UV_MISSING",
    title="Textured mesh without UV map",
    family="structure",
    severity="error",
    needs=("file",),
    what="It names primitives whose material has a texture, and which lack the UV map (TEXCOORD_n) that it asks for.",
    why="There is nothing that says where the texture goes: it is smeared in one colour, or not shown.",
    how="Unwrap the mesh, or choose one of its UV maps for the texture. If the map is there, see that the exporter is"
    " told to write UVs.",
)
def uv_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.without_uv, "primitive", "without the UV map of its texture")


@rule(
    code="GLBV_UV_UNUSED",
    title="UV map that no texture uses",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names primitives with UV maps (TEXCOORD_n) that no texture of their material uses.",
    why="They take eight bytes a vertex, in the file and on the GPU. Some engines bake light into a second one, so it"
    " may be there on purpose.",
    how="Delete UV maps that are not needed (Object Data, UV Maps), or `gltf-transform prune`.",
)
def uv_unused(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    facts = subject.file.primitive_list
    saves = Saving(bytes=facts.unused_uv_bytes, gpu_bytes=facts.unused_uv_bytes)
    text = f"with UV maps that no texture uses ({facts.unused_uv_bytes:,} bytes)"
    yield from of_sample(facts.unused_uv, "primitive", text, saves=saves)


@rule(
    code="GLBV_NORMALS_MISSING",
    title="Mesh without normals",
    family="structure",
    severity="info",
    needs=("file",),
    what="It names primitives of triangles without normals, but for unlit materials.",
    why="Readers must shade them flat (glTF 2.0, 3.7.2.1): a smooth surface shows facets.",
    how="Switch normals on in the exporter.",
)
def normals_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.without_normals, "primitive", "without normals")


@rule(
    code="GLBV_TANGENTS_MISSING",
    title="Normal map without tangents",
    family="structure",
    severity="hint",
    needs=("file",),
    what="It names primitives that have a normal map and no tangents.",
    why="Readers calculate them, and should do it by MikkTSpace (glTF 2.0, 3.7.2.1); those that do it otherwise show"
    " seams. It takes time at loading.",
    how="Switch tangents on in the exporter if seams are seen; else leave it, tangents take 16 bytes a vertex.",
)
def tangents_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.without_tangents, "primitive", "with a normal map and no tangents")


@rule(
    code="GLBV_VERTEX_DATA_NON_FINITE",
    title="Vertices that are no numbers",
    family="structure",
    severity="error",
    needs=("data",),
    what="It names primitives whose positions, normals, tangents, UV maps or morph targets hold NaN or infinity.",
    why="Faces vanish, flicker or span the screen, bounds become infinite, and shadows and light go black all over.",
    how="Look for modifiers and drivers that divide by 0, merge vertices by distance, and export again.",
)
def vertex_data_non_finite(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.non_finite, "primitive", "with NaN or infinity in the vertices")
