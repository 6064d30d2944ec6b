"""The operators on saved libraries."""

import bpy
from bpy.props import IntProperty, StringProperty

from .properties import preferences
from .state import STATE, redraw


class _LibraryOperator:
    bl_options: set[str] = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return preferences(context) is not None

    def execute(self, context):
        settings = preferences(context)
        self.change(settings)
        settings.active_library = max(0, min(settings.active_library, len(settings.libraries) - 1))
        STATE.turn_away()
        context.preferences.is_dirty = True  # so that it is kept
        redraw()
        return {"FINISHED"}


class _ChosenLibraryOperator(_LibraryOperator):
    @classmethod
    def poll(cls, context):
        settings = preferences(context)
        return settings is not None and settings.library is not None


class GLBV_OT_add_library(_LibraryOperator, bpy.types.Operator):
    """Save another library: an S3 prefix or a folder, and how to reach it"""

    bl_idname = "glbv.add_library"
    bl_label = "Add Library"

    def change(self, settings):
        names = {library.name for library in settings.libraries}
        library = settings.libraries.add()
        library.name = next(name for n in range(1, 1000) if (name := f"Library {n}") not in names)
        settings.active_library = len(settings.libraries) - 1


class GLBV_OT_remove_library(_ChosenLibraryOperator, bpy.types.Operator):
    """Forget this library. Nothing in it is touched"""

    bl_idname = "glbv.remove_library"
    bl_label = "Remove Library"

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def change(self, settings):
        settings.libraries.remove(settings.active_library)


class GLBV_OT_choose_library(_LibraryOperator, bpy.types.Operator):
    """Show this library in the panel"""

    bl_idname = "glbv.choose_library"
    bl_label = "Choose Library"

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def change(self, settings):
        settings.active_library = self.index


class GLBV_OT_choose_profile(_ChosenLibraryOperator, bpy.types.Operator):
    """Take a profile of your studio: a .toml file"""

    bl_idname = "glbv.choose_profile"
    bl_label = "Choose Profile"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context, event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def change(self, settings):
        settings.library.profile = self.filepath


class GLBV_MT_libraries(bpy.types.Menu):
    """Choose the library to validate, or save another one"""

    bl_idname = "GLBV_MT_libraries"
    bl_label = "Library"

    def draw(self, context):
        for index, library in enumerate(preferences(context).libraries):
            icon = "URL" if library.kind == "S3" else "FILE_FOLDER"
            self.layout.operator("glbv.choose_library", text=library.name, icon=icon, translate=False).index = index
        self.layout.separator()
        self.layout.operator("glbv.add_library", icon="ADD")
        self.layout.operator("glbv.remove_library", icon="REMOVE")


CLASSES = (
    GLBV_OT_add_library,
    GLBV_OT_remove_library,
    GLBV_OT_choose_library,
    GLBV_OT_choose_profile,
    GLBV_MT_libraries,
)
