"""The operator that waives a finding."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..errors import UsageError
from ..model.finding import Waiver
from . import waivers
from .findings import title_of
from .history import place
from .properties import data_path, options_of, options_shown, preferences
from .state import STATE
from .words import drawable


class GLBV_OT_waive(bpy.types.Operator):
    """Live with this finding until a day that you name: it is still reported, and no longer counts"""

    bl_idname = "glbv.waive"
    bl_label = "Waive"
    bl_options: set[str] = set()

    code: StringProperty(name="Code", description="Of the rule whose findings are waived")
    pattern: StringProperty(
        name="Assets", description="Which assets: their path in the library, where * stands for anything"
    )
    owner: StringProperty(name="Owner", description="Who has decided this, and will be asked about it")
    reason: StringProperty(name="Reason", description="Why this finding is right as it is")
    expires: StringProperty(name="Until", description="The last day on which the waiver holds, as year-month-day")
    file: StringProperty(
        name="File", description="The .toml file that the waiver is added to; it is made if it is not there"
    )
    opened: BoolProperty(options={"HIDDEN", "SKIP_SAVE"}, description="About the opened asset, not the chosen one")

    def invoke(self, context, event):
        opened = STATE.opened.get(context.scene.session_uid) if self.opened else None
        asset = opened or STATE.snapshot.chosen
        self.pattern = waivers.pattern_of(asset.key, options_shown(context)) if asset else "*"
        self.owner, self.reason, self.expires = waivers.owner(), "", waivers.last_day()
        try:
            self.file = self._file(context)
        except OSError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, width=420, title="Waive", confirm_text="Waive")

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.label(text=title_of(self.code), icon="FAKE_USER_ON", translate=False)
        for name in ("code", "pattern", "owner", "reason", "expires", "file"):
            layout.prop(self, name)

    def execute(self, context):
        waiver = Waiver(
            code=self.code,
            pattern=self.pattern,
            owner=self.owner or waivers.owner(),
            reason=self.reason,
            expires=self.expires or waivers.last_day(),
        )
        try:
            path = Path(bpy.path.abspath(self.file or self._file(context))).expanduser()
            waivers.add(path, waiver)
        except (UsageError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        library = _library_shown(context)
        if library and not library.waivers:
            library.waivers = str(path)
        self.report({"INFO"}, f"Added to {drawable(str(path))}: Judge Again, or the next validation, goes by it")
        return {"FINISHED"}

    def _file(self, context) -> str:
        """The waivers of the library that is shown; where it has none yet, beside its assets if that can be."""
        library = _library_shown(context)
        if library and library.waivers:
            return library.waivers
        if library and library.kind == "FOLDER":
            return str(Path(bpy.path.abspath(library.folder), waivers.FILE_NAME))
        of_library = f"{bpy.path.clean_name(library.name)}-" if library else ""
        return str(data_path(context) / f"{of_library}{waivers.FILE_NAME}")


def _library_shown(context):
    """The saved library whose results are shown, if it is one."""
    settings = preferences(context)
    shown = place(options_shown(context))
    saved = settings.libraries if settings else ()
    return next((library for library in saved if place(options_of(library, library.place)) == shown), None)


CLASSES = (GLBV_OT_waive,)
