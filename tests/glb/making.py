"""Facts of GLBs that tests build."""

from __future__ import annotations

from demo.glb_builder import GlbBuilder
from glb_batch_validator_addon.glb.content import Fetched
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import FileFacts, Gap, Sample

from .documents import read


def facts_of(builder: GlbBuilder, fetched: Fetched | None = None) -> FileFacts:
    return file_facts(*read(builder.build()), (), fetched or {})[0]


def gaps_of(builder: GlbBuilder) -> dict[str, list[str]]:
    """Pointers by reason."""
    return {gap.reason: pointers(gap) for gap in file_facts(*read(builder.build()), (), {})[1]}


def pointers(of: Sample | Gap | None) -> list[str]:
    sample = of.places if isinstance(of, Gap) else of
    assert sample is not None
    assert sample.count >= len(sample.first)
    return [place.pointer for place in sample.first]
