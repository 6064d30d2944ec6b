"""Budgets: the first amount that is too much is named, and what it would save; nothing without a limit."""

from __future__ import annotations

from typing import Any

import pytest

from glb_batch_validator_addon.model.facts import AnimationFacts, FileFacts, ImageFacts, PrimitivesFacts, SceneFacts
from glb_batch_validator_addon.model.finding import Saving
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.rules import budgets
from glb_batch_validator_addon.rules.registry import RULES, Subject
from tests.rules.making import empty, said, subject

MIB = 1024 * 1024
CODES = [code for code in RULES if code.startswith("GLBV_BUDGET_")]


def file(**values: Any) -> Subject:
    return subject(file=empty(FileFacts, **values))


def scene(**values: Any) -> Subject:
    return subject(scene=empty(SceneFacts, **values))


def of_bytes(size: int) -> Subject:
    return subject(asset=StoredObject(key="a.glb", size_bytes=size, etag="", last_modified=""))


def on_gpu(images: int, geometry: int) -> Subject:
    used = empty(ImageFacts, gpu_bytes=images, slots=("baseColor",))
    unused = empty(ImageFacts, gpu_bytes=999 * MIB)
    return file(images=(used, unused), primitive_list=empty(PrimitivesFacts, geometry_bytes=geometry))


def images(count: int) -> Subject:
    return file(images=(*[empty(ImageFacts, slots=("normal",))] * count, empty(ImageFacts)))


def seconds(*lengths: float | None) -> Subject:
    return file(animations=tuple(empty(AnimationFacts, seconds=length) for length in lengths))


# Threshold, what just keeps it, what just breaks it, and what putting that right saves
CASES = {
    "FILE_SIZE": ({"max_mb": 5}, of_bytes(5 * MIB), of_bytes(5 * MIB + 7), Saving(bytes=7)),
    "TRIANGLES": (
        {"max_count": 100},
        scene(triangles=999, rendered_triangles=100),
        scene(rendered_triangles=101),
        Saving(triangles=1),
    ),
    "VERTICES": ({"max_count": 100}, scene(rendered_vertices=100), scene(rendered_vertices=101), Saving()),
    "DRAW_CALLS": ({"max_count": 20}, file(draw_calls=20), file(draw_calls=25), Saving(draw_calls=5)),
    "MATERIALS": ({"max_count": 5}, file(materials=5), file(materials=6), Saving()),
    "TEXTURES": ({"max_count": 3}, images(3), images(4), Saving()),
    "GPU_MEMORY": ({"max_mb": 10}, on_gpu(8 * MIB, 2 * MIB), on_gpu(8 * MIB, 2 * MIB + 4), Saving(gpu_bytes=4)),
    "BONES": ({"max_count": 75}, file(joints=75), file(joints=76), Saving()),
    "MORPH_TARGETS": ({"max_count": 0}, file(morph_targets=0), file(morph_targets=1), Saving()),
    "ANIMATION_SECONDS": ({"max_seconds": 2.5}, seconds(1.0, 1.5, None), seconds(1.0, 1.75), Saving()),
}


def test_every_budget_has_a_case_here() -> None:
    assert (
        [f"GLBV_BUDGET_{name}" for name in CASES]
        == CODES
        == [f"GLBV_BUDGET_{entry.name}" for entry in budgets._BUDGETS]
    )


@pytest.mark.parametrize("name", CASES)
def test_the_budget_is_the_last_amount_that_keeps_it(name: str) -> None:
    limit, keeps, breaks, saves = CASES[name]
    assert said(f"GLBV_BUDGET_{name}", keeps, **limit) == []
    (issue,) = said(f"GLBV_BUDGET_{name}", breaks, **limit)
    assert issue.saves == saves


@pytest.mark.parametrize("name", CASES)
def test_without_a_budget_nothing_is_too_much(name: str) -> None:
    _, _, breaks, _ = CASES[name]
    assert said(f"GLBV_BUDGET_{name}", breaks) == []


def test_the_message_has_both_figures() -> None:
    (issue,) = said("GLBV_BUDGET_TRIANGLES", scene(rendered_triangles=1_155_872), max_count=100_000)
    assert issue.message == "1,155,872 rendered triangles; the budget is 100,000."
    (issue,) = said("GLBV_BUDGET_FILE_SIZE", of_bytes(6 * MIB), max_mb=5)
    assert issue.message == "6.00 MB of file; the budget is 5.00."


def test_budgets_are_errors_when_a_profile_sets_them() -> None:
    assert {RULES[code].severity for code in CODES} == {"error"}
