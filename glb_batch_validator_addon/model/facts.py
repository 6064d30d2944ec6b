"""What was measured of one asset. Judgement is not in here: rules read facts, facts know no rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from .finding import Elements, Vector

Need = Literal["file", "data", "khronos", "scene", "meshes", "pixels", "deep", "preview", "custom", "rule"]
"""What a check looks at: the JSON; accessor data; Khronos' report; what Blender imported; its meshes; decoded images;
what only `--depth deep` measures. And what else may fail: to make a picture, to load a studio's own rules, and a rule
itself."""

MAX_PLACES = 20
"""Places that a `Sample` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One thing in the glTF document."""

    pointer: str
    name: str
    """Its glTF name, or ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Which ones: how many there are, and the first of them in the order of the document."""

    count: int = 0
    first: tuple[Place, ...] = ()
    """At most `MAX_PLACES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be looked at, and why."""

    need: Need
    reason: str
    """One sentence."""
    places: Sample | None = None
    """Where; None if nothing of that kind could be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """One entry of the glTF `images` array, read from the first bytes of the image, without decoding it.

    Sizes are in pixels; `channels` counts what the file stores (4 for a palette with transparency expanded);
    `bit_depth` is bits per channel. Each is None where the header does not say or the bytes could not be had.
    """

    name: str
    """The image's glTF name, or "" ."""
    mime_type: str | None
    """Told from the bytes, not from the declaration: `image/png`, `image/jpeg`, `image/webp`, `image/ktx2`."""
    size_bytes: int | None
    width: int | None
    height: int | None
    channels: int | None
    bit_depth: int | None
    source: str
    """"bin" (a bufferView), "data" (a data: URI), or the URI as it is written."""
    sha256: str | None
    """Of its bytes as they are in the file, 16 hex digits; None if they could not be had."""
    gpu_bytes: int | None
    """With all mip levels, as a GPU holds it: 4 bytes a pixel and a third more; a block-compressed KTX2 by its blocks,
    Basis Universal as what it is best turned into (half a byte a pixel of ETC1S, a byte of UASTC and with alpha)."""
    slots: tuple[str, ...]
    """What materials use it for, sorted: `baseColor`, `metallicRoughness`, `normal`, `occlusion`, `emissive`, or
    `EXTENSION.texture` such as `KHR_materials_clearcoat.clearcoatNormalTexture`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimationFacts:
    """One glTF animation."""

    name: str
    seconds: float | None
    """The last key's time, by the `max` of the samplers' inputs; None where they do not say."""
    channels: int
    keys: int | None = None
    """Over all channels; None where data of any of them could not be read, here and below."""
    redundant_keys: int | None = None
    """Keys that may go without any change: between two keys, they hold what interpolation gives (within 1e-6 of the
    channel's range). Never the first or the last one of a channel."""
    redundant_bytes: int | None = None
    """Of these keys: values, those that channels share once, and times that no other sampler has."""
    travel_m: float | None = None
    """The greatest distance of a translation key from its node's own translation; 0 without any."""
    outside_targets: int = 0
    """Channels whose target is no node of the file, nor given by an extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureUse:
    """One texture of a material."""

    slot: str
    """As in `ImageFacts.slots`."""
    image: int | None
    """Index of the image that a reader without extensions takes, else that of KHR_texture_basisu and the like."""
    uv_set: int
    """Of TEXCOORD_n, after KHR_texture_transform; at most 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFacts:
    """One entry of the glTF `materials` array, defaults filled in."""

    name: str
    pointer: str
    primitives: int
    """Primitives of shown meshes that use it, also as a variant, each mesh once."""
    alpha_mode: str
    alpha_cutoff: float
    double_sided: bool
    base_color: tuple[float, float, float, float]
    """Linear."""
    metallic: float
    roughness: float
    emissive: Vector
    textures: tuple[TextureUse, ...]
    extensions: tuple[str, ...]
    same_as: int | None
    """Index of the first material that is written the same in all but its name; None for the first one itself."""
    vertex_colors: bool
    """Some primitive that uses it has COLOR_0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkinFacts:
    """One entry of the glTF `skins` array with the vertices bound to it. Counts are None where data were unreadable."""

    name: str
    pointer: str
    joints: int
    unused_joints: Sample | None
    """Joints to which no vertex is bound by more than 0, and below which hang no bound joint and nothing shown."""
    influences: int | None
    """The most joints that any vertex is bound to by more than 0."""
    many_influences: int | None
    """Vertices bound to more than 4."""
    bad_weights: int | None
    """Vertices whose weights do not add up to 1 within 0.01, or are negative or not finite."""
    vertices: int | None
    """Bound to it: of all meshes that nodes show with it, each mesh once."""
    bind_matrices: bool
    """It has inverse bind matrices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesFacts:
    """The hierarchy."""

    depth: int
    """Nodes from a root to the deepest, both included; cycles are cut."""
    empty: Sample
    """Leaves without mesh, camera, light, skin, extension or extras that no skin or animation refers to."""
    unnamed: Sample
    """Nodes with a mesh and no name of their own or of the mesh."""
    same_name: Sample
    """Nodes after the first of that name."""
    odd_names: Sample
    """Nodes, meshes, materials and animations whose names have control characters, no valid Unicode, or more than 200
    characters."""
    negative_scale: Sample
    """Nodes with a mesh below them (or of their own) whose own transform mirrors."""
    non_uniform_scale: Sample
    """Nodes with a mesh whose world transform stretches axes differently, by more than 0.1 %, or shears."""
    zero_scale: Sample
    """Nodes with a mesh whose world transform flattens it: determinant 0. They do not count as non-uniform."""
    transformed_roots: Sample
    """Roots of the default scene, or of a file without scenes, whose transform is not the identity (within 1e-5)."""
    non_finite: Sample
    """Nodes with numbers in their transform that a float does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedFacts:
    """What no scene and no animation leads to. All that a number in an extension may mean is left out.

    The Khronos validator's UNUSED_OBJECT names what nothing at all refers to: less, as of an unused mesh the mesh only,
    and more, as it does not look into every extension. A file without scenes is a library (glTF 2.0, 3.5.1), where
    what nothing refers to is unused, but for nodes.
    """

    what: str
    """The name of the glTF array, such as `materials`."""
    sample: Sample
    bytes: int
    """In the file: of images, with the bufferViews they lie in, and of all other bufferViews; 0 for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimitivesFacts:
    """Primitives, by what is noteworthy about them. Pointers are `/meshes/M/primitives/P`."""

    without_uv: Sample
    """Their material, or one of its variants, has a texture, and they have not the TEXCOORD_n that it needs."""
    without_normals: Sample
    """Triangles without NORMAL whose material is lit (not KHR_materials_unlit)."""
    without_tangents: Sample
    """Triangles with a normal map and no TANGENT: readers make their own."""
    without_material: Sample
    without_indices: Sample
    """Triangles that share no vertex."""
    no_triangles: Sample
    """Points and lines."""
    compressed: Sample
    """KHR_draco_mesh_compression, EXT_meshopt_compression and its KHR successor, plain copy or not."""
    mergeable: int
    """Draw calls that could be saved in shown meshes whose primitives share material, mode and attributes: of points,
    lines and triangles, that can be put one after another."""
    unused_uv: Sample
    """Have TEXCOORD_n that no texture of their material or of its variants uses, and no extension that could."""
    unused_uv_bytes: int
    """Of those TEXCOORD_n that are nowhere used, as far as they lie in the file uncompressed by Draco."""
    geometry_bytes: int
    """On the GPU: of all attribute, morph target and index accessors, each once, decompressed."""
    non_finite: Sample | None
    """With NaN or infinity in POSITION, NORMAL, TANGENT, TEXCOORD_n or a morph target; None if none could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryFacts:
    """The data of one glTF mesh, by which the same mesh is known in another file."""

    pointer: str
    name: str
    """Its glTF name, or ""."""
    sha256: str | None
    """Of modes, attributes, morph targets and indices of its primitives, whatever their layout, 16 hex digits.
    Materials and names do not count. None if some of it could not be read."""
    size_bytes: int
    """Of its accessors, each once, decoded; of Draco's compressed data as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFacts:
    """One URI in the file that is not a data: URI."""

    pointer: str
    """JSON Pointer of the property, such as `/images/0/uri`."""
    uri: str
    """As it is written, cut at 200 characters."""
    key: str | None
    """The key in the library that it leads to; None if it is refused."""
    outcome: str
    """`fetched`; `missing` if it could not be had; `refused` if it was never opened."""
    reason: str
    """A sentence where it was not fetched, else ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What the container and its JSON say, without Blender. Counts are lengths of the glTF arrays of that name."""

    generator: str | None
    gltf_version: str | None
    json_bytes: int
    bin_bytes: int
    extensions_used: tuple[str, ...]
    extensions_required: tuple[str, ...]
    scenes: int
    nodes: int
    meshes: int
    primitives: int
    """Over all meshes."""
    draw_calls: int
    """Primitives as rendered: once per node of the default scene (or a file without scenes) that places their mesh."""
    materials: int
    textures: int
    accessors: int
    skins: int
    joints: int
    """Distinct nodes that serve as joints of any skin."""
    morph_targets: int
    """Over all meshes, the most targets that any of its primitives has."""
    lights: int
    """KHR_lights_punctual."""
    cameras: int
    images: tuple[ImageFacts, ...]
    animations: tuple[AnimationFacts, ...]
    references: tuple[ReferenceFacts, ...]
    material_list: tuple[MaterialFacts, ...]
    skin_list: tuple[SkinFacts, ...]
    hierarchy: NodesFacts
    unused: tuple[UnusedFacts, ...]
    primitive_list: PrimitivesFacts
    geometry: tuple[GeometryFacts, ...]
    """Of all meshes."""
    animation_bytes: int
    """Of the accessors of all animations, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that is in the file and did not arrive in Blender."""

    what: str
    """`extension`, `mesh`, `image`, `animation`, `skin`, `light` or `camera`."""
    name: str
    """The extension's name, or the glTF name or JSON Pointer of the rest."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFacts:
    """What Blender made of the file. Lengths are metres, axes are Blender's (Z up, glTF's -Z is Blender's +Y).

    Unique counts take each evaluated mesh once, rendered counts once per object that shows it.
    """

    vertices: int
    edges: int
    faces: int
    triangles: int
    rendered_vertices: int
    rendered_edges: int
    rendered_faces: int
    rendered_triangles: int
    objects: int
    mesh_objects: int
    meshes: int
    materials: tuple[str, ...]
    """Names, sorted, of the materials that faces of the asset use."""
    uv_maps: tuple[str, ...]
    """Distinct names, sorted."""
    color_attributes: tuple[str, ...]
    """Distinct names, sorted."""
    bounds_m: tuple[Vector, Vector] | None
    """Least and greatest corner of all rendered vertices in world space, at the first frame; None without any."""
    dimensions_m: Vector | None
    armatures: int
    bones: int
    shape_keys: int
    """Without the basis keys."""
    actions: int
    lights: int
    cameras: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFacts:
    """What decoding an image showed. Colours are as they are stored, whatever the colour space: 0 to 1 of the range."""

    image: int
    """Index in the glTF `images` array."""
    broken: str
    """A sentence on why it cannot be decoded though its header can be read, else "". The rest then tells nothing."""
    one_color: tuple[float, float, float, float] | None
    """The colour and alpha of all pixels, if they are the same within half a step of 8 bits."""
    grey: bool
    """Red, green and blue are the same in every visible pixel, within one step of 8 bits."""
    least_alpha: float
    """1.0 where every pixel is opaque or there is no alpha."""
    visible: float
    """Share of the pixels that are not fully transparent, 0 to 1: the visible ones."""
    mean: Vector
    """Of red, green and blue of the visible pixels; zeros without any, here and below."""
    darkest: float
    brightest: float
    """Least and greatest mean of red, green and blue of a visible pixel."""
    normals: float | None
    """For an image in a slot of normals: the share of pixels that are unit vectors within 10 %, after 2 * c - 1."""
    fingerprint: str | None
    """16 hex digits, of whose bits few differ between pictures that look the same (`blender.fingerprint`); None for an
    image of one colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityFacts:
    """How densely one material of one mesh lays its UV map out. Triangles without area count in neither."""

    material: str
    """Name of the Blender material, "" without one."""
    uv_area: float
    """Of the unit square; counts overlaps each time."""
    area_m2: float
    """In world space, of the first object that shows the mesh."""
    least_uv_per_m: float
    median_uv_per_m: float
    most_uv_per_m: float
    """Square root of UV area by world area, per triangle: 5th percentile, median and 95th by world area. Times
    `texture_px` it is texel density in pixels per metre."""
    texture_px: float = 0.0
    """Side of a square as large as the material's largest texture with these coordinates; 0 without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UvFacts:
    """One UV map of one mesh. Faces are Blender's."""

    name: str
    outside: Elements
    """Faces with a corner outside 0 to 1 by more than 1e-4."""
    mirrored: Elements
    """Faces whose UV triangle runs the other way round than the face itself: a text on them reads mirrored."""
    zero_area: Elements
    """Faces with an area in space and none in UV."""
    non_finite: Elements
    """As `MeshFacts.non_finite_vertices`."""
    islands: int
    """Connected by points that are at the same place in space and in UV."""
    coverage: float
    """Sum of UV areas of faces inside 0 to 1, so it may be above 1 where they overlap."""
    densities: tuple[DensityFacts, ...]
    overlapping: Elements | None
    """Faces inside 0 to 1 that share area with another, as seen at 1,024 x 1,024 pixels; None unless deep."""
    overlap_share: float | None
    """Share of the covered area that is covered more than once; None unless deep."""
    gutter: float | None
    """The least distance between two islands that overlap nothing, in units of UV; None unless deep, and where no two
    are closer than 1/64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshFacts:
    """One Blender mesh as imported (no modifier, rest pose), its vertices welded by position for topology.

    Lengths in the mesh's own space, which for glTF are metres before the object's transform. Indices are those of the
    Blender mesh; of edges that are one after welding the first is named.
    """

    name: str
    pointer: str | None
    """Of the glTF mesh, where its name tells which it is."""
    objects: tuple[str, ...]
    """The first objects that show it, at most 5."""
    object_count: int
    vertices: int
    triangles: int
    welded_vertices: int
    """Different places at which vertices are."""
    weld_tolerance_m: float
    """Vertices closer than this on each axis are one: 1e-6 of the size of the mesh's coordinates."""
    open_edges: Elements
    """Edges with one face, after welding."""
    non_manifold_edges: Elements
    """Edges with more than two faces, after welding and without duplicate faces, unless as many run along it one way as
    the other: that is how closed parts touch each other."""
    degenerate_faces: Elements
    """Two corners are the same point after welding, or the height is below the tolerance."""
    duplicate_faces: Elements
    """Faces with the same three points as an earlier one and the same winding. (Faces back to back are how leaves and
    touching parts are made.)"""
    duplicate_vertices: Elements | None
    """Equal to an earlier vertex in position, normal and all attributes of their corners: they need not be split. None
    where the file has tangents or weights, which tell vertices apart and do not arrive in bulk."""
    loose_vertices: Elements
    """At no edge."""
    loose_edges: Elements
    """At no face."""
    parts: int
    """Parts that share no point, after welding."""
    small_parts: Elements
    """Faces of parts that are smaller than 0.1 % of the mesh's own size."""
    inconsistent_edges: Elements
    """Edges that both of their faces run through in the same direction: the winding turns over there."""
    inverted_faces: Elements
    """Faces of closed, consistent shells whose volume is negative: they are inside out. Not those within the bounds of
    one that is not, which may be the wall of a cavity."""
    non_finite_vertices: Elements
    """What Blender let through: up to 5.2 it puts 0 in the place of NaN and infinity, so see
    `PrimitivesFacts.non_finite`."""
    watertight: bool
    """Closed: no open, non-manifold or inconsistent edge, and at least one face."""
    volume_m3: float | None
    """None unless watertight."""
    area_m2: float
    """Of all faces, one side of each."""
    uv_maps: tuple[UvFacts, ...]
    self_intersections: Elements | None
    """Faces that run through another that shares no point with them; None unless deep."""
    positions: dict[str, Vector]
    """By the name of an `Elements` field above (of a UV map: `uv:UVMap:outside`): where in the world its first element
    is, for those that have any. An edge is where its middle is, a face where the mean of its corners is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was measured of one asset. What could not be looked at is None, and a `Gap` beside it says why."""

    file: FileFacts
    scene: SceneFacts | None
    meshes: tuple[MeshFacts, ...] | None
    pixels: tuple[PixelFacts, ...] | None
    """Of the images that were decoded."""
    missing: tuple[Missing, ...]
    importer_messages: tuple[str, ...]


# What the container tells for want of a better witness stands beside what Blender measured.
TOLD = ("primitives", "draw_calls", "images", "animations", "references")
_REST = tuple(field.name for field in fields(FileFacts) if field.name not in TOLD)
_SCENE = tuple(field.name for field in fields(SceneFacts))
OTHERS = ("meshes", "pixels", "missing", "importer_messages")


def facts_document(facts: Facts) -> dict[str, Any]:
    """The `facts` block of a report: what was measured of the scene on top, null where it was not; then the file."""
    return {
        **{name: getattr(facts.scene, name, None) for name in _SCENE},
        **{name: getattr(facts.file, name) for name in TOLD},
        **{OWN_NAME.get(name, name): getattr(facts, name) for name in OTHERS},
        "file": {name: getattr(facts.file, name) for name in _REST},
    }


OWN_NAME = {"meshes": "mesh_list"}
"""`meshes` is the number of meshes in the scene."""


def facts_members(document: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `Facts` in a `facts` block, as plain JSON. Raises KeyError if one is not there."""
    return {
        "file": {**document["file"], **{name: document[name] for name in TOLD}},
        "scene": None if document["vertices"] is None else {name: document[name] for name in _SCENE},
        **{name: document[OWN_NAME.get(name, name)] for name in OTHERS},
    }
