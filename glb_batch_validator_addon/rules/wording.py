"""What messages of several rules have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..model.facts import Sample
from ..model.finding import Issue

MAX_NAMED = 3
"""Things that a message names."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 node", "2,000 nodes"."""
    return f"1 {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def of_sample(sample: Sample | None, noun: str, text: str, *, plural: str = "", **more: Any) -> Iterator[Issue]:
    """One issue for all things of a sample: "2 nodes", the text and their names. No issue of nothing or the unknown."""
    if sample and sample.count:
        named = [f'"{place.name}"' if place.name else place.pointer for place in sample.first[:MAX_NAMED]]
        rest = " and others" if sample.count > len(named) else ""
        message = f"{counted(sample.count, noun, plural)} {text}: {', '.join(named)}{rest}."
        yield Issue(message=message, pointer=sample.first[0].pointer, count=sample.count, **more)
