"""`summary.json`: the run as a whole, and one short row per asset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

SUMMARY_VERSION = 2


def summary_json(run: dict[str, Any], assets: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The file in pieces, so that a million assets need no memory: `run` first, then `assets`, a line each."""
    head = json.dumps({"schema_version": SUMMARY_VERSION, "run": run}, indent=2)
    yield head.removesuffix("\n}")
    yield ',\n  "assets": ['
    comma = "\n"
    for asset in assets:
        yield f"{comma}    {json.dumps(asset)}"
        comma = ",\n"
    yield "\n  ]\n}\n"
