"""The asset as a whole: each rule about what breaks it and about what just keeps it."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from glb_batch_validator_addon.model.facts import AnimationFacts, FileFacts, NodesFacts, Place, Sample, SceneFacts
from glb_batch_validator_addon.model.finding import Vector
from glb_batch_validator_addon.rules import scene as _registered  # noqa: F401
from glb_batch_validator_addon.rules.registry import Subject
from tests.rules.making import empty, said, subject


def box(low: Vector, high: Vector, **more: Any) -> Subject:
    """A scene with these bounds."""
    size = (high[0] - low[0], high[1] - low[1], high[2] - low[2])
    scene = empty(SceneFacts, rendered_vertices=8, rendered_faces=6, bounds_m=(low, high), dimensions_m=size)
    return subject(scene=scene, **more)


def measuring(*size: float, **more: Any) -> Subject:
    return box((0.0, 0.0, 0.0), (size[0], size[1], size[2]), **more)


@pytest.mark.parametrize("file", [{}, {"meshes": 2, "nodes": 3}, {"meshes": 1, "lights": 1}])
def test_nothing_to_see(file: dict[str, int]) -> None:
    (issue,) = said("GLBV_SCENE_EMPTY", subject(file=empty(FileFacts, **file), scene=empty(SceneFacts)))
    assert f"{file.get('meshes', 0)} mesh" in issue.message


def test_vertices_are_something_and_so_are_animations_cameras_and_lights_alone() -> None:
    assert said("GLBV_SCENE_EMPTY", measuring(1, 1, 1)) == []
    for alone in ({"animations": (empty(AnimationFacts),)}, {"cameras": 1}, {"lights": 1}):
        assert said("GLBV_SCENE_EMPTY", subject(file=empty(FileFacts, **alone), scene=empty(SceneFacts))) == []


@pytest.mark.parametrize(("size", "wrong"), [(0.001, False), (0.00099, True), (1000.0, False), (1000.1, True)])
def test_a_size_between_a_grain_and_a_kilometre_is_plausible(size: float, wrong: bool) -> None:
    issues = said("GLBV_DIMENSIONS_IMPLAUSIBLE", measuring(size / 3, size, 0.0))
    assert len(issues) == wrong
    assert said("GLBV_DIMENSIONS_IMPLAUSIBLE", measuring(size, 0, 0), min_m=None, max_m=None) == []


def mismatch(*size: float, expected: Vector = (0.5, 0.6, 0.9), **at: float) -> list[str]:
    issues = said("GLBV_DIMENSIONS_MISMATCH", measuring(*size, expected_m=expected), **at)
    return [issue.message for issue in issues]


def test_the_data_sheet_is_compared_axis_by_axis() -> None:
    assert mismatch(0.51, 0.588, 0.9) == []  # 2 % more, 2 % less
    (message,) = mismatch(0.511, 0.6, 0.9)
    assert message == "The asset is 0.511 x 0.6 x 0.9 m where the data sheet says 0.5 x 0.6 x 0.9 m: X differ."
    assert mismatch(0.511, 0.6, 0.9, tolerance=0.03) == []
    assert said("GLBV_DIMENSIONS_MISMATCH", measuring(9, 9, 9)) == []


def test_the_usual_causes_of_a_mismatch_are_named() -> None:
    (turned,) = mismatch(0.5, 0.9, 0.6)
    assert turned.endswith("Y, Z differ. The lengths are right on other axes: it is turned.")
    (scaled,) = mismatch(50.0, 60.0, 90.0)
    assert scaled.endswith("X, Y, Z differ. All axes are off by the same factor, 100.")


def test_a_flat_axis_may_be_off_by_a_millimetre() -> None:
    assert mismatch(1.0, 1.0, 0.0009, expected=(1.0, 1.0, 0.0)) == []
    assert len(mismatch(1.0, 1.0, 0.0011, expected=(1.0, 1.0, 0.0))) == 1


def test_an_origin_a_diagonal_away_is_near_enough() -> None:
    assert said("GLBV_PIVOT_FAR", box((-1, -1, 0), (2, 1, 1))) == []
    assert said("GLBV_PIVOT_FAR", box((5, 0, 0), (8, 4, 0))) == []  # 5 m away, 5 m from corner to corner
    (issue,) = said("GLBV_PIVOT_FAR", box((5.1, 0, 0), (8.1, 4, 0)))
    assert issue.message == "The origin is 5.1 m from the asset; the asset measures 5 m from corner to corner."
    assert len(said("GLBV_PIVOT_FAR", box((-8.1, -4, 0), (-5.1, 0, 0)))) == 1


def test_a_profile_may_ask_for_an_origin_on_the_floor_and_in_the_middle() -> None:
    standing = box((-1, -1, 0), (1, 1, 2))
    strict = {"max_outside": 0.0, "max_off_middle": 0.0, "max_off_floor": 0.0}
    assert said("GLBV_PIVOT_FAR", standing, **strict) == []
    sunk, aside = box((-1, -1, -1), (1, 1, 1)), box((-1, -1, 0), (1, 2, 2))
    assert ["from its floor" in issue.message for issue in said("GLBV_PIVOT_FAR", sunk, **strict)] == [True]
    assert ["from its middle" in issue.message for issue in said("GLBV_PIVOT_FAR", aside, **strict)] == [True]
    assert said("GLBV_PIVOT_FAR", sunk) == said("GLBV_PIVOT_FAR", aside) == []


NODES = Sample(
    count=5, first=tuple(Place(pointer=f"/nodes/{index}", name=name) for index, name in enumerate(["a", "", "c", "d"]))
)


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("GLBV_ROOT_TRANSFORM", "transformed_roots"),
        ("GLBV_SCALE_NEGATIVE", "negative_scale"),
        ("GLBV_SCALE_NON_UNIFORM", "non_uniform_scale"),
        ("GLBV_SCALE_ZERO", "zero_scale"),
        ("GLBV_TRANSFORM_NON_FINITE", "non_finite"),
    ],
)
def test_nodes_are_counted_and_the_first_are_named(code: str, field: str) -> None:
    (issue,) = said(code, subject(file=empty(FileFacts, hierarchy=empty(NodesFacts, **{field: NODES}))))
    assert (issue.pointer, issue.count) == ("/nodes/0", 5)
    assert issue.message.startswith("5 nodes ")
    assert issue.message.endswith(': "a", /nodes/1, "c" and others.')
    assert said(code, subject()) == []


def test_a_scale_of_0_may_hide_what_an_animation_shows_later() -> None:
    file = empty(FileFacts, hierarchy=empty(NodesFacts, zero_scale=NODES), animations=(empty(AnimationFacts),))
    assert said("GLBV_SCALE_ZERO", subject(file=file)) == []


def spacing(value: float) -> float:
    """Between a 32-bit float and the next one."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    (following,) = struct.unpack("<f", struct.pack("<I", bits + 1))
    return float(following - struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize("place", [10_001.0, 16_384.0, 65_000.0, 1_000_000.0, 6_378_137.0])
def test_the_message_says_how_coarse_floats_are_there(place: float) -> None:
    (issue,) = said("GLBV_COORDINATES_HUGE", box((-place, 0, 0), (1 - place, 1, 1)))
    assert issue.message.endswith(f"32-bit floats are {spacing(place) * 1000:.2g} mm apart.")


def test_ten_kilometres_are_not_huge() -> None:
    assert said("GLBV_COORDINATES_HUGE", box((-10_000, 0, 0), (0, 1, 10_000))) == []
    assert said("GLBV_COORDINATES_HUGE", subject(scene=empty(SceneFacts))) == []


def test_cameras_and_lights_are_named_where_a_profile_does_not_allow_them() -> None:
    lit = subject(file=empty(FileFacts, cameras=1, lights=3))
    assert said("GLBV_CAMERAS_OR_LIGHTS", lit) == []
    pointers = [issue.pointer for issue in said("GLBV_CAMERAS_OR_LIGHTS", lit, allowed=False)]
    assert pointers == ["/cameras/0", "/extensions/KHR_lights_punctual/lights/0"]
    assert said("GLBV_CAMERAS_OR_LIGHTS", subject(), allowed=False) == []
