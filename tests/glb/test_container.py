from __future__ import annotations

import struct

import pytest

from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container, replace_json
from glb_batch_validator_addon.model.limits import Limits

from .documents import LIMITS

JSON = b'{"asset":{"version":"2.0"}} '
BIN = b"\1\2\3\4"


def chunk(kind: bytes, data: bytes, *, size: int | None = None) -> bytes:
    return struct.pack("<I4s", len(data) if size is None else size, kind) + data


def glb(*chunks: bytes, version: int = 2, extra: int = 0) -> bytes:
    """A GLB whose header counts `extra` bytes more than there are."""
    body = b"".join(chunks)
    return struct.pack("<4sII", b"glTF", version, 12 + len(body) + extra) + body


GOOD = glb(chunk(b"JSON", JSON), chunk(b"BIN\0", BIN))


def test_chunks_are_views_into_the_file() -> None:
    container = read_container(GOOD, LIMITS)
    assert (container.json, container.bin) == (JSON, BIN)
    assert container.json.obj is GOOD


@pytest.mark.parametrize(
    ("data", "bin_chunk"),
    [
        pytest.param(glb(chunk(b"JSON", JSON)), None, id="no BIN chunk"),
        pytest.param(glb(chunk(b"JSON", JSON), chunk(b"BIN\0", b"")), b"", id="empty BIN chunk"),
        pytest.param(
            glb(chunk(b"JSON", JSON + b" "), chunk(b"BIN\0", b"odd")), b"odd", id="lengths no multiple of four"
        ),
        pytest.param(glb(chunk(b"JSON", JSON), chunk(b"BIN\0", BIN), chunk(b"XTRA", b"..")), BIN, id="third chunk"),
        pytest.param(glb(chunk(b"JSON", JSON), chunk(b"BIN\0", BIN), b"xy"), BIN, id="rubbish after the BIN chunk"),
        pytest.param(glb(chunk(b"JSON", JSON), chunk(b"XTRA", b"..", size=99)), None, id="unknown second chunk"),
    ],
)
def test_what_the_importer_of_blender_accepts_is_accepted(data: bytes, bin_chunk: bytes | None) -> None:
    assert read_container(data, LIMITS).bin == bin_chunk


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (GOOD[:-1], "Truncated", "says 60 bytes, the file has 59"),
        (GOOD[:7], "Truncated", "after 7 bytes"),
        (GOOD[:2], "Truncated", "after 2 bytes"),
        (GOOD + b"\n", "TrailingBytes", "says 60 bytes, the file has 61"),
        (glb(chunk(b"JSON", JSON), version=1), "Version1", "re-export it as glTF 2.0"),
        (glb(chunk(b"JSON", JSON), version=7), "UnknownVersion", "version 7"),
        (glb(), "NoJsonChunk", "ends after its header"),
        (glb(chunk(b"BIN\0", BIN)), "NoJsonChunk", "'BIN\\x00'"),
        (glb(chunk(b"JSON", b"")), "EmptyJson", "empty"),
        (glb(chunk(b"JSON", JSON, size=99)), "ChunkPastEnd", "JSON chunk says it has 99 bytes, but only 28"),
        (glb(chunk(b"JSON", JSON), chunk(b"BIN\0", BIN, size=9)), "ChunkPastEnd", "it has 9 bytes, but only 4"),
        (glb(chunk(b"JSON", JSON), b"xyz"), "StrayBytes", "3 bytes"),
    ],
)
def test_a_broken_container_is_named(data: bytes, kind: str, words: str) -> None:
    with pytest.raises(AssetError) as caught:
        read_container(data, LIMITS)
    assert caught.value.kind == kind
    assert words in str(caught.value)


def test_a_file_over_the_size_limit_is_refused_by_the_name_of_the_limit() -> None:
    read_container(GOOD, Limits(max_size_bytes=len(GOOD)))
    with pytest.raises(AssetError, match="max_size_bytes") as caught:
        read_container(GOOD, Limits(max_size_bytes=len(GOOD) - 1))
    assert caught.value.kind == "OverLimit"


@pytest.mark.parametrize("json", [b"{}", b"{   }", b'{"asset":{"version":"2.0"},"extras":"longer than it was before"}'])
def test_replacing_the_json_keeps_all_that_follows(json: bytes) -> None:
    data = glb(chunk(b"JSON", JSON), chunk(b"BIN\0", BIN), chunk(b"XTRA", b"more"))
    replaced = replace_json(read_container(data, LIMITS), json)
    container = read_container(replaced, LIMITS)
    assert bytes(container.json).rstrip() == json
    assert len(container.json) % 4 == 0
    assert container.bin == BIN
    assert replaced.endswith(chunk(b"XTRA", b"more"))
