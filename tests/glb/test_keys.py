"""Redundant keys, against keys taken out one by one in plain Python."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from glb_batch_validator_addon.glb.keys import redundant_keys

Key = tuple[float, ...]


def redundant(
    times: list[float], values: list[Key], interpolation: str = "LINEAR", *, is_rotation: bool = False
) -> int:
    arrays = np.array([times], np.float64), np.array([values], np.float64)
    return int(redundant_keys(*arrays, interpolation, is_rotation=is_rotation)[0])


def by_taking_out(times: list[float], values: list[Key]) -> int:
    """Keys that go one after another, as long as all that went are on the lines between those that stay."""
    spread = max(max(column) - min(column) for column in zip(*values, strict=True))
    kept = [0]
    for end in range(2, len(times)):
        start = kept[-1]
        fits = all(
            abs(a + (b - a) * (times[key] - times[start]) / (times[end] - times[start]) - value) <= 1e-6 * spread
            for key in range(start + 1, end)
            for a, b, value in zip(values[start], values[end], values[key], strict=True)
        )
        if not fits:
            kept.append(end - 1)
    return len(times) - len(kept) - 1


@pytest.mark.parametrize("seed", range(30))
def test_never_more_than_can_be_taken_out(seed: int) -> None:
    rng = random.Random(seed)
    times = [0.0]
    values: list[Key] = [(0.0, 0.0)]
    for _ in range(rng.randint(1, 8)):  # straight pieces, some of them level
        slope = rng.choice([0.0, 1.0, rng.uniform(-1, 1)])
        for _ in range(rng.randint(1, 9)):
            times.append(times[-1] + rng.choice([0.25, 0.5]))
            values.append((values[-1][0] + slope * (times[-1] - times[-2]), values[-1][1]))
    assert redundant(times, values) == by_taking_out(times, values)


def test_a_curve_is_no_straight_line_however_dense_its_keys_are() -> None:
    times = [number / 10_000 for number in range(10_001)]
    values = [(time * time,) for time in times]
    by_one = redundant(times, values)  # neighbours alone would let all of them go
    assert 0 < by_one <= by_taking_out(times, values)
    assert redundant(times[::1000], values[::1000]) == 0


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([1, 1, 1, 1, 1], 3),
        ([0, 1, 2, 3, 4], 3),
        ([0, 1, 2, 3, 3], 2),
        ([0, 0, 1, 0, 0], 0),
        ([0, 0, 0, 1, 1], 1),
        ([0, 1, 0, 1, 0], 0),
        ([0, 1 + 1e-5, 2, 3, 4], 1),
    ],
)
def test_lines(values: list[float], count: int) -> None:
    assert redundant([0, 1, 2, 3, 4], [(value,) for value in values]) == count


def test_times_count_not_numbers_of_keys() -> None:
    assert redundant([0, 1, 4], [(0,), (1,), (4,)]) == 1
    assert redundant([0, 1, 4], [(0,), (2,), (4,)]) == 0


@pytest.mark.parametrize(
    ("values", "count"), [([1, 1, 1, 1], 2), ([1, 2, 2, 3], 1), ([1, 2, 3, 4], 0), ([1, 2, 3, 3], 0)]
)
def test_steps_hold_the_value_before(values: list[float], count: int) -> None:
    assert redundant([0, 1, 2, 3], [(value,) for value in values], "STEP") == count


def test_splines_rest_where_nothing_moves_them() -> None:
    level: Key = (0.0, 5.0, 0.0)  # in-tangent, value, out-tangent
    assert redundant([0, 1, 2, 3], [level] * 4, "CUBICSPLINE") == 2
    assert redundant([0, 1, 2, 3], [level, level, (0.0, 5.0, 1.0), level], "CUBICSPLINE") == 1
    assert redundant([0, 1, 2, 3], [level, (0.0, 6.0, 0.0), level, level], "CUBICSPLINE") == 0


def turned(degrees: float) -> Key:
    half = math.radians(degrees) / 2
    return (0.0, math.sin(half), 0.0, math.cos(half))


def test_rotations_are_interpolated_on_the_sphere() -> None:
    steady = [turned(angle) for angle in (0, 40, 80, 120, 160)]
    assert redundant([0, 1, 2, 3, 4], steady, is_rotation=True) == 3
    assert redundant([0, 1, 2, 3, 4], steady) == 0  # straight lines between the same numbers are something else
    assert redundant([0, 1, 2, 3, 4], [turned(a) for a in (0, 10, 80, 120, 160)], is_rotation=True) == 1


def test_a_quaternion_and_its_negative_are_the_same_rotation() -> None:
    steady = [turned(angle) for angle in (0, 40, 80, 120)]
    steady[1] = tuple(-number for number in steady[1])
    assert redundant([0, 1, 2, 3], steady, is_rotation=True) == 2


def test_turns_that_are_too_far_apart_to_be_one() -> None:
    assert redundant([0, 1, 2], [turned(angle) for angle in (0, 170, 340)], is_rotation=True) == 0


@pytest.mark.parametrize("times", [[0, 0, 0, 0], [3, 2, 1, 0], [0, math.nan, 2, 3], [0, math.inf, 2, 3]])
@pytest.mark.parametrize("interpolation", ["LINEAR", "STEP", "CUBICSPLINE"])
@pytest.mark.parametrize("is_rotation", [False, True])
@pytest.mark.filterwarnings("error")
def test_hostile_numbers_are_borne(times: list[float], interpolation: str, is_rotation: bool) -> None:
    width = 12 if interpolation == "CUBICSPLINE" else 4
    for value in (0.0, 1.0, math.nan, math.inf, 3e38):
        assert 0 <= redundant(times, [(value,) * width] * 4, interpolation, is_rotation=is_rotation) <= 2
