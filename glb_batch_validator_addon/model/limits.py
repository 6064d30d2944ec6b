"""Named limits at the border where bytes from outside come in."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of one asset is looked at before it is refused. A refusal is an error report that names the limit.

    The JSON limits keep a hostile file from costing more than some seconds (100,000 nodes take 2 to 8) and a gigabyte
    before the importer has its own time-out and memory ceiling.
    """

    max_size_bytes: int = 1024 * MIB
    """Of the GLB itself."""
    max_json_bytes: int = 64 * MIB
    """Of the JSON chunk: the largest of 505 public GLBs measured had 7 MB."""
    max_json_depth: int = 128
    """Of nested arrays and objects: glTF itself needs about 8, `extras` may nest more."""
    max_json_containers: int = 2_000_000
    """Arrays and objects in the JSON: parsed, each takes 60 to 300 bytes, and 64 MiB of JSON can hold 20 million."""
    max_nodes: int = 100_000
    max_accessors: int = 200_000
    max_images: int = 10_000
    max_references: int = 64
    """External files that one asset may refer to."""
    max_reference_bytes: int = 256 * MIB
    """Of all external files of one asset together."""
