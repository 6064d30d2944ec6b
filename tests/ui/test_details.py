"""What the details say of one asset."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from glb_batch_validator_addon.model.finding import Finding
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.report import Failure, Report
from glb_batch_validator_addon.ui.details import Details, Opened
from glb_batch_validator_addon.ui.results import Row
from tests.ui.conftest import asset, found


def test_facts_are_in_the_units_of_people():
    row = Row.of(
        asset("p/a.glb", size_bytes=2_345_678, dimensions_m=[4.8691, 2.0, 0.012], vertices=1234, image_count=None)
    )
    facts = dict(Details.of(row).facts)
    assert facts["File Size"] == "2.3 MB"
    assert facts["Dimensions"] == "4.87 × 2 × 0.012 m"
    assert facts["Vertices"] == "1,234"
    assert "Images" not in facts


def test_an_error_is_told_in_full_and_first():
    error = {"stage": "import", "type": "OutOfMemory", "message": "It is too large.", "signal": None}
    details = Details.of(Row.of(asset("a.glb", "error", error=error, findings=[found("URI_GLB")])))
    told, rule = details.groups
    assert (told.title, told.severity, told.message) == ("Out Of Memory", "error", "It is too large.")
    assert rule.code == "URI_GLB"


@pytest.mark.parametrize(
    ("counts", "waived", "rest"),
    [
        ({"error": 3}, 0, ""),
        ({"error": 3, "hint": 4}, 0, "4 more: open the asset, or read its report."),
        ({"error": 3}, 2, "2 waived: open the asset, or read its report."),
        ({"error": 3, "info": 1}, 2, "1 more and 2 waived: open the asset, or read its report."),
    ],
)
def test_what_a_brief_does_not_name_is_counted(counts, waived, rest):
    row = Row.of(asset("a.glb", "fail", findings=[found("X", count=3)], finding_counts=counts, waived_count=waived))
    assert Details.of(row).rest == rest


def report(*findings: Finding, coverage: tuple = (), error: Failure | None = None) -> Report:
    return Report(
        verdict="fail",
        asset=StoredObject(key="a.glb", size_bytes=1, etag="e", last_modified=""),
        uri="",
        sha256=None,
        error=error,
        findings=[asdict(finding) for finding in findings],
        coverage=list(coverage),
        run={},
    )


def test_of_an_opened_asset_everything_is_known():
    findings = [Finding(code=f"RULE_{number}", severity="info", message="So.", mesh="Leaf") for number in range(20)]
    unchecked = {"need": "deep", "reason": "Depth `standard` leaves it out; `--depth deep` looks."}
    error = Failure(stage="measure", type="OutOfMemory", message="No room.")
    opened = Opened.of(Row.of(asset("a.glb")), report(*findings, coverage=(unchecked, unchecked), error=error))
    assert len(opened.groups) == 21
    assert opened.groups[0].title == "Out Of Memory"
    assert opened.places[7].mesh == "Leaf"
    assert opened.unchecked == ("Depth standard leaves it out; Depth deep looks.",)
    assert opened.note == ""


def test_an_asset_without_a_report_shows_what_the_list_knows():
    opened = Opened.of(Row.of(asset("a.glb", "fail", findings=[found("X")])), None)
    assert [group.code for group in opened.groups] == ["X"]
    assert "validate it again" in opened.note
    assert Opened.of(Row.of(asset("a.glb")), report()).note == "Nothing was found."


@pytest.mark.parametrize(
    "elements", [5, {}, {"kind": "x", "count": 1, "first": [1]}, {"kind": "face", "count": 1, "first": ["x"]}]
)
def test_a_report_that_somebody_made_up_is_none(elements):
    made_up = report(Finding(code="X", severity="info", message="So.", mesh="Leaf"))
    made_up.findings[0]["elements"] = elements or {"first": []}
    with pytest.raises(ValueError, match=r"not a report|invalid literal"):
        Opened.of(Row.of(asset("a.glb")), made_up)
