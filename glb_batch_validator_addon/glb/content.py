"""The bytes of buffers and images, in memory, in files, or as base64 in data: URIs: read in parts, never whole."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .container import Container
from .document import JsonObject
from .references import is_data


@dataclass(frozen=True, slots=True)
class Base64:
    """The text of a data: URI after `;base64,`."""

    text: str


Content = bytes | memoryview | Path | Base64
Fetched = Mapping[str, bytes | Path]
"""External files by the JSON Pointer of their URI: their content, or where it lies."""


def uri_content(holder: JsonObject, pointer: str, fetched: Fetched) -> Content | None:
    """The content behind the `uri` of the buffer or image at `pointer`; None if it has none or was not fetched."""
    uri = holder.string("uri")
    if uri is not None and is_data(uri):
        return Base64(uri.partition(";base64,")[2])
    return fetched.get(f"{pointer}/uri")


def buffer_contents(container: Container, document: JsonObject, fetched: Fetched) -> list[Content | None]:
    """The content of each buffer; the first one without a URI is the BIN chunk."""
    contents = [
        uri_content(buffer, f"/buffers/{index}", fetched) for index, buffer in enumerate(document.objects("buffers"))
    ]
    if contents and not document.objects("buffers")[0].string("uri"):
        contents[0] = container.bin
    return contents


def size_bytes(content: Content) -> int:
    """Length of the content; of base64 as its length tells, as if there were no foreign characters in it."""
    if isinstance(content, Path):
        return content.stat().st_size
    if isinstance(content, Base64):
        return len(content.text) * 3 // 4 - content.text[-2:].count("=")
    return len(content)


def read(content: Content, offset: int, size: int) -> bytes | memoryview:
    """Up to `size` bytes from `offset`: fewer where the content ends, none where base64 is broken."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    if isinstance(content, Base64):
        quads, skipped = divmod(offset, 3)
        text = content.text[quads * 4 :][: (skipped + size + 2) // 3 * 4]
        try:
            return binascii.a2b_base64(text[: len(text) // 4 * 4])[skipped : skipped + size]
        except ValueError:
            return b""
    return content[offset : offset + size]
