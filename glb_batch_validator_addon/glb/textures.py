"""The images of a file: what they are, what they are used for, and what they take on a GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ..model.facts import ImageFacts
from .accessors import Buffers, UnreadableError
from .content import Content, Fetched, read, size_bytes, uri_content
from .document import JsonObject, printable
from .images import HEAD_BYTES, image_header
from .places import Gaps
from .references import is_data

MAX_HASHED_BYTES = 1280 * 1024 * 1024
"""Of images in one asset: as much as the default limits allow a file and its references to have. Images may overlap, so
that without a bound a small file could keep a worker busy for hours."""
_CHUNK_BYTES = 16 * 1024 * 1024
DIGITS = 16
"""Of a sha256: that two of a million images have the same ones by chance happens once in 37 million libraries."""

_Place = tuple[Content, int, int]
"""Content, offset and length in bytes."""


def image_list(
    document: JsonObject, buffers: Buffers, fetched: Fetched, slots: Mapping[int, set[str]], gaps: Gaps
) -> tuple[ImageFacts, ...]:
    """All images. Raises OSError only if a fetched file cannot be read."""
    hashes = _Hashes()

    def facts(index: int, image: JsonObject) -> ImageFacts:
        uri, pointer = image.string("uri"), f"/images/{index}"
        place: _Place | None = None
        digest: str | None = None
        head: bytes | memoryview = b""
        try:
            place = _place(image, pointer, buffers, fetched)
            head = read(place[0], place[1], min(place[2], HEAD_BYTES))
            digest = hashes.of(place)
        except UnreadableError as error:
            gaps.add(str(error), pointer, image.string("name"))
        header = image_header(head)
        return ImageFacts(
            name=image.text("name") or "",
            mime_type=header.mime_type,
            size_bytes=place[2] if place else None,
            width=header.width,
            height=header.height,
            channels=header.channels,
            bit_depth=header.bit_depth,
            source="bin" if uri is None else "data" if is_data(uri) else printable(uri),
            sha256=digest,
            gpu_bytes=header.gpu_bytes,
            slots=tuple(sorted(slots.get(index, ()))),
        )

    return tuple(facts(index, image) for index, image in enumerate(document.objects("images")))


def _place(image: JsonObject, pointer: str, buffers: Buffers, fetched: Fetched) -> _Place:
    if image.string("uri") is None:
        return buffers.span(image.index("bufferView"))
    content = uri_content(image, pointer, fetched)
    if content is None:
        raise UnreadableError("The file that it refers to could not be had.")
    return content, 0, size_bytes(content)


class _Hashes:
    """Digests of images; those that lie in the same place are read once."""

    def __init__(self) -> None:
        self._left = MAX_HASHED_BYTES
        self._known: dict[tuple[int, int, int], str] = {}

    def of(self, place: _Place) -> str:
        """The first digits of the sha256. Raises UnreadableError."""
        content, start, size = place
        key = id(content), start, size
        if known := self._known.get(key):
            return known
        if size > self._left:
            raise UnreadableError(f"The file has more than {MAX_HASHED_BYTES:,} bytes of images (MAX_HASHED_BYTES).")
        self._left -= size
        digest = hashlib.sha256()
        for offset in range(0, size, _CHUNK_BYTES):
            chunk = read(content, start + offset, min(_CHUNK_BYTES, size - offset))
            if not chunk:
                raise UnreadableError("Its data: URI is no base64.")
            digest.update(chunk)
        self._known[key] = found = digest.hexdigest()[:DIGITS]
        return found
