"""What lists and the ledger keep of a report."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from glb_batch_validator_addon.model.finding import Finding, Severity
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.report import MAX_BRIEF_RULES, MAX_BRIEF_TEXT, Failure, Report, from_json

ITEM = StoredObject(key="a.glb", size_bytes=7, etag="e", last_modified="2024-01-01T00:00:00Z")
FACTS: dict[str, Any] = {
    "vertices": 24,
    "triangles": 12,
    "rendered_triangles": 48,
    "draw_calls": 4,
    "dimensions_m": [1.0, 2.0, 0.5],
    "materials": ["paint"],
    "images": [{}, {}],
    "animations": [{}, {}, {}],
}


def finding(code: str, severity: Severity, *, waived: bool = False, message: str = "") -> dict[str, Any]:
    return asdict(Finding(code=code, severity=severity, message=message or f"About {code}.", waived=waived))


def report(
    facts: dict[str, Any] | None, error: Failure | None = None, findings: list[dict[str, Any]] | None = None
) -> Report:
    return Report(
        verdict="error" if error else "pass",
        asset=ITEM,
        uri="s3://b/a.glb",
        sha256=None,
        error=error,
        findings=findings or [],
        facts=facts,
        run={},
    )


def test_the_brief_has_the_numbers_and_each_rule_once() -> None:
    findings = [
        finding("BAD", "error", message="The first."),
        finding("BAD", "error", message="The second."),
        finding("ODD", "hint", message="x" * 1000),
        finding("KNOWN", "error", waived=True),
    ]
    assert report(FACTS, findings=findings).brief() == {
        "size_bytes": 7,
        "etag": "e",
        "vertices": 24,
        "triangles": 12,
        "rendered_triangles": 48,
        "draw_calls": 4,
        "dimensions_m": [1.0, 2.0, 0.5],
        "material_count": 1,
        "image_count": 2,
        "animation_count": 3,
        "finding_counts": {"error": 2, "warning": 0, "info": 0, "hint": 1},
        "waived_count": 1,
        "findings": [
            {"code": "BAD", "severity": "error", "message": "The first.", "count": 2},
            {"code": "ODD", "severity": "hint", "message": "x" * MAX_BRIEF_TEXT, "count": 1},
        ],
        "error": None,
    }


def test_the_brief_is_brief_whatever_is_wrong() -> None:
    brief = report(FACTS, findings=[finding(f"RULE_{number}", "info") for number in range(99)]).brief()
    assert len(brief["findings"]) == MAX_BRIEF_RULES
    assert brief["finding_counts"]["info"] == 99


def test_what_is_not_known_is_null() -> None:
    error = Failure(stage="container", type="Truncated", message="It is cut off.")
    brief = report(None, error).brief()
    assert brief.pop("error")["type"] == "Truncated"
    assert {name for name, value in brief.items() if value is None} == {
        *("vertices", "triangles", "rendered_triangles", "draw_calls", "dimensions_m"),
        *("material_count", "image_count", "animation_count"),
    }


def test_the_brief_of_a_report_that_is_read_is_that_of_the_one_that_was_written() -> None:
    written = report(FACTS, findings=[finding("BAD", "error")])
    assert from_json(written.to_json()).brief() == written.brief()
