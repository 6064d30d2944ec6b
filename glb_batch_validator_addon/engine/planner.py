"""Lists the library and decides, asset by asset, whether there is anything to do.

A listing comes in ascending order of keys, and the report of an asset sorts soon after it. So an asset is decided as
soon as the listing has passed the key of its report, long before the listing ends, and first results come early. Where
a server lists in another order the decision errs on the side of doing the work again, which is harmless.
"""

from __future__ import annotations

import fnmatch
import hashlib
import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from ..errors import StorageError
from ..model.library import StoredObject, is_asset
from ..model.naming import name_of_twin, report_key
from ..model.report import from_json
from ..model.settings import RunSettings
from ..storage.port import Storage
from .ledger import Known, Ledger, Plan

BATCH = 500
"""Decisions taken together: bounds the memory of the plan and the length of a transaction."""

UNKNOWN = StoredObject(key="", size_bytes=0, etag="", last_modified="")
"""Stands for a report of which the listing did not say whether it is there."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    item: StoredObject
    report_key: str
    report: StoredObject | None
    """As it was listed; None if it is not there, `UNKNOWN` if the listing does not tell."""


class Planner:
    """Fills the ledger with the assets of one run. `plan()` runs in a thread of its own and yields after each batch."""

    def __init__(
        self,
        *,
        storage: Storage,
        reports: Storage,
        ledger: Ledger,
        settings: RunSettings,
        digest: str,
        run: int,
        manifest: Iterable[str] | None,
        threads: ThreadPoolExecutor,
        stopped: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._reports = reports
        self._ledger = ledger
        self._settings = settings
        self._digest = digest
        self._run = run
        self._manifest = manifest
        self._threads = threads
        self._stopped = stopped
        self._selected = selection(settings, root=storage.root)

    def plan(self) -> Iterator[list[Plan]]:
        """Batches of plans, each already in the ledger. Ends early, without an error, when the run is stopped."""
        candidates = self._of_manifest(self._manifest) if self._manifest is not None else self._of_listing()
        while batch := list(islice(candidates, BATCH)):
            if self._stopped():
                return
            plans = self._decide(batch)
            self._ledger.add(self._run, plans, self._digest)
            yield plans

    def _of_manifest(self, keys: Iterable[str]) -> Iterator[_Candidate]:
        chosen = islice((key for key in keys if self._selected(key)), self._settings.limit)
        while chunk := list(islice(chosen, BATCH)):
            for item in self._threads.map(self._stat_or_bare, chunk):
                yield _Candidate(item, self._report_key(item.key), UNKNOWN)

    def _stat_or_bare(self, key: str) -> StoredObject:
        try:
            return self._storage.stat(key)
        except StorageError:  # the fetch meets the same and says so in the asset's own report
            return StoredObject(key=key, size_bytes=0, etag="", last_modified="")

    def _of_listing(self) -> Iterator[_Candidate]:
        listed_here = self._reports is self._storage
        waiting: dict[str, StoredObject] = {}  # assets by the key of their report, until the listing has passed it
        order: list[str] = []  # a heap of those keys
        found = 0
        for item in self._storage.list():
            if self._stopped():
                return
            while order and order[0] < item.key:
                key = heapq.heappop(order)
                if asset := waiting.pop(key, None):
                    yield _Candidate(asset, key, None)
            if asset := waiting.pop(item.key, None):
                yield _Candidate(asset, item.key, item)
            elif is_asset(item.key) and self._selected(item.key):
                if found == self._settings.limit:
                    break
                found += 1
                key = self._report_key(item.key)
                if not listed_here or key in waiting or key < item.key:
                    yield _Candidate(item, key, UNKNOWN)
                else:
                    waiting[key] = item
                    heapq.heappush(order, key)
        else:
            yield from (_Candidate(asset, key, None) for key, asset in waiting.items())
            return
        yield from (_Candidate(asset, key, UNKNOWN) for key, asset in waiting.items())

    def _report_key(self, key: str) -> str:
        """Beside the asset, or at the same place below the root of where reports go."""
        return self._reports.root + report_key(key[len(self._storage.root) :], self._settings.report_name, uid_of=key)

    def _decide(self, batch: list[_Candidate]) -> list[Plan]:
        """One plan per asset that is not part of the run yet; twins of a report name get names of their own."""
        planned = self._ledger.planned(self._run, [candidate.item.key for candidate in batch])
        owners = self._ledger.report_owners(self._run, [candidate.report_key for candidate in batch])
        fresh: list[_Candidate] = []
        for candidate in batch:
            item, name = candidate.item, candidate.report_key
            if item.key in planned:
                continue
            planned.add(item.key)
            if owners.setdefault(name, item.key) != item.key:
                name = name_of_twin(name, item.key)
                candidate = _Candidate(item, name, UNKNOWN)
            fresh.append(candidate)
        known = [None] * len(fresh) if self._settings.force else self._outcomes(fresh)
        return [
            Plan(item=candidate.item, report_key=candidate.report_key, known=outcome)
            for candidate, outcome in zip(fresh, known, strict=True)
        ]

    def _outcomes(self, candidates: list[_Candidate]) -> list[Known | None]:
        """What is known of each; reports are read only where the ledger and the listing together do not tell."""
        remembered = self._ledger.outcomes([candidate.item.key for candidate in candidates], self._digest)
        outcomes: list[Known | None] = [None] * len(candidates)
        unsure: dict[int, _Candidate] = {}
        for index, candidate in enumerate(candidates):
            etag, outcome = remembered.get(candidate.item.key, ("", None))
            if (
                outcome
                and candidate.report
                and (etag, outcome.report_etag) == (candidate.item.etag, candidate.report.etag)
            ):
                outcomes[index] = outcome
            elif candidate.report is not None:
                unsure[index] = candidate
        for index, outcome in zip(unsure, self._threads.map(self._read, unsure.values()), strict=True):
            outcomes[index] = outcome
        return outcomes

    def _read(self, candidate: _Candidate) -> Known | None:
        """What the report in the library says, if it is about these bytes and settings and its verdict lasts."""
        try:
            report = candidate.report
            if report is None or report is UNKNOWN:
                report = self._reports.stat(candidate.report_key)
            written = from_json(self._reports.read(report))
        except (StorageError, ValueError):
            return None  # no report, or none of ours: it is made anew
        if written.asset.etag != candidate.item.etag or written.asset.key != candidate.item.key:
            return None
        if written.run.get("settings") != self._digest or (written.error and not written.error.lasting):
            return None
        return Known(status=written.status, brief=written.brief(), report_etag=report.etag)


def selection(settings: RunSettings, *, root: str) -> Callable[[str], bool]:
    """Whether a key passes `include`, `exclude` and the shard. Globs match the key below `root`, case-sensitively."""
    include = [re.compile(fnmatch.translate(glob)) for glob in settings.include]
    exclude = [re.compile(fnmatch.translate(glob)) for glob in settings.exclude]
    index, count = settings.shard

    def selected(key: str) -> bool:
        below = key[len(root) :]
        if include and not any(glob.match(below) for glob in include):
            return False
        if any(glob.match(below) for glob in exclude):
            return False
        return count == 1 or shard_of(key, count) == index

    return selected


def shard_of(key: str, count: int) -> int:
    """0 to count - 1, by the first 8 bytes of the key's SHA-256: the same on every machine, in every version."""
    return int.from_bytes(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:8], "big") % count
