"""Animations: how long they are, how far they go, and how many of their keys change nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..model.facts import AnimationFacts
from .accessors import Accessors, Array, UnreadableError
from .document import JsonObject, printable
from .hierarchy import translation_of
from .keys import redundant_keys
from .materials import finite
from .places import Gaps

MAX_ANIMATIONS = 10_000
MAX_KEYS = 250_000
"""Of one sampler: two hours at 30 a second. What is computed of it takes up to 400 bytes a key."""
_BATCH_VALUES = 1_000_000
"""Numbers of samplers that are compared at once, for the same reason."""


class Sampler(NamedTuple):
    """One sampler of an animation. What is out of range counts as absent, here and in `Channel`."""

    input: int | None
    output: int | None
    interpolation: str
    """`LINEAR`, `STEP` or `CUBICSPLINE`."""


class Channel(NamedTuple):
    """One channel of an animation."""

    sampler: Sampler
    node: int | None
    path: str
    """`translation`, `rotation`, or "" for all others."""
    pointer: str | None
    """Of KHR_animation_pointer."""
    is_outside: bool
    """Its target is no node of the file, nor what an extension may mean."""


class Animation(NamedTuple):
    """One animation."""

    name: str | None
    samplers: list[Sampler]
    channels: list[Channel]


class _Curve(NamedTuple):
    """A sampler, as channels with that path read it. Equal ones are read once."""

    sampler: Sampler
    path: str


class _Data(NamedTuple):
    """What the accessors of a curve hold."""

    keys: int
    times: Array | None
    """Seconds, shape (keys,); None where nothing has to be known of them, as of two keys."""
    values: Array | None
    """Shape (keys, numbers): of a cubic spline the in-tangent, the value and the out-tangent after each other."""


_NO_SAMPLER = Sampler(None, None, "LINEAR")


def read_animations(document: JsonObject) -> list[Animation]:
    """All animations, in the order of the document."""
    nodes, accessors = len(document.array("nodes")), len(document.array("accessors"))

    def index(item: JsonObject, name: str, count: int) -> int | None:
        value = item.index(name)
        return value if value is not None and value < count else None

    def sampler(item: JsonObject) -> Sampler:
        interpolation = item.string("interpolation")
        if interpolation not in ("STEP", "CUBICSPLINE"):
            interpolation = "LINEAR"
        return Sampler(index(item, "input", accessors), index(item, "output", accessors), interpolation)

    def channel(item: JsonObject, samplers: Sequence[Sampler]) -> Channel:
        number, target = index(item, "sampler", len(samplers)), item.child("target")
        node, path = target.index("node"), target.string("path")
        extensions = target.child("extensions") if "extensions" in target.members else None
        return Channel(
            sampler=_NO_SAMPLER if number is None else samplers[number],
            node=node if node is not None and node < nodes else None,
            path=path if path in ("translation", "rotation") else "",
            pointer=extensions.child("KHR_animation_pointer").string("pointer") if extensions else None,
            is_outside=node >= nodes if node is not None else not extensions,
        )

    def animation(item: JsonObject) -> Animation:
        samplers = [sampler(one) for one in item.objects("samplers")]
        return Animation(item.string("name"), samplers, [channel(one, samplers) for one in item.objects("channels")])

    return [animation(item) for item in document.objects("animations")]


def animation_list(
    document: JsonObject, animations: Sequence[Animation], accessors: Accessors, gaps: Gaps
) -> tuple[AnimationFacts, ...]:
    """The first `MAX_ANIMATIONS`."""
    if not animations:
        return ()
    if len(animations) > MAX_ANIMATIONS:
        reason = f"The file has more than {MAX_ANIMATIONS:,} animations (MAX_ANIMATIONS)."
        gaps.add(reason, f"/animations/{MAX_ANIMATIONS}")
        animations = animations[:MAX_ANIMATIONS]
    nodes = document.objects("nodes")
    ends = [_end(accessor) for accessor in document.objects("accessors")]
    curves = {_Curve(one.sampler, one.path): None for animation in animations for one in animation.channels}
    data = {curve: _read(curve, accessors) for curve in curves}
    redundant = _redundant({curve: content for curve, content in data.items() if isinstance(content, _Data)})
    users = Counter(source for source, _ in {curve.sampler[:2] for curve in curves})
    counted: set[int | None] = set()

    def facts(index: int, animation: Animation) -> AnimationFacts:
        known = (ends[sampler.input] for sampler in animation.samplers if sampler.input is not None)
        keys = superfluous = size = 0
        travel, complete = 0.0, True
        for number, channel in enumerate(animation.channels):
            sampler, path = curve = _Curve(channel.sampler, channel.path)
            content = data[curve]
            if isinstance(content, str):
                gaps.add(content, f"/animations/{index}/channels/{number}", animation.name)
                complete = False
                continue
            keys += content.keys
            if spare := redundant.get(curve, 0):
                superfluous += spare
                if sampler.output is not None and sampler.output not in counted:  # what channels share is saved once
                    counted.add(sampler.output)
                    times = 4 if users[sampler.input] == 1 else 0
                    size += spare * (accessors.size_bytes(sampler.output) // content.keys + times)
            if path == "translation" and channel.node is not None and content.values is not None:
                travel = max(travel, _travel(content.values, translation_of(nodes[channel.node])))
        return AnimationFacts(
            name=printable(animation.name or ""),
            seconds=max((end for end in known if end is not None), default=None),
            channels=len(animation.channels),
            keys=keys if complete else None,
            redundant_keys=superfluous if complete else None,
            redundant_bytes=size if complete else None,
            travel_m=travel if complete else None,
            outside_targets=sum(channel.is_outside for channel in animation.channels),
        )

    return tuple(facts(index, animation) for index, animation in enumerate(animations))


def _end(accessor: JsonObject) -> float | None:
    limits = accessor.array("max")
    return finite(limits[0]) if len(limits) == 1 else None


def _read(curve: _Curve, accessors: Accessors) -> _Data | str:
    """The data of a curve; a text says why they could not be read."""
    sampler = curve.sampler
    keys = accessors.count(sampler.input)
    is_cubic, is_moving = sampler.interpolation == "CUBICSPLINE", curve.path == "translation"
    if keys > MAX_KEYS:
        return f"It has more than {MAX_KEYS:,} keys (MAX_KEYS)."
    if 0 < keys <= 2 and not is_moving:
        return _Data(keys, None, None)
    try:
        times = accessors.read_floats(sampler.input)
        values = accessors.read_floats(sampler.output)
    except UnreadableError as error:
        return str(error)
    if times.shape[1] != 1 or keys == 0 or len(values) % keys or (is_cubic and len(values) % (3 * keys)):
        return "Its times and values do not fit together."
    values = values.reshape(keys, -1)
    if is_moving and values.shape[1] != (9 if is_cubic else 3):
        return "Its times and values do not fit together."
    return _Data(keys, times[:, 0], values)


def _redundant(data: Mapping[_Curve, _Data]) -> dict[_Curve, int]:
    """Redundant keys of those that have any. Curves of one shape are compared together: most have few keys."""
    groups: dict[tuple[str, bool, tuple[int, ...]], list[_Curve]] = {}
    for curve, content in data.items():
        if content.values is not None and content.keys > 2:
            shape = content.values.shape
            groups.setdefault((curve.sampler.interpolation, curve.path == "rotation", shape), []).append(curve)
    found: dict[_Curve, int] = {}
    for (interpolation, is_rotation, shape), curves in groups.items():
        step = max(1, _BATCH_VALUES // (shape[0] * shape[1] or 1))
        for batch in (curves[start : start + step] for start in range(0, len(curves), step)):
            counts = redundant_keys(
                np.stack([data[curve].times for curve in batch]),  # type: ignore[misc]
                np.stack([data[curve].values for curve in batch]),  # type: ignore[misc]
                interpolation,
                is_rotation=is_rotation,
            )
            found.update((curve, count) for curve, count in zip(batch, counts.tolist(), strict=True) if count)
    return found


def _travel(values: Array, rest: Sequence[float]) -> float:
    """The greatest distance of the translations from `rest`, metres; the value of a spline stands in its middle."""
    moves = (values[:, 3:6] if values.shape[1] == 9 else values) - np.array(rest)
    squares = np.einsum("ij,ij->i", moves, moves)
    greatest = float(squares.max())
    if not math.isfinite(greatest):
        greatest = float(squares.max(where=np.isfinite(squares), initial=0.0))
    return round(math.sqrt(greatest), 6)  # micrometres: the last bits differ between processors
