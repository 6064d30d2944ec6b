"""The record of one asset, and the words its fields may hold."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, Literal, get_args

from .library import StoredObject

SCHEMA_VERSION = 1

MAX_BRIEF_MISSING = 5
"""Entries of `missing` that a brief keeps."""

Status = Literal["ok", "error", "unsupported"]

Stage = Literal["fetch", "container", "import", "measure", "report"]
"""Where in its way through the product an asset was when something happened."""


PASSING = ("Crashed", "TimedOut", "OutOfMemory", "DiskFull", "InternalError")
"""Types of failures that another run may not meet again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no result: the `error` block of a report."""

    stage: Stage
    type: str
    """A stable CamelCase word: the kind of an `AssetError`, or what befell the worker (`Crashed`, `TimedOut`, ...)."""
    message: str
    """One sentence or more for a person: what is wrong, and what to do where that can be said."""
    signal: str | None = None
    """The signal that ended the worker, such as `SIGSEGV`."""

    @property
    def lasting(self) -> bool:
        """True if the cause lies in the asset's bytes; the circumstances of a run may differ the next time."""
        return self.stage in ("container", "import", "measure") and self.type not in PASSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything said about one asset. The same bytes under the same settings give the same report, but for `run`."""

    status: Status
    asset: StoredObject
    uri: str
    sha256: str | None
    facts: dict[str, Any] | None
    """As `analysis` puts them together; None where not even the container could be read."""
    error: Failure | None
    run: dict[str, Any]
    """Dates, timings by stage in seconds, versions, digest of the settings: all that may differ between two runs."""

    def to_json(self) -> bytes:
        """JSON as published in `docs/report.schema.json`: indented, keys in a fixed order, a newline at the end."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "status": self.status,
            "asset": {"uri": self.uri, **asdict(self.asset), "sha256": self.sha256},
            "facts": self.facts,
            "error": asdict(self.error) if self.error else None,
            "run": self.run,
        }
        # Names that are not valid Unicode (file names under Linux) come out as escapes, which JSON allows.
        return json.dumps(document, indent=2).encode() + b"\n"

    def brief(self) -> dict[str, Any]:
        """The few values that lists and the ledger keep of a report."""
        facts = self.facts or {}

        def count(name: str) -> int | None:
            return None if facts.get(name) is None else len(facts[name])

        return {
            "size_bytes": self.asset.size_bytes,
            "etag": self.asset.etag,
            "vertices": facts.get("vertices"),
            "triangles": facts.get("triangles"),
            "rendered_triangles": facts.get("rendered_triangles"),
            "draw_calls": facts.get("draw_calls"),
            "dimensions_m": facts.get("dimensions_m"),
            "material_count": count("materials"),
            "image_count": count("images"),
            "animation_count": count("animations"),
            "missing_count": count("missing"),
            "missing": (facts.get("missing") or [])[:MAX_BRIEF_MISSING],
            "error": asdict(self.error) if self.error else None,
        }


_LISTS = ("materials", "images", "animations", "missing", "dimensions_m")
"""The facts that `brief` takes for lists."""

_HEAD = b'{\n  "schema_version": '
"""What every report of ours begins with, even one that a power cut has cut off."""


class ForeignFileError(ValueError):
    """It is no report of ours, of whatever version: somebody else's file, not to be overwritten."""


def from_json(data: bytes) -> Report:
    """The report in `data`.

    Raises `ForeignFileError`, or ValueError for a report that is of another schema version or was damaged.
    """
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        rest = data.strip(b"\0")  # a power cut may leave an empty file, or one of zeros
        if rest and rest[: len(_HEAD)] != _HEAD[: len(rest)]:
            raise ForeignFileError("it does not begin as a report") from error
        raise ValueError(f"damaged: {error}") from error
    if not isinstance(document, dict) or not {"schema_version", "asset", "run"} <= document.keys():
        raise ForeignFileError("it has not the keys of a report")
    try:
        facts = document["facts"]
        if document["schema_version"] != SCHEMA_VERSION or document["status"] not in get_args(Status):
            raise ValueError("it is of another version")
        if facts is not None and not all(isinstance(facts[name], list | NoneType) for name in _LISTS):
            raise ValueError("its facts are not those of a report")
        asset = dict(document["asset"])
        uri, sha256 = asset.pop("uri"), asset.pop("sha256")
        return Report(
            status=document["status"],
            asset=StoredObject(**asset),
            uri=uri,
            sha256=sha256,
            facts=facts,
            error=Failure(**document["error"]) if document["error"] else None,
            run=dict(document["run"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a report: {error!r}") from error


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
