"""Images that look the same though their bytes differ: scaled, encoded anew, or stored in another format."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

from ..model.entry import Extract, ImageExtract
from ..model.survey import MAX_GROUPS, MAX_KEYS, Picture, Similar

MAX_BITS = 3
"""Of 64 that may differ."""
MAX_COLOR = 10
"""Steps of 8 bits by which the mean of red, green or blue may differ: colour variants of a texture are no copies."""
MAX_ASPECT = 1.02
"""Ratio of the two ratios of width to height."""
NEIGHBOURS = 64
"""Images with which each is compared in each band. Only where more than that many agree in a quarter of their
fingerprint, which pictures do not unless they hardly show anything, some pairs go unnoticed."""

_BANDS = (0, 16, 32, 48)
"""Two fingerprints that differ in fewer bits than there are bands are equal in one of these, and meet there."""


class Lookalikes:
    """Counts all images first; then `take` all again, to name those that look like others."""

    def __init__(self) -> None:
        self._prints = array("Q")
        self._aspects = array("f")
        self._colors = array("I")
        self._groups: dict[int, int] | None = None  # the group of each image that has company
        self._pictures: defaultdict[int, list[Picture]] = defaultdict(list)
        self._counted = _Once()
        self._taken = _Once()

    def count(self, extract: Extract) -> None:
        for image in self._counted.of(extract):
            red, green, blue = (round(255 * value) for value in image["mean"] or ())
            self._prints.append(int(image["fingerprint"] or "", 16))
            self._aspects.append((image["width"] or 1) / (image["height"] or 1))
            self._colors.append(red << 16 | green << 8 | blue)

    def take(self, key: str, extract: Extract) -> None:
        """The asset with this key, which was counted before, in the same order."""
        if self._groups is None:
            self._groups = self._grouped()
        for image in self._taken.of(extract):
            if (group := self._groups.get(self._taken.number)) is not None:
                self._pictures[group].append(
                    Picture(
                        key=key,
                        name=image["name"],
                        width=image["width"],
                        height=image["height"],
                        size_bytes=image["size_bytes"],
                    )
                )

    def groups(self) -> tuple[Similar, ...]:
        """The largest first."""
        groups = [sorted(pictures, key=_largest_first) for pictures in self._pictures.values()]
        groups.sort(key=lambda pictures: (-len(pictures), pictures[0].key, pictures[0].name))
        return tuple(
            Similar(pictures=tuple(pictures[:MAX_KEYS]), count=len(pictures)) for pictures in groups[:MAX_GROUPS]
        )

    @property
    def group_count(self) -> int:
        return len(self._pictures)

    def _grouped(self) -> dict[int, int]:
        """By image its group, of those that look like another, directly or by way of others."""
        parents: dict[int, int] = {}

        def root(index: int) -> int:
            while (above := parents.setdefault(index, index)) != index:
                parents[index] = parents[above]
                index = above
            return index

        for one, other in self._pairs():
            parents[root(one)] = root(other)
        return {index: root(index) for index in list(parents)}

    def _pairs(self) -> Iterator[tuple[int, int]]:
        prints = self._prints
        for shift in _BANDS:
            order = sorted(range(len(prints)), key=lambda index: (prints[index] >> shift & 0xFFFF, prints[index]))
            for place, one in enumerate(order):
                for other in order[place + 1 : place + 1 + NEIGHBOURS]:
                    if (prints[one] ^ prints[other]) >> shift & 0xFFFF:
                        break
                    if self._alike(one, other):
                        yield one, other

    def _alike(self, one: int, other: int) -> bool:
        if (self._prints[one] ^ self._prints[other]).bit_count() > MAX_BITS:
            return False
        wide, narrow = sorted((self._aspects[one], self._aspects[other]), reverse=True)
        if wide > narrow * MAX_ASPECT:
            return False
        colors = self._colors[one], self._colors[other]
        return all(abs((colors[0] >> shift & 0xFF) - (colors[1] >> shift & 0xFF)) <= MAX_COLOR for shift in (0, 8, 16))


class _Once:
    """The images with a fingerprint, each content once: equal bytes are duplicates, and not looked at here."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self.number = -1
        """Of the image that came last."""

    def of(self, extract: Extract) -> Iterator[ImageExtract]:
        for image in extract["images"]:
            if image["fingerprint"] and image["mean"] and image["sha256"]:
                content = int(image["sha256"][:16], 16)
                if content not in self._known:
                    self._known.add(content)
                    self.number += 1
                    yield image


def _largest_first(picture: Picture) -> tuple[int, str, str]:
    return -(picture.width or 0) * (picture.height or 0), picture.key, picture.name
