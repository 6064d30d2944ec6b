"""What was measured of one asset. Judgement is not in here: rules read facts, facts know no rules."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimationFacts:
    """One glTF animation."""

    name: str
    seconds: float | None
    """The last key's time, by the `max` of the samplers' inputs; None where they do not say."""
    channels: int


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
