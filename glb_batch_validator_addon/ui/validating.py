"""The operators that validate and judge. `invoke` leaves a run to the engine and a timer, `execute` waits for it."""

import sys
import time
from urllib.parse import quote_plus

import bpy
from bpy.props import BoolProperty, IntProperty

from ..errors import GlbvError, UsageError
from ..model.text import printable
from . import database, history, network
from .properties import (
    BUCKET,
    DEMAND,
    FARM,
    FOLDER,
    REPORTS,
    RUN,
    BucketProperties,
    DemandProperties,
    FarmProperties,
    FolderProperties,
    ReportProperties,
    RunProperties,
    data_path,
    options_of,
    preferences,
)
from .scenes import export_scene, no_gltf
from .session import FAILED, STOPPED
from .state import JUDGE, STATE, sync_rows, temporary_folder
from .watching import watch

PRINT_SECONDS = 2.0
"""Between two lines of progress on a terminal."""


class _Validation:
    """What these operators share; they differ in `begin`."""

    bl_options: set[str] = set()

    @classmethod
    def poll(cls, context):
        reason = (
            "A validation is going on: wait for it, or stop it" if STATE.snapshot.active else cls.hindrance(context)
        )
        if reason:
            cls.poll_message_set(reason)
        return not reason

    @classmethod
    def hindrance(cls, context) -> str:
        """Why it cannot be done now, "" if it can."""
        return ""

    def begin(self, context) -> None:
        """Start the run. Raises `GlbvError`, OSError."""
        raise NotImplementedError

    def invoke(self, context, event):
        return self._go(context, self._follow)

    def execute(self, context):
        return self._go(context, self._wait)

    def own_or_kept(self, kept, names) -> list[str]:
        """The options of these properties: the operator's own where they were given, else those that are kept."""
        own = [name for name in names if kept is None or self.properties.is_property_set(name)]
        return [*options_of(self, own), *options_of(kept, [name for name in names if name not in own])]

    def _go(self, context, then):
        try:
            self.begin(context)
        except (GlbvError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return then()

    def _follow(self):
        watch()
        return {"FINISHED"}

    def _wait(self):
        printed = time.monotonic()
        while STATE.tick(float("inf")):
            if time.monotonic() - printed > PRINT_SECONDS:
                printed = time.monotonic()
                print(STATE.snapshot.progress_text, flush=True)
            time.sleep(0.02)
        sync_rows()
        now = STATE.snapshot
        for row in now.rows:
            if row.outcome != "pass":
                print(printable(f"{row.outcome}: {row.path}: {row.finding}", sys.stdout.encoding))
        print(printable(now.message, sys.stdout.encoding), flush=True)
        if now.phase in (FAILED, STOPPED):
            self.report({"ERROR"}, now.message)
            return {"CANCELLED"}
        return {"FINISHED"}


class _LibraryValidation(_Validation):
    """Of a library that the operator's own properties name, or else of the one chosen in the panel."""

    place: str
    """The property without which there is no library."""
    names: tuple[str, ...]
    """The properties that make up the place."""

    @classmethod
    def hindrance(cls, context) -> str:
        library = getattr(context, "glbv_library", None)  # set by the panel; a script names its own
        return cls.lacking(library) if library else ""

    @classmethod
    def lacking(cls, library) -> str:
        """What keeps this library from being validated, "" if nothing does."""
        if not getattr(library, cls.place):
            return f"Name a {cls.place} first"
        return network.refusal(options_of(library, (*cls.names, *REPORTS)))

    def begin(self, context) -> None:
        STATE.start(self.engine_options(context), data=data_path(context))

    def engine_options(self, context) -> list[str]:
        """How to reach the library, what is asked of it, and how. Raises `UsageError` if no library is named."""
        settings = preferences(context)
        library = self if getattr(self, self.place) else settings and settings.library
        if not library or not getattr(library, self.place):
            raise UsageError(f"Name a {self.place}: {self.place}='...'.")
        return [
            *options_of(library, (*self.names, *REPORTS)),
            *self.own_or_kept(library, DEMAND),
            *self.own_or_kept(settings, RUN),
        ]


class GLBV_OT_validate_prefix(
    _LibraryValidation, BucketProperties, ReportProperties, DemandProperties, RunProperties, bpy.types.Operator
):
    """Validate every .glb under the prefix in the background, while you go on. A report is written beside each"""

    bl_idname = "glbv.validate_prefix"
    bl_label = "Validate Prefix"
    place = "bucket"
    names = BUCKET


class GLBV_OT_validate_folder(
    _LibraryValidation, FolderProperties, ReportProperties, DemandProperties, RunProperties, bpy.types.Operator
):
    """Validate every .glb in the folder in the background, while you go on. A report is written beside each"""

    bl_idname = "glbv.validate_folder"
    bl_label = "Validate Folder"
    place = "folder"
    names = FOLDER


class GLBV_OT_judge(
    _LibraryValidation,
    BucketProperties,
    FolderProperties,
    ReportProperties,
    DemandProperties,
    RunProperties,
    bpy.types.Operator,
):
    """Judge what was measured anew, without Blender: see at once what another profile or a new waiver changes"""

    bl_idname = "glbv.judge"
    bl_label = "Judge Again"

    @classmethod
    def lacking(cls, library) -> str:
        return (GLBV_OT_validate_prefix if library.kind == "S3" else GLBV_OT_validate_folder).lacking(library)

    def begin(self, context) -> None:
        library = getattr(preferences(context), "library", None)
        in_bucket = self.bucket or (not self.folder and library and library.kind == "S3")
        self.place, self.names = ("bucket", BUCKET) if in_bucket else ("folder", FOLDER)
        STATE.start([JUDGE, *self.engine_options(context)], data=data_path(context))


class GLBV_OT_validate_scene(_Validation, DemandProperties, bpy.types.Operator):
    """Export this scene to a temporary GLB and validate that: see what others will get before you publish it"""

    bl_idname = "glbv.validate_scene"
    bl_label = "Validate Scene"

    only_selected: BoolProperty(name="Selected Only", description="The selected objects instead of the whole scene")
    apply_modifiers: BoolProperty(
        name="Apply Modifiers", description="Export meshes as they are seen, without shape keys", default=True
    )

    @classmethod
    def hindrance(cls, context) -> str:
        return no_gltf("EXPORT") or ("" if context.scene.objects else "There is nothing in this scene")

    def begin(self, context) -> None:
        settings = preferences(context)
        library = settings and settings.library
        folder = export_scene(context, only_selected=self.only_selected, apply_modifiers=self.apply_modifiers)
        kept = options_of(settings, ["depth", "previews"]) if settings else ()
        asked = [f"--folder={folder}", *self.own_or_kept(library, DEMAND), *kept]
        STATE.start_aside(asked, data=data_path(context), library=f"Scene {context.scene.name}")


class GLBV_OT_validate_again(_Validation, bpy.types.Operator):
    """Validate the chosen asset once more, whether it has changed or not"""

    bl_idname = "glbv.validate_again"
    bl_label = "Validate Again"

    @classmethod
    def hindrance(cls, context) -> str:
        if STATE.snapshot.farm_run:
            return "A farm has validated this asset, under the settings of its run: validate its library here instead"
        return "" if STATE.snapshot.chosen else "Choose an asset in the list first"

    def begin(self, context) -> None:
        bucket = next((option.partition("=")[2] for option in STATE.options if option.startswith("--bucket=")), "")
        key = quote_plus(STATE.snapshot.chosen.key, errors="surrogateescape")
        manifest = temporary_folder() / "again.csv"  # in the form of S3 Batch, which has room for every key
        manifest.write_text(f'"{bucket}","{key}"\n', "utf-8")
        asked = [*STATE.options, "--force", f"--manifest={manifest}"]
        STATE.start_aside(asked, data=data_path(context), library="", keep_rows=True)


class GLBV_OT_watch_farm(_Validation, FarmProperties, bpy.types.Operator):
    """Follow a run of the farm, with its results as they come. It goes on whether you watch it or not"""

    bl_idname = "glbv.watch_farm"
    bl_label = "Watch Farm Run"

    run: IntProperty(name="Run", description="Its number, as `farm status` lists it", min=0, options={"SKIP_SAVE"})

    @classmethod
    def hindrance(cls, context) -> str:
        run = getattr(context, "glbv_farm_run", None)  # set by the panel; a script names its own
        return "Name a run first: `farm status` lists those that there are" if run and not run.farm_run else ""

    def begin(self, context) -> None:
        run = self.run or context.window_manager.glbv.farm_run
        if not run:
            raise UsageError("Name a run: run=7.")
        options = self.own_or_kept(preferences(context), FARM)
        if any(map(database.has_password, options)):
            raise UsageError(f"{database.NO_PASSWORD}.")
        STATE.start([*history.WATCH, str(run), *options], data=data_path(context))


class _PastRunOperator:
    """What operators on an earlier run share."""

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def past_run(self) -> history.PastRun:
        """The one it is about. Raises `UsageError`."""
        try:
            return STATE.past_runs[self.index]
        except IndexError:
            raise UsageError("There is no such run any more.") from None


class GLBV_OT_resume_run(_PastRunOperator, _Validation, bpy.types.Operator):
    """Validate this library again under the same settings. What is done and unchanged is not done twice"""

    bl_idname = "glbv.resume_run"
    bl_label = "Validate Again"

    @classmethod
    def description(cls, context, properties):
        past = STATE.past_runs[properties.index : properties.index + 1]
        run = past and history.farm_run(past[0].options)
        return f"Watch run {run} of the farm again" if run else cls.__doc__

    def begin(self, context) -> None:
        STATE.start(self.past_run().options, data=data_path(context))


class GLBV_OT_show_run(_PastRunOperator, _Validation, bpy.types.Operator):
    """Show the results of this run"""

    bl_idname = "glbv.show_run"
    bl_label = "Show Results"

    def begin(self, context) -> None:
        STATE.show(self.past_run())


class GLBV_OT_open_page(_PastRunOperator, bpy.types.Operator):
    """Open the results of this run in the browser: pictures, charts, what to fix first, the library as a whole"""

    bl_idname = "glbv.open_page"
    bl_label = "Open Report"
    bl_options: set[str] = set()

    def execute(self, context):
        try:
            bpy.ops.wm.url_open(url=self.past_run().page.as_uri())
        except (UsageError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (
    GLBV_OT_validate_prefix,
    GLBV_OT_validate_folder,
    GLBV_OT_judge,
    GLBV_OT_validate_scene,
    GLBV_OT_validate_again,
    GLBV_OT_watch_farm,
    GLBV_OT_resume_run,
    GLBV_OT_show_run,
    GLBV_OT_open_page,
)
