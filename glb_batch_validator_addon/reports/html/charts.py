"""The geometry of charts. Lengths are in units of the drawing's own box, whose size is named with each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import floor, log10
from typing import NamedTuple

from ...model.survey import PastRun, RuleTally
from . import words

BINS_PER_DECADE = 5
"""Of the histogram. Five make steps of 58 %, in which a factor of two can be seen."""

MAX_BARS = 10


class Part(NamedTuple):
    """One part of a whole, in a bar that is 100 wide."""

    name: str
    label: str
    value: int
    percent: str
    x: float
    width: float


def parts(values: Mapping[str, int], labels: Mapping[str, str]) -> list[Part]:
    """In the order of `labels`, without what is nothing."""
    whole = sum(values.get(name, 0) for name in labels)
    x = 0.0
    made = []
    for name, label in labels.items():
        if value := values.get(name, 0):
            width = 100 * value / whole
            made.append(Part(name, label, value, words.percent(value, whole), round(x, 3), round(width, 3)))
            x += width
    return made


class Bar(NamedTuple):
    code: str
    severity: str
    value: int
    width: float
    """The longest is 100."""


def most_found(rules: Iterable[RuleTally]) -> list[Bar]:
    """The rules with the most findings, at most `MAX_BARS`."""
    most = sorted((rule for rule in rules if rule.findings), key=lambda rule: -rule.findings)[:MAX_BARS]
    return [
        Bar(rule.code, rule.severity, rule.findings, round(100 * rule.findings / most[0].findings, 2)) for rule in most
    ]


class Point(NamedTuple):
    x: float
    y: float
    run: PastRun
    percent: str


class Line(NamedTuple):
    """Pass rates from run to run, in a box of `WIDTH` by `HEIGHT`; 100 % is at 0."""

    points: list[Point]
    path: str


WIDTH, HEIGHT = 400, 120


def line(history: Sequence[PastRun]) -> Line | None:
    """None where there is nothing to compare. Runs stand at equal distances: days without a run say nothing."""
    runs = [run for run in history if looked_at(run.counts)]
    if len(runs) < 2:
        return None
    points = []
    for index, run in enumerate(runs):
        passed, whole = passing(run.counts), looked_at(run.counts)
        x = WIDTH * index / (len(runs) - 1)
        points.append(Point(round(x, 1), round(HEIGHT * (1 - passed / whole), 1), run, words.percent(passed, whole)))
    return Line(points, "M" + "L".join(f"{point.x} {point.y}" for point in points))


def passing(counts: Mapping[str, int]) -> int:
    """Assets against which nothing worse than a warning is known."""
    return counts.get("pass", 0) + counts.get("warn", 0)


def looked_at(counts: Mapping[str, int]) -> int:
    """Assets that have a verdict."""
    return sum(counts.get(verdict, 0) for verdict in words.VERDICTS if verdict != "pending")


class Histogram:
    """Triangles of assets on a logarithmic scale, counted as they come."""

    def __init__(self, budget: float | None) -> None:
        self._budget = budget
        self._bins: Counter[int] = Counter()
        self._none = self._over = 0

    def add(self, triangles: int | None) -> None:
        """None is not known, and not counted."""
        if triangles is None:
            return
        if triangles < 1:
            self._none += 1
            return
        self._bins[floor(BINS_PER_DECADE * log10(triangles))] += 1
        self._over += self._budget is not None and triangles > self._budget

    def document(self) -> dict[str, object]:
        """JSON: `bins` are pairs of a number, `perDecade` to a power of ten, and how many."""
        return {
            "bins": sorted(self._bins.items()),
            "perDecade": BINS_PER_DECADE,
            "none": self._none,
            "over": self._over,
            "budget": self._budget,
        }
