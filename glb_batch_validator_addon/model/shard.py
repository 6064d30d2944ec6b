"""Parts of a library, which machines share without talking to each other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from .library import ASSET_SUFFIX


@dataclass(frozen=True, slots=True)
class Shard:
    """The parts `first` to `last`, both included, of `count`: 0 <= first <= last < count."""

    first: int
    last: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last < self.count:
            raise ValueError(f"{self.first}-{self.last}/{self.count} is no range of parts")

    @classmethod
    def whole(cls) -> Shard:
        """All assets."""
        return cls(0, 0, 1)

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Of `3/10` or `3-7/10`; `3-3/10`, as OpenJD writes one part, is `3/10`. Raises ValueError."""
        found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?/([0-9]+)", text)
        if not found:
            raise ValueError(f"{text!r} is neither I/N nor A-B/N")
        first, last, count = found.groups()
        return cls(int(first), int(last or first), int(count))

    def __str__(self) -> str:
        return f"{parts_in_words(self.parts)}/{self.count}"

    @property
    def parts(self) -> range:
        return range(self.first, self.last + 1)

    def holds(self, key: str) -> bool:
        """Whether an asset is in one of these parts."""
        return self.count == 1 or shard_of(key, self.count) in self.parts

    def name(self, plain: str) -> str:
        """A file's name among those of other shards: `summary.json` is `summary-3-7-of-10.json`."""
        stem, dot, suffix = plain.partition(".")
        return f"{stem}-{parts_in_words(self.parts)}-of-{self.count}{dot}{suffix}"


def shard_of(key: str, count: int) -> int:
    """0 to count - 1, by the first 8 bytes of the key's SHA-256: the same on every machine, in every version.

    Assets that differ only in the case of `.glb` are in one shard, which can tell their reports apart.
    """
    key = key.removesuffix(key[-len(ASSET_SUFFIX) :]) + ASSET_SUFFIX
    return int.from_bytes(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:8], "big") % count


def ranges(parts: Iterable[int]) -> list[range]:
    """Ascending numbers as the ranges without a gap that they make."""
    runs = groupby(enumerate(parts), lambda numbered: numbered[1] - numbered[0])
    found = [[part for _, part in run] for _, run in runs]
    return [range(run[0], run[-1] + 1) for run in found]


def parts_in_words(parts: Iterable[int]) -> str:
    """Ascending numbers in brief: `0, 3-7`."""
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ranges(parts))
