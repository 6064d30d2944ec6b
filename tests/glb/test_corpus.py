"""Real assets, against what other programs say of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.document import require_gltf_2
from glb_batch_validator_addon.glb.summary import file_facts

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
        facts = file_facts(*read((corpus / name).read_bytes()), (), {})
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
        theirs = {key: info.get(key) for key in ours}
        theirs["extensionsUsed"] = set(info.get("extensionsUsed", []))
        theirs["extensionsRequired"] = set(info.get("extensionsRequired", []))
        assert ours == theirs, name


def test_images_agree_with_the_khronos_validator(corpus: Path, khronos: dict[str, dict[str, Any]]) -> None:
    compared = 0
    for name, info in khronos.items():
        images = file_facts(*read((corpus / name).read_bytes()), (), {}).images
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
    images = file_facts(*read((corpus / name).read_bytes()), (), {}).images
    assert [(image.mime_type, image.width, image.height) for image in images] == [
        ("image/ktx2", 1024, 1024),
        ("image/ktx2", 1024, 1024),
        ("image/ktx2", 64, 64),
    ]
