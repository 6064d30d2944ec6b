"""The record of one asset, and the words its fields may hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from types import NoneType
from typing import Any, Literal, get_args

from .finding import SEVERITIES, Verdict
from .library import StoredObject

SCHEMA_VERSION = 3

MAX_BRIEF_RULES = 8
"""Rules of which a brief says what they found, the worst first."""
MAX_BRIEF_TEXT = 200
"""Characters of what it says."""

Stage = Literal["fetch", "container", "khronos", "import", "measure", "meshes", "pixels", "preview", "judge", "report"]
"""Where in its way through the product an asset was when something happened."""


PASSING = ("Crashed", "TimedOut", "OutOfMemory", "DiskFull", "InternalError", "Parked")
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
    unsupported: bool = False
    """The asset may well be good, but needs what this Blender lacks."""

    @property
    def lasting(self) -> bool:
        """True if the cause lies in the asset's bytes; the circumstances of a run may differ the next time."""
        return self.stage not in ("fetch", "report") and self.type not in PASSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything said about one asset. The same bytes under the same settings give the same report, but for `run`.

    The blocks are JSON documents, as they come from a worker or out of a file.
    """

    verdict: Verdict
    asset: StoredObject
    uri: str
    sha256: str | None
    error: Failure | None
    """Why it was not processed to the end."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """`Finding`, the worst first."""
    coverage: list[dict[str, Any]] = field(default_factory=list)
    """`rules.judgement.Uncovered`: every check that could not look."""
    khronos: dict[str, Any] | None = None
    """`KhronosReport`; None where the validator was not asked or could not answer."""
    facts: dict[str, Any] | None = None
    """`Facts`, by `facts_document`; None where not even the container could be read."""
    run: dict[str, Any]
    """Dates, timings by stage in seconds, versions, digest of the settings: all that may differ between two runs."""

    def to_json(self) -> bytes:
        """JSON as published in `docs/report.schema.json`: indented, keys in a fixed order, a newline at the end."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "asset": {"uri": self.uri, **asdict(self.asset), "sha256": self.sha256},
            "error": asdict(self.error) if self.error else None,
            "findings": self.findings,
            "coverage": self.coverage,
            "facts": self.facts,
            "khronos": self.khronos,
            "run": self.run,
        }
        # Names that are not valid Unicode (file names under Linux) come out as escapes, which JSON allows.
        return json.dumps(document, indent=2).encode() + b"\n"

    def brief(self) -> dict[str, Any]:
        """The few values that lists and the ledger keep of a report."""
        facts = self.facts or {}

        def count(name: str) -> int | None:
            return None if facts.get(name) is None else len(facts[name])

        counting = [finding for finding in self.findings if not finding["waived"]]
        severities = Counter(finding["severity"] for finding in counting)
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
            "finding_counts": {severity: severities[severity] for severity in SEVERITIES},
            "waived_count": len(self.findings) - len(counting),
            "findings": _by_rule(counting),
            "error": asdict(self.error) if self.error else None,
        }


def _by_rule(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first finding of each rule, and how many the rule has."""
    counts = Counter(finding["code"] for finding in findings)
    first = {finding["code"]: finding for finding in reversed(findings)}
    return [
        {
            "code": code,
            "severity": first[code]["severity"],
            "message": first[code]["message"][:MAX_BRIEF_TEXT],
            "count": number,
        }
        for code, number in list(counts.items())[:MAX_BRIEF_RULES]
    ]


_LISTS = ("materials", "images", "animations", "dimensions_m")
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
        if document["schema_version"] != SCHEMA_VERSION or document["verdict"] not in get_args(Verdict):
            raise ValueError("it is of another version")
        if facts is not None and not all(isinstance(facts[name], list | NoneType) for name in _LISTS):
            raise ValueError("its facts are not those of a report")
        asset = dict(document["asset"])
        uri, sha256 = asset.pop("uri"), asset.pop("sha256")
        return Report(
            verdict=document["verdict"],
            asset=StoredObject(**asset),
            uri=uri,
            sha256=sha256,
            error=Failure(**document["error"]) if document["error"] else None,
            findings=_list_of_objects(document["findings"], {"code", "severity", "message", "waived"}),
            coverage=_list_of_objects(document["coverage"], set()),
            khronos=document["khronos"],
            facts=facts,
            run=dict(document["run"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a report: {error!r}") from error


def _list_of_objects(values: Any, keys: set[str]) -> list[dict[str, Any]]:
    if not isinstance(values, list) or not all(isinstance(value, dict) and keys <= value.keys() for value in values):
        raise TypeError("a list of objects is needed")
    return values


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
