"""Good GLBs with bytes changed: whatever comes, only an AssetError comes out."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from demo.samples import small_assets
from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import parse_document, require_gltf_2
from glb_batch_validator_addon.glb.references import Refused, external_references, refuse, resolve
from glb_batch_validator_addon.glb.summary import file_facts

from .documents import LIMITS, glb_of
from .test_references import HOLDER

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
    file_facts(container, document, (), {})
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
    for _ in range(1000):
        with suppress(AssetError):
            everything(mutated(SEEDS[seed], rng))
