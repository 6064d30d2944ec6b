"""Collects where something is: how often, and the first few places."""

from __future__ import annotations

from ..model.facts import MAX_PLACES, Gap, Place, Sample
from .document import printable


class Tally:
    """A `Sample` in the making. Things are added in the order of the document."""

    __slots__ = ("_first", "count")

    def __init__(self) -> None:
        self.count = 0
        self._first: list[Place] = []

    def add(self, pointer: str, name: str | None = None) -> None:
        """One more; its name may be anything that JSON holds as a string."""
        self.count += 1
        if self.count <= MAX_PLACES:
            self._first.append(Place(pointer=pointer, name=printable(name or "")))

    def sample(self) -> Sample:
        return Sample(count=self.count, first=tuple(self._first)) if self.count else _NOTHING


_NOTHING = Sample()


class Gaps:
    """What could not be read, by the reason why."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}

    def add(self, reason: str, pointer: str, name: str | None = None) -> None:
        """One more place; `reason` is one of a few sentences, never text of the file."""
        self._tallies.setdefault(reason, Tally()).add(pointer, name)

    def all(self) -> tuple[Gap, ...]:
        return tuple(Gap(need="data", reason=reason, places=tally.sample()) for reason, tally in self._tallies.items())
