from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from demo.glb_builder import checker_png
from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container

from .documents import LIMITS


def zip_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("asset.glb", b"glTF")
    return file.getvalue()


ACCESS_DENIED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>"""


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "Empty", "0 bytes"),
        (bytes(5000), "Zeros", "broken upload"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "GitLfsPointer", "`git lfs pull`"),
        (b"<!DOCTYPE html><html></html>", "HtmlPage", "HTML page"),
        (b"\xef\xbb\xbf\r\n  <HTML><body>", "HtmlPage", "HTML page"),
        (ACCESS_DENIED, "S3Error", "S3 error 'AccessDenied' ('Access Denied')"),
        (b"<Error><Code>SlowDown</Code></Error>", "S3Error", "'SlowDown'"),
        (b'<?xml version="1.0"?><COLLADA version="1.4.1">', "Collada", "COLLADA"),
        (b'<?xml version="1.0"?><svg/>', "XmlDocument", "XML"),
        (b'{"asset": {"version": "2.0"}, "scenes": []}', "GltfJson", "`.gltf`"),
        (b'{"message": "Forbidden"}', "JsonText", "web service"),
        (zip_archive(), "Zip", "ZIP"),
        (gzip.compress(b"glTF"), "Gzip", "gzip"),
        (b"Kaydara FBX Binary  \0\x1a\0", "Fbx", "FBX"),
        (b"; FBX 7.3.0 project file\n", "Fbx", "FBX"),
        (b"BLENDER-v405", "Blend", ".blend"),
        (b"# made by hand\nmtllib a.mtl\nv 0 0 0\n", "Obj", "OBJ"),
        (b"v 0 0 0\nv 1 0 0\n", "Obj", "OBJ"),
        (b"ply\nformat ascii 1.0\n", "Ply", "PLY"),
        (b"solid cube\n", "Stl", "STL"),
        (checker_png(), "Image", "PNG"),
        (b"# only a comment", "WrongMagic", "'# on'"),
        (b"GLTF\2\0\0\0", "WrongMagic", "'GLTF'"),
        (b"\x00\x01\xff\x7f12345678", "WrongMagic", r"'\x00\x01\xff\x7f'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_glb_is_named_for_what_it_is(data: bytes, kind: str, words: str) -> None:
    with pytest.raises(AssetError) as caught:
        read_container(data, LIMITS)
    assert caught.value.kind == kind
    assert words in str(caught.value)
