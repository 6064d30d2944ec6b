"""The binary container of glTF 2.0: twelve bytes of header, a JSON chunk, a BIN chunk."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..errors import AssetError
from ..model.limits import Limits
from .foreign import HEAD_BYTES, foreign_file, printable_bytes

MAGIC = b"glTF"
_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
_JSON_START = _HEADER.size + _CHUNK.size


@dataclass(frozen=True, slots=True)
class Container:
    """Views into the bytes of one GLB; nothing is copied."""

    data: memoryview
    """The whole file."""
    json: memoryview
    """The content of the JSON chunk."""
    bin: memoryview | None
    """The content of the BIN chunk; None if there is none."""


def read_container(data: bytes | memoryview, limits: Limits) -> Container:
    """Find the chunks of a GLB.

    Accepted is what Blender's importer accepts: chunk lengths that are no multiple of four, and anything after the
    second chunk or in it if it is not BIN.

    Raises AssetError; its kind says what the file is instead (`Empty`, `GitLfsPointer`, `HtmlPage`, `S3Error`, ...)
    or what is wrong with the GLB (`Truncated`, `TrailingBytes`, `Version1`, `NoJsonChunk`, ...).
    """
    view = memoryview(data)
    size = len(view)
    if size > limits.max_size_bytes:
        raise over_limit("The file", size, "bytes", limits.max_size_bytes, "max_size_bytes")
    if 0 < size < _HEADER.size and MAGIC.startswith(view[:4]):
        raise _truncated(f"The file ends within the GLB header, after {size} bytes")
    if view[:4] != MAGIC:
        raise foreign_file(bytes(view[:HEAD_BYTES]), size)

    _, version, declared_size = _HEADER.unpack_from(view)
    if version == 1:
        raise AssetError("Version1", "This is a GLB of glTF 1.0, which Blender cannot read: re-export it as glTF 2.0.")
    if version != 2:
        raise AssetError(
            "UnknownVersion", f"The header says version {version}; a GLB has version 2. Re-export it as glTF 2.0."
        )
    if declared_size > size:
        raise _truncated(f"The header says {declared_size:,} bytes, the file has {size:,}")
    if declared_size < _HEADER.size:
        raise AssetError(
            "WrongLength",
            f"The header says the GLB has {declared_size} bytes, which is not even the header. Export it again.",
        )
    if declared_size < size:
        sizes = f"The header says {declared_size:,} bytes, the file has {size:,}"
        raise AssetError("TrailingBytes", f"{sizes}: Blender refuses what has bytes after its end. Export it again.")
    return _read_chunks(view)


def replace_json(container: Container, json: bytes) -> bytes:
    """The same GLB with other JSON, padded with spaces to a multiple of four bytes. Later chunks stay as they are."""
    json += b" " * (-len(json) % 4)
    rest = container.data[_JSON_START + len(container.json) :]
    header = _HEADER.pack(MAGIC, 2, _JSON_START + len(json) + len(rest))
    return b"".join((header, _CHUNK.pack(len(json), b"JSON"), json, rest))


def over_limit(subject: str, value: int, unit: str, limit: int, name: str) -> AssetError:
    """The refusal of something larger than the limit of that name."""
    return AssetError("OverLimit", f"{subject} has {value:,} {unit}; the limit is {limit:,} ({name}).")


def _read_chunks(view: memoryview) -> Container:
    if len(view) < _JSON_START:
        raise AssetError("NoJsonChunk", "The GLB ends after its header, without a JSON chunk. Export it again.")
    json_size, kind = _CHUNK.unpack_from(view, _HEADER.size)
    if kind != b"JSON":
        found = printable_bytes(kind)
        raise AssetError("NoJsonChunk", f"The first chunk is {found}; in a GLB it must be 'JSON'. Export it again.")
    json_end = _JSON_START + json_size
    if json_end > len(view):
        raise _past_end("JSON", json_size, len(view) - _JSON_START)
    if json_size == 0:
        raise AssetError("EmptyJson", "The JSON chunk is empty: the GLB describes nothing. Export it again.")
    json = view[_JSON_START:json_end]

    left = len(view) - json_end
    if left == 0:
        return Container(view, json, None)
    if left < _CHUNK.size:
        raise AssetError("StrayBytes", f"After the JSON chunk come {left} bytes, too few for a chunk. Export it again.")
    bin_size, kind = _CHUNK.unpack_from(view, json_end)
    if kind != b"BIN\0":
        return Container(view, json, None)
    bin_start = json_end + _CHUNK.size
    if bin_start + bin_size > len(view):
        raise _past_end("BIN", bin_size, len(view) - bin_start)
    return Container(view, json, view[bin_start : bin_start + bin_size])


def _truncated(fact: str) -> AssetError:
    return AssetError("Truncated", f"{fact}: an upload or a download broke off. Upload it again.")


def _past_end(chunk: str, declared: int, left: int) -> AssetError:
    fact = f"The {chunk} chunk says it has {declared:,} bytes, but only {left:,} are left in the file"
    return AssetError("ChunkPastEnd", f"{fact}. Export it again.")
