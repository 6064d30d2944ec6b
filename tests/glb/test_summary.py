from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from demo.glb_builder import checker_png
from glb_batch_validator_addon.glb.content import Fetched
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import AnimationFacts, FileFacts

from .documents import glb_of, read

PNG = checker_png(32)


def facts_of(document: dict[str, Any], bin_chunk: bytes = b"", fetched: Fetched | None = None) -> FileFacts:
    return file_facts(*read(glb_of(document, bin_chunk)), (), fetched or {})[0]


MESHES = [{"primitives": [{}, {}]}, {"primitives": [{}, {}, {}]}]


@pytest.mark.parametrize(
    ("document", "draw_calls"),
    [
        pytest.param({"nodes": [{"mesh": 0}, {"mesh": 0}, {"mesh": 1}]}, 7, id="without scenes all nodes count"),
        pytest.param({"nodes": [{"mesh": 0}, {"mesh": 1}], "scenes": [{"nodes": [0]}]}, 2, id="the first scene"),
        pytest.param(
            {"nodes": [{"mesh": 0}, {"mesh": 1}], "scenes": [{"nodes": [0]}, {"nodes": [1]}], "scene": 1},
            3,
            id="the scene that is named",
        ),
        pytest.param({"nodes": [{"children": [1]}, {"mesh": 1}], "scenes": [{"nodes": [0]}]}, 3, id="children"),
        pytest.param({"nodes": [{"mesh": 1, "children": [0]}], "scenes": [{"nodes": [0, 0]}]}, 3, id="a cycle"),
        pytest.param({"nodes": [{"mesh": 9}, {"mesh": -1}, {"mesh": True}]}, 0, id="no such mesh"),
        pytest.param({"nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}], "scene": 5}, 0, id="no such scene"),
        pytest.param({"nodes": [{"mesh": 0, "children": [7, "x"]}], "scenes": [{"nodes": [0]}]}, 2, id="no such child"),
    ],
)
def test_draw_calls_are_primitives_as_rendered(document: dict[str, Any], draw_calls: int) -> None:
    facts = facts_of({"meshes": MESHES, **document})
    assert facts.draw_calls == draw_calls
    assert facts.primitives == 5


def test_counts() -> None:
    facts = facts_of(
        {
            "asset": {"version": "2.0", "generator": "by hand"},
            "extensionsUsed": ["KHR_lights_punctual", "KHR_draco_mesh_compression"],
            "extensionsRequired": ["KHR_draco_mesh_compression"],
            "extensions": {"KHR_lights_punctual": {"lights": [{"type": "point"}, {"type": "spot"}]}},
            "nodes": [{}, {}, {}],
            "skins": [{"joints": [0, 1]}, {"joints": [1, 2, 99]}],
            "meshes": [{"primitives": [{"targets": [{}, {}]}, {"targets": [{}]}]}, {"primitives": [{"targets": [{}]}]}],
            "cameras": [{}],
        },
        b"\0" * 8,
    )
    assert (facts.generator, facts.gltf_version, facts.bin_bytes) == ("by hand", "2.0", 8)
    assert facts.extensions_used == ("KHR_lights_punctual", "KHR_draco_mesh_compression")
    assert facts.extensions_required == ("KHR_draco_mesh_compression",)
    assert (facts.skins, facts.joints, facts.morph_targets, facts.lights, facts.cameras) == (2, 3, 3, 2, 1)


@pytest.mark.parametrize(
    ("ends", "seconds"),
    [
        ([[1.5], [2.5]], 2.5),
        ([[1.5], None], 1.5),
        ([None, None], None),
        ([[1e999], [2]], 2.0),
        ([[10**400], ["x"]], None),
        ([[True], [1, 2]], None),
    ],
)
def test_an_animation_lasts_until_its_last_key(ends: list[Any], seconds: float | None) -> None:
    accessors = [{} if end is None else {"max": end} for end in ends]
    samplers = [{"input": 0}, {"input": 1}, {"input": 7}, {}]
    document = {"accessors": accessors, "animations": [{"name": "run", "samplers": samplers, "channels": [{}, {}]}]}
    assert facts_of(document).animations == (
        AnimationFacts(name="run", seconds=seconds, channels=2, outside_targets=2),
    )


def in_view(offset: int = 0, size: int = len(PNG), **buffer: str) -> dict[str, Any]:
    return {
        "images": [{"bufferView": 0, "name": "it"}],
        "bufferViews": [{"buffer": 0, "byteOffset": offset, "byteLength": size}],
        "buffers": [{"byteLength": offset + size, **buffer}],
    }


def as_data(content: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(content).decode()


def by_uri(uri: str) -> dict[str, Any]:
    return {"images": [{"uri": uri, "name": "it"}]}


@pytest.mark.parametrize("offset", [0, 1, 2, 3, 4, 101])
def test_an_image_is_found_wherever_it_lies(offset: int, tmp_path: Path) -> None:
    shifted = bytes(offset) + PNG
    file = tmp_path / "it"
    file.write_bytes(shifted)
    image_file = tmp_path / "it.png"
    image_file.write_bytes(PNG)
    expected = ("it", "image/png", len(PNG), 32, 32, 3, 8)
    for document, bin_chunk, fetched, source in (
        (in_view(offset), shifted, {}, "bin"),
        (in_view(offset, uri=as_data(shifted)), b"", {}, "bin"),
        (in_view(offset, uri="it.bin"), b"", {"/buffers/0/uri": shifted}, "bin"),
        (in_view(offset, uri="it.bin"), b"", {"/buffers/0/uri": file}, "bin"),
        (by_uri(as_data(PNG)), b"", {}, "data"),
        (by_uri("it.png"), b"", {"/images/0/uri": PNG}, "it.png"),
        (by_uri("it.png"), b"", {"/images/0/uri": image_file}, "it.png"),
    ):
        image = facts_of(document, bin_chunk, fetched).images[0]
        found = (
            image.name,
            image.mime_type,
            image.size_bytes,
            image.width,
            image.height,
            image.channels,
            image.bit_depth,
        )
        assert found == expected
        assert image.source == source


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(by_uri("missing.png"), id="not fetched"),
        pytest.param(in_view(10**30), id="an offset far outside"),
        pytest.param(in_view(0, len(PNG) + 100), id="a length past the end"),
        pytest.param({**in_view(), "buffers": [5]}, id="a buffer that is none, in front of no BIN chunk"),
        pytest.param({"images": [{"bufferView": 3}, {}, None, 5]}, id="no such view"),
        pytest.param(by_uri("data:image/png;base64,!!!"), id="no base64"),
        pytest.param(by_uri("data:image/png;base64,é"), id="not even ASCII"),
    ],
)
def test_an_image_that_cannot_be_had_has_no_size(document: dict[str, Any]) -> None:
    for image in facts_of(document).images:
        assert (image.mime_type, image.width, image.height, image.channels, image.bit_depth) == (None,) * 5


def test_the_type_is_told_from_the_bytes_and_not_from_the_declaration() -> None:
    document = in_view()
    document["images"][0]["mimeType"] = "image/jpeg"
    assert facts_of(document, PNG).images[0].mime_type == "image/png"


@pytest.mark.parametrize("value", [5, "x", None, True, [None, 1, "x", [], [[]]], {"a": 1}, {"nodes": 5}])
def test_hostile_types_count_as_nothing(value: object) -> None:
    names = [
        *("asset", "extensions", "extensionsUsed", "extensionsRequired", "scene", "scenes", "nodes", "meshes", "skins"),
        *("materials", "textures", "accessors", "cameras", "images", "animations", "buffers", "bufferViews"),
    ]
    facts_of(dict.fromkeys(names, value))
    for name in names:
        inner = dict.fromkeys(("nodes", "mesh", "children", "primitives", "joints", "max", "uri", "bufferView"), value)
        facts_of({name: [inner, inner]})
