"""A large library, made one asset at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from glb_batch_validator_addon.model.entry import Entry, GeometryExtract, ImageExtract
from glb_batch_validator_addon.model.survey import RunHead
from tests.reports.entries import entry, finding, made

_FINDINGS = [finding(f"GLBV_RULE_{number}", severity) for number, severity in enumerate(("error", "warning", "info"))]


def entries(count: int) -> Iterator[Entry]:
    """Each with five images, one of which a thousand share, and three meshes."""
    for number in range(count):
        plain = entry(f"library/{number % 500:03}/asset_{number:06}.glb", *_FINDINGS, verdict="fail")
        content: Any = {
            "sha256": _hex("asset", number) * 4,
            "images": [_image(number, place) for place in range(5)],
            "geometry": [
                GeometryExtract(name="mesh", sha256=_hex("mesh", number, place), size_bytes=5000) for place in range(3)
            ],
        }
        assert plain.extract
        yield replace(plain, extract=plain.extract | content)


def head(count: int) -> RunHead:
    few = made((entry("library/a.glb"),)).head
    return replace(few, counts={**few.counts, "pass": 0, "fail": count, "total": count})


def _image(number: int, place: int) -> ImageExtract:
    which = number // 1000 if place == 0 else number
    return ImageExtract(
        name="texture",
        mime_type="image/png",
        size_bytes=100_000,
        gpu_bytes=400_000,
        width=512,
        height=512,
        sha256=_hex("image", which, place),
        fingerprint=_hex("looks", which, place),
        mean=[0.5, 0.4, 0.3],
    )


def _hex(*what: object) -> str:
    return hashlib.blake2b(repr(what).encode(), digest_size=8).hexdigest()
