"""The file: each rule about what breaks it and about what just keeps it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from demo.glb_builder import GlbBuilder, checker_png, cube
from demo.samples import small_assets, write_samples
from glb_batch_validator_addon.model.facts import ReferenceFacts
from glb_batch_validator_addon.model.finding import Saving
from glb_batch_validator_addon.rules import materials, rigs, structure  # noqa: F401  # registered
from tests.rules.building import all_said_of, primitive, said_of, subject_of, textured
from tests.rules.making import said

PRIMITIVE = "/meshes/0/primitives/0"


def references(outcome: str) -> list[tuple[str, str | None]]:
    """What the three rules say of one reference: code and pointer."""
    builder = GlbBuilder()
    builder.add("images", uri="a.png")
    reference = ReferenceFacts(pointer="/images/0/uri", uri="a.png", key="a.png", outcome=outcome, reason="It is gone.")
    about = subject_of(builder.build(), (reference,))
    codes = ("GLBV_FILE_EXTERNAL_REFERENCE", "GLBV_FILE_REFERENCE_MISSING", "GLBV_FILE_REFERENCE_REFUSED")
    return [(code, issue.pointer) for code in codes for issue in said(code, about)]


def test_references() -> None:
    assert references("fetched") == [("GLBV_FILE_EXTERNAL_REFERENCE", "/images/0/uri")]
    assert references("missing") == [("GLBV_FILE_REFERENCE_MISSING", "/images/0/uri")]
    assert references("refused") == [("GLBV_FILE_REFERENCE_REFUSED", "/images/0/uri")]


def test_extensions_that_are_not_allowed() -> None:
    builder = textured()
    builder.extension("KHR_materials_ior")
    builder.extension("KHR_materials_sheen")
    code = "GLBV_EXTENSION_NOT_ALLOWED"
    assert said_of(code, builder) == []
    assert said_of(code, builder, allowed=["KHR_materials_sheen", "KHR_materials_ior"]) == []
    (issue,) = said_of(code, builder, allowed=["KHR_materials_ior"])
    assert (issue.message, issue.pointer) == ("It uses the extension KHR_materials_sheen.", "/extensionsUsed/1")
    assert len(said_of(code, builder, allowed=[])) == 2


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("KHR_materials_ior", True),
        ("KHR_materials_pbrSpecularGlossiness", True),
        ("EXT_texture_webp", True),
        ("VRMC_vrm", True),
        ("VRM", True),
        ("KHR_materials_IOR", False),
        ("EXAMPLE_unheard_of", False),
        ("pbrMetallicRoughness", False),
        ("", False),
    ],
)
def test_extensions_that_nobody_knows(name: str, known: bool) -> None:
    builder = textured()
    builder.extension(name)
    assert len(said_of("GLBV_EXTENSION_UNKNOWN", builder)) == (not known)


def test_archived_and_required_extensions() -> None:
    builder = textured()
    builder.extension("KHR_texture_transform")
    assert said_of("GLBV_EXTENSION_ARCHIVED", builder) == said_of("GLBV_EXTENSION_REQUIRED", builder) == []
    builder.extension("KHR_materials_pbrSpecularGlossiness", required=True)
    assert said_of("GLBV_EXTENSION_ARCHIVED", builder)[0].pointer == "/extensionsUsed/1"
    assert said_of("GLBV_EXTENSION_REQUIRED", builder)[0].pointer == "/extensionsRequired/0"


def test_unused_data() -> None:
    builder = textured()
    assert said_of("GLBV_DATA_UNUSED", builder) == []
    image = checker_png(16)
    builder.add("materials", normalTexture={"index": builder.add("textures", source=builder.image(image, "image/png"))})
    issues = said_of("GLBV_DATA_UNUSED", builder)
    assert [issue.pointer for issue in issues] == ["/materials/1", "/textures/1", "/images/1", "/bufferViews/5"]
    assert issues[2].message == f"1 image that nothing uses, {len(image):,} bytes: /images/1."
    assert [issue.saves for issue in issues] == [None, None, Saving(bytes=len(image)), None]


def test_many_unused_are_one_issue() -> None:
    builder = textured()
    for number in range(30):
        builder.add("meshes", name=f"spare {number}", primitives=[])
    (issue,) = said_of("GLBV_DATA_UNUSED", builder)
    assert issue.message == '30 meshes that nothing uses: "spare 0", "spare 1", "spare 2" and others.'
    assert issue.count == 30


def test_depth_and_number_of_nodes() -> None:
    builder = textured()
    builder.json["nodes"][0]["children"] = [builder.add("nodes", name="below", mesh=0)]
    for code, threshold in (("GLBV_NODES_TOO_DEEP", "max_depth"), ("GLBV_NODES_TOO_MANY", "max_count")):
        assert said_of(code, builder) == said_of(code, builder, **{threshold: 2}) == []
        (issue,) = said_of(code, builder, **{threshold: 1})
        assert "2 nodes" in issue.message


def test_empty_nodes() -> None:
    builder = textured()
    assert said_of("GLBV_NODES_EMPTY", builder) == []
    builder.add("nodes", name="left over")
    (issue,) = said_of("GLBV_NODES_EMPTY", builder)
    assert (issue.message, issue.pointer) == ('1 node without anything: "left over".', "/nodes/1")


def test_names() -> None:
    builder = textured()
    codes = ("GLBV_NAMES_MISSING", "GLBV_NAMES_DUPLICATE", "GLBV_NAMES_ODD")
    assert [said_of(code, builder) for code in codes] == [[], [], []]
    builder.add("nodes", name="box", mesh=0)
    builder.add("nodes", mesh=builder.add("meshes", primitives=[]))
    builder.add("materials", name="a\nb")
    assert [said_of(code, builder)[0].pointer for code in codes] == ["/nodes/2", "/nodes/1", "/materials/1"]
    assert "\n" not in said_of("GLBV_NAMES_ODD", builder)[0].message


def test_meshes_without_indices_and_without_triangles() -> None:
    builder = textured()
    assert said_of("GLBV_MESH_NO_INDICES", builder) == said_of("GLBV_MESH_NOT_TRIANGLES", builder) == []
    del primitive(builder)["indices"]
    assert said_of("GLBV_MESH_NO_INDICES", builder)[0].pointer == PRIMITIVE
    primitive(builder)["mode"] = 1
    assert said_of("GLBV_MESH_NO_INDICES", builder) == []
    assert said_of("GLBV_MESH_NOT_TRIANGLES", builder)[0].pointer == PRIMITIVE


def test_primitives_that_could_be_one() -> None:
    builder = textured()
    builder.material("other")
    builder.json["meshes"][0]["primitives"].append({**primitive(builder), "material": 1})
    assert said_of("GLBV_PRIMITIVES_MERGEABLE", builder) == []
    builder.json["meshes"][0]["primitives"].append({**primitive(builder)})
    (issue,) = said_of("GLBV_PRIMITIVES_MERGEABLE", builder)
    assert issue.message == "1 of 3 draw calls could be saved by joining primitives."
    assert issue.saves == Saving(draw_calls=1)


def test_uv_maps() -> None:
    builder = textured()
    assert said_of("GLBV_UV_MISSING", builder) == said_of("GLBV_UV_UNUSED", builder) == []
    attributes = primitive(builder)["attributes"]
    attributes["TEXCOORD_1"] = builder.accessor([(0.0, 0.0)] * 24)
    assert said_of("GLBV_UV_UNUSED", builder)[0].saves == Saving(bytes=192, gpu_bytes=192)
    del attributes["TEXCOORD_0"]
    assert said_of("GLBV_UV_MISSING", builder)[0].pointer == PRIMITIVE


def test_normals_and_tangents() -> None:
    builder = textured(normalTexture={"index": 0})
    assert said_of("GLBV_NORMALS_MISSING", builder) == []
    assert said_of("GLBV_TANGENTS_MISSING", builder)[0].pointer == PRIMITIVE
    primitive(builder)["attributes"]["TANGENT"] = builder.accessor([(1.0, 0.0, 0.0, 1.0)] * 24)
    assert said_of("GLBV_TANGENTS_MISSING", builder) == []
    del primitive(builder)["attributes"]["NORMAL"]
    assert said_of("GLBV_NORMALS_MISSING", builder)[0].pointer == PRIMITIVE


@pytest.mark.parametrize(("number", "broken"), [(3e38, False), (math.nan, True), (math.inf, True)])
def test_vertices_that_are_no_numbers(number: float, broken: bool) -> None:
    builder = textured()
    primitive(builder)["attributes"]["NORMAL"] = builder.accessor([(0.0, 0.0, 1.0)] * 23 + [(0.0, 0.0, number)])
    assert len(said_of("GLBV_VERTEX_DATA_NON_FINITE", builder)) == broken


@pytest.mark.parametrize("family", ["structure", "materials", "rigs"])
def test_good_assets_pass_without_warnings(family: str, tmp_path: Path) -> None:
    good = [data for _, data in small_assets(20, seed=5)]
    good += [(tmp_path / s.name).read_bytes() for s in write_samples(tmp_path) if s.name.startswith("good/")]
    assert len(good) > 30
    for data in [*good, textured().build()]:
        assert [rule.code for rule, _ in all_said_of(data, family) if rule.severity in ("error", "warning")] == []


def test_nothing_at_all_is_said_of_a_textured_cube() -> None:
    for family in ("structure", "materials", "rigs"):
        assert list(all_said_of(textured().build(), family)) == []


def test_a_file_of_nothing_is_borne() -> None:
    for family in ("structure", "materials", "rigs"):
        assert list(all_said_of(GlbBuilder().build(), family)) == []


def test_cube_has_the_vertices_that_tests_count_on() -> None:
    assert len(cube().positions) == 24
