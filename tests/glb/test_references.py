from __future__ import annotations

import json

import pytest

from demo.glb_builder import glb
from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import parse_document
from glb_batch_validator_addon.glb.references import (
    Refused,
    Resolved,
    external_references,
    may_refer,
    refuse,
    resolve,
)
from glb_batch_validator_addon.model.limits import Limits

from .documents import LIMITS, glb_of, parse, read

PNG_DATA = "data:image/png;base64,iVBORw0KGgo="

HOLDER = {
    "buffers": [{"byteLength": 1}, {"uri": "a.bin"}, {"uri": PNG_DATA}, {"uri": ""}],
    "images": [{"uri": "b.png"}, None, {"uri": 7}, {"uri": "data:x/../../etc/passwd"}, {"bufferView": 0}],
    "extensions": {
        "EXT_lights_ies": {"lights": [{"uri": "lamp.ies"}, {"uri": PNG_DATA}]},
        "EXAMPLE/a~b": {"uri": "odd.name"},
    },
    "nodes": [{"extensions": {"KHR_audio_emitter": {"deep": [[{"uri": "sound.mp3"}]]}}}],
    "extras": {"extensions": {"uri": "nobody opens this"}},
    "materials": [{"name": "uri", "uri": "nor this"}],
}


def test_every_uri_that_is_not_data_is_found() -> None:
    found = {reference.pointer: reference.uri for reference in external_references(parse(HOLDER), LIMITS)}
    assert found == {
        "/buffers/1/uri": "a.bin",
        "/images/0/uri": "b.png",
        "/images/3/uri": "data:x/../../etc/passwd",  # without ";base64," Blender opens it as a path
        "/extensions/EXT_lights_ies/lights/0/uri": "lamp.ies",
        "/extensions/EXAMPLE~1a~0b/uri": "odd.name",
        "/nodes/0/extensions/KHR_audio_emitter/deep/0/0/uri": "sound.mp3",
    }


def test_more_references_than_the_limit_are_refused() -> None:
    document = parse({"images": [{"uri": f"{number}.png"} for number in range(5)]})
    assert len(external_references(document, Limits(max_references=5))) == 5
    with pytest.raises(AssetError, match="max_references"):
        external_references(document, Limits(max_references=4))


@pytest.mark.parametrize(
    ("uri", "key", "path", "depth"),
    [
        ("wood.png", "props/chairs/wood.png", "wood.png", 0),
        ("./tex//wood.png", "props/chairs/tex/wood.png", "tex/wood.png", 0),
        ("../tex/b%20c.png", "props/tex/b c.png", "../tex/b c.png", 1),
        ("%2e%2e/wood.png", "props/wood.png", "../wood.png", 1),
        ("a/../../wood.png", "props/wood.png", "../wood.png", 1),
        ("../../props/wood.png", "props/wood.png", "../../props/wood.png", 2),
        ("tex\\wood.png", "props/chairs/tex/wood.png", "tex/wood.png", 0),
        ("100%25%2B.png", "props/chairs/100%+.png", "100%+.png", 0),
        ("%2525.png", "props/chairs/%25.png", "%25.png", 0),
        ("椅子.png", "props/chairs/椅子.png", "椅子.png", 0),
        ("%E6%A4%85.png", "props/chairs/椅.png", "椅.png", 0),
        ("a+b?c#d.png", "props/chairs/a+b?c#d.png", "a+b?c#d.png", 0),
        ("console.png", "props/chairs/console.png", "console.png", 0),
        ("..wood.png", "props/chairs/..wood.png", "..wood.png", 0),
    ],
)
def test_a_uri_leads_where_the_importer_of_blender_looks(uri: str, key: str, path: str, depth: int) -> None:
    assert resolve(uri, asset_key="props/chairs/a.glb", root="") == Resolved(key, path, depth)


def test_keys_are_prefixes_and_not_paths() -> None:
    """An S3 key may hold empty and dotted parts; going up takes one part away, whatever it is called."""
    resolved = resolve("../wood.png", asset_key="props//../a.glb", root="")
    assert resolved == Resolved("props//wood.png", "../wood.png", 1)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "empty"),
        ("https://example.com/a.png", "URL"),
        ("FILE:///etc/passwd", "URL"),
        ("s3://bucket/a.png", "URL"),
        ("data:x/../../etc/passwd", ";base64,"),
        ("C:\\Windows\\a.png", "drive"),
        ("c%3A/a.png", "drive"),
        ("a.png:stream", "stream"),
        ("/etc/passwd", "absolute"),
        ("%2Fetc%2Fpasswd", "absolute"),
        ("\\\\server\\share\\a.png", "network"),
        ("//server/share/a.png", "network"),
        ("a%5C..%5C..%5C..%5Cb.png", "backslash"),
        ("a%00.png", "control"),
        ("a\n.png", "control"),
        ("a%1b.png", "control"),
        ("../../../a.png", "out of the library"),
        ("..%2f..%2f..%2fa.png", "out of the library"),
        ("..\\..\\..\\a.png", "out of the library"),
        ("x/../../../../a.png", "out of the library"),
        ("..", "directory"),
        ("./", "directory"),
        ("tex/..", "directory"),
        ("con", "device CON"),
        ("NUL.png", "device NUL"),
        ("tex/Com1.tar.gz", "device COM1"),
        ("aux .png", "device AUX"),
        ("lpt¹", "device LPT¹"),
        (".. /a.png", "dots and spaces"),
        ("... /a.png", "dots and spaces"),
        ("a\ud800.png", "Unicode"),
        ("x" * 256, "too long"),
        ("x/" * 600 + "a.png", "too long"),
        ("%41" * 1_000_000, "too long"),
    ],
    ids=lambda value: value[:24].encode("unicode_escape").decode(),
)
def test_what_may_not_be_opened_is_refused_with_a_reason(uri: str, words: str) -> None:
    refused = resolve(uri, asset_key="props/chairs/a.glb", root="")
    assert isinstance(refused, Refused)
    assert words in refused.reason
    assert refused.reason.endswith(".")


def test_the_prefix_of_a_library_is_not_left() -> None:
    assert isinstance(resolve("../a.png", asset_key="props/chairs/a.glb", root="props/"), Resolved)
    assert isinstance(resolve("../a.png", asset_key="props/chairs/a.glb", root="props/chairs/"), Refused)
    assert isinstance(resolve("../props/a.png", asset_key="props/a.glb", root="props/"), Refused)
    assert isinstance(resolve("../a.png", asset_key="a.glb", root=""), Refused)


def test_refused_uris_are_gone_from_the_glb_and_nothing_else_changes() -> None:
    data = glb_of(HOLDER, b"\1\2\3\4")
    container, document = read(data)
    pointers = [reference.pointer for reference in external_references(document, LIMITS)]
    refused = refuse(container, pointers)
    again, rewritten = read(refused)
    uris = [reference.uri for reference in external_references(rewritten, LIMITS)]
    assert uris == [f"glbv-refused-{number}" for number in range(len(pointers))]
    assert again.bin == container.bin

    text = json.dumps(rewritten.members)
    for number, pointer in enumerate(pointers):
        original = next(ref.uri for ref in external_references(document, LIMITS) if ref.pointer == pointer)
        text = text.replace(f'"glbv-refused-{number}"', json.dumps(original))
    assert json.loads(text) == document.members


def test_refusing_some_leaves_the_others() -> None:
    container = read_container(glb_of({"images": [{"uri": "good.png"}, {"uri": "/etc/passwd"}]}), LIMITS)
    _, document = read(refuse(container, ["/images/1/uri"]))
    assert [image.string("uri") for image in document.objects("images")] == ["good.png", "glbv-refused-0"]


@pytest.mark.parametrize("name", ["uri", "\\u0075ri", "u\\u0072i"])
def test_a_property_called_uri_is_not_overlooked_however_it_is_spelt(name: str) -> None:
    container = read_container(glb(f'{{"images":[{{"{name}":"a.png"}}]}}'.encode()), Limits())
    assert may_refer(container)
    assert [found.uri for found in external_references(parse_document(container, Limits()), Limits())] == ["a.png"]


def test_a_file_that_embeds_all_need_not_be_walked_through() -> None:
    assert not may_refer(read_container(glb(b'{"images":[{"bufferView":0,"name":"curious"}]}'), Limits()))
