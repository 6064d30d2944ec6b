"""The bpy wheel behind the part of Blender's command line that the tests use; always in the background.

Run it isolated (``python -I bpy_stand_in.py ARGUMENTS``), as Blender runs its own Python. Like Blender it works its
arguments off in order, and an uncaught exception in a script ends it only where ``--python-exit-code`` came before.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy  # first: it makes addon_utils importable

# isort: split
import addon_utils

_WITHOUT_EFFECT = {
    *("-b", "--background", "--factory-startup", "-q", "--quiet", "-noaudio", "--offline-mode", "--online-mode"),
    *("-y", "--enable-autoexec", "-Y", "--disable-autoexec"),  # opening a file below never runs its scripts
}


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--version" in own or "-v" in own:
        print("Blender", bpy.app.version_string)
        return 0
    if "--factory-startup" not in own:
        _load_preferences()
    exit_code_on_exception = 0
    rest = iter(own)
    for argument in rest:
        if argument in _WITHOUT_EFFECT:
            continue
        if argument in ("-c", "--command"):
            return _command(next(rest), arguments[arguments.index(argument) + 2 :])
        if argument == "--python-exit-code":
            exit_code_on_exception = int(next(rest))
        elif argument == "--addons":
            for module in next(rest).split(","):
                addon_utils.enable(module)
        elif argument in ("-P", "--python", "--python-expr"):
            raised = _raises(_script(argument, rest), ["blender", *arguments])
            if raised and exit_code_on_exception:
                return exit_code_on_exception
        elif not argument.startswith("-"):
            bpy.ops.wm.open_mainfile(filepath=str(Path(argument).resolve()), use_scripts=False)
        else:
            print(f"the stand-in for Blender does not know {argument}", file=sys.stderr)
            return 1
    return 0


def _load_preferences() -> None:
    if bpy.app.version >= (4, 5, 0):
        bpy.ops.wm.read_userpref()
        return
    # In the wheel 4.2.23 read_userpref() segfaults; what it would enable is found by its manifest.
    repository = bpy.utils.user_resource("EXTENSIONS", path="user_default")
    for manifest in sorted(Path(repository).glob("*/blender_manifest.toml")):
        addon_utils.enable(f"bl_ext.user_default.{manifest.parent.name}", default_set=True)


def _command(name: str, arguments: list[str]) -> int:
    if name != "extension":
        print(f"the stand-in for Blender does not know the command {name}", file=sys.stderr)
        return 1
    from bl_pkg import bl_extension_cli

    return bl_extension_cli.cli_extension_handler(arguments)


def _script(argument: str, rest: Iterator[str]) -> Callable[[], object]:
    source = next(rest)
    if argument == "--python-expr":
        return lambda: exec(compile(source, "<string>", "exec"), {"__name__": "__main__"})
    return lambda: runpy.run_path(source, run_name="__main__")


def _raises(script: Callable[[], object], argv: list[str]) -> bool:
    """Whether the script ended with an exception other than SystemExit, which is printed."""
    sys.argv = argv
    try:
        script()
    except Exception:
        traceback.print_exc()
        return True
    return False


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else int(request.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # an ordinary exit hangs in the wheel 4.5.15 while an operator class is registered
