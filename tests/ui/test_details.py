"""What the details say of one asset."""

from __future__ import annotations

from glb_batch_validator_addon.ui.details import Details
from glb_batch_validator_addon.ui.results import Row
from tests.ui.conftest import asset


def test_facts_are_in_the_units_of_people():
    row = Row.of(
        asset("p/a.glb", size_bytes=2_345_678, dimensions_m=[4.8691, 2.0, 0.012], vertices=1234, image_count=None)
    )
    facts = dict(Details.of(row).facts)
    assert facts["File Size"] == "2.3 MB"
    assert facts["Dimensions"] == "4.87 × 2 × 0.012 m"
    assert facts["Vertices"] == "1,234"
    assert "Images" not in facts


def test_an_error_is_told_in_full():
    error = {"stage": "import", "type": "Crashed", "message": "Blender crashed.", "signal": "SIGSEGV"}
    assert Details.of(Row.of(asset("a.glb", "error", error=error))).findings == (("error", "Blender crashed."),)


def test_what_is_missing_is_named_and_the_rest_counted():
    missing = [{"what": "image", "name": "wood", "reason": "There is no such file in the library."}]
    details = Details.of(Row.of(asset("a.glb", missing=missing, missing_count=4)))
    assert details.findings == (
        ("incomplete", "Image wood: There is no such file in the library."),
        ("incomplete", "3 more are missing: see the report."),
    )
