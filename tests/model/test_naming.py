"""Where the report of an asset goes."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.model.library import is_asset
from glb_batch_validator_addon.model.naming import check_template, report_key, twin_template, uid


@pytest.mark.parametrize(
    ("key", "template", "expected"),
    [
        ("chair.glb", "{stem}_report.json", "chair_report.json"),
        ("props/Chair.GLB", "{stem}_report.json", "props/Chair_report.json"),
        ("props/a.b.glb", "{stem}_report.json", "props/a.b_report.json"),
        ("a b/c+d%20é.glb", "{stem}_report.json", "a b/c+d%20é_report.json"),
        ("props/{uid}.glb", "{stem}.json", "props/{uid}.json"),
        ("props/chair.glb", "qa/{stem}.json", "props/qa/chair.json"),
    ],
)
def test_a_report_lies_beside_its_asset(key: str, template: str, expected: str) -> None:
    assert report_key(key, template, uid_of=key) == expected


def test_a_uid_is_short_and_the_same_every_time() -> None:
    """The first 12 digits of `printf props/chair.glb | sha256sum`."""
    assert uid("props/chair.glb") == "ef6e3c965391"
    assert report_key("props/chair.glb", "{uid}.json", uid_of="props/chair.glb") == "props/ef6e3c965391.json"


def test_twins_of_a_name_are_told_apart_by_their_keys() -> None:
    template = twin_template("{stem}_report.json")
    assert report_key("a.GLB", template, uid_of="a.GLB") != report_key("a.glb", template, uid_of="a.glb")
    assert report_key("a.glb", template, uid_of="a.glb").endswith("_report.json"), "which a policy allows to be written"


@pytest.mark.parametrize(
    "template",
    ["report.json", "{stem}", "{stem}.glb", "/{stem}.json", "../{stem}.json", "{name}.json", "a\\{stem}.json"],
)
def test_a_template_that_would_lose_or_misplace_reports_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match="--report-name"):
        check_template(template)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.glb", True),
        ("A.GLB", True),
        ("a/b.Glb", True),
        ("a.gltf", False),
        ("glb", False),
        (".glb", False),
        ("a.glb/", False),
    ],
)
def test_assets_are_told_by_their_suffix(key: str, expected: bool) -> None:
    assert is_asset(key) is expected
