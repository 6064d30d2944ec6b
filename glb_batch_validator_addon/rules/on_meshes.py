"""How rules speak of a mesh and its elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..model.facts import MeshFacts
from ..model.finding import Elements, Issue, Saving


def mesh_issue(
    mesh: MeshFacts, message: str, *, field: str = "", elements: Elements | None = None, saves: Saving | None = None
) -> Issue:
    """An issue of one mesh; `field` names the elements in `MeshFacts.positions`."""
    return Issue(
        message=message,
        pointer=mesh.pointer,
        object=next(iter(mesh.objects), None),
        mesh=mesh.name,
        elements=elements,
        position_m=mesh.positions.get(field),
        saves=saves,
    )


def each_with(
    meshes: Iterable[MeshFacts],
    field: str,
    message: Callable[[str, MeshFacts], str],
    saves: Callable[[int], Saving] | None = None,
) -> Iterator[Issue]:
    """An issue for each of the meshes that has elements of that field; `message` is told how many, as in "3 edges"."""
    for mesh in meshes:
        elements: Elements | None = getattr(mesh, field)
        if elements and elements.count:
            text = message(counted(elements), mesh)
            yield mesh_issue(mesh, text, field=field, elements=elements, saves=saves and saves(elements.count))


_PLURALS = {"vertex": "vertices", "edge": "edges", "face": "faces"}


def counted(elements: Elements) -> str:
    """Such as "3 edges"."""
    return f"{elements.count:,} {elements.kind if elements.count == 1 else _PLURALS[elements.kind]}"
