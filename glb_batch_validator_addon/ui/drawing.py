"""What panel and preferences draw alike. Drawing reads; it computes nothing and touches no disk."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Any

import bpy

from .state import STATE

ICONS = {"error": "CANCEL", "unsupported": "QUESTION", "incomplete": "ERROR", "ok": "CHECKMARK"}
"""By outcome. Blender's ERROR is the warning triangle."""

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


@lru_cache(maxsize=64)
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

    layout.separator()
    layout.label(text="Validation")
    column = layout.column(align=True)
    column.prop(settings, "limit")
    column.prop(settings, "batch_size")
    column = layout.column(align=True)
    column.prop(settings, "workers")
    column.prop(settings, "memory_limit_mb")
    layout.prop(settings, "data_folder")
