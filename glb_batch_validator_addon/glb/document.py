"""The JSON of a glTF file, read so that no hostile content does more harm than an `AssetError`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from ..errors import AssetError, UnsupportedAssetError
from ..model.limits import Limits
from .container import Container, over_limit

MAX_TEXT = 200
"""Characters that are kept of a name or a URI, so that a hostile file cannot fill a report."""


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object whose members may be anything: what is not of the type asked for counts as absent."""

    members: dict[str, Any]

    def child(self, name: str) -> JsonObject:
        """The object of that name; an empty one if there is none."""
        value = self.members.get(name)
        return JsonObject(value if isinstance(value, dict) else {})

    def array(self, name: str) -> list[Any]:
        """The array of that name; an empty one if there is none."""
        value = self.members.get(name)
        return value if isinstance(value, list) else []

    def objects(self, name: str) -> list[JsonObject]:
        """The array of that name, with an empty object for each element that is none, so that indices hold."""
        return [JsonObject(item if isinstance(item, dict) else {}) for item in self.array(name)]

    def indices(self, name: str) -> list[int]:
        """The integers from 0 in the array of that name."""
        return [item for item in self.array(name) if type(item) is int and item >= 0]

    def index(self, name: str) -> int | None:
        """The integer from 0 of that name: an index, a length or an offset."""
        value = self.members.get(name)
        return value if type(value) is int and value >= 0 else None

    def string(self, name: str) -> str | None:
        """The string of that name as it is; it may hold lone surrogates and have any length."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    def text(self, name: str) -> str | None:
        """The string of that name as it may stand in a report."""
        value = self.string(name)
        return None if value is None else printable(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """The strings in the array of that name, as they may stand in a report."""
        return tuple(printable(item) for item in self.array(name) if isinstance(item, str))


def is_index(value: object) -> TypeGuard[int]:
    """Whether it is an integer from 0, as indices, lengths and offsets are."""
    return type(value) is int and value >= 0  # what JSON gives is of no subclass, but bool is one


def printable(value: str) -> str:
    """Cut at `MAX_TEXT` characters, with "?" for lone surrogates, which no UTF-8 file can hold."""
    return value[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def parse_document(container: Container, limits: Limits) -> JsonObject:
    """The top-level object of the JSON chunk.

    Raises AssetError: `OverLimit`, or `InvalidJson` where Blender's importer refuses too: bytes that are not UTF-8,
    a byte order mark, NaN and Infinity, anything but an object. Of members with one name the last one counts, as there.
    """
    size = len(container.json)
    if size > limits.max_json_bytes:
        raise over_limit("The JSON chunk", size, "bytes", limits.max_json_bytes, "max_json_bytes")
    content = bytes(container.json)
    brackets = _brackets(content)
    if (count := brackets.count(b"[")) > limits.max_json_containers:
        raise over_limit("The JSON", count, "arrays and objects", limits.max_json_containers, "max_json_containers")
    if _depth(brackets, at_most=limits.max_json_depth) > limits.max_json_depth:
        raise AssetError("OverLimit", f"The JSON nests deeper than {limits.max_json_depth} levels (max_json_depth).")
    try:
        root = json.loads(str(content, "utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _invalid_json(f"it is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise _invalid_json(str(error)) from None
    if not isinstance(root, dict):
        raise _invalid_json("its top level must be an object")
    document = JsonObject(root)
    for name, limit, limit_name in (
        ("nodes", limits.max_nodes, "max_nodes"),
        ("accessors", limits.max_accessors, "max_accessors"),
        ("images", limits.max_images, "max_images"),
    ):
        if (count := len(document.array(name))) > limit:
            raise over_limit("The file", count, name, limit, limit_name)
    return document


def require_gltf_2(document: JsonObject) -> None:
    """Raise AssetError if `asset.version` is missing or 1.x, UnsupportedAssetError if it is a later one than 2.0."""
    version = document.child("asset").text("version")
    if version is None:
        raise AssetError(
            "NoAssetVersion", 'The JSON lacks `"asset": {"version": "2.0"}`: it is no glTF. Export it again.'
        )
    if version.startswith("1."):
        raise AssetError("Version1", f"This is glTF {version}, which Blender cannot read: re-export it as glTF 2.0.")
    if version != "2.0":
        raise UnsupportedAssetError("UnknownVersion", f"It says glTF version {version!a}; Blender reads 2.0 only.")


_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NEITHER_BRACKET_NOR_QUOTE = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_STRING = re.compile(rb'"[^"]*"?')


def _brackets(content: bytes) -> bytes:
    """All brackets of a JSON text that stand outside strings, braces as brackets.

    By passes that each run in C, most strings going as pairs of quotes: faster than to parse.
    """
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = content.translate(_TO_BRACKETS, _NEITHER_BRACKET_NOR_QUOTE).replace(b'""', b"")
    return _STRING.sub(b"", brackets) if b'"' in brackets else brackets


def _depth(brackets: bytes, *, at_most: int) -> int:
    """How deep they nest; any number over `at_most` once it is over. Takes the innermost pairs away, level by level."""
    for depth in range(at_most):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):  # nothing is left, or brackets that never close
            return depth + brackets.count(b"[")
        brackets = outer
    return at_most + brackets.count(b"[")


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _invalid_json(reason: str) -> AssetError:
    return AssetError("InvalidJson", f"The JSON chunk cannot be read: {reason}. Export it again.")
