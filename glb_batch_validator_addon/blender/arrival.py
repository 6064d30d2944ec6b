"""What is in the file and did not arrive in Blender. The importer says nothing of most of it."""

from __future__ import annotations

from collections.abc import Iterator

from ..glb.document import JsonObject
from ..glb.scene_graph import shown_meshes, shown_nodes
from ..model.facts import Missing, ReferenceFacts, SceneFacts

MAX_MISSING = 100
"""Entries in one report; the last one then says how many more there are."""


def missing(
    document: JsonObject, scene: SceneFacts, references: tuple[ReferenceFacts, ...], managed: frozenset[str] | None
) -> tuple[Missing, ...]:
    """Compare the file with the measured scene. `managed` are the extensions that this Blender's importer reads."""
    found = [
        *_extensions(document, managed),
        *_meshes(document, scene),
        *_images(document, references, managed),
        *_kinds(document, scene),
    ]
    if len(found) > MAX_MISSING:
        rest = len(found) - MAX_MISSING + 1
        found[MAX_MISSING - 1 :] = [Missing(what="more", name=str(rest), reason=f"{rest} more things did not arrive.")]
    return tuple(found)


def _extensions(document: JsonObject, managed: frozenset[str] | None) -> Iterator[Missing]:
    for name in dict.fromkeys(document.texts("extensionsUsed")):
        if managed is not None and name not in managed:
            yield Missing(what="extension", name=name, reason="This Blender does not read it and passes over it.")


def _meshes(document: JsonObject, scene: SceneFacts) -> Iterator[Missing]:
    shown = set(shown_meshes(document))
    placed = {node.index("mesh") for node in document.objects("nodes")}
    has_scenes = bool(document.array("scenes"))
    for index, mesh in enumerate(document.objects("meshes")):
        name = mesh.text("name") or f"/meshes/{index}"
        if index not in placed:
            yield Missing(what="mesh", name=name, reason="No node places it.")
        elif index not in shown:
            yield Missing(what="mesh", name=name, reason="It is only in a scene that is not the default one.")
        elif not has_scenes and not scene.mesh_objects:
            yield Missing(what="mesh", name=name, reason="The file has no scene, so Blender shows nothing of it.")
    if has_scenes and shown and scene.meshes < len(shown):
        lost = len(shown) - scene.meshes
        yield Missing(what="mesh", name=f"{lost} of {len(shown)}", reason="Blender made no mesh of them.")


def _images(
    document: JsonObject, references: tuple[ReferenceFacts, ...], managed: frozenset[str] | None
) -> Iterator[Missing]:
    """Images that cannot be shown: not fetched, used by no texture, or only through an extension that is not read."""
    not_fetched = {reference.pointer: reference for reference in references if reference.outcome != "fetched"}
    readable: set[int] = set()
    by_extension: dict[int, str] = {}
    for texture in document.objects("textures"):
        sources = {"": texture.index("source")}
        extensions = texture.child("extensions")
        for name in extensions.members:
            sources[name] = extensions.child(name).index("source")
        for name, source in sources.items():
            if source is None:
                continue
            if not name or managed is None or name in managed:
                readable.add(source)
            else:
                by_extension[source] = name
    for index, image in enumerate(document.objects("images")):
        name = image.text("name") or f"/images/{index}"
        if reference := not_fetched.get(f"/images/{index}/uri"):
            yield Missing(what="image", name=name, reason=reference.reason)
        elif index in by_extension and index not in readable:
            yield Missing(what="image", name=name, reason=f"This Blender does not read {by_extension[index]}.")
        elif index not in readable:
            yield Missing(what="image", name=name, reason="No texture uses it.")


def _kinds(document: JsonObject, scene: SceneFacts) -> Iterator[Missing]:
    nodes = document.objects("nodes")
    shown = [nodes[index] for index in shown_nodes(document)]
    expected = {
        "skin": (
            any(node.index("skin") is not None and node.index("mesh") is not None for node in shown),
            scene.armatures,
        ),
        "camera": (any(node.index("camera") is not None for node in shown), scene.cameras),
        "light": (
            any(node.child("extensions").child("KHR_lights_punctual").index("light") is not None for node in shown),
            scene.lights,
        ),
        "animation": (
            any(channel for animation in document.objects("animations") for channel in animation.array("channels")),
            scene.actions,
        ),
    }
    for what, (in_file, arrived) in expected.items():
        if in_file and not arrived:
            yield Missing(what=what, name="all", reason="Blender made nothing of them.")
