"""Large and hostile files take time in proportion to their size. What were quadratic would take minutes here."""

from __future__ import annotations

import struct
import time
from typing import Any

import pytest

from glb_batch_validator_addon.glb.summary import file_facts

from .documents import glb_of, read

N = 10_000
EMPTY_MESH = {"primitives": [{"attributes": {}}]}
BUFFER = {"bufferViews": [{"buffer": 0, "byteLength": 4000}], "buffers": [{"byteLength": 4000}]}
FLOATS = {"bufferView": 0, "componentType": 5126, "count": 24, "type": "VEC3"}
CHAIN = {"mesh": 0, "rotation": [0, 0.6, 0, 0.8], "scale": [1, 1.1, 0.9]}


def skins() -> dict[str, Any]:
    """As many skins as nodes, all with the same mesh, whose vertices are bound to as many joints as can be."""
    return {
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": N, "type": "VEC4"},
            {"bufferView": 1, "componentType": 5126, "count": N, "type": "VEC4"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 8 * N},
            {"buffer": 0, "byteOffset": 8 * N, "byteLength": 16 * N},
        ],
        "buffers": [{"byteLength": 24 * N}],
        "nodes": [{"mesh": 0, "skin": index} for index in range(N)] + [{"mesh": 0}] * N,
        "skins": [{"joints": list(range(index, index + 10))} for index in range(N)],
        "meshes": [{"primitives": [{"attributes": {"JOINTS_0": 0, "WEIGHTS_0": 1}}]}],
    }


CASES: dict[str, tuple[dict[str, Any], bytes]] = {
    "a chain of stretched nodes": (
        {"nodes": [{**CHAIN, "children": [index + 1]} for index in range(N)], "meshes": [EMPTY_MESH]},
        b"",
    ),
    "nodes that are all children of all": (
        {"nodes": [{"children": list(range(100))} for _ in range(N)], "scenes": [{"nodes": [0]}]},
        b"",
    ),
    "primitives with accessors of their own": (
        {
            **BUFFER,
            "accessors": [FLOATS] * (2 * N),
            "meshes": [
                {
                    "primitives": [
                        {"attributes": {"POSITION": index, "TEXCOORD_0": N + index}, "material": index}
                        for index in range(N)
                    ]
                }
            ],
            "materials": [{"name": str(index)} for index in range(N)],
            "nodes": [{"mesh": 0}] * 10,
        },
        bytes(4000),
    ),
    "samplers of one animation": (
        {
            **BUFFER,
            "accessors": [{**FLOATS, "type": "SCALAR"}, *[{**FLOATS, "byteOffset": 4}] * N],
            "nodes": [{}],
            "animations": [
                {
                    "samplers": [{"input": 0, "output": 1 + index} for index in range(N)],
                    "channels": [
                        {"sampler": index, "target": {"node": 0, "path": "translation"}} for index in range(N)
                    ],
                }
            ],
        },
        b"".join(struct.pack("<f", number) for number in range(1000)),
    ),
    "images that overlap": (
        {
            "images": [{"bufferView": index} for index in range(N)],
            "bufferViews": [{"buffer": 0, "byteOffset": index, "byteLength": 10**6} for index in range(N)],
            "buffers": [{"byteLength": 10**6 + N}],
            "textures": [{"source": index} for index in range(N)],
            "materials": [{"normalTexture": {"index": index}} for index in range(N)],
        },
        bytes(10**6 + N),
    ),
    "skins of one mesh": (
        skins(),
        b"".join(struct.pack("<4H", *[index] * 4) for index in range(N)) + struct.pack("<4f", 1, 0, 0, 0) * N,
    ),
    "an unknown extension full of numbers": (
        {"extensions": {"EXT_other": [list(range(100)) for _ in range(N)]}, "nodes": [{} for _ in range(N)]},
        b"",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_time_grows_with_the_size_only(case: str) -> None:
    container, document = read(glb_of(*CASES[case]))
    started = time.process_time()
    file_facts(container, document, (), {})
    assert time.process_time() - started < 10  # 0.2 to 1.5 s on an idle machine
