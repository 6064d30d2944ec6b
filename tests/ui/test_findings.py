"""What was found, grouped by rule and put into words."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from glb_batch_validator_addon.model.finding import Elements, Finding, Waiver
from glb_batch_validator_addon.rules.catalogue import RULES
from glb_batch_validator_addon.ui.findings import KHRONOS_ISSUES, MAX_PLACES, of_brief, of_report, title_of
from tests.ui.conftest import found

OPEN, UNREADABLE = "GLBV_MESH_OPEN_EDGES", "GLBV_TEXTURE_UNREADABLE"
WAIVER = Waiver(code=OPEN, pattern="*", owner="mira", reason="Leaves", expires="2026-12-31")


def finding(code=OPEN, severity="info", message="It is so.", **more) -> dict:
    return asdict(Finding(code=code, severity=severity, message=message, **more))


def edges(mesh: str, *indices: int, count: int | None = None) -> dict:
    elements = Elements(kind="edge", count=count or len(indices), first=indices)
    return finding(mesh=mesh, object=f"{mesh} object", pointer="/meshes/0", elements=elements)


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (OPEN, "Open edges"),
        ("GLBV_OF_ANOTHER_VERSION", "Of another version"),
        ("ACCESSOR_INVALID_FLOAT", "Accessor invalid float"),
        ("URI_GLB", "URI GLB"),
        ("IMAGE_NPOT_DIMENSIONS", "Image non-power-of-two dimensions"),
        ("STUDIO_NAMING", "Studio naming"),
        ("", ""),
    ],
)
def test_a_code_is_a_title(code, title):
    assert title_of(code) == title


def test_ours_say_why_and_how_khronos_where_to_read_and_a_studio_what_it_found():
    ours, khronos, studio = of_brief(
        {"findings": [found(UNREADABLE, count=3), found("NON_RELATIVE_URI", "warning"), found("STUDIO_NAMING", "hint")]}
    )
    assert (ours.title, ours.severity, ours.count, ours.link) == ("Texture unreadable", "error", 3, "")
    assert ours.why.startswith(RULES[UNREADABLE].why[:20])
    assert ours.how
    assert (khronos.link, khronos.why) == (KHRONOS_ISSUES, "")
    assert (studio.message, studio.link, studio.why, studio.how) == ("It is so.", "", "", "")


def test_marks_of_emphasis_do_not_show():
    (group,) = of_brief({"findings": [found(OPEN)]})
    assert "Select, Select All by Trait" in group.how
    assert "*" not in group.how


def test_each_rule_has_its_findings_with_what_they_select():
    groups = list(of_report([edges("Leaf", 3, 5, count=1200), finding("URI_GLB"), edges("Stem", 8)]))
    assert [(group.code, group.count) for group in groups] == [(OPEN, 2), ("URI_GLB", 1)]
    leaf, stem = groups[0].places
    assert (leaf.number, leaf.text, leaf.kind, leaf.indices) == (0, "Leaf: 1,200 edges", "edge", (3, 5))
    assert (stem.number, stem.text, stem.mesh, stem.object) == (2, "Stem: 1 edge", "Stem", "Stem object")
    assert not leaf.obstacle
    assert groups[1].places == (), "the file as a whole"


def test_what_is_no_part_of_a_scene_says_why_it_cannot_be_selected():
    (group,) = of_report([finding(UNREADABLE, "error", pointer="/images/3")])
    assert group.places[0].text == "/images/3"
    assert "/images/3" in group.places[0].obstacle


def test_an_object_without_elements_is_selected_itself():
    (group,) = of_report([finding(object="Lamp", pointer="/nodes/2")])
    assert (group.places[0].text, group.places[0].kind, group.places[0].obstacle) == ("Lamp", "", "")


def test_no_more_places_than_anybody_clicks_through():
    (group,) = of_report([edges(f"Leaf.{number:03}", 1) for number in range(99)])
    assert (group.count, len(group.places)) == (99, MAX_PLACES)


def test_what_is_waived_is_apart_and_names_who_waived_it():
    counts, waived = of_report([edges("Stem", 8), finding(mesh="Leaf", waiver=WAIVER, waived=True)])
    assert (counts.waived, counts.waiver) == (False, "")
    assert (waived.waived, waived.waiver) == (True, "Waived by mira until 2026-12-31: Leaves")


def test_a_waiver_that_expired_is_told_of():
    (group,) = of_report([finding(waiver=WAIVER)])
    assert (group.waived, group.waiver) == (False, "The waiver of mira expired on 2026-12-31")
