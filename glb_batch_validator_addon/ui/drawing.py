"""What panel and preferences draw alike. Drawing reads; it computes nothing and touches no disk."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Any

import bpy

from .findings import Group
from .state import STATE

ICONS = {
    "error": "LIBRARY_DATA_BROKEN",
    "fail": "CANCEL",
    "unsupported": "QUESTION",
    "warn": "ERROR",
    "pass": "CHECKMARK",
}
"""By outcome. Blender's ERROR is the warning triangle."""

SEVERITY_ICONS = {"error": "CANCEL", "warning": "ERROR", "info": "INFO", "hint": "LIGHT"}
_WAIVED_ICON = "FAKE_USER_ON"
_PLACE_ICONS = {"vertex": "VERTEXSEL", "edge": "EDGESEL", "face": "FACESEL", "": "OBJECT_DATA"}

_CHARACTER_PIXELS = 7.0
"""Width of an average character of Blender's interface font at its default size."""
_MARGIN_CHARACTERS = 8


def draw_text(layout: Any, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A text in as many lines as the region needs."""
    scale = context.preferences.system.ui_scale
    width = max(20, int(context.region.width / (_CHARACTER_PIXELS * scale)) - _MARGIN_CHARACTERS)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(_lines(text, width)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


@lru_cache(maxsize=512)
def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width) or [""]


def draw_place(layout: Any, library: Any) -> None:
    """The fields without which there is no library."""
    layout.row().prop(library, "kind", expand=True)
    column = layout.column(align=True)
    if library.kind == "S3":
        column.prop(library, "bucket")
        column.prop(library, "prefix")
    else:
        column.prop(library, "folder")


def draw_connection(layout: Any, context: bpy.types.Context, library: Any) -> None:
    """How to reach the library, and a way to find out whether that works."""
    if library.kind == "S3":
        column = layout.column(align=True)
        column.prop(library, "endpoint_url")
        column.prop(library, "region")
        column.prop(library, "aws_profile")
        column = layout.column(align=True, heading="Access")
        column.prop(library, "no_sign_request")
        column.prop(library, "request_payer")
        column.prop(library, "allow_http")
        column = layout.column(align=True)
        column.prop(library, "expected_bucket_owner")
        column.prop(library, "sse_kms_key_id")
    layout.prop(library, "reports_to")
    layout.operator("glbv.test_connection", icon="PLUGIN")
    if STATE.connection:
        good, said = STATE.connection
        draw_text(layout.box(), context, said, icon="CHECKMARK" if good else "ERROR")


def draw_demand(layout: Any, library: Any) -> None:
    """What is asked of the assets of a library."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(library, "profile", placeholder="default")
    row.operator("glbv.choose_profile", text="", icon="FILEBROWSER")
    column.prop(library, "waivers")


def draw_groups(layout: Any, context: bpy.types.Context, groups: tuple[Group, ...], *, opened: bool) -> None:
    """What was found, rule by rule, each to be unfolded: the worst is from the start.

    Blender keeps in the file which ones are; a name in capitals is as those of panels.
    """
    for number, group in enumerate(groups):
        name = f"GLBV_{'OPENED' if opened else 'CHOSEN'}_{number}"
        header, body = layout.panel(name, default_closed=number > 0)
        icon = _WAIVED_ICON if group.waived else SEVERITY_ICONS.get(group.severity, "DOT")  # a report may say anything
        header.label(text=group.title, icon=icon, translate=False)
        if group.count > 1:
            count = header.row()
            count.alignment = "RIGHT"
            count.label(text=f"{group.count:,}", translate=False)
        if body:
            _draw_group(body, context, group, opened=opened)


def _draw_group(layout: Any, context: bpy.types.Context, group: Group, *, opened: bool) -> None:
    draw_text(layout, context, group.message)
    if group.waiver:
        draw_text(layout, context, group.waiver, icon=_WAIVED_ICON)
    column = layout.column(align=True)
    for place in group.places:
        row = column.row()
        row.enabled = not place.obstacle
        button = row.operator("glbv.select_elements", text=place.text, icon=_PLACE_ICONS[place.kind], translate=False)
        button.finding = place.number
    if group.places and (more := group.count - len(group.places)):
        column.label(text=f"{more:,} more in the report", translate=False)
    if group.how:
        draw_text(layout, context, group.how, icon="TOOL_SETTINGS")
    if group.why:
        draw_text(layout, context, group.why, icon="QUESTION")
    column = layout.column(align=True)
    if group.link:
        column.operator("wm.url_open", text="Read More", icon="URL").url = group.link
    if group.code and not group.waived:
        waive = column.operator("glbv.waive", icon=_WAIVED_ICON)
        waive.code, waive.opened = group.code, opened


def draw_preferences(settings: Any, context: bpy.types.Context) -> None:
    """The extension's preferences."""
    layout = settings.layout
    layout.use_property_split = True
    layout.use_property_decorate = False

    layout.label(text="Libraries")
    row = layout.row()
    row.template_list("UI_UL_list", "glbv_libraries", settings, "libraries", settings, "active_library", rows=3)
    buttons = row.column(align=True)
    buttons.operator("glbv.add_library", text="", icon="ADD")
    buttons.operator("glbv.remove_library", text="", icon="REMOVE")
    if library := settings.library:
        layout.prop(library, "name")
        draw_place(layout, library)
        draw_connection(layout, context, library)
        draw_demand(layout, library)

    layout.separator()
    layout.label(text="Validation")
    layout.prop(settings, "depth")
    layout.prop(settings, "previews")
    column = layout.column(align=True)
    column.prop(settings, "limit")
    column.prop(settings, "batch_size")
    column = layout.column(align=True)
    column.prop(settings, "workers")
    column.prop(settings, "memory_limit_mb")
    layout.prop(settings, "data_folder")
