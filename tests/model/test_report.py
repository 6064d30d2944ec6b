"""What lists and the ledger keep of a report."""

from __future__ import annotations

from typing import Any

import pytest

from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.model.report import MAX_BRIEF_MISSING, Failure, Report, from_json

ITEM = StoredObject(key="a.glb", size_bytes=7, etag="e", last_modified="2024-01-01T00:00:00Z")
MISSING = [{"what": "image", "name": f"image {number}", "reason": "It is not there."} for number in range(9)]
FACTS: dict[str, Any] = {
    "vertices": 24,
    "triangles": 12,
    "rendered_triangles": 48,
    "draw_calls": 4,
    "dimensions_m": [1.0, 2.0, 0.5],
    "materials": ["paint"],
    "images": [{}, {}],
    "animations": [{}, {}, {}],
    "missing": MISSING,
}


def report(facts: dict[str, Any] | None, error: Failure | None = None) -> Report:
    status = "error" if error else "ok"
    return Report(status=status, asset=ITEM, uri="s3://b/a.glb", sha256=None, facts=facts, error=error, run={})


def test_the_brief_has_the_numbers_and_the_first_of_what_is_missing() -> None:
    assert report(FACTS).brief() == {
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
        "missing_count": 9,
        "missing": MISSING[:MAX_BRIEF_MISSING],
        "error": None,
    }


def test_what_is_not_known_is_null_and_nothing_is_missing() -> None:
    error = Failure(stage="container", type="Truncated", message="It is cut off.")
    brief = report(None, error).brief()
    assert (brief.pop("size_bytes"), brief.pop("etag"), brief.pop("missing")) == (7, "e", [])
    assert brief.pop("error")["type"] == "Truncated"
    assert set(brief.values()) == {None}


def test_the_brief_of_a_report_that_is_read_is_that_of_the_one_that_was_written() -> None:
    written = report(FACTS)
    assert from_json(written.to_json()).brief() == written.brief()


@pytest.mark.parametrize("name", ["materials", "images", "animations", "missing", "dimensions_m"])
def test_a_report_whose_lists_are_none_is_damaged(name: str) -> None:
    with pytest.raises(ValueError, match="facts"):
        from_json(report({**FACTS, name: 5}).to_json())
