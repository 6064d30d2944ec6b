"""What the Khronos glTF-Validator says of one asset. Plain data: `wire.encode` takes it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class KhronosMessage:
    """One issue, as the validator words it. It has a place in the JSON, or one in the container's bytes, or neither."""

    code: str
    """Such as `ACCESSOR_INVALID_FLOAT`; every code has one severity."""
    severity: Severity
    message: str
    pointer: str | None
    """JSON Pointer, such as `/accessors/0`."""
    offset: int | None
    """Bytes from the start of the GLB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KhronosOverflow:
    """A code of which there are more messages than the report holds."""

    code: str
    severity: Severity
    kept: int
    found: int
    exact: bool
    """False if there may be more than `found`: the validator was told to look for other codes from there on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KhronosReport:
    """The validator's verdict. Its texts and lists are bounded, and hold no lone surrogates."""

    version: str
    """Of the validator, such as `2.0.0-dev.3.10`."""
    info: dict[str, Any]
    """Its `info` block: counts, resources, what is used. Empty if the asset is no glTF 2.0 at all."""
    counts: dict[Severity, int]
    """How many messages were found, those beyond the caps too; at least so many where an overflow is not exact."""
    messages: tuple[KhronosMessage, ...]
    truncated: tuple[KhronosOverflow, ...] = ()
    complete: bool = True
    """Whether every code that the asset earns is among the messages."""
    reason: str = ""
    """A sentence: why it is not complete."""
