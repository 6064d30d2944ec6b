"""The timer that follows a run, and the buttons that pause and end it."""

import time

import bpy

from .session import ACTIVE, FAILED, PAUSED, RUNNING, STOPPING, Snapshot
from .state import ROWS_PER_TICK, STATE, redraw, sync_rows

TICK_SECONDS = 0.05
"""Between two ticks of the timer."""

DRAW_SHARE = 0.02
"""Of the time goes into drawing progress. A graphics card draws in a few milliseconds, software in a hundred."""

SLOWEST_DRAW_SECONDS = 3.0
"""Progress is drawn at least so often."""

LOOK_SECONDS = 0.25
"""Between two looks whether a run has no timer: it lost it to another file or to a window that was closed, or its shift
is over."""

SHIFT_SECONDS = 10.0
"""Of one modal operator. Blender's auto-save waits until none is running, and then tries every 10 ms."""


class GLBV_OT_watch(bpy.types.Operator):
    """Follow the run, a little at a time"""

    bl_idname = "glbv.watch"
    bl_label = "Watch the Validation"
    bl_options = {"INTERNAL"}

    running: "GLBV_OT_watch | None" = None
    drawn = Snapshot()
    next_draw = 0.0

    def invoke(self, context, event):
        self._timer = context.window_manager.event_timer_add(TICK_SECONDS, window=context.window)
        self._until = time.monotonic() + SHIFT_SECONDS
        context.window_manager.modal_handler_add(self)
        GLBV_OT_watch.running = self
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        active, now, drawn = STATE.tick(), STATE.snapshot, GLBV_OT_watch.drawn
        if active:
            at_once = now.phase != drawn.phase or bool(now.rows) != bool(drawn.rows)
            if now is not drawn and (at_once or time.perf_counter() > GLBV_OT_watch.next_draw):
                self._draw(now)
            over = time.monotonic() > self._until
        else:
            over = sync_rows(ROWS_PER_TICK)
        if not over:
            return {"PASS_THROUGH"}
        self.cancel(context)
        if not active:
            redraw()
            if now.message:
                self.report({"WARNING" if now.phase == FAILED else "INFO"}, now.message)
        return {"FINISHED"}

    def cancel(self, context):
        context.window_manager.event_timer_remove(self._timer)
        GLBV_OT_watch.running = None

    def _draw(self, now):
        """Draw the sidebars anew, and the next time when this has been paid for."""
        began = time.perf_counter()
        GLBV_OT_watch.drawn = now
        sync_rows(ROWS_PER_TICK)  # a change that makes Blender draw all its windows
        redraw()
        GLBV_OT_watch.next_draw = began + SLOWEST_DRAW_SECONDS

        turns = iter((0.0, None))  # of Blender's main loop: it draws at the end of this one

        def drawn() -> float | None:
            turn = next(turns)
            if turn is None:
                seconds = min((time.perf_counter() - began) / DRAW_SHARE, SLOWEST_DRAW_SECONDS)
                GLBV_OT_watch.next_draw = began + seconds
            return turn

        bpy.app.timers.register(drawn)


def watch() -> None:
    """Follow the run that was just started, whatever becomes of windows and files."""
    if not bpy.app.timers.is_registered(_keep_watching):
        bpy.app.timers.register(_keep_watching, persistent=True)


def _keep_watching() -> float | None:
    if not STATE.snapshot.active:
        return None
    if not GLBV_OT_watch.running and (windows := bpy.context.window_manager.windows):
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.glbv.watch("INVOKE_DEFAULT")
    return LOOK_SECONDS


class _Control:
    """An operator for some phases of a run."""

    bl_options: set[str] = set()
    phases: frozenset[str]

    @classmethod
    def poll(cls, context):
        now = STATE.snapshot
        if now.phase not in cls.phases:
            cls.poll_message_set(f"The validation is {now.phase}" if now.active else "No validation is going on")
        return now.phase in cls.phases


class GLBV_OT_pause(_Control, bpy.types.Operator):
    """Finish the assets in work and begin no other, until you resume"""

    bl_idname = "glbv.pause"
    bl_label = "Pause"
    phases = frozenset({RUNNING})

    @classmethod
    def poll(cls, context):
        if STATE.snapshot.farm_run:
            cls.poll_message_set("A run of a farm cannot be paused from here")
            return False
        return super().poll(context)

    def execute(self, context):
        STATE.say("pause")
        return {"FINISHED"}


class GLBV_OT_resume(_Control, bpy.types.Operator):
    """Go on with the validation"""

    bl_idname = "glbv.resume"
    bl_label = "Resume"
    phases = frozenset({PAUSED})

    def execute(self, context):
        STATE.say("resume")
        return {"FINISHED"}


class GLBV_OT_stop(_Control, bpy.types.Operator):
    """End the validation. What is done stays done, and the next validation goes on from there"""

    bl_idname = "glbv.stop"
    bl_label = "Stop"
    phases = ACTIVE - {STOPPING}

    @classmethod
    def description(cls, context, properties):
        return "End the watching. The farm's run goes on" if STATE.snapshot.farm_run else cls.__doc__

    def execute(self, context):
        STATE.stop()
        return {"FINISHED"}


class GLBV_OT_cancel_run(_Control, bpy.types.Operator):
    """Have the farm give up this run within seconds. What is done stays done"""

    bl_idname = "glbv.cancel_run"
    bl_label = "Cancel Run"
    phases = frozenset({RUNNING})

    @classmethod
    def poll(cls, context):
        if not STATE.snapshot.farm_run:
            cls.poll_message_set("No run of a farm is watched")
            return False
        return super().poll(context)

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"End Run {STATE.snapshot.farm_run} on the Farm?",
            message="The farm gives it up, for everybody who watches it.",
            confirm_text="End Run",  # beside Blender's own "Cancel"
        )

    def execute(self, context):
        STATE.cancel()
        return {"FINISHED"}


CLASSES = (GLBV_OT_watch, GLBV_OT_pause, GLBV_OT_resume, GLBV_OT_stop, GLBV_OT_cancel_run)


def unregister() -> None:
    """Take the timers back."""
    if GLBV_OT_watch.running:
        GLBV_OT_watch.running.cancel(bpy.context)
    if bpy.app.timers.is_registered(_keep_watching):
        bpy.app.timers.unregister(_keep_watching)
