"""The way of one asset through a run: fetch, work, report, write. Everything here is for the owner's thread.

What takes time is done in storage threads and workers; its result comes back through the inbox.
"""

from __future__ import annotations

import itertools
import queue
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

from ..errors import DeniedError, FullError, GlbvError, StorageError, UnavailableError, UsageError
from ..model.entry import extract
from ..model.facts import Need
from ..model.library import StoredObject
from ..model.preview import Order, Preview
from ..model.profile import Demand
from ..model.report import Failure, Report, Stage, from_json
from ..model.settings import RunSettings, with_judgement_of
from ..model.wire import Reply, Request, Resource
from ..storage.port import Storage
from .events import AssetDone, OnEvent
from .fetch import fetch, fetch_resources, too_large
from .ledger import Ledger, Plan
from .pictures import brief_of, write_picture
from .pool import Answer, Pool
from .threads import Threads
from .write import run_block, run_stamp, write_report

MAX_UNAVAILABLE = 20
"""Assets in a row for which the storage did not answer through all retries; then the run stops, to be resumed."""

T = TypeVar("T")

Judge = Callable[[Report, Demand], Report]
"""Judges the facts of a report anew; `run` is left as it was."""


@dataclass(slots=True)
class Job:
    """An asset in work."""

    plan: Plan
    item: StoredObject
    """The version that is in work: a newer one than planned if the object changed meanwhile."""
    request: Request
    seconds: dict[str, float] = field(default_factory=dict)
    resources: Path | None = None
    """The folder of what the asset refers to, once it has asked for that."""


class Work:
    """The assets in work, from the moment they are taken from the ledger until their report is written."""

    def __init__(
        self,
        *,
        storage: Storage,
        reports: Storage,
        ledger: Ledger,
        settings: RunSettings,
        digest: str,
        judge: Judge,
        order: Order | None,
        folder: Path,
        pool: Pool,
        threads: Threads,
        inbox: queue.SimpleQueue[Any],
        on_event: OnEvent,
        stopped: Callable[[], bool],
        stop: Callable[[str], None],
        fail: Callable[[Exception], None],
        another_turn: Callable[[], None],
    ) -> None:
        """`stop` and `fail` end the run, to be resumed; `another_turn` gives back an asset that was begun.

        `order` is the picture that assets are to have.
        """
        self._storage = storage
        self._reports = reports
        self._ledger = ledger
        self._settings = settings
        self._digest = digest
        self._judge = judge
        self._order = order
        self._folder = folder
        self._pool = pool
        self._threads = threads
        self._inbox = inbox
        self._on_event = on_event
        self._stopped = stopped
        self._stop = stop
        self._fail = fail
        self._another_turn = another_turn
        self._ids = itertools.count(1)
        self._put_off: set[str] = set()  # keys that the storage did not give once, and that have another turn
        self._unavailable = {"fetch": 0, "report": 0}  # assets in a row
        self.jobs: dict[int, Job] = {}
        """In work, by request id."""
        self.writing = 0
        """Reports that are being written."""
        self.done = 0
        """Assets that came to their end."""

    def begin(self, plan: Plan) -> None:
        """Fetch the asset; the rest follows."""
        job = self._job(plan)
        item, request, limits = job.item, job.request, self._settings.limits
        if plan.judge:
            self._in_thread(partial(self._judged_again, plan, request.demand), partial(self._take_judged, job))
            return
        if reason := too_large(item, limits):
            self._report(job, error=Failure(stage="container", type="TooLarge", message=reason))
        else:
            self._in_thread(
                partial(fetch, self._storage, item, Path(request.path), limits), partial(self._take_fetched, job)
            )

    def give_up(self, plan: Plan, failure: Failure) -> None:
        """Write the report of an asset that is not even begun."""
        self._report(self._job(plan), error=failure)

    def _job(self, plan: Plan) -> Job:
        number, root = next(self._ids), self._storage.root
        request = Request(
            id=number,
            path=str(self._folder / f"{number}.glb"),
            key=plan.item.key,
            root=root,
            limits=self._settings.limits,
            demand=self._settings.policy.demand(plan.item.key[len(root) :]),
            preview=self._order,
        )
        job = self.jobs[number] = Job(plan=plan, item=plan.item, request=request)
        return job

    def _judged_again(self, plan: Plan, demand: Demand) -> Report:
        """The report that is there, under the present profile. In a storage thread."""
        try:
            report = self._judge(from_json(self._reports.read(self._reports.stat(plan.report_key))), demand)
        except ValueError as error:
            text = f"The report {plan.report_key} cannot be judged: {error}. Validate its asset anew."
            raise StorageError(text) from error
        digest = with_judgement_of(report.run["settings"], self._digest)
        return replace(report, run=report.run | run_stamp(digest))

    def _take_judged(self, job: Job, report: Report | GlbvError) -> None:
        if self._stopped():
            self._drop(job)
        elif not isinstance(report, GlbvError):
            self._write(job, report)
        elif self._settings.judge_only:
            self.writing += 1
            self._take_written(job, self._made(job, error=_failure("judge", report)), report)
        else:
            self._ledger.look_afresh(job.plan)
            self._drop(job)
            self._another_turn()

    def _take_fetched(self, job: Job, fetched: tuple[StoredObject, float] | GlbvError) -> None:
        if self._stopped():
            self._drop(job)
        elif isinstance(fetched, GlbvError):
            self._take_fetch_error(job, fetched)
        else:
            self._unavailable["fetch"] = 0
            job.item, job.seconds["fetch"] = fetched
            self._pool.submit(job.request)

    def _take_fetch_error(self, job: Job, error: GlbvError) -> None:
        if self._goes_on(job, error, "fetch"):
            self._report(job, error=_failure("fetch", error))
        else:
            self._drop(job)

    def take_answer(self, answer: Answer) -> None:
        """What became of a request: a report, or more to fetch."""
        job = self.jobs[answer.request.id]
        if self._stopped():
            self._drop(job)
        elif isinstance(answer.reply, Failure):
            self._take_failure(job, answer.reply, answer.versions)
        elif answer.reply.needs:
            job.resources = Path(f"{job.request.path}.resources")
            task = partial(fetch_resources, self._storage, answer.reply.needs, job.resources, self._settings.limits)
            self._in_thread(task, partial(self._take_resources, job))
        else:
            job.seconds |= answer.reply.seconds
            self._report(job, error=answer.reply.error, reply=answer.reply, versions=answer.versions)

    def _take_failure(self, job: Job, failure: Failure, versions: dict[str, str]) -> None:
        """What brought Blender down may still be looked at without it, and without its picture with it."""
        before = job.request.failed
        if before and (before.stage != "preview" or failure.stage == "preview"):
            self._report(job, error=before, versions=versions)
            return
        if failure.stage == "preview" and self._order:
            self._order = replace(self._order, gpu=False)  # no other asset is to meet a driver that takes Blender down
        job.request = replace(job.request, failed=failure)
        self._pool.submit(job.request)

    def _take_resources(self, job: Job, resources: dict[str, Resource] | GlbvError) -> None:
        if self._stopped():
            self._drop(job)
        elif isinstance(resources, GlbvError):
            self._take_fetch_error(job, resources)
        else:
            job.request = replace(job.request, resources=resources)
            self._pool.submit(job.request)

    def _report(
        self,
        job: Job,
        *,
        error: Failure | None,
        reply: Reply | None = None,
        versions: dict[str, str] | None = None,
    ) -> None:
        report = self._made(job, error=error, reply=reply, versions=versions)
        self._write(job, report, reply.preview if reply else None)

    def _made(
        self,
        job: Job,
        *,
        error: Failure | None,
        reply: Reply | None = None,
        versions: dict[str, str] | None = None,
    ) -> Report:
        said = reply or Reply(id=job.request.id, coverage=_not_looked_at(error, job.request))
        report = Report(
            verdict=said.verdict,
            asset=job.item,
            uri=self._storage.uri(job.item.key),
            sha256=said.sha256,
            error=error,
            findings=list(said.findings),
            coverage=list(said.coverage),
            khronos=said.khronos,
            facts=said.facts,
            run=run_block(digest=self._digest, seconds=job.seconds, versions=versions or {}),
        )
        if reply is None:  # no worker has judged it
            report = replace(self._judge(report, job.request.demand), verdict=said.verdict)
        return report

    def _write(self, job: Job, report: Report, preview: Preview | None = None) -> None:
        self._forget_files(job)
        self.writing += 1
        task = partial(self._written, job.plan.report_key, report, preview)
        self._in_thread(task, partial(self._take_written, job, report))

    def _written(self, report_key: str, report: Report, preview: Preview | None) -> tuple[Report, str]:
        """The report as it was written, with its ETag. In a storage thread."""
        if preview and self._order:
            folder, template = Path(self._order.folder), self._settings.report_name
            report = write_picture(
                self._reports, report, preview, folder=folder, report_key=report_key, template=template
            )
        return report, write_report(self._reports, report_key, report)

    def _take_written(self, job: Job, report: Report, written: tuple[Report, str] | GlbvError) -> None:
        self.writing -= 1
        del self.jobs[job.request.id]
        if isinstance(written, GlbvError):
            fatal = isinstance(written, DeniedError)  # it will be the same for every report
            if not self._goes_on(job, UsageError(str(written)) if fatal else written, "report"):
                return
            report, etag = replace(report, verdict="error", error=_failure("report", written)), None
        else:
            report, etag = written
            self._unavailable["report"] = 0
        self.done += 1
        lasting = not report.error or report.error.lasting
        brief = brief_of(report, self._reports, job.plan.report_key)
        self._ledger.record(
            job.plan,
            job.item,
            digest=report.run["settings"] if lasting else None,
            report_etag=etag,
            verdict=report.verdict,
            brief=brief,
            extract=extract(report),
        )
        self._on_event(
            AssetDone(
                key=job.item.key,
                verdict=report.verdict,
                report=self._reports.uri(job.plan.report_key),
                brief=brief,
                seconds=job.seconds,
            )
        )

    def _goes_on(self, job: Job, error: GlbvError, stage: Stage) -> bool:
        """Whether the error is the asset's own, to be reported. Else the run stops, or the asset has its turn later."""
        if isinstance(error, UsageError):
            self._fail(error)
        elif isinstance(error, FullError):
            self._stop(f"{error} Make room, then go on with --resume.")
        elif isinstance(error, UnavailableError):
            self._unavailable[stage] += 1
            if self._unavailable[stage] >= MAX_UNAVAILABLE:
                self._stop(f"The storage does not answer any more: {error}")
            elif job.plan.item.key not in self._put_off:
                self._put_off.add(job.plan.item.key)
                self._another_turn()
                return False
        return not self._stopped()

    def _drop(self, job: Job) -> None:
        """Leave an asset of a stopped run pending."""
        self._forget_files(job)
        self.jobs.pop(job.request.id, None)

    def _forget_files(self, job: Job) -> None:
        Path(job.request.path).unlink(missing_ok=True)
        if job.resources:
            shutil.rmtree(job.resources, ignore_errors=True)

    def _in_thread(self, task: Callable[[], T], then: Callable[[T | GlbvError], None]) -> None:
        """Do `task` in a storage thread and `then` in the owner's; an error of ours arrives as a value."""

        def work() -> None:
            try:
                result: T | GlbvError = task()
            except GlbvError as error:
                result = error
            except Exception as error:  # a fault of ours must stop the run, not hang it
                self._inbox.put(partial(self._fail, error))
                return
            self._inbox.put(partial(then, result))

        self._threads.submit(work)


def _not_looked_at(error: Failure | None, request: Request) -> list[dict[str, Any]]:
    """The coverage of an asset of which no worker has said anything; judging names the rules."""
    reason = f"No worker got to it: {error.message if error else ''}"
    asked = {"rule": False, "custom": request.demand.rules_folder, "preview": request.preview}
    needs = [need for need in get_args(Need) if asked.get(need, True)]
    return [{"need": need, "reason": reason, "places": None, "rules": []} for need in needs]


def _failure(stage: Stage, error: GlbvError) -> Failure:
    """Of the type `NotFound` for a `NotFoundError`; the message begins and ends as a sentence does."""
    text = str(error).rstrip(".")
    return Failure(
        stage=stage, type=type(error).__name__.removesuffix("Error"), message=f"{text[:1].upper()}{text[1:]}."
    )
