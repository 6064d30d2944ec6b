"""The buttons that filter the list by outcome."""

import bpy
from bpy.props import StringProperty

from .results import MEANINGS, OUTCOMES


class GLBV_OT_show_outcome(bpy.types.Operator):
    """Show only these assets; click again to show all"""

    bl_idname = "glbv.show_outcome"
    bl_label = "Show Outcome"
    bl_options = {"INTERNAL"}

    outcome: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    extend: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context, properties):
        meaning = MEANINGS[properties.outcome]
        return f"{meaning}. Click to show only these, again to show all; Shift to add or take away"

    def invoke(self, context, event):
        self.extend = event.shift
        return self.execute(context)

    def execute(self, context):
        view = context.window_manager.glbv
        if self.extend:
            view.outcomes = set(view.outcomes) ^ {self.outcome}
        else:
            view.outcomes = set(OUTCOMES) if set(view.outcomes) == {self.outcome} else {self.outcome}
        return {"FINISHED"}


CLASSES = (GLBV_OT_show_outcome,)
