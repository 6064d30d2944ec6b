"""Real assets, against what other programs say of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.animations import read_animations
from glb_batch_validator_addon.glb.document import require_gltf_2
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.glb.usage import unused_objects
from glb_batch_validator_addon.model.facts import FileFacts

from .documents import read

_CHANNELS = {"luminance": 1, "luminance-alpha": 2, "rgb": 3, "rgba": 4}


@pytest.fixture(scope="module")
def khronos(corpus: Path) -> dict[str, dict[str, Any]]:
    """The info blocks of the Khronos validator, for the GLBs that Blender does not refuse as such."""
    reports = json.loads((corpus / "KHRONOS_TRUTH.json").read_text(encoding="utf-8"))
    refused = ("GLB_LENGTH_MISMATCH", "GLB_EXTRA_DATA", "GLB_UNEXPECTED_END_OF_CHUNK_HEADER")
    return {
        name: report["info"]
        for name, report in reports.items()
        if "info" in report and not any(message["code"] in refused for message in report["issues"]["messages"])
    }


def test_all_that_blender_accepts_is_accepted(corpus: Path) -> None:
    with (corpus / "BLENDER_4_5_TRUTH.csv").open(encoding="utf-8", newline="") as file:
        accepted = [row["file"] for row in csv.DictReader(file) if row["status"] == "ok"]
    assert len(accepted) == 64
    for name in accepted:
        require_gltf_2(read((corpus / name).read_bytes())[1])


def test_all_that_blender_finds_wrong_with_the_container_is_named(corpus: Path) -> None:
    kinds = {}
    with (corpus / "BLENDER_4_5_TRUTH.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if any(words in row["err"] for words in ("Bad GLB", "Bad glTF", "GLB version")):
                with pytest.raises(AssetError) as caught:
                    read((corpus / row["file"]).read_bytes())
                kinds[row["file"].rpartition("__")[2]] = caught.value.kind
    assert kinds == {
        "TriangleGlbWithInvalidLength.glb": "TrailingBytes",
        "box-textured-binary.glb": "Version1",
        "empty_json_chunk.glb": "EmptyJson",
        "extra_data.glb": "TrailingBytes",
        "invalid_magic.glb": "Zeros",
        "only_bin_chunk.glb": "NoJsonChunk",
        "zero_length.glb": "WrongLength",
        "RelativeUri.glb": "GitLfsPointer",
        "TextureVariants-KTX.glb": "GitLfsPointer",
        "TextureVariants.glb": "GitLfsPointer",
        "tet-part1of2.glb": "GitLfsPointer",
        "unitCubeTextured.glb": "Version1",
    }


def test_facts_agree_with_the_khronos_validator(corpus: Path, khronos: dict[str, dict[str, Any]]) -> None:
    assert len(khronos) > 65
    for name, info in khronos.items():
        facts, _ = file_facts(*read((corpus / name).read_bytes()), (), {})
        ours = {
            "version": facts.gltf_version,
            "generator": facts.generator,
            "extensionsUsed": set(facts.extensions_used),
            "extensionsRequired": set(facts.extensions_required),
            "materialCount": facts.materials,
            "drawCallCount": facts.primitives,
            "animationCount": len(facts.animations),
            "hasSkins": facts.skins > 0,
            "hasMorphTargets": facts.morph_targets > 0,
            "hasTextures": facts.textures > 0,
        }
        assert (len(facts.material_list), len(facts.skin_list)) == (facts.materials, facts.skins)
        theirs = {key: info.get(key) for key in ours}
        theirs["extensionsUsed"] = set(info.get("extensionsUsed", []))
        theirs["extensionsRequired"] = set(info.get("extensionsRequired", []))
        assert ours == theirs, name


def test_images_agree_with_the_khronos_validator(corpus: Path, khronos: dict[str, dict[str, Any]]) -> None:
    compared = 0
    for name, info in khronos.items():
        images = file_facts(*read((corpus / name).read_bytes()), (), {})[0].images
        for resource in info.get("resources", []):
            if "image" in resource:
                ours = images[int(resource["pointer"].rpartition("/")[2])]
                theirs = resource["image"]
                assert ours.mime_type == resource["mimeType"], name
                assert (ours.width, ours.height) == (theirs["width"], theirs["height"]), name
                assert (ours.channels, ours.bit_depth) == (_CHANNELS[theirs["format"]], theirs["bits"]), name
                compared += 1
    assert compared == 69


def test_ktx2_images_that_no_other_program_at_hand_reads(corpus: Path) -> None:
    name = "CesiumGS__cesium-native/CesiumGltfReader__test__data__CesiumBalloon__CesiumBalloonKTX2.glb"
    images = file_facts(*read((corpus / name).read_bytes()), (), {})[0].images
    assert [(image.mime_type, image.width, image.height) for image in images] == [
        ("image/ktx2", 1024, 1024),
        ("image/ktx2", 1024, 1024),
        ("image/ktx2", 64, 64),
    ]


@pytest.fixture(scope="module")
def messages(corpus: Path, khronos: dict[str, dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Pointers of the Khronos validator's messages by file and code; its list of one file is cut at 1,000."""
    reports = json.loads((corpus / "KHRONOS_TRUTH.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[str]]] = {name: {} for name in khronos}
    for name in khronos:
        for message in reports[name]["issues"]["messages"]:
            found[name].setdefault(message["code"], []).append(message.get("pointer", ""))
    return found


@pytest.fixture(scope="module")
def facts(corpus: Path, khronos: dict[str, dict[str, Any]]) -> dict[str, FileFacts]:
    return {name: file_facts(*read((corpus / name).read_bytes()), (), {})[0] for name in khronos}


# Where the validator calls unused what an extension uses that it does not look into
_BY_EXTENSION = {
    "CesiumBalloonKTX2.glb": {"images": "KHR_texture_basisu"},
    "0.glb": {"bufferViews": "EXT_structural_metadata"},
    "models__sd-macross-city-standoff-diorama__scene.glb": {"buffers": "EXT_meshopt_compression"},
    "Box_Draco.glb": {"bufferViews": "KHR_draco_mesh_compression"},
    "carbon-sphere.glb": {"bufferViews": "KHR_draco_mesh_compression"},
    "chess-board.glb": {"bufferViews": "KHR_draco_mesh_compression"},
    "Mech_FinnTheFrog-transformed.glb": {"bufferViews": "KHR_draco_mesh_compression"},
    "Rock_1-transformed.glb": {"bufferViews": "KHR_draco_mesh_compression"},
    "image-3d-not-bundled.glb": {"images": "KHR_texture_ktx"},
    "InstanceTest.glb": {"accessors": "EXT_mesh_gpu_instancing"},
    "tower.glb": {"bufferViews": "KHR_spz_gaussian_splats_compression"},
}


def test_unused_objects_are_those_of_the_khronos_validator_and_what_they_alone_use(
    corpus: Path, messages: dict[str, dict[str, list[str]]]
) -> None:
    compared = 0
    for name, codes in messages.items():
        theirs = {pointer for pointer in codes.get("UNUSED_OBJECT", []) if pointer.count("/") == 2}
        document = read((corpus / name).read_bytes())[1]
        found = unused_objects(document, read_animations(document))
        ours = {f"/{array}/{index}" for array, indices in found.items() for index in indices}
        excused = next((arrays for end, arrays in _BY_EXTENSION.items() if name.endswith((f"__{end}", f"/{end}"))), {})
        assert set(excused.values()) <= set(document.texts("extensionsUsed"))
        assert {pointer.split("/")[1] for pointer in theirs - ours} == excused.keys(), name
        # Of what is unused it names the first only
        assert {pointer.split("/")[1] for pointer in ours - theirs} <= {"accessors", "bufferViews"}, name
        compared += len(theirs & ours)
    assert compared == 65


def test_primitives_agree_with_the_khronos_validator(
    messages: dict[str, dict[str, list[str]]], facts: dict[str, FileFacts]
) -> None:
    for name, codes in messages.items():
        ours = facts[name].primitive_list
        unused_uv = {pointer.rsplit("/", 2)[0] for pointer in codes.get("UNUSED_OBJECT", []) if "TEXCOORD" in pointer}
        assert ours.unused_uv.count == len(unused_uv), name
        assert ours.without_tangents.count == len(codes.get("MESH_PRIMITIVE_GENERATED_TANGENT_SPACE", [])), name
        assert ours.without_uv.count == len(codes.get("MESH_PRIMITIVE_TOO_FEW_TEXCOORDS", [])), name
        assert (ours.non_finite is None or not ours.non_finite.count) or "ACCESSOR_INVALID_FLOAT" in codes, name


def test_empty_nodes_agree_with_the_khronos_validator(
    messages: dict[str, dict[str, list[str]]], facts: dict[str, FileFacts]
) -> None:
    for name, codes in messages.items():
        theirs = len(codes.get("NODE_EMPTY", []))
        animated = name.endswith("overview.glb")  # one of the four there is animated, and so no place for a hint
        assert facts[name].hierarchy.empty.count == theirs - animated, name


def test_skins_agree_with_the_khronos_validator(
    khronos: dict[str, dict[str, Any]], messages: dict[str, dict[str, list[str]]], facts: dict[str, FileFacts]
) -> None:
    weighed = 0
    for name, info in khronos.items():
        for skin in facts[name].skin_list:
            if skin.influences is not None:
                assert skin.influences <= info["maxInfluences"], name  # which counts sets of four
                weighed += skin.bad_weights or 0
    assert weighed == sum(len(codes.get("ACCESSOR_WEIGHTS_NON_NORMALIZED", [])) for codes in messages.values()) == 37
