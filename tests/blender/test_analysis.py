"""One asset through container, import and measurement, inside a Blender. The truth is how the samples were made."""

from __future__ import annotations

import json
import random
import shutil
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import bpy
import pytest

from demo.glb_builder import glb
from demo.samples import write_samples
from glb_batch_validator_addon.analysis import Analysis
from glb_batch_validator_addon.blender import scene
from glb_batch_validator_addon.blender.preview import Previews
from glb_batch_validator_addon.glb.container import read_container, replace_json
from glb_batch_validator_addon.khronos.validator import open_validator
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.profile import Demand, Depth, Profile
from glb_batch_validator_addon.model.report import Failure
from glb_batch_validator_addon.model.wire import Reply, Request, Resource, decode_reply, encode

VALIDATOR = open_validator()
loaded: list[str] = []  # by Blender, as images


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "library"
    write_samples(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _started():
    scene.start()


def answer(request: Request) -> Reply:
    managed = scene.managed_extensions()
    return Analysis(request, managed=managed, validator=VALIDATOR, previews=Previews(), enter=lambda stage: None).run()


def analyse(
    path: Path,
    *,
    library: Path | None = None,
    number: int = 1,
    depth: Depth = "standard",
    failed: Failure | None = None,
) -> Reply:
    """What a worker answers over the wire to a private copy; what the asset refers to is taken from the library."""
    root = library or path.parent
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, Path(folder, "1.glb"))
        request = Request(
            id=1,
            path=str(copy),
            key=path.relative_to(root).as_posix(),
            root="",
            limits=Limits(),
            demand=Demand(profile=Profile(name="default"), depth=depth),
            failed=failed,
        )
        reply = answer(request)
        if reply.needs:
            resources = {
                key: Resource(path=str(root / key))
                if (root / key).is_file()
                else Resource(path=None, reason="Not there.")
                for key in reply.needs
            }
            reply = answer(replace(request, resources=resources))
    loaded.extend(image.filepath for image in bpy.data.images if image.filepath)
    scene.reset(number)
    over_the_wire = decode_reply(encode(reply))
    assert isinstance(over_the_wire, Reply)
    return over_the_wire


def facts_of(path: Path, **options: object) -> dict:
    reply = analyse(path, **options)
    assert reply.error is None
    return reply.facts


def test_a_box_is_measured_exactly(samples):
    facts = facts_of(samples / "good/cube.glb")
    counts = {name: facts[name] for name in ("vertices", "edges", "faces", "triangles", "meshes", "objects")}
    assert counts == {"vertices": 24, "edges": 30, "faces": 12, "triangles": 12, "meshes": 1, "objects": 1}
    # glTF's (x, y, z) is Blender's (x, -z, y): 2 wide, 1 high, 0.5 deep
    assert facts["dimensions_m"] == pytest.approx([2.0, 0.5, 1.0])
    assert facts["bounds_m"][0] == pytest.approx([-1.0, -0.25, -0.5])
    assert (facts["primitives"], facts["draw_calls"]) == (1, 1)
    assert facts["missing"] == []


def test_materials_images_and_uv_maps_are_named(samples):
    facts = facts_of(samples / "good/textured crate.glb")
    assert facts["materials"] == ["paint"]
    assert facts["uv_maps"] == ["UVMap"]
    (image,) = facts["images"]
    assert (image["name"], image["mime_type"], image["source"]) == ("checker", "image/png", "bin")
    assert image["width"] == image["height"] > 0


def test_instances_count_once_as_unique_and_each_as_rendered(samples):
    facts = facts_of(samples / "good/instanced.glb")
    assert (facts["vertices"], facts["triangles"], facts["meshes"]) == (24, 12, 1)
    assert (facts["rendered_vertices"], facts["rendered_triangles"], facts["mesh_objects"]) == (600, 300, 25)
    assert (facts["primitives"], facts["draw_calls"]) == (1, 25)
    assert facts["dimensions_m"] == pytest.approx([7.0, 1.0, 7.0])


def test_two_hundred_thousand_triangles_are_counted(samples):
    facts = facts_of(samples / "good/heavy.glb")
    assert facts["triangles"] == 200_000
    assert facts["vertices"] >= 100_000


def test_animations_have_name_seconds_and_channels(samples):
    facts = facts_of(samples / "good/animated.glb")
    (spin,) = facts["animations"]
    assert (spin["name"], spin["seconds"], spin["channels"]) == ("spin", 2.0, 2)
    assert facts["actions"] >= 1


def test_bones_belong_to_the_asset_and_their_shapes_do_not(samples):
    facts = facts_of(samples / "good/skinned.glb")
    assert (facts["armatures"], facts["bones"], facts["file"]["joints"]) == (1, 2, 2)
    assert facts["mesh_objects"] == 1


def test_morph_targets_arrive_as_shape_keys(samples):
    facts = facts_of(samples / "good/morph.glb")
    assert (facts["shape_keys"], facts["file"]["morph_targets"]) == (2, 2)


def test_lights_and_cameras_are_counted(samples):
    facts = facts_of(samples / "good/light and camera.glb")
    assert (facts["lights"], facts["cameras"], facts["mesh_objects"]) == (1, 1, 1)


def test_a_mesh_that_no_scene_shows_is_named_as_missing(samples):
    facts = facts_of(samples / "doubtful/without scene.glb")
    assert facts["triangles"] == 0
    assert facts["bounds_m"] is None
    assert [(lost["what"], lost["name"]) for lost in facts["missing"]] == [("mesh", "lost")]


def test_an_extension_that_is_ignored_is_named_as_missing(samples):
    facts = facts_of(samples / "good/basisu fallback.glb")
    assert ("extension", "KHR_texture_basisu") in {(lost["what"], lost["name"]) for lost in facts["missing"]}
    assert ("image", "basis") in {(lost["what"], lost["name"]) for lost in facts["missing"]}


def test_an_extension_that_is_required_and_not_read_makes_the_asset_unsupported(samples):
    reply = analyse(samples / "unsupported/unknown extension.glb")
    assert reply.error.unsupported
    assert "EXAMPLE_unheard_of" in reply.error.message
    assert reply.facts["file"]["meshes"] == 1, "what needs no Blender is reported all the same"
    assert reply.facts["triangles"] is None


def test_a_texture_beside_the_asset_is_found_by_the_importer(samples):
    facts = facts_of(samples / "references/props/external texture.glb", library=samples)
    (reference,) = facts["references"]
    assert (reference["outcome"], reference["key"]) == ("fetched", "references/textures/checker board.png")
    assert facts["images"][0]["mime_type"] == "image/png"
    assert (facts["missing"], facts["importer_messages"]) == ([], [])


def test_a_texture_that_is_not_there_is_named(samples):
    facts = facts_of(samples / "references/props/external texture.glb", library=samples / "references/props")
    assert facts["references"][0]["outcome"] == "refused", "it lies outside of this library"
    facts = facts_of(samples / "references/props/external texture.glb", library=samples / "references")
    assert facts["references"][0]["outcome"] == "fetched"


def test_what_leads_out_of_the_library_is_never_opened(samples):
    """An audit hook sees every file that Python opens, `loaded` the paths of all images that Blender was given."""
    outside = samples.parent / "outside.png"  # a file that Blender could load
    outside.write_bytes((samples / "references/textures/checker board.png").read_bytes())
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    loaded.clear()
    facts = facts_of(samples / "references/props/leaves the library.glb", library=samples)
    assert {reference["outcome"] for reference in facts["references"]} == {"refused"}
    assert len(facts["references"]) == 6
    assert all(reference["reason"] for reference in facts["references"])
    assert len([lost for lost in facts["missing"] if lost["what"] == "image"]) == 6
    assert not [path for path in opened if path.endswith(("outside.png", "hostname", "COM1.png", "texture.png"))]
    assert loaded
    assert [path for path in loaded if "glbv-refused" not in path] == []


def test_a_file_of_the_library_cannot_take_the_place_of_the_asset(samples):
    """It is what is checked that is imported, whatever the asset's own references are called."""
    document = b'{"asset":{"version":"2.0"},"images":[{"uri":"glbv-asset.glb"}]}'
    (samples / "sly.glb").write_bytes(glb(document))
    (samples / "glbv-asset.glb").write_bytes((samples / "good/cube.glb").read_bytes())
    assert facts_of(samples / "sly.glb")["triangles"] == 0


def test_what_a_hostile_file_puts_into_an_exception_is_cut(samples):
    data = (samples / "good/cube.glb").read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    document["accessors"][0]["type"] = "X" * 100_000
    (samples / "loud.glb").write_bytes(replace_json(read_container(data, Limits()), json.dumps(document).encode()))
    reply = analyse(samples / "loud.glb")
    assert reply.error
    assert len(reply.error.message) < 1100


def test_scenes_of_one_asset_are_gone_before_the_next(samples):
    for number in range(3):
        analyse(samples / "good/cube.glb", number=number)
        bpy.data.scenes.new("left over")
    analyse(samples / "good/cube.glb")
    assert len(bpy.data.scenes) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("truncated", "Truncated"),
        ("empty", "Empty"),
        ("html page", "HtmlPage"),
        ("s3 error", "S3Error"),
        ("lfs pointer", "GitLfsPointer"),
        ("version 1", "Version1"),
        ("wrong magic", "WrongMagic"),
        ("deep json", "OverLimit"),
    ],
)
def test_what_is_not_a_glb_is_named_and_never_reaches_the_importer(samples, name, kind):
    reply = analyse(samples / "broken" / f"{name}.glb")
    assert (reply.verdict, reply.error.stage, reply.error.type) == ("error", "container", kind)
    assert "Traceback" not in reply.error.message


def test_draco_is_decoded_or_the_missing_library_is_named(samples, tmp_path):
    """Which of the two is up to the build of Blender; it is found out by trying."""
    path = tmp_path / "draco.glb"
    bpy.ops.mesh.primitive_torus_add(major_segments=48, minor_segments=24)
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", export_draco_mesh_compression_enable=True)
    scene.reset(1)
    if b"KHR_draco_mesh_compression" not in path.read_bytes():
        pytest.skip("this build of Blender has no Draco library, and so cannot write such a file")
    assert facts_of(path)["triangles"] == 48 * 24 * 2


def test_the_same_bytes_give_the_same_facts_whatever_came_before(samples):
    """Scene, names, frame, custom properties: nothing of one asset is left for the next."""
    paths = sorted((samples / "good").rglob("*.[gG][lL][bB]"))

    def facts(order):
        return {path: replace(analyse(path, number=number), seconds={}, id=0) for number, path in enumerate(order)}

    first = facts(paths)
    shuffled = random.Random(7).sample(paths, len(paths))
    assert facts(shuffled) == first


def test_an_importer_that_raised_leaves_no_log_handlers(samples):
    import logging

    refused = samples / "refused.glb"
    refused.write_bytes((samples / "good/cube.glb").read_bytes().replace(b'"POSITION":', b'"POSITIVE":'))
    for number in range(3):
        analyse(refused, number=number)
    for name in ("glTFImporter", "glTFImporter_errors"):
        assert logging.getLogger(name).handlers == []


def test_the_scene_is_empty_after_each_asset(samples):
    analyse(samples / "good/skinned.glb")
    assert not [*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials, *bpy.data.armatures, *bpy.data.actions]
