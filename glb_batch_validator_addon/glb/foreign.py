"""Says what a file that is no GLB is instead, from its first bytes."""

from __future__ import annotations

import re

from ..errors import AssetError

HEAD_BYTES = 64 * 1024
"""How much of a file is looked at."""

_SIGNATURES = (
    (b"PK\x03\x04", "Zip", "a ZIP archive (or USDZ): unpack it and upload the GLB that is in it"),
    (b"\x1f\x8b", "Gzip", "compressed with gzip: unpack it before the upload"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "compressed with Zstandard, as .blend files are: unpack it or export it as GLB"),
    (b"BLENDER", "Blend", "a .blend file: export it as GLB"),
    (b"Kaydara FBX Binary", "Fbx", "an FBX file: export it as GLB"),
    (b"; FBX", "Fbx", "an FBX file: export it as GLB"),
    (b"ply\n", "Ply", "a PLY file: export it as GLB"),
    (b"ply\r", "Ply", "a PLY file: export it as GLB"),
    (b"solid ", "Stl", "an STL file: export it as GLB"),
    (b"\x89PNG", "Image", "a PNG image: upload the asset again"),
    (b"\xff\xd8\xff", "Image", "a JPEG image: upload the asset again"),
    (b"%PDF", "Pdf", "a PDF document: upload the asset again"),
    (
        b"version https://git-lfs",
        "GitLfsPointer",
        "a Git LFS pointer to one: fetch it with `git lfs pull` and upload that",
    ),
)
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_OBJ_LINE = re.compile(rb"^(?:mtllib|usemtl|[vog]|v[nt]) \S", re.MULTILINE)
_S3_ERROR = re.compile(
    rb"<Error\b.{0,2000}?<Code>([^<]{1,100})</Code>(?:\s*<Message>([^<]{1,300})</Message>)?", re.DOTALL
)


def foreign_file(head: bytes, size: int) -> AssetError:
    """The error for a file of `size` bytes that starts with `head`, which is not the magic of a GLB.

    Its kind is the name of the format, `Empty`, `Zeros`, or `WrongMagic` for what is none of those known.
    """
    if size == 0:
        return AssetError("Empty", "The file is empty (0 bytes): upload the asset again.")
    if not head.strip(b"\0"):
        return AssetError(
            "Zeros", "The file starts with nothing but zeros, as a broken upload leaves it: upload it anew."
        )
    for signature, kind, what in _SIGNATURES:
        if head.startswith(signature):
            return _not_a_glb(kind, what)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return _markup(text)
    if text.startswith((b"{", b"[")):
        if any(name in text for name in (b'"asset"', b'"accessors"', b'"meshes"')):
            return _not_a_glb("GltfJson", "glTF as JSON text: name it `.gltf`, or export the asset as binary .glb")
        return _not_a_glb("JsonText", "JSON text, such as the error of a web service: upload the asset again")
    if _OBJ_LINE.match(text) or (text.startswith(b"#") and _OBJ_LINE.search(text)):
        return _not_a_glb("Obj", "an OBJ file: export it as GLB")
    found = printable_bytes(head[:4])
    return AssetError(
        "WrongMagic", f"A GLB starts with 'glTF', this file with {found}: it is corrupt or something else."
    )


def printable_bytes(raw: bytes) -> str:
    """Bytes from outside as they may stand in a message: in quotes, with escapes."""
    return repr(raw)[1:]


def _markup(text: bytes) -> AssetError:
    if text[:100].lower().startswith(_HTML_STARTS):
        return _not_a_glb("HtmlPage", "an HTML page, such as a log-in or an error page: upload the asset again")
    if error := _S3_ERROR.search(text):
        code, message = error.groups()
        detail = f" ({printable_bytes(message)})" if message else ""
        what = f"the S3 error {printable_bytes(code)}{detail}, saved by a failed download: upload the asset again"
        return _not_a_glb("S3Error", what)
    if b"<COLLADA" in text[:1000]:
        return _not_a_glb("Collada", "a COLLADA file: export it as GLB")
    return _not_a_glb("XmlDocument", "an XML or HTML document: upload the asset again")


def _not_a_glb(kind: str, what: str) -> AssetError:
    return AssetError(kind, f"This is not a GLB but {what}.")
