"""What rules say of GLBs that tests build: through the facts that are read of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from demo.glb_builder import GlbBuilder, checker_png, cube
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import parse_document
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import ReferenceFacts
from glb_batch_validator_addon.model.finding import Issue
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.rules.registry import RULES, Rule, Subject
from tests.rules.making import said, subject


def subject_of(data: bytes, references: tuple[ReferenceFacts, ...] = ()) -> Subject:
    container = read_container(data, Limits())
    return subject(file=file_facts(container, parse_document(container, Limits()), references, {})[0])


def said_of(code: str, builder: GlbBuilder, **thresholds: Any) -> list[Issue]:
    return said(code, subject_of(builder.build()), **thresholds)


def all_said_of(data: bytes, family: str) -> Iterator[tuple[Rule, Issue]]:
    """By all rules of a family that need no more than the file."""
    about = subject_of(data)
    for rule in RULES.values():
        if rule.family == family:
            yield from ((rule, issue) for issue in rule.check(about, rule.defaults()))


def textured(**material: Any) -> GlbBuilder:
    """A named cube with a base colour texture: nothing in it is noteworthy."""
    builder = GlbBuilder()
    texture = builder.add("textures", source=builder.image(checker_png(), "image/png", name="checker"))
    pbr = {"baseColorTexture": {"index": texture}, "metallicFactor": 0.0, **material.pop("pbr", {})}
    builder.add("materials", name="paint", pbrMetallicRoughness=pbr, **material)
    builder.scene(builder.add("nodes", name="box", mesh=builder.mesh(cube(), material=0, name="box")))
    return builder


def primitive(builder: GlbBuilder) -> dict[str, Any]:
    item: dict[str, Any] = builder.json["meshes"][0]["primitives"][0]
    return item
