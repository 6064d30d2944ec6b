"""Rules about UV maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..model.facts import MeshFacts, UvFacts
from ..model.finding import Elements, Issue
from .on_meshes import counted, mesh_issue
from .registry import Subject, Threshold, Thresholds, rule


def _each_with(subject: Subject, field: str, message: Callable[[str, str], str]) -> Iterator[Issue]:
    """An issue for each UV map that has elements of that field; `message` is told how many, and of what."""
    for mesh in subject.meshes:
        for uv_map in mesh.uv_maps:
            elements: Elements | None = getattr(uv_map, field)
            if elements and elements.count:
                text = message(counted(elements), _name(mesh, uv_map))
                yield mesh_issue(mesh, text, field=f"uv:{uv_map.name}:{field}", elements=elements)


def _name(mesh: MeshFacts, uv_map: UvFacts) -> str:
    return f'the UV map "{uv_map.name}" of the mesh "{mesh.name}"'


@rule(
    code="GLBV_UV_OUTSIDE_0_1",
    title="UV map leaves the texture",
    family="uv",
    severity="info",
    needs=("meshes",),
    what="It counts faces with a corner outside 0 to 1, by more than a ten-thousandth.",
    why="There the texture repeats, which is how tiling textures are meant. Where each place of the texture belongs"
    " to one place of the surface (baked light, atlases, painting), it shows the wrong part.",
    how="In the UV editor, *Pack Islands*, or move the islands back; turn on *Constrain to Image Bounds*.",
)
def uv_outside(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return _each_with(subject, "outside", lambda count, where: f"In {where}, {count} lie in part outside 0 to 1.")


@rule(
    code="GLBV_UV_MIRRORED",
    title="UV map mirrored",
    family="uv",
    severity="hint",
    needs=("meshes",),
    what="It counts faces that run the other way round in the map than on the surface.",
    why="Text and logos read mirrored there. For symmetric halves that share one piece of texture it is meant; with"
    " baked normal maps their seam shows unless tangents are exported.",
    how="In the UV editor, select such islands (*Select, Select Flipped* in newer versions) and *Mirror X*.",
)
def uv_mirrored(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return _each_with(subject, "mirrored", lambda count, where: f"In {where}, {count} are mirrored.")


@rule(
    code="GLBV_UV_ZERO_AREA",
    title="No area in the UV map",
    family="uv",
    severity="hint",
    needs=("meshes",),
    what="It counts faces that have an area in space and none in the map.",
    why="Such a face gets one colour or a streak of the texture, and no tangents: a normal map does nothing there. It"
    " is meant where a small palette gives each face its colour.",
    how="Unwrap these faces.",
)
def uv_zero_area(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    return _each_with(subject, "zero_area", lambda count, where: f"In {where}, {count} have no area.")


@rule(
    code="GLBV_UV_OVERLAPPING",
    title="UV map overlaps itself",
    family="uv",
    severity="info",
    needs=("meshes", "deep"),
    what="It counts faces inside 0 to 1 that share a place of the map with others, as seen in an image of 1,024 x"
    " 1,024 pixels.",
    why="They share that piece of the texture: a usual way to save some. Baked light and painting need a map that"
    " does not overlap.",
    how="In the UV editor, *Select, Select Overlap* shows them; *Pack Islands* sets them apart.",
    thresholds={"max_share": Threshold(0.0, "Share of the covered area up to which nothing is said.")},
)
def uv_overlapping(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for mesh in subject.meshes:
        for uv_map in mesh.uv_maps:
            faces, share = uv_map.overlapping, uv_map.overlap_share
            if faces and faces.count and share is not None and at["max_share"] is not None and share > at["max_share"]:
                text = f"In {_name(mesh, uv_map)}, {counted(faces)} overlap, on {share:.1%} of the covered area."
                yield mesh_issue(mesh, text, field=f"uv:{uv_map.name}:overlapping", elements=faces)


@rule(
    code="GLBV_UV_GUTTER",
    title="UV islands too close",
    family="uv",
    severity="info",
    needs=("file", "meshes", "deep"),
    what="It speaks when two islands of a UV map that overlap nothing are closer than the limit, in pixels of the"
    " largest texture that is laid out by the map.",
    why="Filtering and smaller mip levels mix what lies beside: seams get lines in the colour of the neighbour.",
    how="In the UV editor, *Pack Islands* with a larger margin, and bake with as much bleed.",
    thresholds={
        "min_px": Threshold(
            2.0, "Pixels. 2 keep bilinear filtering apart down to half the size; each further level doubles."
        )
    },
)
def uv_gutter(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for mesh in subject.meshes:
        for uv_map in mesh.uv_maps:
            texture = max((density.texture_px for density in uv_map.densities), default=0.0)
            if uv_map.gutter is not None and at["min_px"] is not None and texture:
                gutter = uv_map.gutter * texture
                if gutter < at["min_px"]:
                    text = (
                        f"In {_name(mesh, uv_map)}, islands are {gutter:.1f} pixels apart; {at['min_px']:g} are needed."
                    )
                    yield mesh_issue(mesh, text)


@rule(
    code="GLBV_TEXEL_DENSITY",
    title="Texel density out of bounds",
    family="uv",
    severity="hint",
    needs=("file", "meshes"),
    what="It compares how many pixels of its texture a material spends on a metre of surface (the median by area, in"
    " the world of the first object) with the limits, and materials of the asset with each other.",
    why="Too few pixels look blurred beside other assets, too many are memory that nobody sees; and materials that"
    " differ much look as if they came from different assets.",
    how="Scale the islands in the UV editor, or the texture.",
    thresholds={
        "min_px_per_m": Threshold(None, "Pixels per metre. A studio's own measure; games use 256 to 1,024."),
        "max_px_per_m": Threshold(None, "Pixels per metre."),
        "max_ratio": Threshold(16.0, "Of the densest material to the sparsest: four doublings of the texture's size."),
    },
)
def texel_density(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    found = [
        (density.median_uv_per_m * density.texture_px, mesh, density.material)
        for mesh in subject.meshes
        for uv_map in mesh.uv_maps
        for density in uv_map.densities
        if density.texture_px
    ]
    least, most = at["min_px_per_m"], at["max_px_per_m"]
    for value, mesh, material in found:
        about = f'The material "{material}" on the mesh "{mesh.name}" has {value:,.0f} pixels per metre'
        if least is not None and value < least:
            yield mesh_issue(mesh, f"{about}; at least {least:,} are asked for.")
        elif most is not None and value > most:
            yield mesh_issue(mesh, f"{about}; at most {most:,} are allowed.")
    if found and at["max_ratio"] is not None:
        (low, _, sparse), (high, mesh, dense) = min(found, key=_density), max(found, key=_density)
        if high > low * at["max_ratio"]:
            text = f'"{dense}" has {high:,.0f} pixels per metre, {high / low:,.0f} times as many as "{sparse}".'
            yield mesh_issue(mesh, text)


def _density(entry: tuple[float, MeshFacts, str]) -> float:
    return entry[0]
