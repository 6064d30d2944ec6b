"""84 real GLBs of 35 public repositories against what Blender 4.5.15 made of each, recorded independently."""

from __future__ import annotations

import csv
import json

import bpy
import pytest

from glb_batch_validator_addon.blender import scene
from tests.blender.test_analysis import analyse

TOLERANCE_M = 1e-4


@pytest.fixture(scope="module")
def truth(corpus):
    with (corpus / "BLENDER_4_5_TRUTH.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def replies(corpus, truth):
    scene.start()
    return {row["file"]: analyse(corpus / row["file"], library=corpus, number=n) for n, row in enumerate(truth, 1)}


@pytest.mark.skipif(bpy.app.version[:2] != (4, 5), reason="the truth was recorded with Blender 4.5")
def test_what_imports_agrees_in_vertices_triangles_materials_and_dimensions(truth, replies):
    imported = [row for row in truth if row["status"] == "ok"]
    assert len(imported) == 64
    for row in imported:
        facts = replies[row["file"]].facts
        assert facts["rendered_vertices"] == int(row["verts_eval"]), row["file"]
        assert facts["rendered_triangles"] == int(row["tris_eval"]), row["file"]
        assert len(facts["materials"]) == int(row["materials"]), row["file"]
        dimensions = json.loads(row["dims"]) if row["dims"] else None
        assert facts["dimensions_m"] == (dimensions and pytest.approx(dimensions, abs=TOLERANCE_M)), row["file"]


@pytest.mark.skipif(bpy.app.version[:2] != (4, 5), reason="the truth was recorded with Blender 4.5")
def test_what_does_not_import_says_why_in_words_for_people(truth, replies):
    refused = [replies[row["file"]] for row in truth if row["status"] != "ok"]
    assert len(refused) == 20
    for reply in refused:
        assert reply.verdict == "error" or reply.error.unsupported
        assert "Traceback" not in reply.error.message
        assert len(reply.error.message.split()) > 6


def test_every_blender_has_an_answer_to_every_asset(replies):
    assert len(replies) == 84
    assert not [file for file, reply in replies.items() if reply.error and reply.error.type == "InternalError"]
    assert sum(reply.error is None for reply in replies.values()) >= 57
