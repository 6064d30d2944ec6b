"""Which keys of an animation change nothing."""

from __future__ import annotations

import numpy as np

from .accessors import Array

_TOLERANCE = 1e-6
"""Of the range of a sampler's values, by which an interpolated value may differ from a key that is left out."""


def redundant_keys(times: Array, values: Array, interpolation: str, *, is_rotation: bool) -> Array:
    """How many keys of each curve may go: those left give the same by interpolation (glTF 2.0, appendix C).

    `times`: seconds, shape (curves, keys); `values`: shape (curves, keys, numbers), of CUBICSPLINE the in-tangent, the
    value and the out-tangent of a key after each other. `is_rotation`: unit quaternions. The first and the last key
    always stay. Returns integers of shape (curves,): at least so many, in rare cases more may go.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # hostile numbers are no reason to speak
        if interpolation == "STEP":
            held: Array = np.all(values[:, 1:-1] == values[:, :-2], axis=2).sum(axis=1)
            return held
        if interpolation == "CUBICSPLINE":
            return _resting(values)
        return _between_neighbours(times.astype(np.float64), values.astype(np.float64), is_rotation)


def _resting(values: Array) -> Array:
    """Keys of a spline with the value of both neighbours, where no tangent moves it."""
    before, value, after = np.split(values, 3, axis=2)
    same = np.all(value[:, 1:] == value[:, :-1], axis=2)
    straight = ~np.any(after[:, :-1], axis=2) & ~np.any(before[:, 1:], axis=2)
    still = same & straight
    resting: Array = (still[:, 1:] & still[:, :-1]).sum(axis=1)
    return resting


def _between_neighbours(times: Array, values: Array, is_rotation: bool) -> Array:
    count = times.shape[1]
    tolerance = _TOLERANCE * np.max(values.max(axis=1) - values.min(axis=1), axis=1, initial=0.0)
    places = np.arange(count)

    def fits(rows: Array, left: Array, keys: Array, right: Array) -> Array:
        """Whether each key, of these rows, is what interpolation between two others gives."""
        span = times[rows, right] - times[rows, left]
        share = ((times[rows, keys] - times[rows, left]) / span)[:, np.newaxis]
        blend = _slerp if is_rotation else _lerp
        expected = blend(values[rows, left], values[rows, right], share)
        differences = [np.abs(values[rows, keys] - expected).max(axis=1, initial=0.0)]
        if is_rotation:  # a quaternion and its negative are the same rotation
            differences.append(np.abs(values[rows, keys] + expected).max(axis=1, initial=0.0))
        good: Array = (np.min(differences, axis=0) <= tolerance[rows]) & (share[:, 0] > 0) & (share[:, 0] < 1)
        return good

    curves = np.repeat(np.arange(len(times)), count - 2)
    middle = np.tile(places[1:-1], len(times))
    candidate = fits(curves, middle - 1, middle, middle + 1)
    if not candidate.any():
        return np.zeros(len(times), np.int64)
    stays = np.ones(times.shape, bool)
    stays[:, 1:-1] = ~candidate.reshape(len(times), -1)

    # Along a run of candidates small differences add up: the whole run must fit between the keys on both its ends.
    left = np.maximum.accumulate(np.where(stays, places, 0), axis=1)
    right = np.minimum.accumulate(np.where(stays, places, count - 1)[:, ::-1], axis=1)[:, ::-1]
    rows, keys = np.nonzero(~stays)
    start = left[rows, keys]
    misfit = ~fits(rows, start, keys, right[rows, keys])
    bent = np.zeros(times.shape, bool)
    bent[rows[misfit], start[misfit]] = True
    # Of a run that does not, every other key may go: its neighbours stay.
    goes = ~bent[rows, start] | ((keys - start) % 2 == 1)
    return np.bincount(rows[goes], minlength=len(times))


def _lerp(left: Array, right: Array, share: Array) -> Array:
    result: Array = left + (right - left) * share
    return result


def _slerp(left: Array, right: Array, share: Array) -> Array:
    """Spherical interpolation the shorter way."""
    right = np.where(np.sum(left * right, axis=1, keepdims=True) < 0, -right, right)
    chord = np.linalg.norm(right - left, axis=1, keepdims=True)
    angle = 2 * np.arcsin(np.minimum(chord / 2, 1.0))  # precise for small angles, as the arc cosine is not
    sine = np.sin(angle)
    curved = (np.sin((1 - share) * angle) * left + np.sin(share * angle) * right) / sine
    return np.where(sine > 1e-9, curved, _lerp(left, right, share))
