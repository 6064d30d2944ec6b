"""Rules about the asset as a whole: size, place, transforms, and what else is in the scene."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ..model.facts import Sample
from ..model.finding import Issue, Vector
from .registry import Subject, Threshold, Thresholds, rule
from .wording import counted

_MAX_NAMED = 3
"""Nodes that a message names."""


def _metres(values: Vector) -> str:
    return " x ".join(f"{value:.4g}" for value in values) + " m"


def _of_nodes(sample: Sample, text: str) -> Iterator[Issue]:
    """One issue for all nodes of a sample: "2 nodes" and the text."""
    if sample.count:
        names = [f'"{place.name}"' if place.name else place.pointer for place in sample.first[:_MAX_NAMED]]
        more = " and others" if sample.count > len(names) else ""
        nodes = "1 node" if sample.count == 1 else f"{sample.count:,} nodes"
        pointer = sample.first[0].pointer if sample.first else None
        yield Issue(message=f"{nodes} {text}: {', '.join(names)}{more}.", pointer=pointer, count=sample.count)


@rule(
    code="GLBV_SCENE_EMPTY",
    title="Nothing to see",
    family="scene",
    severity="error",
    needs=("file", "scene"),
    what="It speaks when Blender shows no vertex of the asset. A file without meshes that holds animations, rigs,"
    " lights or cameras is let pass: it means to be one of these.",
    why="Whoever opens the file sees nothing. Mostly the export took only what was selected, or the file has no scene.",
    how="Export again with the objects visible and *Limit to Selected Objects* off.",
)
def scene_empty(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    file = subject.file
    other_purpose = file.animations or file.skins or file.lights or file.cameras
    if subject.scene.rendered_vertices == 0 and (file.meshes or not other_purpose):
        held = f"{counted(file.meshes, 'mesh', 'meshes')} and {counted(file.nodes, 'node')}"
        yield Issue(message=f"Blender shows no vertex; the file holds {held}.")


@rule(
    code="GLBV_DIMENSIONS_IMPLAUSIBLE",
    title="Size implausible",
    family="scene",
    severity="warning",
    needs=("scene",),
    what="It speaks when the longest side of the asset, at the first frame, is below or above the limits.",
    why="glTF counts in metres. A chair of 80 m was made in centimetres: in AR it stands on the whole street.",
    how="Set the scene's units, apply scale (Ctrl+A), and export again; the factor is mostly 0.01, 0.0254 or 0.001.",
    thresholds={
        "min_m": Threshold(0.001, "Metres of the longest side: nothing that is modelled is smaller than a grain."),
        "max_m": Threshold(1000.0, "Metres of the longest side: larger than that are only landscapes and cities."),
    },
)
def dimensions_implausible(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if not (size := subject.scene.dimensions_m) or not subject.scene.rendered_faces:
        return
    longest = max(size)
    if at["min_m"] is not None and longest < at["min_m"]:
        yield Issue(message=f"The asset is {_metres(size)}; its longest side is below {at['min_m']:g} m.")
    elif at["max_m"] is not None and longest > at["max_m"]:
        yield Issue(message=f"The asset is {_metres(size)}; its longest side is above {at['max_m']:g} m.")


@rule(
    code="GLBV_DIMENSIONS_MISMATCH",
    title="Size not that of the data sheet",
    family="scene",
    severity="error",
    needs=("scene",),
    what="It compares the dimensions, at the first frame, with those that the profile's data sheet gives for the asset,"
    " axis by axis (Blender's axes, Z up). Without a data sheet it says nothing.",
    why="A product that is shown in AR at another size than it is sold is sent back.",
    how="Scale the asset to the sheet and apply the scale, or correct the sheet.",
    thresholds={
        "tolerance": Threshold(
            0.02,
            "Share of the expected length; lengths may differ by a millimetre in any case. 3D Commerce allows 0.03.",
        )
    },
)
def dimensions_mismatch(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    expected, size, tolerance = subject.expected_m, subject.scene.dimensions_m, at["tolerance"]
    if not expected or not size or tolerance is None:
        return
    wrong = [
        axis for axis, pair in zip("XYZ", zip(size, expected, strict=True), strict=True) if not _fit([pair], tolerance)
    ]
    if wrong:
        text = f"The asset is {_metres(size)} where the data sheet says {_metres(expected)}: {', '.join(wrong)} differ."
        turned = zip(sorted(size), sorted(expected), strict=True)
        factor = math.dist(size, (0, 0, 0)) / (math.dist(expected, (0, 0, 0)) or math.inf)
        scaled = ((length, factor * other) for length, other in zip(size, expected, strict=True))
        if _fit(turned, tolerance):
            text += " The lengths are right on other axes: it is turned."
        elif len(wrong) > 1 and _fit(scaled, tolerance):
            text += f" All axes are off by the same factor, {factor:.4g}."
        yield Issue(message=text)


_SLACK_M = 0.001  # for what is flat or tiny
_ROUNDING_M = 1e-6  # of the dimensions


def _fit(lengths: Iterable[tuple[float, float]], tolerance: float) -> bool:
    """Whether each length is the expected one beside it."""
    return all(
        abs(length - expected) <= max(_SLACK_M, tolerance * expected + _ROUNDING_M) for length, expected in lengths
    )


@rule(
    code="GLBV_PIVOT_FAR",
    title="Origin far from the asset",
    family="scene",
    severity="info",
    needs=("scene",),
    what="It compares the place of the origin with the bounds of the asset, in lengths of their diagonal: how far"
    " outside of them it is; if a profile asks for it, also how far from their middle, seen from above, and"
    " from their floor.",
    why="The origin is what an asset is placed and turned by: far away, it flies off when it is turned, and nobody"
    " finds it when it is placed.",
    how="Move the object to the world's origin and apply the location (Ctrl+A), or set its origin first.",
    thresholds={
        "max_outside": Threshold(1.0, "Diagonals from the origin to the bounds, 0 inside of them."),
        "max_off_middle": Threshold(None, "Diagonals from the origin to the middle of the bounds, seen from above."),
        "max_off_floor": Threshold(None, "Diagonals from the origin to the lowest point, up or down."),
    },
)
def pivot_far(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if not (bounds := subject.scene.bounds_m):
        return
    low, high = bounds
    diagonal = math.dist(low, high)
    outside = math.hypot(*(max(least, -most, 0.0) for least, most in zip(low, high, strict=True)))
    off_middle = math.hypot((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    for name, distance, where in (
        ("max_outside", outside, "from the asset"),
        ("max_off_middle", off_middle, "from its middle, seen from above"),
        ("max_off_floor", abs(low[2]), "from its floor"),
    ):
        if at[name] is not None and distance > at[name] * diagonal:
            text = f"The origin is {distance:.4g} m {where}; the asset measures {diagonal:.4g} m from corner to corner."
            yield Issue(message=text)


@rule(
    code="GLBV_ROOT_TRANSFORM",
    title="Root with a transform",
    family="scene",
    severity="hint",
    needs=("file",),
    what="It speaks when roots of the default scene are moved, turned or scaled.",
    why="Tools that place assets by their root overwrite it. Exporters often turn the axes there, so it is a hint only;"
    " 3D Commerce asks for clean roots.",
    how="Apply all transforms (Ctrl+A) before the export.",
)
def root_transform(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from _of_nodes(subject.file.hierarchy.transformed_roots, "on top of the scene with a transform")


@rule(
    code="GLBV_SCALE_NEGATIVE",
    title="Mirrored by a negative scale",
    family="scene",
    severity="info",
    needs=("file",),
    what="It speaks when the transform of a node with meshes below it mirrors (its determinant is negative).",
    why="glTF 2.0 says that faces then turn over (3.7.4), but physics, baking and several engines do not, and show the"
    " inside.",
    how="Apply the scale (Ctrl+A) and recalculate the normals.",
)
def scale_negative(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from _of_nodes(subject.file.hierarchy.negative_scale, "with a transform that mirrors")


@rule(
    code="GLBV_SCALE_NON_UNIFORM",
    title="Scaled differently along its axes",
    family="scene",
    severity="hint",
    needs=("file",),
    what="It speaks when the world transform of a node with a mesh stretches its axes differently, by more than 0.1 %.",
    why="Turned children are sheared, normals and collision shapes go wrong in tools that do not expect it.",
    how="Apply the scale (Ctrl+A).",
)
def scale_non_uniform(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from _of_nodes(subject.file.hierarchy.non_uniform_scale, "with a mesh, scaled differently along its axes")


@rule(
    code="GLBV_SCALE_ZERO",
    title="Scaled to nothing",
    family="scene",
    severity="warning",
    needs=("file",),
    what="It speaks when the world transform of a node with a mesh flattens it (its determinant is 0). Files with"
    " animations are let pass: a scale of 0 is how glTF hides what appears later (2.0, 3.5.3).",
    why="The mesh cannot be seen, or is flat and has no normals; it is loaded all the same.",
    how="Delete the object, or give it its scale back.",
)
def scale_zero(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if not subject.file.animations:
        yield from _of_nodes(subject.file.hierarchy.zero_scale, "with a mesh, scaled to 0")


@rule(
    code="GLBV_TRANSFORM_NON_FINITE",
    title="Transform that is no number",
    family="scene",
    severity="error",
    needs=("file",),
    what="It speaks when the transform of a node holds numbers that a 32-bit float does not hold.",
    why="Readers make infinity or NaN of them: the mesh and all below it disappear, or all of the scene does.",
    how="Reset the transform of the object (Alt+G, Alt+R, Alt+S), and look for drivers that divide by 0.",
)
def transform_non_finite(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from _of_nodes(subject.file.hierarchy.non_finite, "with numbers in the transform that no float holds")


@rule(
    code="GLBV_COORDINATES_HUGE",
    title="So far away that floats get coarse",
    family="scene",
    severity="warning",
    needs=("scene",),
    what="It speaks when a coordinate of the bounds is farther from the origin than the limit.",
    why="GPUs calculate in 32-bit floats with 24 bits of precision: at 10,000 m neighbouring values are 1 mm apart, at"
    " 1,000,000 m 6 cm. Surfaces flicker and vertices jitter.",
    how="Move the asset to the origin. Geographic data needs an offset that is kept outside of the vertices.",
    thresholds={
        "max_m": Threshold(10_000.0, "Metres from the origin along an axis; 32-bit floats are 1 mm apart there.")
    },
)
def coordinates_huge(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    bounds = subject.scene.bounds_m
    farthest = max(map(abs, (*bounds[0], *bounds[1]))) if bounds else 0.0
    if at["max_m"] is not None and farthest > at["max_m"]:
        step = 2.0 ** (math.frexp(farthest)[1] - 24)  # IEEE 754: the distance of two floats of this size
        text = (
            f"The asset reaches {farthest:,.0f} m from the origin, where 32-bit floats are {step * 1000:.2g} mm apart."
        )
        yield Issue(message=text)


@rule(
    code="GLBV_CAMERAS_OR_LIGHTS",
    title="Camera or light in the asset",
    family="scene",
    severity="warning",
    needs=("file",),
    what="It speaks when the file holds cameras or lights, where a profile does not allow them.",
    why="In a scene of many assets each brings its own light, which changes all others and costs much to draw.",
    how="Leave *Cameras* and *Punctual Lights* off in the exporter.",
    thresholds={"allowed": Threshold(True, "Whether they are allowed.", kind="flag")},
)
def cameras_or_lights(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    cameras, lights = subject.file.cameras, subject.file.lights
    if cameras and not at["allowed"]:
        yield Issue(message=f"Cameras in the file: {cameras}.", pointer="/cameras/0", count=cameras)
    if lights and not at["allowed"]:
        pointer = "/extensions/KHR_lights_punctual/lights/0"
        yield Issue(message=f"Lights in the file: {lights}.", pointer=pointer, count=lights)
