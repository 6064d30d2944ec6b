"""The digest changes with what decides a report's content, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.settings import RunSettings

BASE = RunSettings()


def digest(settings: RunSettings, *, product: str = "1.0", blender: str = "4.5.15") -> str:
    return settings.digest(product=product, blender=blender)


@pytest.mark.parametrize(
    "change", [{"workers": 9}, {"batch_size": 1}, {"timeout_seconds": 1.0}, {"limit": 3}, {"force": True}]
)
def test_how_a_run_works_does_not_change_it(change: dict[str, int]) -> None:
    assert digest(replace(BASE, **change)) == digest(BASE)


def test_limits_product_and_blender_series_change_it() -> None:
    others = {
        digest(replace(BASE, limits=Limits(max_size_bytes=1))),
        digest(BASE, product="1.1"),
        digest(BASE, blender="5.0.1"),
    }
    assert len(others | {digest(BASE)}) == 4
    assert digest(BASE, blender="4.5.16") == digest(BASE)


def test_pictures_change_it_where_they_are_taken() -> None:
    taken = [
        replace(BASE, previews="cycles"),
        replace(BASE, previews="workbench"),
        replace(BASE, previews="cycles", preview_size=512),
        replace(BASE, previews="cycles", preview_format="png"),
    ]
    measured = {digest(settings).partition(".")[0] for settings in (BASE, *taken)}
    assert len(measured) == 5
    assert len({digest(settings).partition(".")[2] for settings in (BASE, *taken)}) == 1, "the judgement is the same"
    quick = replace(BASE, policy=replace(BASE.policy, depth="quick"))
    assert digest(replace(quick, previews="cycles")) == digest(quick)
