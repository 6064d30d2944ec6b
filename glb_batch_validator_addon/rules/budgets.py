"""Limits on what an asset takes. None by default: how much is too much depends on where it goes. Profiles know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..model.facts import Need
from ..model.finding import Issue, Saving
from .registry import Subject, Threshold, Thresholds, rule

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """One limit. The texts end up in the page of its rule."""

    name: str
    """Of the rule after `GLBV_BUDGET_`."""
    title: str
    needs: tuple[Need, ...]
    threshold: str
    meaning: str
    what: str
    """What the figure in the message is: "rendered triangles"."""
    counted: str
    """What is counted, as a noun."""
    why: str
    how: str
    measure: Callable[[Subject], float]
    saves: Callable[[int], Saving] = lambda excess: Saving()
    """Of what is too much."""
    unit: float = 1.0
    """What one of the threshold is in units of `measure`."""
    decimals: int = 0


_BUDGETS = (
    _Budget(
        name="FILE_SIZE",
        title="File too large",
        needs=("file",),
        threshold="max_mb",
        meaning="Megabytes of 1,048,576 bytes. 3D Commerce: 5.",
        what="MB of file",
        counted="the size of the GLB itself, without what it refers to",
        why="It is what is downloaded before anything is seen.",
        how="Scale textures down or encode them as JPEG, WebP or KTX2; compress meshes (Draco, meshopt).",
        measure=lambda subject: subject.asset.size_bytes,
        saves=lambda excess: Saving(bytes=excess),
        unit=MIB,
        decimals=2,
    ),
    _Budget(
        name="TRIANGLES",
        title="Too many triangles",
        needs=("scene",),
        threshold="max_count",
        meaning="Triangles. 3D Commerce: 100,000.",
        what="rendered triangles",
        counted="the triangles of evaluated meshes, once per object that shows them",
        why="Each is transformed in every frame, and again for every shadow.",
        how="Decimate, bake detail into normal maps, remove what is never seen.",
        measure=lambda subject: subject.scene.rendered_triangles,
        saves=lambda excess: Saving(triangles=excess),
    ),
    _Budget(
        name="VERTICES",
        title="Too many vertices",
        needs=("scene",),
        threshold="max_count",
        meaning="Vertices.",
        what="rendered vertices",
        counted="the vertices of evaluated meshes, once per object that shows them",
        why="Each is transformed in every frame, and skinned and morphed ones cost several times as much.",
        how="Decimate; avoid splits by hard edges and UV seams where they are not needed.",
        measure=lambda subject: subject.scene.rendered_vertices,
    ),
    _Budget(
        name="DRAW_CALLS",
        title="Too many draw calls",
        needs=("file",),
        threshold="max_count",
        meaning="Draw calls.",
        what="draw calls",
        counted="the primitives of the default scene, once per node that shows them",
        why="Each is a command of the CPU to the GPU: on phones and in browsers they are used up before triangles are.",
        how="Join objects that move together, and share materials and atlases so that primitives merge.",
        measure=lambda subject: subject.file.draw_calls,
        saves=lambda excess: Saving(draw_calls=excess),
    ),
    _Budget(
        name="MATERIALS",
        title="Too many materials",
        needs=("file",),
        threshold="max_count",
        meaning="Materials. 3D Commerce: 5.",
        what="materials",
        counted="the entries of the glTF array",
        why="Each is at least one draw call, and often a shader to compile before the first frame.",
        how="Merge materials that differ in colour only into one with a small atlas.",
        measure=lambda subject: subject.file.materials,
    ),
    _Budget(
        name="TEXTURES",
        title="Too many textures",
        needs=("file",),
        threshold="max_count",
        meaning="Images.",
        what="images in use",
        counted="the images that materials use, each once",
        why="Each is a download or a part of it, is decoded by the CPU and takes a place on the GPU.",
        how="Pack occlusion, roughness and metallic into one image, use atlases, replace plain colours by factors.",
        measure=lambda subject: sum(bool(image.slots) for image in subject.file.images),
    ),
    _Budget(
        name="GPU_MEMORY",
        title="Too much GPU memory",
        needs=("file",),
        threshold="max_mb",
        meaning="Megabytes of 1,048,576 bytes.",
        what="MB on the GPU",
        counted="images in use with their mip levels, and the attributes and indices of all primitives",
        why="Phones and browsers close the page when it is used up.",
        how="Scale textures down or encode them as KTX2, decimate meshes.",
        measure=lambda subject: (
            sum(image.gpu_bytes or 0 for image in subject.file.images if image.slots)
            + subject.file.primitive_list.geometry_bytes
        ),
        saves=lambda excess: Saving(gpu_bytes=excess),
        unit=MIB,
        decimals=1,
    ),
    _Budget(
        name="BONES",
        title="Too many bones",
        needs=("file",),
        threshold="max_count",
        meaning="Bones. Engines on phones take 75 to 256 a mesh.",
        what="bones",
        counted="the distinct nodes that serve as joints of any skin",
        why="Their matrices are calculated in every frame, and limits of engines cut the rest off.",
        how="Export deform bones only, and remove those that move nothing.",
        measure=lambda subject: subject.file.joints,
    ),
    _Budget(
        name="MORPH_TARGETS",
        title="Too many morph targets",
        needs=("file",),
        threshold="max_count",
        meaning="Morph targets.",
        what="morph targets",
        counted="over all meshes, the most targets that any of their primitives has",
        why="Each holds all vertices once more, and readers may take as few as 8 at a time (glTF 2.0, 3.7.2.2).",
        how="Remove shape keys that nothing uses, or keep them on the part that they move.",
        measure=lambda subject: subject.file.morph_targets,
    ),
    _Budget(
        name="ANIMATION_SECONDS",
        title="Animations too long",
        needs=("file",),
        threshold="max_seconds",
        meaning="Seconds.",
        what="seconds of animation",
        counted="the lengths of all animations together",
        why="Keys are data as well: a minute of a sampled rig is larger than its mesh.",
        how="Export the actions that are needed, and let the exporter optimise keys away.",
        measure=lambda subject: sum(animation.seconds or 0.0 for animation in subject.file.animations),
        decimals=2,
    ),
)


def _register(budget: _Budget) -> None:
    @rule(
        code=f"GLBV_BUDGET_{budget.name}",
        title=budget.title,
        family="budgets",
        severity="error",
        needs=budget.needs,
        what=f"It compares with the limit: {budget.counted}.",
        why=budget.why,
        how=budget.how,
        thresholds={budget.threshold: Threshold(None, budget.meaning)},
    )
    def check(subject: Subject, at: Thresholds) -> Iterator[Issue]:
        limit, value = at[budget.threshold], budget.measure(subject)
        if limit is not None and value > limit * budget.unit:
            found, allowed = (f"{number:,.{budget.decimals}f}" for number in (value / budget.unit, limit))
            saves = budget.saves(round(value - limit * budget.unit))
            yield Issue(message=f"{found} {budget.what}; the budget is {allowed}.", saves=saves)


for _budget in _BUDGETS:
    _register(_budget)
