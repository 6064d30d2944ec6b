"""Good GLBs with bytes changed: whatever comes, only an AssetError comes out."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest

from demo.glb_builder import glb
from demo.samples import small_assets
from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import parse_document, require_gltf_2
from glb_batch_validator_addon.glb.references import Refused, external_references, refuse, resolve
from glb_batch_validator_addon.glb.summary import file_facts

from .documents import LIMITS, glb_of
from .test_animations import STILL, animated
from .test_references import HOLDER
from .test_rigs import skinned

SEEDS = [
    *(data for _, data in small_assets(2, seed=7)),
    glb_of(HOLDER, bytes(16)),
    glb_of(
        {
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"children": [1], "mesh": 0}, {"mesh": 0, "skin": 0}],
            "meshes": [{"primitives": [{"targets": [{}]}]}],
            "skins": [{"joints": [0, 1]}],
            "accessors": [{"max": [1.5]}],
            "animations": [{"samplers": [{"input": 0}], "channels": [{}]}],
            "images": [{"bufferView": 0}, {"uri": "data:;base64,iVBORw0KGgoAAAA="}, {"uri": "../a.png"}],
            "bufferViews": [{"buffer": 0, "byteLength": 8}],
            "buffers": [{"byteLength": 8}],
        },
        bytes(8),
    ),
    animated(
        ("translation", STILL),
        ("rotation", [(0.0, 0.0, 0.0, 1.0)] * 4),
        ("weights", [(0.0,)] * 4),
        matrix=[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    ).build(),
    animated(("scale", [(1.0, 1.0, 1.0)] * 9), interpolation="CUBICSPLINE", scale=[1.0, 2.0, -1.0]).build(),
    skinned([(0, 1, 2, 0)], [(0.5, 0.25, 0.25, 0.0)]).build(),
    glb_of(
        {
            "accessors": [
                {
                    "bufferView": 0,
                    "componentType": 5126,
                    "count": 2,
                    "type": "VEC3",
                    "sparse": {
                        "count": 1,
                        "indices": {"bufferView": 1, "componentType": 5121},
                        "values": {"bufferView": 0, "byteOffset": 12},
                    },
                },
                {"bufferView": 1, "componentType": 5123, "count": 3, "type": "MAT3", "normalized": True},
            ],
            "bufferViews": [
                {"buffer": 0, "byteLength": 40, "byteStride": 16},
                {"buffer": 1, "byteOffset": 3, "byteLength": 72},
            ],
            "buffers": [{"byteLength": 40}, {"uri": "data:application/octet-stream;base64," + "AAAA" * 25}],
            "images": [{"bufferView": 1}, {}],
            "textures": [{"source": 0, "extensions": {"EXT_texture_webp": {"source": 1}}}],
            "materials": [{"normalTexture": {"index": 0, "texCoord": 1}}, {"emissiveFactor": [0, 1, 2]}],
            "meshes": [
                {
                    "primitives": [
                        {
                            "attributes": {"POSITION": 0, "TEXCOORD_0": 1, "COLOR_0": 0},
                            "indices": 1,
                            "material": 0,
                            "mode": 5,
                            "extensions": {
                                "KHR_materials_variants": {"mappings": [{"material": 1}]},
                                "EXT_other": {"bufferView": 0},
                            },
                        }
                    ]
                }
            ],
            "nodes": [{"mesh": 0, "rotation": [0, 0, 1, 0], "scale": [0, 0, 0], "children": [0]}],
        },
        bytes(40),
    ),
]
TOKENS = [
    b"null",
    b"-1",
    b"1e999",
    b"[]",
    b"{}",
    b'"x"',
    b"true",
    b"99999999999999999999",
    b'"\\ud800"',
    b'"uri":"/x"',
    b",",
    b"5125",
    b"5126",
    b'"MAT4"',
    b"999",
    b"1e38",
    b"0",
]


def everything(data: bytes) -> None:
    """All that is done with a file before Blender sees it."""
    container = read_container(data, LIMITS)
    document = parse_document(container, LIMITS)
    references = external_references(document, LIMITS)
    refused = [
        reference.pointer
        for reference in references
        if isinstance(resolve(reference.uri, asset_key="a/b.glb", root="a/"), Refused)
    ]
    parse_document(read_container(refuse(container, refused), LIMITS), LIMITS)
    json.dumps(asdict(file_facts(container, document, (), {})[0]), allow_nan=False)
    require_gltf_2(document)


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    json_end = 20 + int.from_bytes(data[12:16], "little")
    for _ in range(rng.randint(1, 4)):
        where = rng.randrange(20, json_end) if rng.random() < 0.8 else rng.randrange(len(changed))
        if rng.random() < 0.5:
            changed[where] = rng.randrange(256)
        else:  # of the same length, so that it is still a GLB
            token = rng.choice(TOKENS)
            changed[where : where + len(token)] = token
    del changed[len(data) :]
    return bytes(changed[: rng.randrange(len(data))] if rng.random() < 0.05 else changed)


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_only_asset_errors_come_out(seed: int) -> None:
    everything(SEEDS[seed])
    rng = random.Random(seed)
    for _ in range(700):
        with suppress(AssetError):
            everything(mutated(SEEDS[seed], rng))


VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 2, 3, 5, 100, 2**31, 2**53, 10**30, 0.0, -0.0, 0.5, 1e38, 1e39, -1e300, float("inf")),
    *("", "x", "MAT4", "SCALAR", "STEP", "BLEND", "translation", 5120, 5121, 5123, 5125, 5126),
    *([], {}, [0], [[0]], [1, 2, 3], [0.0] * 16, {"index": 0}),
]


def changed_somewhere(document: Any, rng: random.Random) -> None:
    """Another value in a random place: the file stays JSON, so that the change gets as deep as it can."""
    holder = document
    while True:
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not isinstance(holder[key], (dict, list)) or not holder[key] or rng.random() < 0.1:
            break
        holder = holder[key]
    if rng.random() < 0.1:
        del holder[key]
    else:
        holder[key] = deepcopy(rng.choice(VALUES))


@pytest.mark.parametrize("seed", range(len(SEEDS)))
@pytest.mark.filterwarnings("error")
def test_any_value_may_stand_anywhere(seed: int) -> None:
    data = SEEDS[seed]
    json_end = 20 + int.from_bytes(data[12:16], "little")
    rng = random.Random(seed)
    for _ in range(200):
        document = json.loads(data[20:json_end])
        for _ in range(rng.randint(1, 4)):
            changed_somewhere(document, rng)
        payload = bytearray(data[json_end + 8 :])
        for _ in range(rng.choice((0, 0, 20)) if payload else 0):
            payload[rng.randrange(len(payload))] = rng.choice((0, 0x7F, 0x80, 0xFF))
        with suppress(AssetError):
            everything(glb(json.dumps(document).replace("Infinity", "1e999").encode(), bytes(payload)))
