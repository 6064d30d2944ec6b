"""The wire between the engine and a worker: one JSON object a line, requests on its stdin, replies on its stdout.

A worker answers in the order of the requests, so that the first unanswered request is the one it was at when it died.
Parent and child meet in this file only; either may be replaced without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .finding import Verdict
from .limits import Limits
from .preview import Order, Preview
from .profile import Demand
from .report import Failure

STAGE_FILE = "GLBV_STAGE_FILE"
MEMORY_LIMIT = "GLBV_MEMORY_LIMIT_BYTES"
THREADS = "GLBV_THREADS"
TRY_WORKBENCH = "GLBV_TRY_WORKBENCH"
"""What a worker is told by environment variables at its start: the last one to render once with Workbench into the
file that it names, and to end."""

EXIT_MEMORY = 75
"""A worker's exit code when it ended itself at its memory limit (EX_TEMPFAIL: another try may succeed)."""

STAGE_BYTES = 16
"""Size of the file in which a worker keeps the name of its stage, padded with NUL; it outlives a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that the asset refers to: fetched to `path`, or None with the reason as a sentence."""

    path: str | None
    size_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that a worker needs to know about one asset: any worker may take it, after any crash."""

    id: int
    path: str
    """The fetched GLB."""
    key: str
    root: str
    """What keys of the library start with: references do not lead out of it."""
    limits: Limits
    demand: Demand
    resources: Mapping[str, Resource] | None = None
    """By key; None until the worker has said what it needs."""
    preview: Order | None = None
    """The picture that is wanted."""
    failed: Failure | None = None
    """How the asset ended a worker: so Blender is left out (of the stage `preview` only the picture), and everything
    else is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A worker's first line: it is ready. What it printed before is noise."""

    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a worker has to say to one request: the blocks of a report, or with `needs` the keys that it wants fetched,
    and the request again."""

    id: int
    verdict: Verdict = "error"
    needs: tuple[str, ...] = ()
    sha256: str | None = None
    error: Failure | None = None
    findings: Sequence[Any] = ()
    coverage: Sequence[Any] = ()
    khronos: Any = None
    facts: dict[str, Any] | None = None
    preview: Preview | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    memory_bytes: int = 0
    """Resident memory of the worker after the asset was let go."""


def encode(message: Request | Reply | Hello) -> bytes:
    """One line, with the newline. The blocks may hold frozen dataclasses."""
    return json.dumps(message, separators=(",", ":"), default=_members).encode() + b"\n"


def _members(message: Any) -> dict[str, Any]:
    """A dataclass for the encoder, which asks again for those inside: `asdict` takes ten times as long."""
    return {name: getattr(message, name) for name in message.__dataclass_fields__}


def decode_request(line: bytes | str) -> Request:
    """Raises ValueError or TypeError on anything but a line of `encode`."""
    values = json.loads(line)
    values["limits"] = Limits(**values["limits"])
    values["demand"] = Demand.from_json(values["demand"])
    if values["preview"] is not None:
        values["preview"] = Order(**values["preview"])
    if values["failed"] is not None:
        values["failed"] = Failure(**values["failed"])
    if values["resources"] is not None:
        values["resources"] = {key: Resource(**resource) for key, resource in values["resources"].items()}
    return Request(**values)


def decode_reply(line: bytes | str) -> Reply | Hello:
    """Raises ValueError or TypeError on anything but a line of `encode`."""
    values = json.loads(line)
    if "versions" in values:
        return Hello(**values)
    if values["error"] is not None:
        values["error"] = Failure(**values["error"])
    if values["preview"] is not None:
        values["preview"] = Preview(**values["preview"])
    values["needs"] = tuple(values["needs"])
    return Reply(**values)
