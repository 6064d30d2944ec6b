"""The panel in the sidebar of the 3D viewport."""

import bpy

from . import database, history
from .drawing import ICONS, draw_connection, draw_demand, draw_groups, draw_place, draw_text
from .pictures import PICTURES
from .properties import preferences
from .results import OUTCOMES
from .scenes import ASSET
from .session import DONE, FAILED, PAUSED
from .state import STATE
from .validating import GLBV_OT_validate_folder, GLBV_OT_validate_prefix

PAST_RUNS_SHOWN = 10
PICTURE_SCALE = 9.0
"""Of the chosen asset's picture, in units of an icon."""

NARROW_PIXELS = 350
"""Of a sidebar, at a scale of 1: less is too little for three columns. It opens with 280."""


class _Panel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "GLB Validator"


class GLBV_PT_opened(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_opened"
    bl_label = "Opened Asset"

    @classmethod
    def poll(cls, context):
        return ASSET in context.scene

    def draw(self, context):
        layout = self.layout
        layout.operator("glbv.close_asset", icon="LOOP_BACK")
        opened = STATE.opened.get(context.scene.session_uid)
        if opened is None:
            draw_text(layout, context, "What was found is not kept in the file: open the asset again.", icon="INFO")
            return
        layout.label(text=opened.name, icon="FILE_3D", translate=False)
        if opened.note:
            draw_text(layout, context, opened.note, icon="INFO")
        draw_groups(layout, context, opened.groups, opened=True)
        if opened.unchecked:
            header, body = layout.panel("GLBV_OPENED_UNCHECKED", default_closed=True)
            header.label(text="Not Checked", icon="HIDE_ON")
            for reason in opened.unchecked if body else ():
                draw_text(body, context, reason)


class GLBV_PT_library(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_library"
    bl_label = "GLB Validator"

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = preferences(context)
        if settings is None:
            draw_text(layout, context, "Enable the extension in the preferences to save libraries.", icon="INFO")
            return
        library = settings.library
        now = STATE.snapshot
        row = layout.row(align=True)
        row.enabled = not now.active
        if library is None:
            row.operator("glbv.add_library", icon="ADD")
            if now.active:
                self._draw_run(layout, now)
            return
        row.menu("GLBV_MT_libraries", text=library.name, icon="ASSET_MANAGER")
        row.operator("glbv.add_library", text="", icon="ADD")

        column = layout.column()
        column.enabled = not now.active
        draw_place(column, library)
        column.prop(settings, "depth")
        column.prop(settings, "previews")
        sizes = column.column(align=True)
        sizes.prop(settings, "limit")
        sizes.prop(settings, "batch_size")

        # As high during a run as before it: Blender would slide all panels below into their new places.
        if now.active:
            self._draw_run(layout, now)
        else:
            self._draw_start(layout, context, library)
        text, icon = self._status(now, library)
        draw_text(layout.box(), context, text, icon=icon)

    def _status(self, now, library):
        operator = GLBV_OT_validate_prefix if library.kind == "S3" else GLBV_OT_validate_folder
        if now.message:
            worst = next((outcome for outcome in OUTCOMES if now.counts[outcome]), OUTCOMES[-1])
            return now.message, {DONE: ICONS[worst], FAILED: "ERROR"}.get(now.phase, "INFO")
        if lacking := operator.lacking(library):
            return lacking, "INFO"
        last = STATE.past_runs[0] if STATE.past_runs else None
        if last and not last.finished and not history.farm_run(last.options):
            return "The last run did not finish: go on below, under Earlier Runs", "INFO"
        return "Ready", "CHECKMARK"

    def _draw_start(self, layout, context, library):
        layout.context_pointer_set("glbv_library", library)
        row = layout.row(align=True)
        row.scale_y = 1.5
        row.operator("glbv.validate_prefix" if library.kind == "S3" else "glbv.validate_folder", icon="PLAY")
        row.operator("glbv.judge", text="", icon="FILE_REFRESH")
        row = layout.row(align=True)
        view = context.window_manager.glbv
        row.operator("glbv.validate_scene", icon="SCENE_DATA").only_selected = view.only_selected
        row.prop(view, "only_selected", text="", icon="RESTRICT_SELECT_OFF")

    def _draw_run(self, layout, now):
        row = layout.row()
        row.scale_y = 1.5
        row.progress(factor=now.progress or 0.0, text=now.progress_text)
        row = layout.row(align=True)
        if now.farm_run:
            row.operator("glbv.cancel_run", icon="CANCEL")
        elif now.phase == PAUSED:
            row.operator("glbv.resume", icon="PLAY")
        else:
            row.operator("glbv.pause", icon="PAUSE")
        row.operator("glbv.stop", icon="SNAP_FACE")


class GLBV_PT_connection(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_connection"
    bl_parent_id = "GLBV_PT_library"
    bl_label = "Connection"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        settings = preferences(context)
        return settings is not None and settings.library is not None

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = not STATE.snapshot.active
        layout.prop(preferences(context).library, "name")
        draw_connection(layout, context, preferences(context).library)


class GLBV_PT_demand(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_demand"
    bl_parent_id = "GLBV_PT_library"
    bl_label = "Profile"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return GLBV_PT_connection.poll(context)

    def draw_header_preset(self, context):
        self.layout.label(text=preferences(context).library.profile or "default", translate=False)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        library = preferences(context).library
        column = layout.column()
        column.enabled = not STATE.snapshot.active
        draw_demand(column, library)
        layout.context_pointer_set("glbv_library", library)
        layout.operator("glbv.judge", icon="FILE_REFRESH")


class GLBV_PT_farm(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_farm"
    bl_parent_id = "GLBV_PT_library"
    bl_label = "Farm"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return preferences(context) is not None

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = not STATE.snapshot.active
        settings, view = preferences(context), context.window_manager.glbv
        column = layout.column(align=True)
        column.prop(settings, "database", placeholder=f"${database.VARIABLE}")
        column.prop(settings, "database_ca")
        layout.prop(settings, "allow_plaintext")
        if STATE.database_note:
            draw_text(layout.box(), context, STATE.database_note, icon="ERROR")
        layout.prop(view, "farm_run")
        layout.context_pointer_set("glbv_farm_run", view)
        layout.operator("glbv.watch_farm", icon="HIDE_OFF")


class GLBV_UL_results(bpy.types.UIList):
    """The list is as long as the snapshot says; what a place shows is looked up there."""

    bl_idname = "GLBV_UL_results"

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):
        now = STATE.snapshot
        if index >= len(now.shown):  # places follow the snapshot with the next tick
            return
        row = now.rows[now.shown[index]]
        line = layout.row(align=True)
        chosen = index == now.position  # red on the colour of choice is hard to read
        line.alert = row.outcome in ("error", "fail") and not chosen
        narrow = context.region.width < NARROW_PIXELS * context.preferences.system.ui_scale
        if not narrow:
            picture = PICTURES.icon(STATE.pictures, row.brief.get("preview_file"))
            line.label(text="", icon_value=picture) if picture else line.label(text="", icon="BLANK1")
        split = line.split(factor=0.65 if narrow else 0.55)
        split.label(text=row.name, icon=ICONS[row.outcome], translate=False)
        if not narrow:
            split = split.split(factor=0.4)
        if not (narrow and row.finding):
            numbers = split.row()
            numbers.alignment = "RIGHT"
            numbers.label(text=row.triangles, translate=False)
        if row.finding or not narrow:
            split.label(text=row.finding, translate=False)

    def draw_filter(self, context, layout):
        """The list's own filter knows nothing of the snapshot."""
        _draw_filter(layout, context.window_manager.glbv)


def _draw_filter(layout, view):
    row = layout.row(align=True)
    row.prop(view, "search", text="", icon="VIEWZOOM")
    row.prop(view, "sort", text="", icon_only=True)
    row.prop(view, "reverse", text="", icon="SORT_DESC" if view.reverse else "SORT_ASC")


class GLBV_PT_results(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_results"
    bl_label = "Results"

    def draw(self, context):
        layout = self.layout
        now = STATE.snapshot
        view = context.window_manager.glbv
        row = layout.row()
        row.label(text=now.library or "Nothing validated yet", icon="ASSET_MANAGER", translate=False)
        last = STATE.past_runs[0] if STATE.past_runs else None
        if last and last.has_page and last.library == now.library:
            row.operator("glbv.open_page", icon="URL")
        row = layout.row(align=True)
        for outcome in OUTCOMES:
            on = outcome in view.outcomes
            text = f"{now.counts[outcome]:,}"
            row.operator("glbv.show_outcome", text=text, icon=ICONS[outcome], depress=on).outcome = outcome
        _draw_filter(layout, view)
        if now.rows and not now.shown:
            layout.label(text="No asset matches", icon="INFO")
        layout.template_list("GLBV_UL_results", "", view, "rows", view, "position", rows=8, sort_lock=True)


class GLBV_PT_details(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_details"
    bl_parent_id = "GLBV_PT_results"
    bl_label = "Details"

    def draw(self, context):
        layout = self.layout
        details = STATE.snapshot.details
        if details is None:
            layout.label(text="Choose an asset in the list", icon="INFO")
            return
        draw_text(layout, context, details.path)
        if picture := PICTURES.icon(STATE.pictures, details.picture):
            layout.template_icon(icon_value=picture, scale=PICTURE_SCALE)
        column = layout.column(align=True)
        column.operator("glbv.open_asset", icon="SCENE_DATA")
        column.operator("glbv.validate_again", icon="FILE_REFRESH")
        column.operator("glbv.copy_report_path", icon="COPYDOWN")
        draw_groups(layout, context, details.groups, opened=False)
        if details.rest:
            draw_text(layout, context, details.rest, icon="INFO")
        grid = layout.column(align=True)
        grid.scale_y = 0.8
        for name, value in details.facts:
            split = grid.split(factor=0.4)
            left = split.row()
            left.alignment = "RIGHT"
            left.label(text=name)
            split.label(text=value, translate=False)


class GLBV_PT_past_runs(_Panel, bpy.types.Panel):
    bl_idname = "GLBV_PT_past_runs"
    bl_label = "Earlier Runs"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        if not STATE.past_runs:
            layout.label(text="There are none yet", icon="INFO")
        for index, run in enumerate(STATE.past_runs[:PAST_RUNS_SHOWN]):
            box = layout.box()
            row = box.row()
            row.label(text=run.library, icon="CHECKMARK" if run.finished else "ERROR", translate=False)
            if run.has_page:
                row.operator("glbv.open_page", text="", icon="URL").index = index
            row.operator("glbv.show_run", text="", icon="HIDE_OFF").index = index
            row.operator("glbv.resume_run", text="", icon="FILE_REFRESH").index = index
            draw_text(box, context, f"{run.started}: {run.outcome}")


CLASSES = (
    GLBV_PT_opened,
    GLBV_PT_library,
    GLBV_PT_demand,
    GLBV_PT_connection,
    GLBV_PT_farm,
    GLBV_UL_results,
    GLBV_PT_results,
    GLBV_PT_details,
    GLBV_PT_past_runs,
)
