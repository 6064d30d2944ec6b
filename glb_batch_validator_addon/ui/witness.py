"""Which data-block is which part of an imported asset, and under which name a report knows it.

Reports have their names from a Blender with nothing else in it. In the artist's file an asset's `Cube` becomes
`Cube.001` where there is a `Cube` already, and its own `Cube.001` something else again.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy

from .. import __package__ as package

BROUGHT = "glbv_brought"
"""The custom property of all that came with an asset: its name in an empty file."""

POINTER = "glbv_pointer"
"""The custom property of what nodes and meshes became: which one of the file's it is, as `/meshes/0`."""


@dataclass(frozen=True, slots=True)
class Made:
    """One object or mesh, in the order in which they were made."""

    block: Any
    asked: str | None
    """The name that the file has for it."""
    pointer: str


class _Witness:
    """What the importer calls back where an add-on has a `glTF2ImportUserExtension`."""

    def __init__(self) -> None:
        self.made: list[Made] = []
        self._pointers: dict[int, str] = {}

    def gather_import_gltf_before_hook(self, gltf: Any) -> None:
        for name in ("meshes", "nodes"):
            for index, part in enumerate(getattr(gltf.data, name) or ()):
                self._pointers[id(part)] = f"/{name}/{index}"

    def gather_import_mesh_after_hook(self, part: Any, mesh: Any, gltf: Any) -> None:
        self.made.append(Made(mesh, part.name, self._pointers.get(id(part), "")))

    def gather_import_node_after_hook(self, vnode: Any, part: Any, thing: Any, gltf: Any) -> None:
        if thing is not None:
            self.made.append(Made(thing, vnode.name, self._pointers.get(id(part), "")))


@contextlib.contextmanager
def watched() -> Iterator[list[Made]]:
    """What an import inside makes. It stays empty where the extension is enabled for this session alone."""
    module, witness = sys.modules[package], _Witness()
    module.glTF2ImportUserExtension = lambda: witness  # type: ignore[attr-defined]
    try:
        yield witness.made
    finally:
        del module.glTF2ImportUserExtension


def mark(made: list[Made]) -> None:
    """Give the blocks their marks. Blender itself names their twins, in a file that is as empty as it was then."""
    with bpy.data.temp_data() as empty:
        for one in made:
            block, is_object = one.block, isinstance(one.block, bpy.types.Object)
            name = one.asked
            if not name and is_object and block.data:  # the importer calls it as its mesh is called by then
                name = block.data.get(BROUGHT)
            name = name or re.sub(r"\.\d{3,}$", "", block.name)
            twin = empty.objects.new(name, None) if is_object else empty.meshes.new(name)
            block[BROUGHT], block[POINTER] = twin.name, one.pointer
