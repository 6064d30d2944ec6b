"""Operators that ask the engine for one thing and wait for the answer: a connection tried, an asset to open."""

import shutil
import time
from pathlib import Path

import bpy

from ..errors import GlbvError, UsageError
from ..model.report import from_json
from . import network, scenes
from .details import Opened
from .properties import BUCKET, FOLDER, REPORTS, options_of, options_shown, preferences
from .source import ENDED
from .state import STATE, redraw, start_engine, temporary_folder
from .words import drawable, in_panel_words, local, unicode

ERRAND_SECONDS = 300.0
"""For one errand; a large file over a slow line is the longest."""

LETHAL = ("Crashed", "TimedOut", "OutOfMemory")
"""What an asset did to its background Blender and would do to this one."""


class _Errand:
    """`invoke` waits in a timer, `execute` on the spot; either ends in `take`. There is one at a time."""

    running: "_Errand | None" = None

    @classmethod
    def poll(cls, context):
        reason = "Wait for the answer to the last question" if _Errand.running else cls.hindrance(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    @classmethod
    def hindrance(cls, context) -> str:
        """Why it cannot be done now, "" if it can."""
        raise NotImplementedError

    def begin(self, context) -> list[str]:
        """The options of the engine. Raises `GlbvError`."""
        raise NotImplementedError

    def take(self, context, event) -> None:
        """Do what is to be done with the answer. Raises `GlbvError`."""
        raise NotImplementedError

    def invoke(self, context, event):
        if not self._begin(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(0.05, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("WAIT")
        _Errand.running = self
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or not (answer := self._answer()):
            return {"PASS_THROUGH"}
        self.cancel(context)
        return self._finish(context, answer)

    def cancel(self, context):
        """Also called by Blender, when the file or the window goes."""
        _Errand.running = None
        self._engine.close()
        context.window_manager.event_timer_remove(self._timer)
        if context.window:
            context.window.cursor_modal_restore()

    def execute(self, context):
        if not self._begin(context):
            return {"CANCELLED"}
        while not (answer := self._answer()):
            time.sleep(0.02)
        self._engine.close()
        return self._finish(context, answer)

    def _begin(self, context) -> bool:
        try:
            self._engine = start_engine(*self.begin(context), log=temporary_folder() / "errand.log")
        except (GlbvError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return False
        self._late = time.monotonic() + ERRAND_SECONDS
        return True

    def _answer(self):
        event = self._engine.take()
        if event is None and time.monotonic() > self._late:
            return {"event": "run_failed", "message": f"There was no answer within {ERRAND_SECONDS:.0f} s."}
        if event and event["event"] == ENDED:
            said = f"The engine ended unexpectedly (exit code {event['code']}). {self._engine.last_words()}"
            return {"event": "run_failed", "message": said}
        return event

    def _finish(self, context, answer):
        try:
            if answer["event"] == "run_failed":
                raise UsageError(drawable(in_panel_words(answer["message"])))
            self.take(context, answer)
        except GlbvError as error:
            self.fail(context, str(error))
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            redraw()
        return {"FINISHED"}

    def fail(self, context, message: str) -> None:
        """Note that it did not work out."""


class GLBV_OT_test_connection(_Errand, bpy.types.Operator):
    """See whether this library can be read and reports written, and if not, what to do about it"""

    bl_idname = "glbv.test_connection"
    bl_label = "Test Connection"
    bl_options: set[str] = set()

    @classmethod
    def hindrance(cls, context) -> str:
        settings = preferences(context)
        library = settings and settings.library
        if not library:
            return "Add a library first"
        if not (library.bucket if library.kind == "S3" else library.folder):
            return "Name a bucket first" if library.kind == "S3" else "Choose a folder first"
        return network.refusal(cls.check_options(library))

    @staticmethod
    def check_options(library) -> list[str]:
        """Those that make the engine try the library."""
        return ["--check", *options_of(library, (*(BUCKET if library.kind == "S3" else FOLDER), *REPORTS))]

    def begin(self, context):
        STATE.connection = None
        return self.check_options(preferences(context).library)

    def take(self, context, event):
        said = drawable(in_panel_words(event["message"]))
        STATE.connection = (True, said)
        self.report({"INFO"}, said)

    def fail(self, context, message):
        STATE.connection = (False, message)


class GLBV_OT_open_asset(_Errand, bpy.types.Operator):
    """Import the chosen asset into a new scene of its own. Your scenes stay as they are"""

    bl_idname = "glbv.open_asset"
    bl_label = "Open in New Scene"
    bl_options = {"UNDO"}

    @classmethod
    def hindrance(cls, context) -> str:
        chosen = STATE.snapshot.chosen
        if not chosen:
            return "Choose an asset in the list first"
        error = chosen.brief.get("error")
        if error and error["type"] in LETHAL:
            return "This asset has brought its background Blender down, and would bring down this one"
        if error and error["stage"] in ("fetch", "container"):
            return "There is nothing in this file that Blender could open"
        return scenes.no_gltf("IMPORT") or network.refusal(options_shown(context))

    def begin(self, context):
        self._row = STATE.snapshot.chosen
        self._folder = temporary_folder() / "opened"
        shutil.rmtree(self._folder, ignore_errors=True)
        validated = f"--if-match={self._row.brief.get('etag', '')}"
        return [*options_shown(context), f"--copy={self._row.key}", validated, f"--output={self._folder}"]

    def take(self, context, event):
        try:
            opened = self._opened(event["report"])
            scenes.open_asset(context, Path(event["path"]), key=self._row.key, name=self._row.name)
            scenes.frame_all(context)
            STATE.opened[context.window.scene.session_uid] = opened
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)  # images are packed by the importer
        self.report({"INFO"}, f"{self._row.name} is open in a scene of its own")

    def _opened(self, report: str | None) -> Opened:
        try:
            return Opened.of(self._row, from_json(Path(report).read_bytes()) if report else None)
        except (OSError, ValueError):  # it was whole a moment ago, and can be had again
            return Opened.of(self._row, None)


class GLBV_OT_close_asset(bpy.types.Operator):
    """Remove the scene of the opened asset, and everything that came with it, and go back to yours"""

    bl_idname = "glbv.close_asset"
    bl_label = "Close Asset"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        if scenes.ASSET not in context.scene:
            cls.poll_message_set("This is no scene that an asset was opened in")
            return False
        if len(bpy.data.scenes) == 1:
            cls.poll_message_set("It is the last scene")
            return False
        return True

    def execute(self, context):
        scenes.close_asset(context)
        return {"FINISHED"}


class GLBV_OT_copy_report_path(bpy.types.Operator):
    """Copy where the report of the chosen asset is: a path, or its address in the bucket"""

    bl_idname = "glbv.copy_report_path"
    bl_label = "Copy Report Path"
    bl_options: set[str] = set()

    @classmethod
    def poll(cls, context):
        if not STATE.snapshot.chosen:
            cls.poll_message_set("Choose an asset in the list first")
        return STATE.snapshot.chosen is not None

    def execute(self, context):
        path = unicode(local(STATE.snapshot.chosen.report))
        context.window_manager.clipboard = path
        self.report({"INFO"}, f"Copied {drawable(path)}")
        return {"FINISHED"}


CLASSES = (GLBV_OT_test_connection, GLBV_OT_open_asset, GLBV_OT_close_asset, GLBV_OT_copy_report_path)


def unregister() -> None:
    """Leave an errand that is on its way."""
    if _Errand.running:
        _Errand.running.cancel(bpy.context)
