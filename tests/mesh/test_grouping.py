"""Components and welding against slow and obvious answers."""

from __future__ import annotations

import time

import numpy as np
import pytest

from glb_batch_validator_addon.mesh.grouping import components, weld


def slow_components(count, first, second):
    parent = list(range(count))

    def root(node):
        while parent[node] != node:
            node = parent[node]
        return node

    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [root(node) for node in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_components_of_random_graphs(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 300))
    first, second = random.integers(0, count, (2, int(random.integers(0, 2 * count))))
    assert components(count, first, second).tolist() == slow_components(count, first, second)


COUNT = 1_000_000
SHUFFLED = np.random.default_rng(0).permutation(COUNT)
HARD_GRAPHS = {
    "a strip in order": (np.arange(COUNT - 1), np.arange(1, COUNT)),
    "a strip backwards": (np.arange(1, COUNT)[::-1], np.arange(COUNT - 1)[::-1]),
    "a strip numbered at random": (SHUFFLED[:-1], SHUFFLED[1:]),
    "a star with its last node in the middle": (np.full(COUNT - 1, COUNT - 1), np.arange(COUNT - 1)),
}


@pytest.mark.parametrize("name", HARD_GRAPHS)
def test_a_million_nodes_that_are_one_component_are_quick_in_any_shape(name):
    started = time.process_time()
    assert not components(COUNT, *HARD_GRAPHS[name]).any()
    assert time.process_time() - started < 3  # 0.1 to 0.6 s on an idle core


def slow_weld(points, groups, reach):
    near = (np.abs(points[:, :, None] - points[:, None, :]).max(axis=0) <= reach) & (groups[:, None] == groups)
    return slow_components(len(groups), *np.nonzero(near))


@pytest.mark.parametrize("seed", range(20))
def test_weld_joins_what_is_within_reach_wherever_it_is(seed):
    """Clouds with many points about as far apart as the tolerance, where rounding to a grid would err."""
    random = np.random.default_rng(seed)
    points = random.uniform(-1, 1, (int(random.integers(1, 4)), 40))
    points = np.concatenate([points + random.uniform(-0.03, 0.03, points.shape) for _ in range(3)], axis=1)
    groups = random.integers(0, 2, points.shape[1])
    assert weld(points, groups, np.full(len(groups), 0.02)).tolist() == slow_weld(points, groups, 0.02)


def test_what_is_not_finite_is_one_with_nothing():
    points = np.array([[np.nan, np.nan, np.inf, np.inf, 1.0, 1.0]])
    with np.errstate(all="ignore"):
        welded = weld(points, np.zeros(6, dtype=np.int64), np.full(6, 0.1))
    assert welded.tolist() == [0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("apart", [0.0, 1e-9])
def test_a_million_points_at_one_place_end_soon(apart):
    points = np.linspace(0, apart, COUNT)[None, :]
    started = time.process_time()
    assert not weld(points, np.zeros(COUNT, dtype=np.int64), np.full(COUNT, 1e-6)).any()
    assert time.process_time() - started < 8  # equal: 0.3 s; different, the sweep gives up after its 64 steps: 3 s
