"""Lists the library and decides, asset by asset, whether there is anything to do.

A listing comes in ascending order of keys, and the report of an asset sorts soon after it. So an asset is decided as
soon as the listing has passed the key of its report, long before the listing ends, and first results come early. Where
a server lists in another order the decision errs on the side of doing the work again, which is harmless.
"""

from __future__ import annotations

import fnmatch
import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from ..errors import StorageError
from ..model.entry import extract
from ..model.library import ASSET_SUFFIX, StoredObject, is_asset
from ..model.limits import MIB
from ..model.naming import report_key, twin_template
from ..model.report import ForeignFileError, Report, from_json
from ..model.settings import RunSettings, with_judgement_of
from ..storage.port import Storage
from .ledger import Known, Ledger, Plan
from .pictures import brief_of
from .threads import Threads

BATCH = 500
"""Decisions taken together: bounds the memory of the plan and the length of a transaction."""

MAX_WAITING = 10_000
"""Assets that wait for the listing to pass the keys of their reports, which most templates sort right after them."""

MAX_REPORT_BYTES = 64 * MIB
"""A file of more bytes beside an asset is no report of ours."""

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
        threads: Threads,
        stopped: Callable[[], bool],
        cut: Callable[[list[Plan]], list[Plan]] | None = None,
    ) -> None:
        """`cut` gives plans the numbers of the batches that a farm works in."""
        self._storage = storage
        self._reports = reports
        self._ledger = ledger
        self._settings = settings
        self._digest = digest
        self._run = run
        self._manifest = manifest
        self._threads = threads
        self._stopped = stopped
        self._cut = cut
        self._selected = selection(settings, root=storage.root)
        self.without_facts = 0
        """Assets that a run which only judges passes over, because no report holds their facts."""

    def plan(self) -> Iterator[list[Plan]]:
        """Batches of plans, each already in the ledger. Ends early, without an error, when the run is stopped."""
        candidates = self._of_manifest(self._manifest) if self._manifest is not None else self._of_listing()
        while batch := list(islice(candidates, BATCH)):
            if self._stopped():
                return
            plans = self._decide(batch)
            if self._settings.judge_only:
                judged = [plan for plan in plans if plan.known or plan.judge]
                self.without_facts += len(plans) - len(judged)
                plans = judged
            if self._cut:
                plans = self._cut(plans)
            self._ledger.add(self._run, plans, self._digest)
            yield plans

    def _of_manifest(self, keys: Iterable[str]) -> Iterator[_Candidate]:
        below = (key for key in keys if key.startswith(self._storage.root) and self._selected(key))
        chosen = islice(below, self._settings.limit)
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
                if not listed_here or key in waiting or key < item.key or len(waiting) >= MAX_WAITING:
                    yield _Candidate(item, key, UNKNOWN)
                else:
                    waiting[key] = item
                    heapq.heappush(order, key)
        else:
            yield from (_Candidate(asset, key, None) for key, asset in waiting.items())
            return
        yield from (_Candidate(asset, key, UNKNOWN) for key, asset in waiting.items())

    def _report_key(self, key: str, template: str | None = None) -> str:
        """Beside the asset, or at the same place below the root of where reports go."""
        below = key[len(self._storage.root) :]
        return self._reports.root + report_key(below, template or self._settings.report_name, uid_of=key)

    def _twin(self, item: StoredObject) -> _Candidate:
        """The asset with a report name of its own, because its first choice is taken."""
        return _Candidate(item, self._report_key(item.key, twin_template(self._settings.report_name)), UNKNOWN)

    def _decide(self, batch: list[_Candidate]) -> list[Plan]:
        """One plan per asset that is not part of the run yet; twins of a report name get names of their own."""
        planned = self._ledger.planned(self._run, [candidate.item.key for candidate in batch])
        owners = self._ledger.report_owners(self._run, [candidate.report_key for candidate in batch])
        fresh: list[_Candidate] = []
        for candidate in batch:
            item = candidate.item
            if item.key not in planned:
                planned.add(item.key)
                taken = owners.setdefault(candidate.report_key, item.key) != item.key
                fresh.append(self._twin(item) if taken else candidate)
        return self._plans(fresh)

    def _plans(self, candidates: list[_Candidate]) -> list[Plan]:
        """What is known of each; reports are read only where the ledger and the listing together do not tell."""
        remembered = self._ledger.outcomes([candidate.item.key for candidate in candidates], self._digest)
        plans: list[Plan | None] = [None] * len(candidates)
        unsure: dict[int, _Candidate] = {}
        for index, candidate in enumerate(candidates):
            item, report = candidate.item, candidate.report
            etag, outcome = remembered.get(item.key, ("", None))
            if report is not None and not (outcome and outcome.report_etag == report.etag):
                unsure[index] = candidate
            else:
                known = outcome if report is not None and etag == item.etag and not self._settings.force else None
                plans[index] = Plan(item=item, report_key=candidate.report_key, known=known)
        looked_up = self._threads.map(lambda candidate: self._look(candidate, remembered), list(unsure.values()))
        for index, plan in zip(unsure, looked_up, strict=True):
            plans[index] = plan
        return [plan for plan in plans if plan]

    def _look(self, candidate: _Candidate, remembered: Mapping[str, tuple[str, Known]]) -> Plan:
        """Read the report in the library: it may hold the outcome, or be somebody's file that is no report at all."""
        item = candidate.item
        afresh = Plan(item=item, report_key=candidate.report_key)
        etag, outcome = remembered.get(item.key, ("", None))
        try:
            report = candidate.report
            if report is None or report is UNKNOWN:
                report = self._reports.stat(candidate.report_key)
            if outcome and (etag, outcome.report_etag) == (item.etag, report.etag):
                return afresh if self._settings.force else replace(afresh, known=outcome)
            written = self._written(report)
            if self._is_of_twin(written, item.key):
                raise ForeignFileError("it is about another asset")
        except ForeignFileError:
            twin = self._twin(item)
            return afresh if twin.report_key == candidate.report_key else self._look(twin, remembered)
        except (StorageError, ValueError):  # there is none, it cannot be read, or it was damaged: it is made anew
            return afresh
        same = (written.asset.etag, written.asset.key) == (item.etag, item.key)
        lasting = not written.error or written.error.lasting
        if self._settings.force or not same or not (lasting or self._settings.judge_only):
            return afresh
        digest = str(written.run.get("settings"))
        wanted = with_judgement_of(digest, self._digest) if self._settings.judge_only else self._digest
        if digest == wanted:
            try:
                known = extract(written)
            except ValueError:  # it was damaged: it is made anew
                return afresh
            brief = brief_of(written, self._reports, report.key)
            return replace(
                afresh, known=Known(verdict=written.verdict, brief=brief, report_etag=report.etag, extract=known)
            )
        return replace(afresh, judge=with_judgement_of(digest, self._digest) == wanted)

    def _is_of_twin(self, written: Report, key: str) -> bool:
        """Whether it is about another asset of the library that differs in the case of `.glb` only."""
        other = str(written.asset.key)
        if other == key or other[: -len(ASSET_SUFFIX)] != key[: -len(ASSET_SUFFIX)]:
            return False
        try:
            self._storage.stat(other)
        except StorageError:
            return False
        return True

    def _written(self, report: StoredObject) -> Report:
        if report.size_bytes > MAX_REPORT_BYTES:
            raise ForeignFileError("it is too large")
        return from_json(self._reports.read(report))


def selection(settings: RunSettings, *, root: str) -> Callable[[str], bool]:
    """Whether a key passes `include`, `exclude` and the shard. Globs match the key below `root`, case-sensitively."""
    include = [re.compile(fnmatch.translate(glob)) for glob in settings.include]
    exclude = [re.compile(fnmatch.translate(glob)) for glob in settings.exclude]

    def selected(key: str) -> bool:
        below = key[len(root) :]
        if include and not any(glob.match(below) for glob in include):
            return False
        if any(glob.match(below) for glob in exclude):
            return False
        return settings.shard.holds(key)

    return selected
