"""The files outside itself that a GLB refers to: where in the library they lie, and which are never opened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

from ..errors import AssetError
from ..model.limits import Limits
from .container import Container, replace_json
from .document import MAX_TEXT, JsonObject

REFUSED_NAME = "glbv-refused-{}"
"""What `refuse` writes in place of a URI: a file beside the asset that nobody makes."""

_Path = tuple[str | int, ...]

_MAX_KEY_BYTES = 1024
"""Of an object key in S3."""
_TOO_LONG = f"It is too long: a key in the library has at most {_MAX_KEY_BYTES} bytes."
_MAX_NAME_BYTES = 255
"""Of one part of a path on the file systems of Linux, macOS and Windows."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]+:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"]
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One URI that is not a data: URI."""

    pointer: str
    """JSON Pointer of the property, such as `/images/0/uri`."""
    uri: str
    """As it is written, of any length."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A file of the library."""

    key: str
    """Its full key."""
    path: str
    """Relative to the asset's directory, normalised, with "/": where Blender's importer will look for it."""
    depth: int
    """How many directories above the asset's own `path` starts."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A URI that must not be opened."""

    reason: str
    """A sentence."""


def external_references(document: JsonObject, limits: Limits) -> tuple[Reference, ...]:
    """Every `uri` of buffers, images and objects within `extensions` that is neither data nor empty, in this order.

    Raises AssetError (`OverLimit`) if there are more than `max_references`.
    """
    found: list[Reference] = []
    for path, members in _uri_holders(document):
        uri = members.get("uri")
        if not isinstance(uri, str) or not uri or is_data(uri):
            continue
        if len(found) == limits.max_references:
            limit = f"{limits.max_references} external files (max_references)"
            raise AssetError("OverLimit", f"The file refers to more than {limit}.")
        found.append(Reference("".join(f"/{part}" for part in [*map(_escaped, path), "uri"]), uri))
    return tuple(found)


def may_refer(container: Container) -> bool:
    """False if no property of the JSON can be a `uri`: most files embed all, and need not be walked through."""
    content = bytes(container.json)
    return b'"uri"' in content or b"\\u" in content


def targets_of(
    container: Container, document: JsonObject, *, asset_key: str, root: str, limits: Limits
) -> dict[Reference, Resolved | Refused]:
    """Where each of `external_references` leads, by `resolve`."""
    if not may_refer(container):
        return {}
    references = external_references(document, limits)
    return {reference: resolve(reference.uri, asset_key=asset_key, root=root) for reference in references}


def keys_of(targets: Mapping[Reference, Resolved | Refused]) -> tuple[str, ...]:
    """The files of the library among them, each once."""
    return tuple(dict.fromkeys(target.key for target in targets.values() if isinstance(target, Resolved)))


def _uri_holders(document: JsonObject) -> Iterator[tuple[_Path, dict[str, Any]]]:
    for name in ("buffers", "images"):
        for index, holder in enumerate(document.objects(name)):
            yield (name, index), holder.members

    stack: list[tuple[_Path, Any, bool]] = [((), document.members, False)]
    while stack:
        path, value, in_extension = stack.pop()
        if in_extension and isinstance(value, dict):
            yield path, value
        members: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for part, member in members:
            # No property has so long a name: pointers made of hostile ones would fill the memory.
            if isinstance(member, (dict, list)) and part != "extras" and len(str(part)) <= MAX_TEXT:
                stack.append(((*path, part), member, in_extension or part == "extensions"))


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def is_data(uri: str) -> bool:
    """Whether Blender's importer takes it for a data: URI. One without ";base64," it opens as a path."""
    return uri.startswith("data:") and ";base64," in uri


def resolve(uri: str, *, asset_key: str, root: str) -> Resolved | Refused:
    """Where in the library a URI leads.

    `asset_key` is a full key such as `props/chairs/a.glb`, `root` what may not be left: "" or a prefix of the key that
    ends in "/". A URI is decoded as Blender's importer does it: backslashes are slashes, then percent-decoding, once.
    Whatever means something else on any system is refused on all, so that reports do not differ.
    """
    if len(uri) > 3 * _MAX_KEY_BYTES:  # each byte percent-encoded
        return Refused(_TOO_LONG)
    decoded = unquote(uri.replace("\\", "/"))
    if reason := unsafe(decoded):
        return Refused(reason)
    path = normpath(decoded)
    parts = path.split("/")
    if parts[-1] in (".", ".."):
        return Refused("It names a directory, not a file.")
    depth = parts.count("..")  # normalised: they are all in front
    directory = asset_key.split("/")[:-1]
    if depth > len(directory) - root.count("/"):
        return Refused("It leads out of the library.")
    key = "/".join([*directory[: len(directory) - depth], *parts[depth:]])
    if len(key.encode()) > _MAX_KEY_BYTES:
        return Refused(_TOO_LONG)
    return Resolved(key, path, depth)


def unsafe(decoded: str) -> str:
    """Why a decoded URI is no relative path that is safe on every system; "" if it is one."""
    if not decoded:
        return "It is empty."
    if decoded.startswith("data:"):
        return "It is a data: URI without `;base64,`, which Blender takes for a path."
    if scheme := _SCHEME.match(decoded):
        return f"It is a URL ({scheme[0][:20]}); only files of the library are opened."
    if ":" in decoded:
        return "It has a colon, which names a drive or a stream on Windows."
    if decoded.startswith("//"):
        return "It names a computer in the network; only files of the library are opened."
    if decoded.startswith("/"):
        return "It is an absolute path; only files of the library are opened."
    if "\\" in decoded:
        return "It has an encoded backslash, which separates directories on Windows."
    if _CONTROL.search(decoded):
        return "It has control characters."
    try:
        parts = [part.encode() for part in decoded.split("/")]
    except UnicodeEncodeError:
        return "It is not Unicode text."
    if any(len(part) > _MAX_NAME_BYTES for part in parts):
        return f"It is too long: a file name has at most {_MAX_NAME_BYTES} bytes."
    for part in decoded.split("/"):
        if part not in ("", ".", "..") and not part.strip(". "):
            return "It has a name of dots and spaces, which Windows takes for a directory."
        if (stem := part.partition(".")[0].rstrip(" ").upper()) in _DEVICES:
            return f"It names the device {stem} of Windows."
    return ""


def refuse(container: Container, pointers: Iterable[str]) -> bytes:
    """The GLB with other URIs at these pointers of `external_references`, so that an importer opens none of them.

    Each becomes the relative name of a file that does not exist: Blender goes on without a missing image and raises
    for a missing buffer.
    """
    root = json.loads(bytes(container.json))
    for number, pointer in enumerate(pointers):
        *path, name = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
        holder = root
        for part in path:
            holder = holder[int(part) if isinstance(holder, list) else part]
        holder[name] = REFUSED_NAME.format(number)
    return replace_json(container, json.dumps(root, separators=(",", ":")).encode())
