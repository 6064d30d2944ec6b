"""Rules about skins and animations."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.facts import AnimationFacts, SkinFacts
from ..model.finding import Issue, Saving
from .registry import Subject, Threshold, Thresholds, rule
from .wording import counted, of_sample


def _skin(skin: SkinFacts) -> str:
    return f'The skin "{skin.name}"' if skin.name else f"The skin {skin.pointer}"


def _animations(subject: Subject) -> Iterator[tuple[AnimationFacts, str, str]]:
    """With what messages call them, and their pointers."""
    for index, animation in enumerate(subject.file.animations):
        pointer = f"/animations/{index}"
        yield animation, f'The animation "{animation.name}"' if animation.name else f"The animation {pointer}", pointer


@rule(
    code="GLBV_SKIN_MANY_INFLUENCES",
    title="Vertex bound to too many joints",
    family="rigs",
    severity="warning",
    needs=("data",),
    what="It speaks when a vertex of a skin is bound by more than 0 to more joints than the limit.",
    why="Readers need only do four (glTF 2.0, 3.7.3.1). Most leave the others out: the mesh tears or folds where it"
    " did not in Blender.",
    how="In weight paint mode, Weights, Limit Total with a limit of 4; then Normalize All.",
    thresholds={"max_influences": Threshold(4, "Joints of a vertex: what glTF demands of readers.")},
)
def skin_many_influences(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["max_influences"]
    for skin in subject.file.skin_list:
        if limit is not None and skin.influences is not None and skin.influences > limit:
            text = f"{_skin(skin)} binds vertices to up to {skin.influences} joints; at most {limit} are allowed."
            if skin.many_influences:
                verb = "has" if skin.many_influences == 1 else "have"
                text += (
                    f" More than 4 {verb} {counted(skin.many_influences, 'vertex', 'vertices')} of {skin.vertices:,}."
                )
            yield Issue(message=text, pointer=skin.pointer)


@rule(
    code="GLBV_SKIN_BAD_WEIGHTS",
    title="Weights that do not add up",
    family="rigs",
    severity="warning",
    needs=("data",),
    what="It counts vertices of a skin whose weights do not add up to 1 within 0.01, or are negative or no numbers.",
    why="Some readers bring them to 1, others do not: there, vertices are drawn towards the origin when the rig moves.",
    how="In weight paint mode, Weights, Normalize All; assign vertices that belong to no bone.",
)
def skin_bad_weights(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for skin in subject.file.skin_list:
        if skin.bad_weights:
            text = (
                f"{_skin(skin)} has {skin.bad_weights:,} of {counted(skin.vertices or 0, 'vertex', 'vertices')} whose"
            )
            yield Issue(message=f"{text} weights do not add up to 1.", pointer=skin.pointer, count=skin.bad_weights)


@rule(
    code="GLBV_SKIN_UNUSED_JOINTS",
    title="Joint that moves nothing",
    family="rigs",
    severity="hint",
    needs=("data",),
    what="It names joints to which no vertex is bound, and below which neither a bound joint nor anything shown hangs.",
    why="They are calculated in every frame of every animation. Tips of chains and sockets may be there on purpose.",
    how="Switch on Export Deformation Bones Only, or delete the bones.",
)
def skin_unused_joints(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for skin in subject.file.skin_list:
        if skin.vertices:
            yield from of_sample(skin.unused_joints, "joint", f"of {skin.joints} to which nothing is bound")


@rule(
    code="GLBV_SKIN_NO_BIND_MATRICES",
    title="Skin without bind matrices",
    family="rigs",
    severity="info",
    needs=("file",),
    what="It names skins without inverse bind matrices: readers take identities (glTF 2.0, 3.7.3.1).",
    why="The mesh then must lie where its joints move it to. Few exporters mean it, and several readers ask for them.",
    how="Export again with a current exporter.",
)
def skin_no_bind_matrices(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for skin in subject.file.skin_list:
        if not skin.bind_matrices:
            yield Issue(message=f"{_skin(skin)} has no inverse bind matrices.", pointer=skin.pointer)


@rule(
    code="GLBV_SKIN_TOO_MANY_JOINTS",
    title="Skin with too many joints",
    family="rigs",
    severity="warning",
    needs=("file",),
    what="It speaks when a skin has more joints than the limit.",
    why="Each is a matrix in every frame; phones and older engines have room for 64 to 256 in a draw call, and show"
    " nothing beyond.",
    how="Switch on Export Deformation Bones Only, and take out bones that move little.",
    thresholds={"max_count": Threshold(None, "Joints of one skin.")},
)
def skin_too_many_joints(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["max_count"]
    for skin in subject.file.skin_list:
        if limit is not None and skin.joints > limit:
            text = f"{_skin(skin)} has {skin.joints:,} joints; at most {limit:,} are allowed."
            yield Issue(message=text, pointer=skin.pointer)


@rule(
    code="GLBV_ANIMATION_ZERO_LENGTH",
    title="Animation without duration",
    family="rigs",
    severity="info",
    needs=("file",),
    what="It names animations whose last key is at 0 seconds, and those without channels.",
    why="Nothing moves. A pose is meant at best; players that divide by the duration fail.",
    how="Delete the action, or give it the keys that it lacks.",
)
def animation_zero_length(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for animation, name, pointer in _animations(subject):
        if not animation.channels:
            yield Issue(message=f"{name} has no channels.", pointer=pointer)
        elif animation.seconds == 0:
            yield Issue(message=f"{name} lasts 0 seconds.", pointer=pointer)


@rule(
    code="GLBV_ANIMATION_REDUNDANT_KEYS",
    title="Keys that change nothing",
    family="rigs",
    severity="hint",
    needs=("data",),
    what="It counts keys that are what interpolation between their neighbours gives, within 1e-6 of the range of their"
    " channel, and speaks when their share in an animation is at least the limit.",
    why="Animations that were sampled at each frame hold mostly such keys: they are downloaded and searched for"
    " nothing.",
    how="Switch on Optimize Animation Size in the exporter, or `gltf-transform resample`: the movement stays the same.",
    thresholds={"min_share": Threshold(0.1, "Of all keys of the animation, 0 to 1.")},
)
def animation_redundant_keys(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for animation, name, pointer in _animations(subject):
        keys, redundant = animation.keys, animation.redundant_keys
        if at["min_share"] is not None and keys and redundant and redundant >= at["min_share"] * keys:
            text = f"{name} has {redundant:,} keys of {keys:,} that change nothing."
            saves = Saving(bytes=animation.redundant_bytes or 0)
            yield Issue(message=text, pointer=pointer, saves=saves, count=redundant)


@rule(
    code="GLBV_ANIMATION_NAME",
    title="Animation without a name of its own",
    family="rigs",
    severity="info",
    needs=("file",),
    what="It names animations without a name, and those with the name of an earlier one.",
    why="Players start animations by name: they play the wrong one, or none. Blender adds a number.",
    how="Name the actions, each differently, before the export.",
)
def animation_name(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    names: set[str] = set()
    for animation, name, pointer in _animations(subject):
        if not animation.name:
            yield Issue(message=f"{name} has no name.", pointer=pointer)
        elif animation.name in names:
            yield Issue(message=f"{name} has the name of an earlier one.", pointer=pointer)
        names.add(animation.name)


@rule(
    code="GLBV_ANIMATION_TRAVEL",
    title="Animation that leaves its place",
    family="rigs",
    severity="warning",
    needs=("data",),
    what="It speaks when a key moves a node farther from the place it rests at than the limit.",
    why="Engines move characters themselves: one that walks away in its animation jumps back with each loop.",
    how="Animate on the spot, or leave the movement to a root bone that the engine knows of.",
    thresholds={"max_travel_m": Threshold(None, "Metres, in the space of the node's parent.")},
)
def animation_travel(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["max_travel_m"]
    for animation, name, pointer in _animations(subject):
        if limit is not None and animation.travel_m is not None and animation.travel_m > limit:
            text = f"{name} moves a node by {animation.travel_m:.4g} m; at most {limit:g} m are allowed."
            yield Issue(message=text, pointer=pointer)


@rule(
    code="GLBV_ANIMATION_NO_TARGET",
    title="Animation of nothing",
    family="rigs",
    severity="warning",
    needs=("file",),
    what="It counts channels whose target is no node of the file, nor given by an extension.",
    why="Readers pass over them (glTF 2.0, 3.11), or fail. What they were to move stands still.",
    how="Export again: the object was deleted or not exported, and its action was.",
)
def animation_no_target(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for animation, name, pointer in _animations(subject):
        if animation.outside_targets:
            text = (
                f"{name} has {animation.outside_targets:,} of {counted(animation.channels, 'channel')} without a node."
            )
            yield Issue(message=text, pointer=pointer, count=animation.outside_targets)
