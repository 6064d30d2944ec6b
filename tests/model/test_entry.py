"""What the outputs of a run keep of a report."""

from __future__ import annotations

from typing import Any

import pytest

from glb_batch_validator_addon.model.entry import BYTE_KINDS, Change, Place, change, extract, places_of
from glb_batch_validator_addon.model.facts import Facts, facts_document
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.report import Report
from tests.reports.entries import finding
from tests.rules.making import empty


def report(
    *findings: dict[str, Any], size_bytes: int = 1000, facts: dict[str, Any] | None = None, **file: Any
) -> Report:
    document = {**facts_document(empty(Facts)), **(facts or {})}
    document["file"] = {**document["file"], "primitive_list": {"geometry_bytes": 70}, **file}
    return Report(
        verdict="pass",
        asset=StoredObject(key="a.glb", size_bytes=size_bytes, etag="1", last_modified=""),
        uri="s3://b/a.glb",
        sha256="00" * 32,
        error=None,
        findings=list(findings),
        facts=document,
        run={},
    )


def image(**values: Any) -> dict[str, Any]:
    names = ("name", "mime_type", "size_bytes", "gpu_bytes", "width", "height", "sha256", "slots")
    return {**dict.fromkeys(names), "source": "bin", **values}


def test_bytes_by_kind_add_up_to_the_file():
    images = [image(size_bytes=300, slots=["normal"]), image(size_bytes=999, source="wood.png", slots=[])]
    meshes = [{"name": "a", "sha256": "1", "size_bytes": 200}]
    kinds = extract(report(facts={"images": images}, geometry=meshes, animation_bytes=50, json_bytes=100))["bytes"]
    assert kinds == {"textures": 300, "geometry": 200, "animations": 50, "json": 100, "rest": 350}
    assert tuple(kinds) == BYTE_KINDS


def test_what_a_hostile_file_declares_is_never_more_than_the_file():
    kinds = extract(report(geometry=[{"name": "", "sha256": None, "size_bytes": 10**12}], json_bytes=100))["bytes"]
    assert sum(kinds.values()) == 1000
    assert kinds["geometry"] == 900


def test_gpu_memory_is_of_images_in_use_and_of_geometry():
    images = [image(gpu_bytes=1000, slots=["normal"]), image(gpu_bytes=5000, slots=[]), image(slots=["emissive"])]
    assert extract(report(facts={"images": images}))["gpu_bytes"] == 1070


def test_an_image_that_was_decoded_has_its_looks():
    pixels = [
        {"image": 1, "broken": "", "fingerprint": "f0" * 8, "mean": [0.1, 0.2, 0.3]},
        {"image": 0, "broken": "It ends too early.", "fingerprint": None, "mean": [0, 0, 0]},
    ]
    first, second = extract(report(facts={"images": [image(slots=[]), image(slots=[])], "pixels": pixels}))["images"]
    assert (first["fingerprint"], first["mean"]) == (None, None)
    assert (second["fingerprint"], second["mean"]) == ("f0" * 8, [0.1, 0.2, 0.3])


def test_texel_density_is_the_median_by_area():
    def mesh(uv_per_m: float, texture_px: float, area_m2: float) -> dict[str, Any]:
        density = {"median_uv_per_m": uv_per_m, "texture_px": texture_px, "area_m2": area_m2}
        return {"uv_maps": [{"densities": [density]}]}

    meshes = [mesh(1.0, 1024, 1.0), mesh(0.5, 1024, 8.0), mesh(100.0, 1024, 2.0), mesh(9.0, 0, 50.0)]
    assert extract(report(facts={"mesh_list": meshes}))["texel_density"] == 512
    assert extract(report(facts={"mesh_list": None}))["texel_density"] is None


def test_facts_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="not those of a report"):
        extract(report(geometry=None))


def test_findings_are_the_same_by_code_and_place():
    places = places_of(
        [
            finding("B", pointer="/images/0", mesh="wood"),
            finding("A", mesh="wood", object="chair"),
            finding("A", mesh="wood", message="Said in other words."),
            finding("C"),
            finding("D", waived=True),
        ]
    )
    assert places == [Place("A", "wood"), Place("B", "/images/0"), Place("C", "")]


def test_a_change_is_what_is_new_what_is_fixed_and_what_stays():
    a, b, c = Place("A", ""), Place("B", ""), Place("C", "")
    assert change([a, b], [b, c]) == Change(new=(c,), fixed=(a,), still=(b,))
