"""`summary.json`: the run, the library as a whole, and one short row per asset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

SUMMARY_VERSION = 3


def summary_json(run: dict[str, Any], library: dict[str, Any], assets: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The file in pieces, so that a million assets need no memory: they come last, a line each.

    `run` is a `RunHead`, `library` a `Survey`, an asset `Entry.row`.
    """
    head = json.dumps({"schema_version": SUMMARY_VERSION, "run": run, "library": library}, indent=2)
    yield head.removesuffix("\n}")
    yield ',\n  "assets": ['
    comma = "\n"
    for asset in assets:
        yield f"{comma}    {json.dumps(asset)}"
        comma = ",\n"
    yield "\n  ]\n}\n"
