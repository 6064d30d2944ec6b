"""Rules about geometry, on facts of meshes that break them and of others that just keep them."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.model.facts import FileFacts, Place, PrimitivesFacts, Sample
from glb_batch_validator_addon.model.finding import SEVERITIES, Saving
from glb_batch_validator_addon.rules import geometry
from glb_batch_validator_addon.rules.registry import RULES
from tests.mesh.examples import CLOSED, GEOMETRY
from tests.mesh.shapes import box, facts_of, grid
from tests.rules.making import empty, said, subject

CODES = [code for code, rule in RULES.items() if rule.family == "geometry"]
DEEP = {code for code in CODES if "deep" in RULES[code].needs}


@pytest.mark.parametrize("code", GEOMETRY)
def test_a_mesh_that_breaks_the_rule_and_one_that_just_keeps_it(code):
    broken, kept = (facts_of(mesh, deep=code in DEEP) for mesh in GEOMETRY[code])
    (issue,) = said(code, subject(meshes=(kept, broken)))
    assert (issue.mesh, issue.pointer, issue.object) == ("mesh 0", "/meshes/0", "object 0")
    assert issue.elements.count > 0
    assert issue.position_m
    assert f"{issue.elements.count:,} " in issue.message


def test_each_rule_has_its_example():
    others = {"GLBV_MESH_NON_FINITE", "GLBV_MESH_NOT_WATERTIGHT"}
    assert set(CODES) == GEOMETRY.keys() | others
    assert geometry.__name__.endswith("geometry")


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_sound_gives_no_issue(name):
    about = subject(meshes=(facts_of(CLOSED[name], deep=True),))
    spoken = {code for code in CODES if said(code, about)}
    allowed = {"GLBV_MESH_DUPLICATE_VERTICES", "GLBV_MESH_SELF_INTERSECTIONS"}
    assert spoken <= allowed
    assert all(SEVERITIES.index(RULES[code].severity) > SEVERITIES.index("warning") for code in allowed)


def test_numbers_that_are_none_are_told_from_the_file():
    sample = Sample(count=3, first=(Place(pointer="/meshes/0/primitives/1", name="body"),))
    primitives = empty(PrimitivesFacts, non_finite=sample)
    issues = said("GLBV_MESH_NON_FINITE", subject(file=empty(FileFacts, primitive_list=primitives)))
    assert [(issue.pointer, issue.count) for issue in issues] == [("/meshes/0/primitives/1", 1), (None, 2)]
    assert '"body"' in issues[0].message
    for unknown in (None, Sample()):
        primitives = empty(PrimitivesFacts, non_finite=unknown)
        assert said("GLBV_MESH_NON_FINITE", subject(file=empty(FileFacts, primitive_list=primitives))) == []


def test_watertight_is_asked_for():
    about = subject(meshes=(facts_of(box()), facts_of(grid(1))))
    assert said("GLBV_MESH_NOT_WATERTIGHT", about) == []
    (issue,) = said("GLBV_MESH_NOT_WATERTIGHT", about, required=True)
    assert issue.message == 'The mesh "mesh 0" is not watertight: 4 edges open.'


def test_a_few_vertices_that_are_the_same_are_let_pass():
    about = subject(meshes=(facts_of(GEOMETRY["GLBV_MESH_DUPLICATE_VERTICES"][0]),))
    (issue,) = said("GLBV_MESH_DUPLICATE_VERTICES", about)
    assert issue.saves == Saving(bytes=38 * 32, gpu_bytes=38 * 32)
    assert said("GLBV_MESH_DUPLICATE_VERTICES", about, max_share=38 / 54) == []
    assert said("GLBV_MESH_DUPLICATE_VERTICES", about, max_share=None) == []


def test_a_mesh_of_nothing_but_lines_is_meant_so():
    assert facts_of(GEOMETRY["GLBV_MESH_LOOSE_EDGES"][1]).loose_edges.count == 1
