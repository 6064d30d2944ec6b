"""The same mesh has the same digest in every file, and no other mesh has it."""

from __future__ import annotations

from typing import Any

import pytest

from demo.glb_builder import GlbBuilder, Shape, checker_png, cube, torus
from glb_batch_validator_addon.glb import accessors
from glb_batch_validator_addon.model.facts import GeometryFacts

from .making import facts_of


def built(*shapes: Shape, before: bytes = b"", **primitive: Any) -> GlbBuilder:
    """A mesh a shape, after other data in the file."""
    builder = GlbBuilder()
    if before:
        builder.image(before, "image/png")
    for shape in shapes:
        builder.mesh(shape, name="shape")
    for mesh in builder.json["meshes"]:
        mesh["primitives"][0] |= primitive
    return builder


def geometry(builder: GlbBuilder) -> list[GeometryFacts]:
    return list(facts_of(builder).geometry)


def digests(builder: GlbBuilder) -> list[str | None]:
    return [mesh.sha256 for mesh in geometry(builder)]


def test_a_mesh_is_known_wherever_its_data_lie():
    ring = torus(4, 4)
    alone, (first, second, third) = digests(built(ring)), digests(built(cube(), ring, ring, before=checker_png()))
    assert alone == [second] == [third]
    assert first != second


def test_materials_and_names_do_not_count():
    builder = built(cube(), material=3)
    builder.json["meshes"][0]["name"] = "other"
    assert digests(builder) == digests(built(cube()))


@pytest.mark.parametrize("change", [cube(2.0), torus(4, 4)], ids=["size", "shape"])
def test_other_data_have_another_digest(change: Shape):
    assert digests(built(change)) != digests(built(cube()))


def test_what_the_data_are_for_counts():
    swapped = built(cube())
    attributes = swapped.json["meshes"][0]["primitives"][0]["attributes"]
    attributes["NORMAL"], attributes["POSITION"] = attributes["POSITION"], attributes["NORMAL"]
    lines = built(cube(), mode=1)
    without_indices = built(cube())
    del without_indices.json["meshes"][0]["primitives"][0]["indices"]
    assert len({*digests(built(cube())), *digests(swapped), *digests(lines), *digests(without_indices)}) == 4


def test_size_is_that_of_the_data_each_once():
    (mesh,) = geometry(built(cube()))
    assert mesh.size_bytes == 24 * (12 + 12 + 8) + 36 * 2


@pytest.mark.parametrize("damage", [{"count": 10**6}, {"bufferView": 99}, {"type": "VEC9"}])
def test_what_cannot_be_read_has_no_digest(damage: dict[str, Any]):
    builder = built(cube(), cube())
    broken = builder.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    builder.json["accessors"][broken] |= damage
    first, second = digests(builder)
    assert first is None
    assert second is not None


def test_a_mesh_without_data_has_no_digest():
    builder = built(cube())
    builder.json["meshes"][0]["primitives"] = []
    assert geometry(builder) == [GeometryFacts(pointer="/meshes/0", name="shape", sha256=None, size_bytes=0)]


def test_reading_has_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accessors, "MAX_READ_BYTES", 1000)
    first, second = digests(built(cube(), torus(9, 9)))
    assert first is not None
    assert second is None
