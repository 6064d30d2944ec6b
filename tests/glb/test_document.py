from __future__ import annotations

import json

import pytest

from demo.glb_builder import glb
from glb_batch_validator_addon.errors import AssetError, UnsupportedAssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import JsonObject, parse_document, printable, require_gltf_2
from glb_batch_validator_addon.model.limits import Limits

from .documents import LIMITS, parse


def parse_json(content: bytes, limits: Limits = LIMITS) -> JsonObject:
    return parse_document(read_container(glb(content), limits), limits)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'"text"',
        b"{} {}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\n"}',
        b"    ",
        b"{}\0",
        b'{"a": 1' + b"0" * 5000 + b"}",
    ],
)
def test_json_that_blender_cannot_read_is_an_asset_error(content: bytes) -> None:
    with pytest.raises(AssetError, match="The JSON chunk cannot be read: ") as caught:
        parse_json(content)
    assert caught.value.kind == "InvalidJson"


def test_of_members_with_one_name_the_last_one_counts_as_in_blender() -> None:
    assert parse_json(b'{"nodes": [], "nodes": [{}]}').array("nodes") == [{}]


def nested(depth: int) -> bytes:
    """An object, which is the first level, with arrays and objects in turn."""
    openings = ['{"a":', "["] * (depth // 2 + 1)
    opened = openings[:depth]
    closings = "".join("}" if part.startswith("{") else "]" for part in reversed(opened))
    return ("".join(opened) + ("0" if opened[-1] != "[" else "") + closings).encode()


@pytest.mark.parametrize("depth", [1, 2, 7, 127, 128])
def test_the_depth_that_is_allowed_is_exact(depth: int) -> None:
    json.loads(nested(depth))
    parse_json(nested(depth), Limits(max_json_depth=depth))
    if depth > 1:
        with pytest.raises(AssetError, match="max_json_depth"):
            parse_json(nested(depth), Limits(max_json_depth=depth - 1))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", id="balanced"),
        pytest.param(b'{"a":' + b"[" * 2000, id="never closed"),
        pytest.param(b'{"a":' * 2000, id="objects"),
        pytest.param(b'["]]]]",' * 2000, id="closing brackets in strings do not close"),
        pytest.param(b'["\\"]",' * 2000, id="nor after escaped quotes"),
        pytest.param(b'["\\\\",' * 2000, id="an escaped backslash does not escape"),
    ],
)
def test_deep_nesting_is_refused_before_the_parser_recurses(content: bytes) -> None:
    with pytest.raises(AssetError) as caught:
        parse_json(content)
    assert caught.value.kind == "OverLimit"


@pytest.mark.parametrize("text", ["[[[[", '"[', '\\"[[', "]]]", "{[{[", '"', "\\"])
def test_brackets_in_strings_do_not_count(text: str) -> None:
    content = json.dumps({text: [text, text * 50]}).encode()
    assert parse_json(content, Limits(max_json_depth=2)).array(text) == [text, text * 50]


def test_the_limits_are_named() -> None:
    document = json.dumps({"nodes": [{}] * 3, "accessors": [{}] * 4, "images": [{}] * 5}).encode()
    parse_json(document, Limits(max_nodes=3, max_accessors=4, max_images=5))
    with pytest.raises(AssetError, match=r"3 nodes; the limit is 2 \(max_nodes\)"):
        parse_json(document, Limits(max_nodes=2))
    with pytest.raises(AssetError, match=r"4 accessors; the limit is 3 \(max_accessors\)"):
        parse_json(document, Limits(max_accessors=3))
    with pytest.raises(AssetError, match=r"5 images; the limit is 4 \(max_images\)"):
        parse_json(document, Limits(max_images=4))
    with pytest.raises(AssetError, match="max_json_bytes"):
        parse_json(document, Limits(max_json_bytes=8))


def test_a_flood_of_small_arrays_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(AssetError, match="1,002 arrays and objects"):
        parse_json(b'{"extras":[' + b",".join([b"[]"] * 1000) + b"]}", Limits(max_json_containers=1000))


@pytest.mark.parametrize("value", [None, True, 5, -1, 1.5, "text", [], {}, [None], [[1]], [{"a": 1}], {"a": [1]}])
def test_what_is_of_another_type_counts_as_absent(value: object) -> None:
    parent = JsonObject({"it": value})
    assert parent.child("it").members == (value if isinstance(value, dict) else {})
    assert len(parent.objects("it")) == len(parent.array("it"))
    assert all(isinstance(item, int) for item in parent.indices("it"))
    assert parent.index("it") == (5 if value == 5 and value is not True else None)
    assert parent.text("it") == ("text" if value == "text" else None)
    assert parent.texts("it") == ()


def test_elements_that_are_no_objects_keep_their_place() -> None:
    objects = JsonObject({"nodes": [None, {"name": "b"}, 3]}).objects("nodes")
    assert [item.text("name") for item in objects] == [None, "b", None]


def test_text_for_a_report_can_be_encoded_and_is_short() -> None:
    assert printable("a\ud800b") == "a?b"
    assert len(printable("x" * 10_000)) == 200
    printable("\udfff" * 300).encode()


def test_version_2_0_is_required() -> None:
    require_gltf_2(parse({}))
    with pytest.raises(AssetError) as caught:
        require_gltf_2(parse({"asset": {}}))
    assert caught.value.kind == "NoAssetVersion"
    with pytest.raises(AssetError) as caught:
        require_gltf_2(parse({"asset": {"version": "1.0"}}))
    assert caught.value.kind == "Version1"
    with pytest.raises(UnsupportedAssetError, match=r"2\.1"):
        require_gltf_2(parse({"asset": {"version": "2.1"}}))
