"""Everything that Blender is told about, in one place, and taken back in the reverse order."""

from __future__ import annotations

import contextlib

import bpy
from bpy.app.handlers import persistent

from . import errands, filtering, libraries, panels, properties, selecting, validating, waiving, watching
from .pictures import PICTURES
from .properties import data_path, preferences
from .state import STATE, sync_rows

COMMAND = "glbv"

_CLASSES = [
    cls
    for module in (properties, watching, validating, errands, selecting, waiving, filtering, libraries, panels)
    for cls in module.CLASSES
]
_commands: list[object] = []


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.glbv = bpy.props.PointerProperty(type=properties.GLBV_PG_results)
    _commands.append(bpy.utils.register_cli_command(COMMAND, _run_command))
    bpy.app.handlers.load_post.append(_after_load)
    if not bpy.app.background:
        bpy.app.timers.register(_prepare, persistent=True)  # when Blender has registered, and loaded a file


def unregister() -> None:
    errands.unregister()
    watching.unregister()
    STATE.close()
    PICTURES.close()
    if bpy.app.timers.is_registered(_prepare):
        bpy.app.timers.unregister(_prepare)
    bpy.app.handlers.load_post.remove(_after_load)
    bpy.utils.unregister_cli_command(_commands.pop())
    del bpy.types.WindowManager.glbv
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)


def _run_command(arguments: list[str]) -> int:
    """`blender --command glbv`: the command line of `run_batch.py`, in this process. Returns the exit code."""
    program = f"blender --command {COMMAND}"
    if arguments[:1] == ["farm"]:
        from ..farm.command import main as run_farm

        return run_farm(arguments[1:], program=f"{program} farm")
    from ..cli.main import main

    return main(arguments, program=program)


def _prepare() -> None:
    """A library to fill in, and the earlier runs, as soon as Blender is ready."""
    settings = preferences(bpy.context)
    if settings and not settings.libraries:
        settings.libraries.add().name = "My Library"
    with contextlib.suppress(OSError):  # a disk may not be plugged in; a validation will say so
        STATE.load_past(data_path(bpy.context))
    sync_rows()


@persistent
def _after_load(*_: object) -> None:
    """Another file may have brought another window manager, and with it an empty list."""
    sync_rows()
