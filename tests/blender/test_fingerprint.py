"""Pictures that look the same differ in few bits of their fingerprint, others in many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from glb_batch_validator_addon.blender.fingerprint import fingerprint
from glb_batch_validator_addon.survey.similar import MAX_BITS

Pixels = npt.NDArray[np.float32]


def picture(seed: int, side: int = 64) -> Pixels:
    """Soft blobs of colour, as photographs are to a fingerprint."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    pixels = np.zeros((side, side, 4), np.float32)
    for _ in range(12):
        (cx, cy), size, color = random.random(2), 0.05 + 0.2 * random.random(), random.random(3)
        pixels[..., :3] += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / size**2)[..., None] * color
    pixels[..., :3] /= pixels[..., :3].max()
    pixels[..., 3] = 1
    return pixels


def distance(one: Pixels, other: Pixels) -> int:
    return (int(fingerprint(one), 16) ^ int(fingerprint(other), 16)).bit_count()


@pytest.mark.parametrize("seed", range(8))
def test_scaled_and_noisy_pictures_are_near(seed: int) -> None:
    large = picture(seed)
    assert distance(large, large.reshape(32, 2, 32, 2, 4).mean(axis=(1, 3))) <= MAX_BITS
    assert distance(large, picture(seed, side=61)) <= MAX_BITS
    noise = np.random.default_rng(seed).normal(0, 0.02, large.shape).astype(np.float32)
    assert distance(large, (large + noise * [1, 1, 1, 0]).astype(np.float32)) <= MAX_BITS


def test_other_pictures_are_far() -> None:
    pictures = [picture(seed) for seed in range(8)]
    far = [distance(one, other) for index, one in enumerate(pictures) for other in pictures[:index]]
    assert min(far) > 3 * MAX_BITS


def test_what_lies_under_transparency_does_not_count() -> None:
    seen, hidden = picture(1), picture(1)
    seen[:32, :, 3] = hidden[:32, :, 3] = 0
    hidden[:32, :, :3] = 0.9
    assert distance(seen, hidden) == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 100), (9, 8), (1000, 3)])
def test_any_size_has_sixteen_digits(shape: tuple[int, int]) -> None:
    assert len(fingerprint(np.ones((*shape, 4), np.float32))) == 16
