"""JUnit files are valid, count right, and say of each asset what a person on a CI page needs."""

from __future__ import annotations

import pytest
from lxml import etree

from glb_batch_validator_addon.reports.junit import write_junit
from tests.conftest import need
from tests.reports import entries
from tests.reports.entries import Made
from tests.rig import parts


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    need(parts.JUNIT_SCHEMA.path.exists(), "the schema of JUnit files is missing: make rig")
    return etree.XMLSchema(etree.parse(parts.JUNIT_SCHEMA.path))


def suite(run: Made) -> etree._Element:
    (found,) = etree.fromstring(run.written(write_junit).encode())
    return found


@pytest.mark.parametrize("run", [entries.small(), entries.stopped(), entries.hostile(), entries.made(())])
def test_it_is_valid_and_its_counts_are_those_of_its_cases(run: Made, schema: etree.XMLSchema) -> None:
    document = etree.fromstring(run.written(write_junit).encode())
    schema.assertValid(document)
    (found,) = document
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(found.get(name)) == len(list(found.iter(tag))), name


def test_an_asset_is_a_test_case_with_its_folder_for_a_class() -> None:
    cases = suite(entries.small()).findall("testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("library/props", "bad.glb"),
        ("library/props", "cut.glb"),
        ("library/props", "good one.glb"),
        ("library/props", "new.glb"),
        ("library", "stół.glb"),
    ]


def test_verdicts_become_outcomes() -> None:
    bad, cut, good, new, warned = suite(entries.small()).findall("testcase")
    failure, error, skipped = bad.find("failure"), cut.find("error"), new.find("skipped")
    assert failure.get("type") == "GLBV_TEXTURE_TOO_LARGE"
    assert failure.text.endswith('The image "wood" has 8192 x 8192 pixels. [/images/0]')
    assert (error.get("type"), error.get("message")) == ("Truncated", "The file ends too early.")
    assert skipped.get("message") == "It needs Blender 5.0."
    assert [child.tag for child in good] == [child.tag for child in warned] == ["system-out"]


def test_what_passed_says_what_was_waived_warned_of_or_not_looked_at() -> None:
    _, _, good, _, warned = suite(entries.small()).findall("testcase")
    assert "waived until 2026-12-31 by mira (seen from one side)" in good.findtext("system-out")
    assert "not checked: deep" in good.findtext("system-out")
    assert 'warning GLBV_MESH_OPEN_EDGES: The mesh "torn" is open' in warned.findtext("system-out")


def test_what_an_interrupted_run_left_is_skipped_with_the_reason() -> None:
    _, left = suite(entries.stopped()).findall("testcase")
    assert left.find("skipped").get("message") == "Not validated: Ctrl-C"


def test_names_are_text_and_nothing_else() -> None:
    """No element but ours comes out of them, and what XML cannot hold is written as an escape."""
    found = suite(entries.hostile())
    names = {element.tag for element in found.iter()}
    assert names == {"testsuite", "properties", "property", "testcase", "failure", "error", "system-out"}
    messages = {element.get("message") for element in found.iter("error")}
    assert {"<script>alert(1)</script>", "]]>&amp;<![CDATA[", r"lone \udcff and \ud800", r"\ufffe\uffff"} <= messages
