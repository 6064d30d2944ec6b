"""Where the Khronos validator and Blender do not agree. Figures of triangles are those of public files."""

from __future__ import annotations

from typing import Any

import pytest

from glb_batch_validator_addon.model.facts import FileFacts, Missing, SceneFacts
from glb_batch_validator_addon.model.finding import SEVERITIES
from glb_batch_validator_addon.model.khronos import KhronosMessage, KhronosReport
from glb_batch_validator_addon.model.report import Failure
from glb_batch_validator_addon.rules import arrival as _registered  # noqa: F401
from tests.rules.making import empty, said, subject

MISSING = Missing(what="image", name="wood", reason="No texture uses it.")


def khronos(*errors: str, triangles: int = 0, complete: bool = True) -> KhronosReport:
    messages = tuple(
        KhronosMessage(code=code, severity="error", message="", pointer=f"/accessors/{number}", offset=None)
        for number, code in enumerate(errors)
    )
    return KhronosReport(
        version="2",
        info={"totalTriangleCount": triangles},
        counts={**dict.fromkeys(SEVERITIES, 0), "error": len(errors)},
        messages=messages,
        complete=complete,
    )


def failure(**values: Any) -> Failure:
    return Failure(**{"stage": "import", "type": "ImportFailed", "message": "KeyError: 0."} | values)


REJECTS = "GLBV_READERS_BLENDER_REJECTS"


@pytest.mark.parametrize("error", [failure(), failure(type="ImportRefused"), failure(type="Crashed", signal="SIGSEGV")])
def test_a_valid_file_that_blender_does_not_import_is_named(error: Failure) -> None:
    (issue,) = said(REJECTS, subject(facts=None, khronos=khronos(), error=error))
    assert "KeyError: 0." in issue.message


@pytest.mark.parametrize(
    ("report", "error"),
    [
        (khronos(), None),
        (khronos("ACCESSOR_INVALID_FLOAT"), failure()),
        (khronos(complete=False), failure()),
        (khronos(), failure(type="DecoderMissing", unsupported=True)),
        (khronos(), failure(type="TimedOut")),
        (khronos(), failure(stage="container")),
    ],
    ids=["imported", "both reject it", "validation ended early", "unsupported", "timed out", "no container"],
)
def test_blender_is_right_or_not_to_blame(report: KhronosReport, error: Failure | None) -> None:
    assert said(REJECTS, subject(khronos=report, error=error)) == []


def test_an_invalid_file_that_blender_imports_is_named_with_its_codes() -> None:
    report = khronos("B", "A", "B")
    (issue,) = said("GLBV_READERS_KHRONOS_REJECTS", subject(khronos=report, scene=empty(SceneFacts)))
    assert issue.message == "Blender imported the file in spite of 3 errors (B, A)."
    assert said("GLBV_READERS_KHRONOS_REJECTS", subject(khronos=khronos(), scene=empty(SceneFacts))) == []


def test_what_did_not_arrive_is_folded_by_kind() -> None:
    missing = (MISSING, Missing(what="skin", name="all", reason="Blender made nothing of them."), *[MISSING] * 4)
    issues = said("GLBV_BLENDER_DROPPED", subject(scene=empty(SceneFacts), missing=missing))
    assert [issue.count for issue in issues] == [5, 1]
    assert issues[0].message.startswith('Not in Blender, of the kind image: "wood": No texture uses it. "wood"')
    assert issues[0].message.endswith("And 2 more.")
    assert issues[1].message == 'Not in Blender, of the kind skin: "all": Blender made nothing of them.'
    assert said("GLBV_BLENDER_DROPPED", subject(scene=empty(SceneFacts))) == []


def test_extensions_that_blender_passes_over_are_named_apart() -> None:
    lost = Missing(what="extension", name="EXT_new", reason="This Blender does not read it and passes over it.")
    (issue,) = said("GLBV_BLENDER_IGNORES_EXTENSION", subject(scene=empty(SceneFacts), missing=(lost, MISSING)))
    assert issue.message == "EXT_new: This Blender does not read it and passes over it."
    assert said("GLBV_BLENDER_DROPPED", subject(scene=empty(SceneFacts), missing=(lost,))) == []
    assert said("GLBV_BLENDER_IGNORES_EXTENSION", subject(scene=empty(SceneFacts), missing=(MISSING,))) == []


def altered(in_file: int, in_blender: int, *, meshes: tuple[int, int] = (2, 2), **more: Any) -> list[str]:
    about = subject(
        file=empty(FileFacts, meshes=meshes[0]),
        scene=empty(SceneFacts, meshes=meshes[1], triangles=in_blender, rendered_triangles=5 * in_blender),
        khronos=khronos(triangles=in_file),
        **more,
    )
    return [issue.message for issue in said("GLBV_BLENDER_ALTERED", about)]


def test_triangles_that_blender_drops_are_counted() -> None:
    """`Window_03.glb` has 25 degenerate triangles of 883; Blender makes 858."""
    assert altered(883, 858) == ["The file holds 883 triangles, Blender 858 of them."]


def test_nothing_is_said_where_triangles_are_all_there_or_cannot_be_compared() -> None:
    assert altered(2856, 2856) == []  # CesiumMilkTruck.glb, whose wheels are shown twice
    assert altered(436, 400, meshes=(12, 11)) == []
    assert altered(436, 476, meshes=(1, 2)) == []  # one mesh, two skins
    assert altered(3, 2, missing=(Missing(what="mesh", name="m", reason="No node places it."),)) == []


def test_messages_of_the_importer_are_passed_on_once_with_their_number() -> None:
    about = subject(scene=empty(SceneFacts), importer_messages=("a", "b", "a"))
    assert [(issue.message, issue.count) for issue in said("GLBV_BLENDER_MESSAGES", about)] == [("a", 2), ("b", 1)]
    assert said("GLBV_BLENDER_MESSAGES", subject(scene=empty(SceneFacts))) == []
