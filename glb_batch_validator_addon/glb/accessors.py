"""Accessors as numpy arrays: views into the file where they can be, and never larger than the bytes that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .content import Content, read, size_bytes
from .document import JsonObject

Array = NDArray[Any]

MAX_READ_BYTES = 256 * 1024 * 1024
"""Of accessor data that are looked at in one asset: half a second of a processor. Accessors may overlap, so that
without a bound a small file could keep a worker busy for hours."""

DRACO = "KHR_draco_mesh_compression"
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")

_MIN_STRIDE, _MAX_STRIDE = 4, 252
"""Bytes, by the schema of bufferView.byteStride."""


class UnreadableError(Exception):
    """Data that cannot be had. The text is a sentence for `Gap.reason`."""


class Layout(NamedTuple):
    """How the elements of an accessor lie in memory."""

    component: np.dtype[Any]
    rows: int
    """Of a column; a vector is one column."""
    columns: int
    column_bytes: int
    """With the padding of matrix columns to four bytes (glTF 2.0, 3.6.2.4)."""
    element_bytes: int


def _layout(component: np.dtype[Any], rows: int, columns: int) -> Layout:
    size = rows * component.itemsize
    if columns > 1:
        size += -size % 4
    return Layout(component, rows, columns, size, columns * size)


_COMPONENTS = {
    kind: np.dtype(name)
    for kind, name in ((5120, "i1"), (5121, "u1"), (5122, "<i2"), (5123, "<u2"), (5125, "<u4"), (5126, "<f4"))
}
_SHAPES = {
    "SCALAR": (1, 1),
    "VEC2": (2, 1),
    "VEC3": (3, 1),
    "VEC4": (4, 1),
    "MAT2": (2, 2),
    "MAT3": (3, 3),
    "MAT4": (4, 4),
}
_LAYOUTS = {
    (kind, name): _layout(component, *shape)
    for kind, component in _COMPONENTS.items()
    for name, shape in _SHAPES.items()
}
_SPARSE_INDICES = {kind: _LAYOUTS[kind, "SCALAR"] for kind in (5121, 5123, 5125)}


class Buffers:
    """The bytes behind bufferViews, bounds-checked."""

    def __init__(self, document: JsonObject, contents: Sequence[Content | None]) -> None:
        self._views = document.objects("bufferViews")
        self._contents = contents
        self._sizes = [0 if content is None else size_bytes(content) for content in contents]
        self.total_bytes = sum(self._sizes)
        """Of all buffers that could be had."""
        self.compressed = frozenset(
            index
            for index, view in enumerate(self._views)
            if "extensions" in view.members and any(name in view.child("extensions").members for name in MESHOPT)
        )
        """The bufferViews that meshopt compressed; there may be a plain copy all the same."""

    def span(self, index: int | None) -> tuple[Content, int, int]:
        """Content, offset and length in bytes of a bufferView. Raises UnreadableError if it is not all there."""
        if index is None or index >= len(self._views):
            raise UnreadableError("It has no bufferView.")
        view = self._views[index]
        buffer, offset, size = view.index("buffer"), view.index("byteOffset") or 0, view.index("byteLength")
        content = self._contents[buffer] if buffer is not None and buffer < len(self._contents) else None
        if content is None or buffer is None or size is None:
            if index in self.compressed:
                raise UnreadableError("Data compressed by meshopt are not decoded here.")
            raise UnreadableError("Its buffer could not be had.")
        if offset + size > self._sizes[buffer]:
            raise UnreadableError("Its bufferView reaches past the end of the buffer.")
        return content, offset, size

    def stride(self, index: int) -> int | None:
        """Bytes from element to element; None if they lie close together. Raises UnreadableError for nonsense."""
        stride = self._views[index].index("byteStride")
        if stride is not None and not _MIN_STRIDE <= stride <= _MAX_STRIDE:
            raise UnreadableError("Its bufferView has a byteStride that glTF does not allow.")
        return stride


class Accessors:
    """The accessors of one file. What is read of them counts against `MAX_READ_BYTES`."""

    def __init__(self, document: JsonObject, buffers: Buffers) -> None:
        self._items = document.objects("accessors")
        self._buffers = buffers
        self._left = MAX_READ_BYTES

    def __len__(self) -> int:
        return len(self._items)

    def count(self, index: int | None) -> int:
        """Elements as declared, 0 where that is not said; it may be any number."""
        return self._items[index].index("count") or 0 if index is not None and index < len(self._items) else 0

    def size_bytes(self, index: int) -> int:
        """Of its elements, decoded and close together, as declared; 0 for an accessor that makes no sense."""
        if index >= len(self._items) or (layout := self._layout(self._items[index])) is None:
            return 0
        return self.count(index) * layout.element_bytes

    def is_float(self, index: int) -> bool:
        return index < len(self._items) and self._items[index].members.get("componentType") == 5126

    def is_compressed(self, index: int) -> bool:
        """Whether meshopt compressed its bufferView."""
        compressed = self._buffers.compressed
        return bool(compressed) and index < len(self._items) and self._items[index].index("bufferView") in compressed

    def is_in_file(self, index: int) -> bool:
        """Whether it has a bufferView: the rest are zeros, or what Draco gives."""
        return index < len(self._items) and self._items[index].index("bufferView") is not None

    def read(self, index: int | None) -> Array:
        """Its elements as they are stored, shape (count, components), matrices column by column.

        A view into the file where there is one, so not to be written to. Raises UnreadableError.
        """
        if index is None or index >= len(self._items):
            raise UnreadableError("There is no such accessor.")
        accessor = self._items[index]
        layout, count = self._layout(accessor), accessor.index("count")
        if layout is None or count is None:
            raise UnreadableError("Its accessor has no componentType, type or count that glTF knows.")
        view = accessor.index("bufferView")
        if view is None:
            if count * layout.element_bytes > self._buffers.total_bytes:
                raise UnreadableError("It stands for more zeros than the file has bytes.")
            self._spend(count * layout.element_bytes)
            array: Array = np.zeros((count, layout.rows * layout.columns), layout.component)
        else:
            array = self._elements(view, accessor.index("byteOffset") or 0, count, layout)
        sparse = accessor.members.get("sparse")
        return self._with_sparse(array, JsonObject(sparse), layout) if isinstance(sparse, dict) else array

    def read_floats(self, index: int | None) -> Array:
        """As `read`, in float32; normalised integers by the formulas of glTF 2.0, 3.11."""
        array = self.read(index)
        if array.dtype.kind == "f":
            return array
        assert index is not None
        floats = array.astype(np.float32)
        if self._items[index].members.get("normalized") is True:
            floats /= np.iinfo(array.dtype).max
            np.maximum(floats, -1.0, out=floats)
        return floats

    @staticmethod
    def _layout(accessor: JsonObject) -> Layout | None:
        kind, shape = accessor.index("componentType"), accessor.string("type")
        return None if kind is None or shape is None else _LAYOUTS.get((kind, shape))

    def _elements(self, view: int, start: int, count: int, layout: Layout) -> Array:
        content, offset, size = self._buffers.span(view)
        element = layout.element_bytes
        stride = self._buffers.stride(view) or element
        if stride < element:  # elements would overlap, and an array could be larger than its bytes
            raise UnreadableError("Its elements are longer than the byteStride of its bufferView.")
        span = stride * (count - 1) + element if count else 0
        if start + span > size:
            raise UnreadableError("It reaches past the end of its bufferView.")
        self._spend(span)
        data = read(content, offset + start, span)
        if len(data) < span:
            raise UnreadableError("Its buffer could not be had.")
        rows, columns, item = layout.rows, layout.columns, layout.component.itemsize
        if columns == 1:
            return np.ndarray((count, rows), layout.component, data, 0, (stride, item))
        matrices: Array = np.ndarray(
            (count, columns, rows), layout.component, data, 0, (stride, layout.column_bytes, item)
        )
        return matrices.reshape(count, columns * rows)

    def _with_sparse(self, base: Array, sparse: JsonObject, layout: Layout) -> Array:
        where, what, count = sparse.child("indices"), sparse.child("values"), sparse.index("count") or 0
        kind, view, values_view = where.index("componentType"), where.index("bufferView"), what.index("bufferView")
        if kind not in _SPARSE_INDICES or view is None or values_view is None:
            raise UnreadableError("Its sparse part makes no sense.")
        places = self._elements(view, where.index("byteOffset") or 0, count, _SPARSE_INDICES[kind])[:, 0]
        values = self._elements(values_view, what.index("byteOffset") or 0, count, layout)
        if count and int(places.max()) >= len(base):
            raise UnreadableError("Its sparse part reaches past its end.")
        self._spend(base.nbytes)
        array = base.copy()
        array[places] = values
        return array

    def _spend(self, size: int) -> None:
        if size > self._left:
            raise UnreadableError(f"The file has more than {MAX_READ_BYTES:,} bytes of accessor data (MAX_READ_BYTES).")
        self._left -= size
