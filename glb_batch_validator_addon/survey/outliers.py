"""Assets far from the library's own distribution: what is normal is what the others are."""

from __future__ import annotations

import math
from array import array
from statistics import median
from typing import get_args

from ..model.entry import Entry
from ..model.survey import Measure, Outlier

MAX_SCORE = 3.5
"""Modified z-scores above it are outliers (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
MIN_RATIO = 3.0
"""Nobody calls an asset odd that is less than so many times as large, or as small, as the median, however much alike
the others are."""
MIN_ASSETS = 20
"""Of fewer, nobody can tell what is normal."""
_TO_SIGMA = 0.6745
"""Of a normal distribution, the median absolute deviation is so many standard deviations."""


class Distribution:
    """Takes all assets, and finds the odd ones by logarithms, as sizes of things spread over orders of magnitude."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: dict[Measure, array[float]] = {name: array("d") for name in get_args(Measure)}

    def take(self, entry: Entry) -> None:
        extract = entry.extract
        assert extract
        self._keys.append(entry.key)
        values = {
            "size_bytes": entry.brief["size_bytes"],
            "triangles": entry.brief["rendered_triangles"],
            "gpu_bytes": extract["gpu_bytes"],
            "texel_density": extract["texel_density"],
            "size_m": max(entry.brief["dimensions_m"] or (0,)),
        }
        for name, logarithms in self._values.items():
            value = values[name]
            logarithms.append(math.log(value) if value else math.nan)

    def outliers(self) -> tuple[Outlier, ...]:
        """All of them, the farthest first."""
        found = [outlier for name in self._values for outlier in self._of(name)]
        return tuple(sorted(found, key=lambda outlier: (-abs(outlier.score), outlier.key, outlier.measure)))

    def _of(self, name: Measure) -> list[Outlier]:
        known = [(value, key) for value, key in zip(self._values[name], self._keys, strict=True) if value == value]
        if len(known) < MIN_ASSETS:
            return []
        middle = median(value for value, _ in known)
        spread = median(abs(value - middle) for value, _ in known) / _TO_SIGMA
        return [
            Outlier(
                key=key,
                measure=name,
                value=round(math.exp(value), 6),
                median=round(math.exp(middle), 6),
                score=round((value - middle) / max(spread, 1e-9), 2),
            )
            for value, key in known
            if abs(value - middle) > max(MAX_SCORE * spread, math.log(MIN_RATIO))
        ]
