"""Pictures of assets: what is asked for, and what was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Engine = Literal["cycles", "workbench"]
Previews = Literal["off", "workbench", "cycles"]
PictureFormat = Literal["webp", "png"]

SIZES = (256, 512)
"""Pixels of a side: what lists show, and what fills a page."""

LOOK = 1
"""To be raised when light, framing or any other setting changes what a picture shows: pictures of another look are
rendered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The picture that a worker is asked for."""

    engine: Engine
    size: int
    format: PictureFormat
    folder: str
    """Where pictures are kept, by what is in them."""
    gpu: bool = True
    """Whether Cycles may use one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The picture of an asset: in the `run` block of its report."""

    file: str
    """Its name in the folder that keeps pictures, which is a digest of what decides how it looks."""
    width: int
    height: int
    engine: Engine
    device: str
    """`CPU`, or how Cycles reaches the GPU: `OPTIX`, `CUDA`, `HIP`, `METAL`, `ONEAPI`; of Workbench `OPENGL`."""
    fingerprint: str
    """`blender.fingerprint`: 16 hex digits, few of whose bits differ between pictures that look alike."""
    name: str = ""
    """Of its file beside the report, once it is written."""


def mime_type(name: str) -> str:
    """Of a picture by its name. Raises ValueError if it ends as none of ours does."""
    suffix = name.rpartition(".")[2]
    if suffix not in get_args(PictureFormat):
        raise ValueError(f"{name!r} is no picture of ours")
    return f"image/{suffix}"


def recorded(run: Mapping[str, Any]) -> Mapping[str, str] | None:
    """`name` and `file` of the picture, from the `run` block of a report: its names beside the report and in a folder
    of pictures. None if it has no picture."""
    preview = run.get("preview")
    if isinstance(preview, dict) and all(isinstance(preview.get(name), str) for name in ("name", "file")):
        return preview
    return None
