"""What meshes are made of, as a digest: the same mesh has the same one in every file, however it is laid out there."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..model.facts import GeometryFacts
from .accessors import DRACO, Accessors, Buffers, UnreadableError
from .content import read
from .document import JsonObject
from .primitives import MAX_BYTES, Primitive
from .textures import DIGITS

_Part = tuple[str, int]
"""`accessor` or `view` (of Draco's data), and its index."""


def geometry_list(
    document: JsonObject, meshes: Sequence[JsonObject], primitives: Sequence[Primitive], buffers: Buffers
) -> tuple[GeometryFacts, ...]:
    """All meshes, in the order of the document."""
    of_mesh: defaultdict[int, list[Primitive]] = defaultdict(list)
    for primitive in primitives:
        of_mesh[primitive.mesh].append(primitive)
    data = _Data(Accessors(document, buffers), buffers)  # reading with a budget of its own costs the others nothing
    return tuple(data.facts(index, mesh.text("name") or "", of_mesh[index]) for index, mesh in enumerate(meshes))


class _Data:
    """The data of primitives; each part is read once, however many meshes share it."""

    def __init__(self, accessors: Accessors, buffers: Buffers) -> None:
        self._accessors = accessors
        self._buffers = buffers
        self._digests: dict[_Part, bytes] = {}

    def facts(self, mesh: int, name: str, primitives: Sequence[Primitive]) -> GeometryFacts:
        digest, parts, whole = hashlib.sha256(), set[_Part](), True
        for primitive in primitives:
            for label, part in _parts(primitive):
                parts.add(part)
                try:
                    digest.update(f"{label}:".encode(errors="surrogatepass") + self._digest(part))
                except UnreadableError:
                    whole = False
        return GeometryFacts(
            pointer=f"/meshes/{mesh}",
            name=name,
            sha256=digest.hexdigest()[:DIGITS] if whole and parts else None,
            size_bytes=min(sum(map(self._size_bytes, parts)), MAX_BYTES),
        )

    def _digest(self, part: _Part) -> bytes:
        known = self._digests.get(part)
        if known is None:
            kind, index = part
            if kind == "view":
                content, offset, size = self._buffers.span(index)
                known = hashlib.sha256(read(content, offset, size)).digest()
            else:
                array = np.ascontiguousarray(self._accessors.read(index))
                digest = hashlib.sha256(f"{array.dtype.str}{array.shape[1:]}".encode())
                digest.update(array.data.cast("B") if array.size else b"")
                known = digest.digest()
            self._digests[part] = known
        return known

    def _size_bytes(self, part: _Part) -> int:
        kind, index = part
        if kind == "accessor":
            return self._accessors.size_bytes(index)
        try:
            return self._buffers.span(index)[2]
        except UnreadableError:
            return 0


def _parts(primitive: Primitive) -> list[tuple[str, _Part]]:
    """What tells one primitive from another, under names that say what each part is to it."""
    draco = JsonObject(primitive.extensions).child(DRACO).index("bufferView")
    if draco is not None:  # it holds attributes and indices; the accessors say of what size they are
        return [(f"{primitive.mode}:draco", ("view", draco))]
    named = sorted(primitive.attributes.items())
    for number, target in enumerate(primitive.targets):
        named += ((f"{number}.{name}", accessor) for name, accessor in sorted(target.items()))
    if primitive.indices is not None:
        named.append(("indices", primitive.indices))
    return [(f"{primitive.mode}:{name}", ("accessor", accessor)) for name, accessor in named]
