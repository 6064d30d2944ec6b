"""An empty Blender, again and again, and the glTF importer with its words caught."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..errors import AssetError, UnsupportedAssetError

FULL_RESET_EVERY = 500
"""Assets. `read_homefile` costs more than the import of a small asset, `batch_remove` next to nothing; now and then the
full reset clears what removal of data-blocks does not reach."""

MAX_MESSAGES = 50
MAX_MESSAGE_TEXT = 500
"""Messages of the importer that are kept per asset, and characters of each."""

# Data-block kinds that an import can leave behind.
_KINDS = (
    "objects",
    "meshes",
    "materials",
    "images",
    "armatures",
    "actions",
    "cameras",
    "lights",
    "collections",
    "node_groups",
    "textures",
    "curves",
    "worlds",
    "texts",
)

# What an artist wants of an import and a measurement does not: each costs time, none changes the asset.
_OPTIONS = {"import_select_created_objects": False, "disable_bone_shape": True}

_LOGGERS = ("glTFImporter", "glTFImporter_errors")

# What the operator's message ends in when Python code of the importer raised: "SomeError: text", then "Location: ...".
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*): ?(?P<text>.*)$")

_LIBRARY_MISSING = re.compile(
    r"decoder library not found|failed to load \w+ decoder library|cannot open shared object|could not find module"
    r"|dlopen\(|image not found",
    re.IGNORECASE,
)

# Causes in a person's words for the exceptions that escape the importer on invalid files.
_CAUSES = {
    "IndexError": "an index in the file points past the end of what it refers to",
    "KeyError": "the file refers to something that it does not hold",
    "TypeError": "a property that the importer needs is missing or has the wrong type",
    "AttributeError": "a property that the importer needs is missing or has the wrong type",
    "ValueError": "the amount of data does not match what the file declares",
    "RecursionError": "the hierarchy of nodes is too deep or runs in a circle",
    "MemoryError": "the data that the file declares does not fit into memory",
}


def start() -> None:
    """Bring a fresh Blender into the state that every import begins with. Scripts in files never run."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    bpy.context.preferences.edit.use_global_undo = False
    logging.disable(logging.INFO)  # the importer writes a line per node, 3 % of the import of a small asset


def reset(imports: int) -> None:
    """Empty the file before import number `imports`, so that no asset meets anything of another."""
    if imports % FULL_RESET_EVERY == 0:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.data.batch_remove([block for kind in _KINDS for block in getattr(bpy.data, kind, ())])
    scene = bpy.context.scene
    bpy.data.batch_remove([other for other in bpy.data.scenes if other != scene])
    for name in list(scene.keys()):  # extras of the scene and the importer's own animation and variant lists
        del scene[name]
    if scene.frame_current != 1:
        scene.frame_set(1)
    # An importer that raises leaves its handlers behind, and every later message would be written once more.
    for name in _LOGGERS:
        logging.getLogger(name).handlers.clear()


def managed_extensions() -> frozenset[str] | None:
    """The glTF extensions that this Blender's importer reads; None if this Blender does not tell."""
    try:
        from io_scene_gltf2.io.imp.gltf2_io_gltf import glTFImporter  # type: ignore[import-not-found]

        importer = glTFImporter("", {"import_user_extensions": [], "loglevel": logging.CRITICAL})
        importer.log.flush()
        return frozenset(importer.extensions_managed)
    except Exception:  # the importer's inside is not an API: a Blender to come may look different
        return None


def import_glb(path: Path, *, folder: Path) -> tuple[str, ...]:
    """Import into the present scene; returns the warnings and errors that the importer logged.

    `folder` is cut out of all messages, so that they do not differ from run to run.
    Raises `UnsupportedAssetError` when a decoder is missing, `AssetError` for anything else the importer refuses.
    """
    importer = bpy.ops.import_scene.gltf
    known = importer.get_rna_type().properties
    options = {name: value for name, value in _OPTIONS.items() if name in known}
    with _messages(folder) as messages:
        try:
            result = importer(filepath=str(path), **options)
        except RuntimeError as error:
            raise _explain(_without(str(error), folder)) from None
    if "FINISHED" not in result:
        raise AssetError("ImportCancelled", "Blender's glTF importer gave up without saying why.")
    return tuple(messages)


def _explain(text: str) -> AssetError:
    lines = [line for line in text.strip().splitlines() if not line.startswith("Location:")]
    last = lines[-1].removeprefix("Error: ").strip() if lines else ""
    if _LIBRARY_MISSING.search(last):
        return UnsupportedAssetError(
            "DecoderMissing",
            "This Blender lacks the library that decodes the asset's compressed data; use an official build of Blender,"
            " which brings it.",
        )
    raised = _RAISED.match(last) if len(lines) > 1 else None
    if raised is None:
        return AssetError("ImportRefused", f"Blender's glTF importer refuses the file: {last.rstrip('.')}.")
    kind = raised["type"].rpartition(".")[2]
    cause = _CAUSES.get(kind, "the file is not as the importer expects it")
    return AssetError(
        "ImportFailed", f"Blender's glTF importer failed: {cause} ({kind}: {raised['text'].rstrip('.')})."
    )


class _Keep(logging.Handler):
    """Keeps the first messages of one import."""

    def __init__(self, folder: Path) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < MAX_MESSAGES:
            self.messages.append(_without(record.getMessage(), self._folder)[:MAX_MESSAGE_TEXT])


@contextmanager
def _messages(folder: Path) -> Iterator[list[str]]:
    handler = _Keep(folder)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(handler)
    try:
        yield handler.messages
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(handler)


def _without(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "").replace(f"{folder}\\", "").replace(str(folder), "")
