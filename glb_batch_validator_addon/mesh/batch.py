"""What is analysed: all meshes of an asset, one after the other in the same arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .grouping import Floats, Ints

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is known of one mesh besides its arrays."""

    name: str
    pointer: str | None
    objects: tuple[str, ...]
    object_count: int
    matrix: Floats
    """World matrix of the first object, shape (4, 4)."""
    materials: tuple[str, ...]
    """By slot; at least one."""
    uv_names: tuple[str, ...]
    complete: bool
    """All that tells its vertices apart in the file is in the arrays: vertices that are equal here are equal there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Triangle meshes. Indices count over all meshes; `*_starts` have one more entry than there are meshes.

    What is stored at corners in Blender is here at vertices: glTF knows it no other way.
    """

    sources: tuple[Source, ...]
    vertex_starts: Ints
    edge_starts: Ints
    face_starts: Ints
    positions: Floats
    """Shape (3, vertices), in the space of each mesh, metres."""
    edges: Ints
    """Shape (2, edges): vertices. Each edge of a face is among them, once."""
    corners: Ints
    """Shape (3, faces): vertices, counter-clockwise from outside."""
    sides: Ints
    """Shape (3, faces): the edge from each corner to the next."""
    slots: Ints
    """Shape (faces,): the material slot within the mesh."""
    uvs: tuple[Floats, ...]
    """The first UV map of each mesh, the second, ...: shape (2, vertices), v upwards, 0 where a mesh has none."""
    attributes: Iterable[tuple[Floats, float]]
    """What else may tell vertices apart: shape (1 to 4, vertices), and how far equal values may differ. Gone through
    once at most, and only as far as there is something to tell apart."""

    @property
    def count(self) -> int:
        return len(self.sources)

    def of_faces(self, by_mesh: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
        """A value of each mesh, shape (meshes,), for each of its faces."""
        return np.repeat(by_mesh, np.diff(self.face_starts))

    def of_vertices(self, by_mesh: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
        """A value of each mesh, shape (meshes,), for each of its vertices."""
        return np.repeat(by_mesh, np.diff(self.vertex_starts))

    @property
    def mesh_of_faces(self) -> Ints:
        """Shape (faces,)."""
        return self.of_faces(np.arange(self.count))
