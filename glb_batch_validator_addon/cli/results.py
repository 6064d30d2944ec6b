"""What the outputs of a run are made of, wherever it comes from: here from the ledger of the run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import __version__
from ..engine.events import RunFinished
from ..engine.ledger import Ledger, Row
from ..model.entry import Entries, Entry, change, places_of
from ..model.limits import MIB
from ..model.profile import Profile
from ..model.settings import RunSettings
from ..model.shard import Shard
from ..model.survey import MAX_GROUPS, PastRun, RunHead
from ..reports.shards import ShardHead
from ..storage.port import Storage, root_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One run that has ended."""

    head: RunHead
    root: str
    """What all keys begin with."""
    entries: Entries
    before: tuple[PastRun, ...] = ()
    """Earlier runs over the same assets, the oldest first."""
    keep: Callable[[PastRun], None] = lambda present: None
    """Keeps of a run that came to its end what later ones have in their `before`."""


def results_of_run(
    ledger: Ledger,
    run: int,
    *,
    storage: Storage,
    reports: Storage,
    shard: Shard,
    profile: Profile,
    finished: RunFinished,
) -> Results:
    """Those of a run in the ledger, read from there as they are asked for."""
    started, ended = ledger.times(run)
    library = storage.uri()

    def entry(row: Row) -> Entry:
        extract, before = row.extract, row.before
        return Entry(
            key=row.key,
            uri=storage.uri(row.key),
            report=reports.uri(row.report_key),
            state=row.state,
            verdict=row.verdict,
            brief=row.brief,
            extract=extract,
            change=None if extract is None or before is None else change(before, places_of(extract["findings"])),
        )

    def entries() -> Iterator[Entry]:
        return map(entry, ledger.rows(run))

    return Results(
        head=RunHead(
            library=library,
            id=run,
            version=__version__,
            started_at=_time(started),
            finished_at=_time(ended),
            profile=profile.name,
            interrupted=finished.interrupted,
            reason=finished.reason,
            seconds=round(finished.seconds, 3),
            workers_busy=round(finished.busy, 3),
            counts=finished.counts,
            budgets=_budgets(profile),
        ),
        root=storage.root,
        entries=entries,
        before=tuple(
            PastRun(id=past, finished_at=_time(end), **counts)
            for past, end, counts in ledger.history(library, shard, MAX_GROUPS)
            if past != run
        ),
        keep=lambda present: ledger.keep_counts(run, {"counts": present.counts, "findings": present.findings}),
    )


def shard_head(
    head: RunHead,
    options: argparse.Namespace,
    *,
    settings: RunSettings,
    blender: str,
    storage: Storage,
    reports: Storage,
    finished: RunFinished,
) -> ShardHead:
    """What the file of a shard begins with."""
    return ShardHead(
        shard=settings.shard,
        setup={
            "library": head.library,
            "number of shards": settings.shard.count,
            "version": head.version,
            "profile": head.profile,
            "--reports-to": options.reports_to,
            "--include": list(settings.include),
            "--exclude": list(settings.exclude),
            "--limit": settings.limit,
            "settings": settings.digest(product=__version__, blender=blender),
        },
        root=storage.root,
        reports=root_uri(reports),
        without_facts=finished.without_facts,
        judge_only=settings.judge_only,
        command=tuple(_without_shard(options.arguments)),
        run=head,
    )


def _without_shard(arguments: Iterable[str]) -> Iterator[str]:
    """Of a command that any shard may be done with."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--shard":
            next(rest)
        elif argument != "--resume" and not argument.startswith("--shard="):
            yield argument


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _budgets(profile: Profile) -> dict[str, float | None]:
    """What charts draw a line at, in the units of `Survey`."""

    def budget(rule: str, threshold: str, unit: int) -> float | None:
        limit = profile.thresholds.get(rule, {}).get(threshold)
        return None if limit is None or profile.levels.get(rule) == "off" else limit * unit

    return {
        "triangles": budget("GLBV_BUDGET_TRIANGLES", "max_count", 1),
        "size_bytes": budget("GLBV_BUDGET_FILE_SIZE", "max_mb", MIB),
        "gpu_bytes": budget("GLBV_BUDGET_GPU_MEMORY", "max_mb", MIB),
    }
