"""What a person can set: saved libraries and defaults in the preferences, the view of the results for the session."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from .. import __package__ as package
from ..model.limits import MIB
from ..model.settings import RunSettings, available_cores
from . import database, history
from .drawing import ICONS, draw_preferences
from .results import MEANINGS, OUTCOMES, WORDS, View
from .state import STATE


def _keep(self: Any, context: bpy.types.Context) -> None:
    """Blender saves changed preferences when it quits, but does not notice (before 5.0) changes in a collection."""
    if isinstance(self, GLBV_PG_library):  # and not an operator
        if self.bucket.startswith("s3://"):  # pasted as it is
            self.bucket, _, self.prefix = self.bucket.removeprefix("s3://").partition("/")
        STATE.turn_away()
        context.preferences.is_dirty = True


def _choose(self: Any, context: bpy.types.Context) -> None:
    STATE.turn_away()


_Text, _Flag, _Choice = (partial(kind, update=_keep) for kind in (StringProperty, BoolProperty, EnumProperty))


class BucketProperties:
    """An S3 prefix and how to reach it. There is no property for a secret: credentials come from the AWS set-up."""

    bucket: _Text(name="Bucket", description="S3 bucket that holds the assets")
    prefix: _Text(
        name="Prefix",
        description="Only keys that begin with this, such as props/chairs/; empty means the whole bucket",
    )
    endpoint_url: _Text(
        name="Endpoint",
        description="Address of an S3-compatible server, such as https://s3.studio.example; empty means AWS",
    )
    region: _Text(name="Region", description="Region of the bucket; empty means that of your AWS set-up")
    aws_profile: _Text(
        name="AWS Profile",
        description="Profile of your AWS set-up (~/.aws/config) that has the credentials; empty means the default ones",
    )
    no_sign_request: _Flag(name="Anonymous", description="Send no credentials: for public buckets")
    request_payer: _Flag(name="Requester Pays", description="Agree to pay for the requests to a requester-pays bucket")
    allow_http: _Flag(
        name="Allow HTTP", description="Allow an endpoint on another machine that does not encrypt (http://)"
    )
    expected_bucket_owner: _Text(
        name="Bucket Owner", description="Number of the account that the bucket must belong to; empty means any"
    )
    sse_kms_key_id: _Text(name="KMS Key", description="Key of AWS KMS to encrypt reports with")


class FolderProperties:
    """A library on a disk."""

    folder: _Text(name="Folder", description="Folder that holds the assets, with all folders in it", subtype="DIR_PATH")


class ReportProperties:
    """Where reports go."""

    reports_to: _Text(
        name="Reports To",
        description="Folder or s3://bucket/prefix/ to write the reports below; empty means beside the assets",
    )


def _profiles(self: Any, context: bpy.types.Context, typed: str) -> list[str]:
    """Suggestions; Blender finds those that fit what is typed."""
    from ..rules.profiles import profile_names  # with all rules: not at the start of Blender

    return profile_names()


class DemandProperties:
    """What is asked of the assets."""

    profile: _Text(
        name="Profile",
        description="Rules and budgets for the assets: one that comes with the extension, such as web, or the path of"
        " a .toml file of your studio; empty means default",
        search=_profiles,
        search_options={"SUGGESTION"},  # a path is no less welcome
    )
    waivers: _Text(
        name="Waivers",
        description="File (.toml) of findings that your studio has decided to live with, each with an owner, a reason"
        " and a last day. Waive adds to it, and makes it if it is not there",
        subtype="FILE_PATH",
    )


class RunProperties:
    """How a run goes about its work."""

    depth: EnumProperty(
        name="Depth",
        description="How closely to look",
        items=(
            ("quick", "Quick", "The file and its conformance to glTF, without Blender", 0),
            ("standard", "Standard", "Also what Blender makes of it: meshes, UV maps, textures", 1),
            ("deep", "Deep", "Also what takes long on large meshes: self-intersections, overlaps of UV maps", 2),
        ),
        default="standard",
    )
    previews: EnumProperty(
        name="Previews",
        description="A picture of each asset, kept until the asset changes",
        items=(
            ("off", "None", "No pictures: ten times as fast for small assets", 0),
            ("workbench", "Workbench", "Quick pictures by OpenGL, where the background Blenders have it", 1),
            ("cycles", "Cycles", "Pictures with light and materials, on the graphics card if there is one", 2),
        ),
        default="cycles",
    )
    limit: IntProperty(
        name="Limit", description="Validate at most so many assets, in the order of their names; 0 means all", min=0
    )
    batch_size: IntProperty(
        name="Batch Size",
        description="Files fetched ahead or in work at once: more is faster on a slow network, and takes more disk",
        default=RunSettings().batch_size,
        min=1,
        soft_max=1000,
    )
    workers: IntProperty(
        name="Workers",
        description="Background Blenders that validate. By default one core is left for you",
        default=max(1, available_cores() - 1),
        min=1,
        soft_max=64,
    )
    memory_limit_mb: IntProperty(
        name="Memory Limit (MB)",
        description="Megabytes that one background Blender may use; an asset that needs more gets an error report",
        default=RunSettings().memory_limit_bytes // MIB,
        min=512,
        soft_max=65536,
    )


def _refuse_password(self: Any, context: bpy.types.Context) -> None:
    """Preferences are a file; of an operator's properties, the operator refuses it."""
    if isinstance(self, GLBV_AP_preferences):
        note = ""
        if database.has_password(self.database):
            self.database, note = database.without_password(self.database), database.NO_PASSWORD
        STATE.database_note = note


class FarmProperties:
    """The database of a farm. There is no property for a secret: it comes from the environment."""

    database: StringProperty(
        name="Database",
        description="Of the farm: postgresql://user@host/name without the password, or a SQLite file; empty means what"
        f" ${database.VARIABLE} holds, or the file that ${database.VARIABLE}_FILE names",
        update=_refuse_password,
    )
    database_ca: StringProperty(
        name="Certificate",
        description="File of the certificate that the database's is signed by; empty means those of your system",
        subtype="FILE_PATH",
    )
    allow_plaintext: BoolProperty(
        name="Allow Plaintext", description="Allow a database on another machine that does not encrypt"
    )


BUCKET, FOLDER, REPORTS, DEMAND, RUN, FARM = (
    tuple(group.__annotations__)
    for group in (
        *(BucketProperties, FolderProperties, ReportProperties),
        *(DemandProperties, RunProperties, FarmProperties),
    )
)
"""Names of the properties of each group."""


def options_of(properties: Any, names: Iterable[str]) -> list[str]:
    """The options of `run_batch.py` that these properties stand for: each has the name of its option."""
    options: list[str] = []
    for name in names:
        value = getattr(properties, name)
        if name in ("folder", "profile", "waivers", "database_ca"):
            value = bpy.path.abspath(value)  # it may begin with //, the folder of the open file
        if value:  # an empty text, 0 and False are what is meant without the option
            option = f"--{name.replace('_', '-')}"
            options += [option] if value is True else [f"{option}={value}"]
    return options


class GLBV_PG_library(BucketProperties, FolderProperties, ReportProperties, DemandProperties, bpy.types.PropertyGroup):
    """A saved library."""

    name: _Text(name="Name", description="What you call this library", default="Library")
    kind: _Choice(
        name="Source",
        description="Where the assets are",
        items=(
            ("S3", "S3 Prefix", "Assets in a bucket of Amazon S3 or of a compatible server"),
            ("FOLDER", "Folder", "Assets in a folder of this machine or of the network"),
        ),
    )

    @property
    def place(self) -> tuple[str, ...]:
        """Names of the properties that say where it is, the first of which must not be empty."""
        return BUCKET if self.kind == "S3" else FOLDER


class GLBV_AP_preferences(RunProperties, FarmProperties, bpy.types.AddonPreferences):
    """What is kept between sessions."""

    bl_idname = package

    libraries: CollectionProperty(type=GLBV_PG_library)
    active_library: IntProperty(name="Library", description="The library that the panel shows", update=_choose)
    data_folder: StringProperty(
        name="Data Folder",
        description="Where it is kept what was validated already, and the last runs; empty means Blender's own place",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        draw_preferences(self, context)

    @property
    def library(self) -> GLBV_PG_library | None:
        """The chosen library, if there is any."""
        if 0 <= self.active_library < len(self.libraries):
            return self.libraries[self.active_library]
        return None


def preferences(context: bpy.types.Context) -> GLBV_AP_preferences | None:
    """The extension's preferences; None if it was enabled for this session alone (`blender --addons`)."""
    addon = context.preferences.addons.get(package)
    return addon and addon.preferences


def options_shown(context: bpy.types.Context) -> Sequence[str]:
    """How to reach the library that is shown. That of a farm's run is reached as the saved one at its place."""
    now = STATE.snapshot
    if not now.farm_run:
        return STATE.options
    settings = preferences(context)
    place = history.options_at(now.library)
    for library in settings.libraries if settings else ():
        saved = options_of(library, (*library.place, *REPORTS))
        if saved[:1] == place[:1]:
            return [*saved, *place]
    return place


def data_path(context: bpy.types.Context) -> Path:
    """The data folder, which exists afterwards. Raises OSError."""
    settings = preferences(context)
    chosen = bpy.path.abspath(settings.data_folder) if settings else ""
    path = Path(chosen or bpy.utils.extension_path_user(package)).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    return path


def _look(self: "GLBV_PG_results", _: bpy.types.Context) -> None:
    STATE.look(View(search=self.search, outcomes=frozenset(self.outcomes), sort=self.sort, reverse=self.reverse))


class GLBV_PG_row(bpy.types.PropertyGroup):
    """A place in the list. It holds nothing: what is drawn there comes from the snapshot."""


class GLBV_PG_results(bpy.types.PropertyGroup):
    """How this session looks at the results."""

    rows: CollectionProperty(type=GLBV_PG_row)
    position: IntProperty(
        name="Asset",
        description="Choose an asset to see its details below",
        get=lambda _: STATE.snapshot.position,
        set=lambda _, position: STATE.choose(position),
    )
    search: StringProperty(
        name="Search",
        description="Show only assets whose path or finding has this text in it",
        options={"TEXTEDIT_UPDATE"},
        update=_look,
    )
    outcomes: EnumProperty(
        name="Outcomes",
        description="Which assets to show",
        items=[
            (outcome, WORDS[outcome].capitalize(), MEANINGS[outcome], ICONS[outcome], 1 << number)
            for number, outcome in enumerate(OUTCOMES)
        ],
        options={"ENUM_FLAG"},
        default=set(OUTCOMES),
        update=_look,
    )
    sort: EnumProperty(
        name="Sort By",
        description="Order of the list",
        items=(
            ("SEVERITY", "Severity", "The worst first", "ERROR", 0),
            ("NAME", "Name", "By file name", "SORTALPHA", 1),
            ("TRIANGLES", "Triangles", "The most triangles first", "MESH_DATA", 2),
            ("SIZE", "File Size", "The largest file first", "SORTSIZE", 3),
        ),
        update=_look,
    )
    reverse: BoolProperty(name="Reverse", description="Turn the order round", update=_look)
    farm_run: IntProperty(name="Run", description="Number of the farm's run to watch", min=0)
    only_selected: BoolProperty(
        name="Selected Only", description="Validate the selected objects instead of the whole scene"
    )


CLASSES = (GLBV_PG_library, GLBV_AP_preferences, GLBV_PG_row, GLBV_PG_results)
