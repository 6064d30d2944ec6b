"""Rules about UV maps, on facts of meshes that break them and of others that just keep them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glb_batch_validator_addon.model.facts import FileFacts, ImageFacts, MaterialFacts, TextureUse
from glb_batch_validator_addon.rules import uv  # isort: split

from glb_batch_validator_addon.rules.registry import RULES
from tests.mesh.examples import UV
from tests.mesh.shapes import facts_of, grid
from tests.rules.making import empty, said, subject

DEEP = {code for code, rule in RULES.items() if "deep" in rule.needs}


def file_with(*materials: tuple[str, int], uv_set: int = 0) -> FileFacts:
    """Materials by name, each with a square texture of so many pixels."""
    return empty(
        FileFacts,
        images=tuple(empty(ImageFacts, width=size, height=size) for _, size in materials),
        material_list=tuple(
            empty(MaterialFacts, name=name, textures=(TextureUse(slot="baseColor", image=index, uv_set=uv_set),))
            for index, (name, _) in enumerate(materials)
        ),
    )


@pytest.mark.parametrize("code", UV)
def test_a_mesh_that_breaks_the_rule_and_one_that_just_keeps_it(code):
    broken, kept = (facts_of(mesh, deep=code in DEEP) for mesh in UV[code])
    (issue,) = said(code, subject(meshes=(kept, broken)))
    assert (issue.mesh, issue.pointer, issue.object, issue.elements.kind) == ("mesh 0", "/meshes/0", "object 0", "face")
    assert issue.position_m
    assert f"{issue.elements.count:,} " in issue.message


def test_each_rule_has_its_example():
    codes = {code for code, rule in RULES.items() if rule.check.__module__ == uv.__name__}
    assert codes == UV.keys() | {"GLBV_UV_GUTTER", "GLBV_TEXEL_DENSITY"}


def test_an_overlap_may_be_allowed():
    about = subject(meshes=(facts_of(UV["GLBV_UV_OVERLAPPING"][0], deep=True),))
    assert said("GLBV_UV_OVERLAPPING", about, max_share=0.06) == []
    assert said("GLBV_UV_OVERLAPPING", about, max_share=None) == []


def test_the_gutter_is_in_pixels_of_the_texture():
    left = replace(grid(1), uvs=grid(1).uvs * 0.1)
    mesh = facts_of(left + replace(left.moved(0, 0, 1), uvs=left.uvs + np.array([0.105, 0.0])), deep=True)
    assert said("GLBV_UV_GUTTER", subject(meshes=(mesh,), file=file_with(("paint", 512)))) == []
    (issue,) = said("GLBV_UV_GUTTER", subject(meshes=(mesh,), file=file_with(("paint", 256))))
    assert "1.3 pixels" in issue.message
    assert said("GLBV_UV_GUTTER", subject(meshes=(mesh,), file=file_with(("paint", 512))), min_px=3)
    assert said("GLBV_UV_GUTTER", subject(meshes=(mesh,), file=file_with(("paint", 256), uv_set=1))) == []
    assert said("GLBV_UV_GUTTER", subject(meshes=(mesh,), file=file_with())) == []
    shallow = facts_of(left)
    assert said("GLBV_UV_GUTTER", subject(meshes=(shallow,), file=file_with(("paint", 1)))) == []


def test_texel_density_is_pixels_per_metre_in_the_world():
    """A square of 4 x 4 m with a texture of 1024 pixels: 256 pixels per metre."""
    mesh = facts_of(replace(grid(2), matrix=np.diag([4.0, 4.0, 4.0, 1.0])))
    about = subject(meshes=(mesh,), file=file_with(("paint", 1024)))
    assert said("GLBV_TEXEL_DENSITY", about) == []
    assert said("GLBV_TEXEL_DENSITY", about, min_px_per_m=255.9, max_px_per_m=256.1) == []
    (issue,) = said("GLBV_TEXEL_DENSITY", about, min_px_per_m=256.1)
    assert "256 pixels per metre; at least 256.1" in issue.message
    (issue,) = said("GLBV_TEXEL_DENSITY", about, max_px_per_m=255.9)
    assert "at most 255.9" in issue.message


def test_materials_of_one_asset_are_compared():
    coarse = facts_of(replace(grid(1), materials=("wall",)))
    fine = facts_of(replace(grid(1), materials=("door",)))
    assert (
        said("GLBV_TEXEL_DENSITY", subject(meshes=(coarse, fine), file=file_with(("wall", 64), ("door", 1024)))) == []
    )
    about = subject(meshes=(coarse, fine), file=file_with(("wall", 64), ("door", 1025)))
    (issue,) = said("GLBV_TEXEL_DENSITY", about)
    assert issue.message == '"door" has 1,025 pixels per metre, 16 times as many as "wall".'
    assert said("GLBV_TEXEL_DENSITY", about, max_ratio=None) == []


def test_of_two_materials_with_one_name_nothing_is_known():
    mesh = facts_of(grid(1))
    about = subject(meshes=(mesh,), file=file_with(("paint", 64), ("paint", 4096)))
    assert said("GLBV_TEXEL_DENSITY", about, min_px_per_m=1e9) == []
