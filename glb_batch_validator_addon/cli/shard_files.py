"""The files that shards leave, read again: which of them count, and the assets of all in the order of keys."""

from __future__ import annotations

import gzip
import heapq
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..errors import DeniedError, StorageError, UnavailableError, UsageError
from ..model.entry import Entry
from ..model.library import StoredObject
from ..model.shard import shard_of
from ..reports.shards import ShardHead, entry_line, read_entry, read_head
from ..storage.port import Storage

FETCHED_AT_ONCE = 16
MAX_OPEN = 200
"""Files read side by side: systems allow some hundred."""

_DAMAGE = (OSError, EOFError, zlib.error, ValueError)
"""What reading a truncated or otherwise damaged file raises."""


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One that is whole."""

    path: Path
    """Of a private copy."""
    uri: str
    head: ShardHead
    tally: Counter[tuple[int, str]]
    """Assets by part and by state or verdict."""

    @property
    def rank(self) -> tuple[bool, str, str]:
        """Of several that hold the same part the highest counts: one that came to its end, then the latest."""
        run = self.head.run
        return not run.interrupted, run.finished_at, run.started_at

    def entries(self, parts: frozenset[int]) -> Iterator[Entry]:
        """Its assets in these parts."""
        all_of_it = parts.issuperset(self.head.shard.parts)
        count = self.head.shard.count
        return (entry for entry in _entries(self.path) if all_of_it or shard_of(entry.key, count) in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFiles:
    """Those of one library; at least one."""

    files: tuple[ShardFile, ...]
    damaged: tuple[str, ...]
    """Sentences."""
    owners: dict[int, ShardFile] = field(default_factory=dict)
    """By part, the file that counts. Parts without one are missing."""

    @property
    def latest(self) -> ShardFile:
        return max(self.files, key=lambda file: file.rank)

    def streams(self) -> list[Callable[[], Iterator[Entry]]]:
        """The assets that count, each in one of these, in the order of keys; to be called anew for each pass."""
        owned: dict[Path, set[int]] = {}
        for part, file in self.owners.items():
            owned.setdefault(file.path, set()).add(part)
        return [partial(file.entries, frozenset(owned[file.path])) for file in self.files if file.path in owned]


def read_shard_files(place: Storage, *, folder: Path) -> ShardFiles:
    """All shard files at and below the place, by way of copies in `folder`: a shard may be repeated meanwhile.

    Raises `UsageError` if there is none, or if one is not of the same run set-up as the others, and the storage's
    `UnavailableError` and `DeniedError`.
    """
    items = [item for item in place.list() if _is_shard_file(item.key)]

    def read(number: int, item: StoredObject) -> ShardFile | str:
        path = folder / f"{number}.jsonl.gz"
        try:
            place.download(item, path)
            return _read(path, place.uri(item.key))
        except (DeniedError, UnavailableError):  # the file may be as good as any
            raise
        except (StorageError, *_DAMAGE) as error:
            reason = str(error) or type(error).__name__
            return f"{place.uri(item.key)} is damaged ({reason}): it is taken for missing."

    with ThreadPoolExecutor(FETCHED_AT_ONCE) as threads:
        found = list(threads.map(read, range(len(items)), items))
    files = tuple(file for file in found if isinstance(file, ShardFile))
    damaged = tuple(sentence for sentence in found if isinstance(sentence, str))
    if not files:
        reason = f" {damaged[0]}" if damaged else " Runs with --shard and --output leave them."
        raise UsageError(f"There is no shard file at {place.uri()} to merge.{reason}")
    for file in files:
        _demand_same_setup(files[0], file)
    ranked = sorted(files, key=lambda file: file.rank)
    return ShardFiles(
        files=files, damaged=damaged, owners={part: file for file in ranked for part in file.head.shard.parts}
    )


def merged(streams: Iterable[Callable[[], Iterator[Entry]]]) -> Iterator[Entry]:
    """One pass over all of them, in the order of keys."""
    return heapq.merge(*(stream() for stream in streams), key=_order)


def few(streams: list[Callable[[], Iterator[Entry]]], *, folder: Path) -> list[Callable[[], Iterator[Entry]]]:
    """The same assets in at most `MAX_OPEN` streams."""
    while len(streams) > MAX_OPEN:
        together: list[Callable[[], Iterator[Entry]]] = []
        for number, start in enumerate(range(0, len(streams), MAX_OPEN)):
            path = folder / f"{len(streams)}-{number}.gz"
            with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
                out.writelines(map(entry_line, merged(streams[start : start + MAX_OPEN])))
            together.append(partial(_entries, path, head=False))
        streams = together
    return streams


def _is_shard_file(key: str) -> bool:
    name = key.rpartition("/")[2]
    return name.startswith("shard-") and name.endswith(".jsonl.gz")


def _read(path: Path, uri: str) -> ShardFile:
    """The file, looked at to its end. Raises `_DAMAGE`, or `UsageError` for one of another version."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        try:
            head = read_head(lines.readline())
        except UsageError as error:
            raise UsageError(f"{uri} cannot be merged: {error}.") from error
    tally: Counter[tuple[int, str]] = Counter()
    last = b""
    for entry in _entries(path):
        part, order = shard_of(entry.key, head.shard.count), _order(entry)
        if part not in head.shard.parts or order <= last:
            raise ValueError(f"{entry.key!r} has no place in it")
        last = order
        tally[part, entry.verdict or entry.state] += 1
        tally[part, "skipped"] += entry.state == "skipped"
    return ShardFile(path, uri, head, tally)


def _entries(path: Path, *, head: bool = True) -> Iterator[Entry]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        if head:
            lines.readline()
        yield from map(read_entry, lines)


def _order(entry: Entry) -> bytes:
    return entry.key.encode(errors="surrogateescape")


def _demand_same_setup(first: ShardFile, other: ShardFile) -> None:
    for name, value in other.head.setup.items():
        if value != (expected := first.head.setup.get(name)):
            raise UsageError(
                f"{other.uri} is not of the same run as {first.uri}: {name} is {value}, not {expected}."
                " Remove one of them, or give each run a place of its own."
            )
