"""Accessors, against what struct packs; and hostile ones, which may not take more than is there."""

from __future__ import annotations

import base64
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glb_batch_validator_addon.glb import accessors as module
from glb_batch_validator_addon.glb.accessors import Accessors, Buffers, UnreadableError
from glb_batch_validator_addon.glb.content import Fetched, buffer_contents

from .documents import glb_of, read

FORMATS = {5120: "b", 5121: "B", 5122: "h", 5123: "H", 5125: "I", 5126: "f"}


def accessors_of(document: dict[str, Any], data: bytes = b"", fetched: Fetched | None = None) -> Accessors:
    container, parsed = read(glb_of({"buffers": [{"byteLength": len(data)}], **document}, data))
    return Accessors(parsed, Buffers(parsed, buffer_contents(container, parsed, fetched or {})))


def one(data: bytes, view: dict[str, Any] | None = None, **accessor: Any) -> Accessors:
    """An accessor in a bufferView of all the data."""
    return accessors_of(
        {
            "accessors": [{"bufferView": 0, **accessor}],
            "bufferViews": [{"buffer": 0, "byteLength": len(data), **(view or {})}],
        },
        data,
    )


@pytest.mark.parametrize("component", FORMATS)
@pytest.mark.parametrize(("kind", "width"), [("SCALAR", 1), ("VEC2", 2), ("VEC3", 3), ("VEC4", 4), ("MAT4", 16)])
def test_elements_close_together(component: int, kind: str, width: int) -> None:
    numbers = [number % 100 for number in range(5 * width)]
    data = b"\xff" * 8 + struct.pack(f"<{5 * width}{FORMATS[component]}", *numbers)
    found = one(data, byteOffset=8, componentType=component, count=5, type=kind).read(0)
    assert found.shape == (5, width)
    assert found.ravel().tolist() == numbers


@pytest.mark.parametrize("stride", [12, 13, 16, 252])
def test_elements_with_a_stride(stride: int) -> None:
    data = b"".join(struct.pack("<3f", n, n + 1, n + 2).ljust(stride, b"\xff") for n in range(4))[: 3 * stride + 12]
    found = one(data, {"byteStride": stride}, componentType=5126, count=4, type="VEC3").read(0)
    assert found.tolist() == [[n, n + 1, n + 2] for n in range(4)]


@pytest.mark.parametrize(
    ("component", "kind", "packed"),
    [
        (5121, "MAT2", b"\1\2--\3\4--"),
        (5121, "MAT3", b"\1\2\3-\4\5\6-\7\x08\x09-"),
        (5123, "MAT3", struct.pack("<3H2x3H2x3H2x", *range(1, 10))),
    ],
)
def test_columns_of_small_matrices_are_padded(component: int, kind: str, packed: bytes) -> None:
    found = one(packed * 2, componentType=component, count=2, type=kind).read(0)
    size = {"MAT2": 4, "MAT3": 9}[kind]
    assert found.tolist() == [list(range(1, size + 1))] * 2


@pytest.mark.parametrize(
    ("component", "stored", "meant"),
    [
        (5121, [0, 51, 255], [0.0, 0.2, 1.0]),
        (5120, [-128, -127, 127], [-1.0, -1.0, 1.0]),
        (5123, [0, 13107, 65535], [0.0, 0.2, 1.0]),
        (5122, [-32768, -32767, 32767], [-1.0, -1.0, 1.0]),
    ],
)
def test_normalised_integers(component: int, stored: list[int], meant: list[float]) -> None:
    data = struct.pack(f"<3{FORMATS[component]}", *stored)
    accessors = one(data, componentType=component, count=3, type="SCALAR", normalized=True)
    assert accessors.read_floats(0)[:, 0].tolist() == pytest.approx(meant)
    plain = one(data, componentType=component, count=3, type="SCALAR")
    assert plain.read_floats(0)[:, 0].tolist() == stored


@pytest.mark.parametrize("based", [True, False])
def test_sparse(based: bool) -> None:
    values, where = struct.pack("<4f", 7, 8, 9, 10), struct.pack("<2H", 1, 3)
    base = struct.pack("<8f", *range(8))
    data = base + where + values
    sparse = {
        "count": 2,
        "indices": {"bufferView": 1, "componentType": 5123},
        "values": {"bufferView": 1, "byteOffset": 4},
    }
    accessor = {"componentType": 5126, "count": 4, "type": "VEC2", "sparse": sparse}
    views = [{"buffer": 0, "byteLength": 32}, {"buffer": 0, "byteOffset": 32, "byteLength": 20}]
    accessors = accessors_of(
        {"accessors": [accessor | ({"bufferView": 0} if based else {})], "bufferViews": views}, data
    )
    kept = [[0.0, 1.0], [4.0, 5.0]] if based else [[0.0, 0.0], [0.0, 0.0]]
    assert accessors.read(0).tolist() == [kept[0], [7.0, 8.0], kept[1], [9.0, 10.0]]


def test_no_bufferview_means_zeros() -> None:
    accessors = accessors_of({"accessors": [{"componentType": 5126, "count": 3, "type": "VEC3"}]}, bytes(40))
    assert accessors.read(0).tolist() == [[0.0] * 3] * 3


@pytest.mark.parametrize("where", ["bin", "data", "bytes", "file"])
def test_data_are_found_wherever_they_lie(where: str, tmp_path: Path) -> None:
    data = b"--" + struct.pack("<6f", *range(6))
    file = tmp_path / "it.bin"
    file.write_bytes(data)
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    buffer = {"bin": {}, "data": {"uri": uri}}.get(where, {"uri": "it.bin"})
    fetched: dict[str, bytes | Path] = {"bytes": {"/buffers/0/uri": data}, "file": {"/buffers/0/uri": file}}.get(
        where, {}
    )
    document = {
        "accessors": [{"bufferView": 0, "byteOffset": 4, "componentType": 5126, "count": 5, "type": "SCALAR"}],
        "bufferViews": [{"buffer": 0, "byteOffset": 2, "byteLength": 24}],
        "buffers": [{"byteLength": len(data), **buffer}],
    }
    found = accessors_of(document, data if where == "bin" else b"", fetched).read(0)
    assert found[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("accessor", "view", "reason"),
    [
        pytest.param({"count": 10**9}, {}, "past the end of its bufferView", id="a billion elements"),
        pytest.param({"count": 10**30}, {}, "past the end of its bufferView", id="more than any integer"),
        pytest.param({"count": -1}, {}, "no componentType, type or count", id="fewer than none"),
        pytest.param({"count": True}, {}, "no componentType, type or count", id="no number"),
        pytest.param({"count": 2, "byteOffset": 10**30}, {}, "past the end", id="an offset far away"),
        pytest.param({"count": 7}, {"byteStride": 1}, "does not allow", id="a stride of one byte"),
        pytest.param({"count": 7}, {"byteStride": 4}, "longer than the byteStride", id="elements that overlap"),
        pytest.param({"count": 7}, {"byteStride": 10**30}, "does not allow", id="a stride far away"),
        pytest.param({"count": 2, "type": "VEC5"}, {}, "no componentType, type", id="an unknown type"),
        pytest.param({"count": 2, "type": ["VEC3"]}, {}, "no componentType, type", id="a type that is none"),
        pytest.param({"count": 2, "componentType": 5124}, {}, "no componentType", id="an unknown component"),
        pytest.param({"count": 2, "bufferView": 9}, {}, "has no bufferView", id="no such bufferView"),
        pytest.param({"count": 2}, {"buffer": 3}, "could not be had", id="no such buffer"),
        pytest.param({"count": 2}, {"byteLength": 200}, "past the end of the buffer", id="a bufferView too long"),
        pytest.param({"count": 2}, {"byteOffset": 10**30}, "past the end of the buffer", id="a bufferView far away"),
        pytest.param({"count": 2, "sparse": {"count": 3}}, {}, "makes no sense", id="sparse without parts"),
        pytest.param(
            {"count": 2, "sparse": {"count": 10**9, "indices": {"bufferView": 0}, "values": {"bufferView": 0}}},
            {},
            "makes no sense",
            id="sparse indices of no type",
        ),
        pytest.param(
            {
                "count": 1,
                "type": "SCALAR",
                "sparse": {
                    "count": 8,
                    "indices": {"bufferView": 0, "componentType": 5121},
                    "values": {"bufferView": 0},
                },
            },
            {},
            "sparse part reaches past",
            id="sparse indices out of range",
        ),
    ],
)
def test_nonsense_is_named_and_costs_nothing(accessor: dict[str, Any], view: dict[str, Any], reason: str) -> None:
    accessors = one(b"\x07" * 100, view, **{"componentType": 5126, "type": "VEC3", **accessor})
    tracemalloc.start()
    with pytest.raises(UnreadableError, match=reason):
        accessors.read(0)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("sparse", [None, {"count": 1}])
def test_zeros_beyond_what_is_there_are_not_made(sparse: dict[str, Any] | None) -> None:
    accessor = {"componentType": 5126, "count": 10**9, "type": "VEC4", **({"sparse": sparse} if sparse else {})}
    with pytest.raises(UnreadableError, match="more zeros"):
        accessors_of({"accessors": [accessor]}, bytes(100)).read(0)


def test_no_more_is_read_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_READ_BYTES", 100)
    accessors = one(bytes(48), componentType=5126, count=4, type="VEC3")
    accessors.read(0)
    accessors.read(0)
    with pytest.raises(UnreadableError, match="more than 100 bytes"):
        accessors.read(0)


def test_reading_copies_nothing() -> None:
    accessors = one(bytes(1_200_000), componentType=5126, count=100_000, type="VEC3")
    tracemalloc.start()
    found = accessors.read(0)
    assert tracemalloc.get_traced_memory()[1] < 10_000
    tracemalloc.stop()
    assert not found.flags.writeable
    assert not np.any(found)
