"""The same bytes in several places: assets, images, meshes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..model.entry import Extract
from ..model.survey import MAX_GROUPS, MAX_KEYS, Duplicates

Part = tuple[str | None, str, int]
"""Digest (None if it is not known), name and size in bytes."""


def image_parts(extract: Extract) -> Iterator[Part]:
    """The images of an asset, each once."""
    return _once((image["sha256"], image["name"], image["size_bytes"] or 0) for image in extract["images"])


def mesh_parts(extract: Extract) -> Iterator[Part]:
    """The meshes of an asset, each once."""
    return _once((mesh["sha256"], mesh["name"], mesh["size_bytes"]) for mesh in extract["geometry"])


def _once(parts: Iterable[Part]) -> Iterator[Part]:
    known = set[str]()
    for part in parts:
        if part[0] and part[0] not in known:
            known.add(part[0])
            yield part


@dataclass(slots=True)
class _Group:
    name: str
    size_bytes: int
    keys: list[str] = field(default_factory=list)


class Copies:
    """Counts first, all of it; then `take` it all again, to name what there is more than one of."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}  # by the digest's first 64 bits: an int takes half of what its text does
        self._groups: dict[int, _Group] = {}
        self.copies = 0
        """All but the first of each."""
        self.saves_bytes = 0

    def count(self, digest: str | None) -> None:
        if digest:
            number = _number(digest)
            self._counts[number] = self._counts.get(number, 0) + 1

    def count_all(self, parts: Iterable[Part]) -> None:
        for digest, _, _ in parts:
            self.count(digest)

    def take(self, key: str, parts: Iterable[Part]) -> None:
        """The parts of the asset with this key, which were counted before."""
        for digest, name, size in parts:
            if not digest or self._counts[number := _number(digest)] < 2:
                continue
            group = self._groups.get(number)
            if group is None:
                group = self._groups[number] = _Group(name, size)
            else:
                self.copies += 1
                self.saves_bytes += size
            if len(group.keys) < MAX_KEYS:
                group.keys.append(key)

    def groups(self) -> tuple[Duplicates, ...]:
        """Those that save most first."""
        found = (
            Duplicates(
                sha256=f"{number:016x}",
                name=group.name,
                size_bytes=group.size_bytes,
                count=self._counts[number],
                saves_bytes=group.size_bytes * (self._counts[number] - 1),
                keys=tuple(group.keys),
            )
            for number, group in self._groups.items()
        )
        return tuple(sorted(found, key=lambda group: (-group.saves_bytes, group.keys))[:MAX_GROUPS])


def _number(digest: str) -> int:
    return int(digest[:16], 16)
