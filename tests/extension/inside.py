"""The installed extension at work inside a Blender, from installation to removal, in this order.

`tests/e2e/test_inside_blender.py` runs this through pytest-blender, in every Blender, and says in the environment where
the built zip, a library and an S3 server are. There is nothing of ours in this Python but what the zip brings.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import addon_utils
import bmesh
import bpy
import pytest

from tests.extension.odd import INVERTED_FACES, STEP_M, odd_asset

ARCHIVE, LIBRARY = (Path(os.environ[name]) for name in ("GLBV_TEST_ARCHIVE", "GLBV_TEST_LIBRARY"))
BUCKET, ENDPOINT, REGION = (os.environ[f"GLBV_TEST_{name}"] for name in ("BUCKET", "ENDPOINT", "REGION"))
S3 = {"bucket": BUCKET, "endpoint_url": ENDPOINT, "region": REGION, "workers": 1}
NAME = "bl_ext.user_default.glb_batch_validator"


def traces() -> dict[str, object]:
    """Everything of ours that could be left behind in this Blender and on this machine."""
    handlers = {
        name: [getattr(function, "__module__", "") for function in functions]
        for name in dir(bpy.app.handlers)
        if isinstance(functions := getattr(bpy.app.handlers, name), list)
    }
    return {
        "classes": [name for name in dir(bpy.types) if name.startswith("GLBV")],
        "operators": [name for name in dir(bpy.ops.glbv) if not name.startswith("_")],
        "properties": hasattr(bpy.types.WindowManager, "glbv"),
        "handlers": {name: modules for name, modules in handlers.items() if any("glb_batch" in m for m in modules)},
        "processes": children(),
        "files": sorted(str(path) for path in Path(bpy.app.tempdir).glob("*glb*")),
        "folders": sorted(path.name for path in Path(tempfile.gettempdir()).glob("glbv-*")),
        "installed": sorted(
            str(path) for path in Path(bpy.utils.user_resource("EXTENSIONS")).rglob("*") if "glb_batch" in path.name
        ),
        "wheels": sorted(
            path.name
            for path in Path(bpy.utils.user_resource("EXTENSIONS")).glob(".local/lib/*/site-packages/*")
            if path.name.startswith(("boto", "mini_racer", "rich", "platformdirs"))
        ),
    }


def children() -> list[str]:
    """Child processes of this Blender, by their command lines (Linux)."""
    found = []
    for path in Path("/proc/self/task").glob("*/children"):
        found += [Path(f"/proc/{pid}/cmdline").read_text() for pid in path.read_text().split()]
    return found


def file_state() -> dict[str, object]:
    """What an artist would see changed."""
    scenes = {
        scene.name: (
            scene.frame_current,
            sorted(thing.name for thing in scene.objects),
            sorted(thing.name for thing in scene.objects if thing.select_get(view_layer=scene.view_layers[0])),
        )
        for scene in bpy.data.scenes
    }
    names = {
        name: sorted(block.name for block in blocks)
        for name in dir(bpy.data)
        if isinstance(blocks := getattr(bpy.data, name), bpy.types.bpy_prop_collection)
    }
    return {"scenes": scenes, "names": names, "dirty": bpy.data.is_dirty, "mode": bpy.context.mode}


def state():
    return importlib.import_module(f"{NAME}.ui.state").STATE


def choose(name: str) -> None:
    view = bpy.context.window_manager.glbv
    now = state().snapshot
    view.position = next(n for n, number in enumerate(now.shown) if now.rows[number].name == name)
    assert state().snapshot.chosen.name == name


@pytest.fixture(scope="module", autouse=True)
def before() -> dict[str, object]:
    return traces()


def test_it_installs_and_is_enabled():
    bpy.ops.extensions.package_install_files(
        directory=str(ARCHIVE.parent), files=[{"name": ARCHIVE.name}], repo="user_default", enable_on_install=True
    )
    assert addon_utils.check(NAME)[1]
    for _ in range(2):
        bpy.ops.preferences.addon_disable(module=NAME)
        assert not hasattr(bpy.types.WindowManager, "glbv")
        bpy.ops.preferences.addon_enable(module=NAME)
    assert bpy.ops.glbv.validate_prefix.get_rna_type().properties["bucket"].name == "Bucket"
    # Where pictures are not the subject, nobody waits for them.
    bpy.context.preferences.addons[NAME].preferences.previews = "off"


def test_this_blender_loads_neither_boto3_nor_an_asset():
    """The artist's session is a client of the engine's process."""
    assert not {"boto3", "botocore", "rich", "sqlite3"} & set(sys.modules)


def test_a_folder(tmp_path):
    file = file_state()
    assert bpy.ops.glbv.validate_folder(folder=str(LIBRARY), workers=1) == {"FINISHED"}
    assert file_state() == file
    reports = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*_report.json")}
    assets = {path for path in LIBRARY.rglob("*") if path.suffix.lower() == ".glb"}
    assert len(reports) == len(assets) == len(bpy.context.window_manager.glbv.rows) == len(state().snapshot.rows)
    assert {row.name: row.outcome for row in state().snapshot.rows}["cube.glb"] == "pass"
    assert {row.name: row.outcome for row in state().snapshot.rows}["truncated.glb"] == "error"


def test_what_is_unchanged_is_listed_and_not_done_again():
    assert bpy.ops.glbv.validate_folder(folder=str(LIBRARY)) == {"FINISHED"}
    rows = state().snapshot.rows
    done = [row.name for row in rows if not row.unchanged]
    assert done == ["crashes blender.glb"]  # another Blender might not have crashed
    assert {row.name: row.triangles for row in rows}["cube.glb"] == "12"


def test_the_list_shows_what_the_filter_says():
    view = bpy.context.window_manager.glbv
    view.outcomes = {"error"}
    assert len(view.rows) == state().snapshot.counts["error"] > 0
    view.search = "no such asset"
    assert len(view.rows) == 0
    view.search, view.outcomes = "", {"error", "fail", "unsupported", "warn", "pass"}
    assert len(view.rows) == len(state().snapshot.rows)


def test_an_asset_opens_in_a_scene_of_its_own_and_goes_without_a_trace():
    choose("textured crate.glb")
    file = file_state()
    assert bpy.ops.glbv.open_asset() == {"FINISHED"}
    assert len(bpy.data.scenes) == len(file["scenes"]) + 1
    opened = next(scene for scene in bpy.data.scenes if scene.name == "textured crate.glb")
    assert [thing.type for thing in opened.objects] == ["MESH"]
    assert {name: seen for name, seen in file_state()["scenes"].items() if name != opened.name} == file["scenes"]
    assert all(image.packed_file for image in bpy.data.images if image.source == "FILE")
    assert bpy.ops.glbv.close_asset() == {"FINISHED"}
    assert file_state() == file


def test_what_would_bring_blender_down_is_not_opened():
    choose("crashes blender.glb")
    with pytest.raises(RuntimeError, match="would bring down this one"):
        bpy.ops.glbv.open_asset()


def test_one_asset_is_validated_again():
    choose("cube.glb")
    report = LIBRARY / "good" / "cube_report.json"
    written = report.stat().st_mtime_ns
    count = len(state().snapshot.rows)
    assert bpy.ops.glbv.validate_again() == {"FINISHED"}
    assert report.stat().st_mtime_ns > written
    assert len(state().snapshot.rows) == count
    assert not state().snapshot.chosen.unchanged


def test_earlier_runs_are_shown_and_repeated():
    runs = state().past_runs
    assert [run.finished for run in runs] == [True, True]
    assert bpy.ops.glbv.show_run(index=1) == {"FINISHED"}
    assert not any(row.unchanged for row in state().snapshot.rows)
    assert bpy.ops.glbv.resume_run(index=0) == {"FINISHED"}
    assert len(state().past_runs) == 3


def test_the_page_of_a_run_opens_in_the_browser(monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url, *_, **__: opened.append(url) or True)
    assert bpy.ops.glbv.open_page(index=0) == {"FINISHED"}
    (url,) = opened
    assert "<!doctype html>" in Path(url2pathname(urlsplit(url).path)).read_text("utf-8").lower()


def test_a_prefix():
    assert bpy.ops.glbv.validate_prefix(**S3, prefix="props/", limit=2, batch_size=10) == {"FINISHED"}
    assert len(state().snapshot.rows) == 2
    assert bpy.ops.glbv.validate_prefix(**S3, prefix="props/") == {"FINISHED"}
    now = state().snapshot
    assert now.library == f"s3://{BUCKET}/props/"
    assert {row.unchanged for row in now.rows} == {True, False}
    assert all(row.report.startswith(f"s3://{BUCKET}/props/") for row in now.rows)
    choose("leaf.glb")
    file = file_state()
    assert bpy.ops.glbv.validate_again() == {"FINISHED"}
    assert state().snapshot.message.startswith("1 validated")
    assert bpy.ops.glbv.open_asset() == {"FINISHED"}
    assert bpy.ops.glbv.close_asset() == {"FINISHED"}
    assert file_state() == file


def test_what_is_wrong_is_said():
    with pytest.raises(RuntimeError, match="There is no bucket no-such-bucket"):
        bpy.ops.glbv.validate_prefix(**{**S3, "bucket": "no-such-bucket"})
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.glbv.validate_folder(folder="/no/such/folder")
    with pytest.raises(RuntimeError, match="Name a bucket"):
        bpy.ops.glbv.validate_prefix()
    with pytest.raises(RuntimeError, match="No validation is going on"):
        bpy.ops.glbv.stop()


@pytest.mark.skipif(not bpy.app.binary_path, reason="the bpy package has no option --offline-mode")
def test_a_blender_without_network_asks_for_it():
    with pytest.raises(RuntimeError, match="--offline-mode"):
        bpy.ops.glbv.validate_prefix(bucket="somewhere-else")


def test_the_scene():
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    file = file_state()
    assert bpy.ops.glbv.validate_scene() == {"FINISHED"}
    assert file_state() == file
    (row,) = state().snapshot.rows
    assert row.outcome == "pass"
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.object.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="Nothing is selected"):
        bpy.ops.glbv.validate_scene(only_selected=True)


@pytest.fixture
def odd(tmp_path):
    """A library of one odd asset, which was validated and is chosen; an artist has a `Cube` of their own."""
    (tmp_path / "odd asset.glb").write_bytes(odd_asset())
    if "Cube" not in bpy.data.objects:
        bpy.ops.mesh.primitive_cube_add()
    assert bpy.ops.glbv.validate_folder(folder=str(tmp_path)) == {"FINISHED"}
    choose("odd asset.glb")
    return tmp_path


def place_of(code):
    """The first of what a rule found in the opened asset."""
    opened = state().opened[bpy.context.window.scene.session_uid]
    return next(group for group in opened.groups if group.code == code).places[0]


def select(place):
    assert bpy.ops.glbv.select_elements(finding=place.number) == {"FINISHED"}
    return bpy.context.view_layer.objects.active


def test_what_a_finding_is_about_is_selected_in_the_opened_asset(odd):
    file = file_state()
    assert bpy.ops.glbv.open_asset() == {"FINISHED"}
    faces = place_of("GLBV_MESH_INVERTED")
    assert (faces.mesh, faces.indices) == ("Cube", INVERTED_FACES)
    thing = select(faces)
    assert thing.data.name != "Cube", "that is the artist's"
    assert thing.matrix_world.translation.x == STEP_M
    assert bpy.context.mode == "EDIT_MESH"
    mesh = bmesh.from_edit_mesh(thing.data)
    assert tuple(face.index for face in mesh.faces if face.select) == INVERTED_FACES
    assert tuple(bpy.context.tool_settings.mesh_select_mode) == (False, False, True)

    edges = place_of("GLBV_MESH_OPEN_EDGES")
    thing = select(edges)
    assert thing.matrix_world.translation.x == 2 * STEP_M
    mesh = bmesh.from_edit_mesh(thing.data)
    assert tuple(edge.index for edge in mesh.edges if edge.select) == edges.indices

    node = place_of("GLBV_NAMES_DUPLICATE")  # the third one, of which only the place in the file is known
    assert select(node).matrix_world.translation.x == 2 * STEP_M
    assert bpy.context.mode == "OBJECT"

    select(faces)
    assert bpy.ops.glbv.close_asset() == {"FINISHED"}
    assert file_state() == file


def test_what_is_not_there_any_more_is_said(odd):
    bpy.ops.glbv.open_asset()
    faces = place_of("GLBV_MESH_INVERTED")
    thing = select(faces)
    mesh = bmesh.from_edit_mesh(thing.data)
    bmesh.ops.delete(mesh, geom=list(mesh.faces)[INVERTED_FACES[1] :], context="FACES")
    bmesh.update_edit_mesh(thing.data)
    mesh = bmesh.from_edit_mesh(select(faces).data)
    assert [face.index for face in mesh.faces if face.select] == [INVERTED_FACES[0]]
    bpy.ops.object.mode_set(mode="OBJECT")
    for thing in list(bpy.context.scene.objects):
        bpy.data.objects.remove(thing)
    with pytest.raises(RuntimeError, match="not in this scene"):
        bpy.ops.glbv.select_elements(finding=faces.number)
    with pytest.raises(RuntimeError, match="no such finding"):
        bpy.ops.glbv.select_elements(finding=9999)
    bpy.ops.glbv.close_asset()
    with pytest.raises(RuntimeError, match="Open an asset"):
        bpy.ops.glbv.select_elements(finding=0)


def test_another_profile_judges_at_once_and_a_waiver_counts(odd):
    assert state().snapshot.chosen.outcome == "warn"
    assert bpy.ops.glbv.validate_folder(folder=str(odd), profile="film") == {"FINISHED"}
    with pytest.raises(RuntimeError, match="no profile game-over"):
        bpy.ops.glbv.judge(folder=str(odd), profile="game-over")
    file = str(odd / "waivers.toml")
    with pytest.raises(RuntimeError, match="needs a reason"):
        bpy.ops.glbv.waive(code="GLBV_MESH_INVERTED", pattern="odd*", file=file)
    bpy.ops.glbv.open_asset()
    opened = bpy.context.window.scene.session_uid
    waiver = {"pattern": "odd*", "owner": "mira", "reason": "So it is drawn", "file": file}
    assert bpy.ops.glbv.waive(code="GLBV_MESH_INVERTED", **waiver) == {"FINISHED"}
    assert bpy.ops.glbv.judge(folder=str(odd), waivers=file) == {"FINISHED"}
    assert state().snapshot.message.startswith("1 judged")
    (row,) = state().snapshot.rows
    assert (row.outcome, row.brief["waived_count"]) == ("pass", 1)
    assert "open it again" in state().opened[opened].note, "what is said of it is of an earlier time"
    choose("odd asset.glb")
    bpy.ops.glbv.close_asset()
    bpy.ops.glbv.open_asset()
    last = state().opened[bpy.context.window.scene.session_uid].groups[-1]
    assert (last.waived, last.waiver.startswith("Waived by mira until ")) == (True, True)
    bpy.ops.glbv.close_asset()
    assert bpy.ops.glbv.resume_run(index=0) == {"FINISHED"}
    assert state().snapshot.message.startswith("0 judged")
    choose("odd asset.glb")
    assert bpy.ops.glbv.validate_again() == {"FINISHED"}
    assert state().snapshot.chosen.outcome == "pass"


def test_assets_have_pictures(odd):
    assert bpy.ops.glbv.validate_folder(folder=str(odd), previews="cycles") == {"FINISHED"}
    (row,) = state().snapshot.rows
    assert state().pictures.joinpath(row.brief["preview_file"]).read_bytes()[8:12] == b"WEBP"
    pictures = importlib.import_module(f"{NAME}.ui.pictures")
    icons = pictures.Pictures()
    (icon,) = {icons.icon(state().pictures, row.brief["preview_file"]) for _ in range(2)}
    assert bool(icon) or bpy.app.background
    assert icons.icon(state().pictures, "no such file.webp") == icons.icon(state().pictures, "../x.webp") == 0
    icons.close()


def test_a_quick_look_leaves_blender_out(odd):
    assert bpy.ops.glbv.validate_folder(folder=str(odd), depth="quick") == {"FINISHED"}
    (row,) = state().snapshot.rows
    assert row.triangles == "–"


def test_a_connection_is_tried():
    settings = bpy.context.preferences.addons[NAME].preferences
    bpy.ops.glbv.add_library()
    settings.library.kind = "FOLDER"
    settings.library.folder = str(LIBRARY)
    assert bpy.ops.glbv.test_connection() == {"FINISHED"}
    assert state().connection[0]
    settings.library.folder = str(LIBRARY / "nowhere")
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.glbv.test_connection()
    assert not state().connection[0]
    bpy.ops.glbv.remove_library()


def test_results_do_not_go_into_the_artists_file(tmp_path):
    bpy.ops.glbv.validate_folder(folder=str(LIBRARY))
    shown = len(bpy.context.window_manager.glbv.rows)
    path = tmp_path / "artist.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    assert b"glbv" not in path.read_bytes()
    assert len(bpy.context.window_manager.glbv.rows) == shown
    bpy.ops.wm.read_homefile(use_empty=True)
    assert len(bpy.context.window_manager.glbv.rows) == shown


def test_it_is_removed_without_a_trace(before):
    repositories = [repo.module for repo in bpy.context.preferences.extensions.repos]
    bpy.ops.preferences.addon_disable(module=NAME)
    bpy.ops.extensions.package_uninstall(repo_index=repositories.index("user_default"), pkg_id="glb_batch_validator")
    assert traces() == before
