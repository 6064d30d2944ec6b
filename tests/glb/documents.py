"""GLBs written down as their JSON."""

from __future__ import annotations

import json
from typing import Any

from demo.glb_builder import glb
from glb_batch_validator_addon.glb.container import Container, read_container
from glb_batch_validator_addon.glb.document import JsonObject, parse_document
from glb_batch_validator_addon.model.limits import Limits

LIMITS = Limits()


def glb_of(document: dict[str, Any], bin_chunk: bytes = b"") -> bytes:
    """A GLB of version 2.0; infinite numbers are written as such that overflow."""
    text = json.dumps({"asset": {"version": "2.0"}, **document}).replace("Infinity", "1e999")
    return glb(text.encode(), bin_chunk)


def read(data: bytes) -> tuple[Container, JsonObject]:
    container = read_container(data, LIMITS)
    return container, parse_document(container, LIMITS)


def parse(document: dict[str, Any]) -> JsonObject:
    return read(glb_of(document))[1]
