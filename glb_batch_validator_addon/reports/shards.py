"""The file of a shard: all that `merge` needs to write the outputs of the whole library, as JSON lines.

First a head, then an asset a line, in ascending order of the UTF-8 bytes of keys (those of names that are not Unicode
as they are, PEP 383).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UsageError
from ..model.entry import Change, Entry, Place
from ..model.shard import Shard
from ..model.survey import RunHead

SHARD_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardHead:
    """One run over a part of a library."""

    shard: Shard
    setup: dict[str, Any]
    """What all shards of a library must have in common to be merged, by what people call it. JSON."""
    root: str
    """What all keys begin with."""
    reports: str
    """URI of the place of reports, as `storage.port.root_uri`."""
    without_facts: int
    """As `RunFinished.without_facts`."""
    judge_only: bool
    command: tuple[str, ...]
    """The arguments, without `--shard`."""
    run: RunHead


def shard_lines(head: ShardHead, entries: Iterable[Entry]) -> Iterator[str]:
    """The file, line by line."""
    values = {"schema_version": SHARD_VERSION, **asdict(head), "shard": str(head.shard)}
    yield json.dumps(values) + "\n"
    yield from map(entry_line, entries)


def entry_line(entry: Entry) -> str:
    change = entry.change
    values = {
        "key": entry.key,
        "uri": entry.uri,
        "report": entry.report,
        "state": entry.state,
        "verdict": entry.verdict,
        "brief": entry.brief,
        "extract": entry.extract,
        "change": change and {"new": change.new, "fixed": change.fixed, "still": change.still},
    }
    return json.dumps(values, separators=(",", ":")) + "\n"


def read_head(line: str) -> ShardHead:
    """Of a file's first line. Raises `UsageError` for a file of another version, ValueError if it is none of ours."""
    try:
        values = json.loads(line)
        version = values.pop("schema_version")
        if version != SHARD_VERSION:
            raise UsageError(f"it is of schema version {version}, and this program reads {SHARD_VERSION}")
        values |= {"shard": Shard.parse(values["shard"]), "command": tuple(values["command"])}
        return ShardHead(**values | {"run": RunHead(**values["run"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"its head is not that of a shard: {error!r}") from error


def read_entry(line: str) -> Entry:
    """Of any other line. Raises ValueError if it is no asset."""
    try:
        values = json.loads(line)
        if change := values["change"]:
            values["change"] = Change(**{kind: tuple(Place(*place) for place in change[kind]) for kind in change})
        return Entry(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a line is no asset: {error!r}") from error
