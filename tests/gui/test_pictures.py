"""Pictures of the panel, to be looked at; README shows two, made with GLBV_PICTURES=docs/pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import Bucket
from tests.gui.conftest import LIBRARY, NAME, NOW, PREFERENCES

SECONDS = 60
ASIDE = """
def steps():  # with the pointer, and wait: panels slide
    yield from move(300, 300, 0)
    yield from wait(1)
result = steps()
"""


@pytest.mark.parametrize("blender", ["debian-sid"], indirect=True)
def test_every_state_has_a_picture_of_its_own(panel, samples, moto_s3):
    bucket = Bucket("studio", moto_s3, moto_s3.client())
    bucket.client.create_bucket(Bucket=bucket.name)
    bucket.fill(samples, "props/")
    blender = panel(**bucket.env)
    saved = ["Props", moto_s3.endpoint_url, moto_s3.region]
    blender.run(f"l = {LIBRARY}; l.name, l.endpoint_url, l.region = saved", saved=saved)
    taken = [blender.picture("idle")]

    blender.run(f"{LIBRARY}.bucket, {LIBRARY}.prefix = name, 'props/'", name=bucket.name)
    blender.run(f"{PREFERENCES}.previews = 'cycles'")
    blender.click("glbv.validate_prefix")
    blender.wait_for(f"0 < ({NOW}.progress or 0) < 1", SECONDS)
    taken.append(blender.picture("running"))
    blender.wait_for(f"not {NOW}.active", SECONDS)
    blender.click_at(blender.find("glbv.position").below(20))
    blender.run(ASIDE)
    taken.append(blender.picture("results"))

    blender.type_into("glbv.search", "leaves")
    blender.click("glbv.position")
    blender.scroll(8, blender.find("glbv.validate_again"))
    blender.run(ASIDE)
    taken.append(blender.picture("details"))

    blender.type_into("glbv.search", "textured crate")
    blender.click("glbv.position")
    blender.click("glbv.open_asset")
    blender.wait_for("len(bpy.data.scenes) == 2", SECONDS)
    blender.run(ASIDE)
    taken.append(blender.picture("opened"))

    blender.show("PREFERENCES")
    blender.run(f"""
bpy.context.preferences.active_section = "ADDONS"
bpy.context.window_manager.addon_search = "GLB Batch"
bpy.ops.preferences.addon_expand(module="{NAME}")
result = drawn("PREFERENCES")
""")
    taken.append(blender.picture("preferences"))
    assert len({path.read_bytes() for path in taken}) == len(taken)
    if folder := os.environ.get("GLBV_PICTURES"):
        for path in taken:
            shutil.copy(path, Path(folder))
