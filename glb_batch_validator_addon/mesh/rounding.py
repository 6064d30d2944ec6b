"""How measured numbers stand in reports: so that the last bits, which differ between processors, do not show."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.finding import Vector


def rounded(value: float) -> float:
    """Six significant digits, what single precision holds."""
    return float(f"{value:.6g}")


def vector(values: Iterable[float]) -> Vector:
    """Metres with six decimals, and no -0.0."""
    x, y, z = (round(float(value), 6) + 0.0 for value in values)
    return (x, y, z)
