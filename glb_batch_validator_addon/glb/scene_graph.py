"""Which nodes of a file are shown, and which meshes, materials and images they lead to."""

from __future__ import annotations

from .document import JsonObject


def shown_nodes(document: JsonObject) -> set[int]:
    """Indices of the nodes in the default scene, or of all nodes if there are no scenes. Cycles are cut."""
    nodes = document.objects("nodes")
    scenes = document.objects("scenes")
    if scenes:
        default = document.index("scene") or 0
        pending = scenes[default].indices("nodes") if default < len(scenes) else []
    else:
        pending = list(range(len(nodes)))
    shown: set[int] = set()
    while pending:
        index = pending.pop()
        if index < len(nodes) and index not in shown:
            shown.add(index)
            pending.extend(nodes[index].indices("children"))
    return shown


def shown_meshes(document: JsonObject) -> list[int]:
    """The mesh of each shown node that has one, with repeats."""
    nodes = document.objects("nodes")
    count = len(document.array("meshes"))
    meshes = (nodes[index].index("mesh") for index in sorted(shown_nodes(document)))
    return [mesh for mesh in meshes if mesh is not None and mesh < count]
