"""Puts a run into the database: lists the library, decides what there is to do, and cuts that into batches."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import __version__
from ..cli.arguments import parse, run_settings
from ..cli.control import Control
from ..cli.judging import judge_again
from ..cli.manifest import keys_of_manifest
from ..cli.outputs import check_formats
from ..cli.places import is_bucket, open_library, open_place, open_reports
from ..cli.program import find_launcher
from ..cli.progress import View
from ..engine.ledger import Ledger, Plan
from ..engine.run import Run
from ..errors import InterruptedRunError, UsageError
from ..model.library import StoredObject
from ..model.limits import MIB
from .app import BATCH_SECONDS
from .batches import Batches, Queue
from .ending import end_run
from .feeding import Feeder

FEED_SECONDS = 2.0
"""Between two looks at the queues while the library is listed."""

MAX_TIMEOUT_SECONDS = BATCH_SECONDS / 3
"""Of an asset: it may be tried twice, and a third time without Blender, within a batch."""

_NOT_ON_A_FARM = ("resume", "dry_run", "check", "copy", "ledger", "judge_only", "control")
_PATHS = (
    "--folder",
    "--waivers",
    "--rules",
    "--manifest",
    "--profile",
    "--reports-to",
    "--output",
    "--data-folder",
    "--blender",
)
_NAMES = ("--profile", "--blender")
"""May be names as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How assets are put together into batches."""

    assets: int = 200
    """In one batch: a few seconds to minutes of work, of which no more is lost with a worker."""
    max_bytes: int = 2048 * MIB
    """In one batch, unless it is a single asset."""
    large_bytes: int = 256 * MIB
    """Assets above this go to workers with more memory."""
    gpu: bool = False
    """The others go to workers whose graphics cards render the previews."""

    @property
    def usual_queue(self) -> Queue:
        return "gpu" if self.gpu else "cpu"

    def queue(self, item: StoredObject) -> Queue:
        return "large" if item.size_bytes > self.large_bytes else self.usual_queue


class Cutter:
    """Gives assets the numbers of their batches. A batch is told of once it is full; the rest at `close`."""

    def __init__(self, how: Cutting, *, first: int, add: Callable[[list[tuple[int, Queue]]], None]) -> None:
        self._how = how
        self._next = first
        self._add = add
        self._open: dict[Queue, tuple[int, int, int]] = {}  # number, assets, bytes
        self._full: list[tuple[int, Queue]] = []

    def cut(self, plans: list[Plan]) -> list[Plan]:
        """The plans with numbers, but for those of assets that are known. Batches of earlier plans are told now: their
        assets are in the ledger."""
        self._tell()
        return [plan if plan.known else replace(plan, batch=self._number(plan.item)) for plan in plans]

    def close(self) -> None:
        """Tell of what is left, once all assets are in the ledger."""
        self._full += [(number, queue) for queue, (number, _, _) in self._open.items()]
        self._open.clear()
        self._tell()

    def _tell(self) -> None:
        if self._full:
            self._add(self._full)
            self._full = []

    def _number(self, item: StoredObject) -> int:
        queue = self._how.queue(item)
        number, assets, size = self._open.get(queue, (0, 0, 0))
        if assets and (assets >= self._how.assets or size + item.size_bytes > self._how.max_bytes):
            self._full.append((number, queue))
            assets = 0
        if not assets:
            number, size = self._next, 0
            self._next += 1
        self._open[queue] = number, assets + 1, size + item.size_bytes
        return number


def submit(
    arguments: list[str],
    *,
    batches: Batches,
    feeder: Feeder,
    cutting: Cutting,
    priority: int,
    view: View,
    control: Control,
) -> int:
    """List the library of these options and leave its run in the database; returns the run's number.

    It is fed to the broker while it is listed, and by the workers from then on. Raises `UsageError` if the library
    cannot be used or holds nothing, and leaves nothing behind then that would be worked at.
    """
    arguments = absolute(arguments)
    options = parse(arguments, "run_batch.py farm submit")
    if unfit := [name for name in _NOT_ON_A_FARM if getattr(options, name)]:
        raise UsageError(f"--{unfit[0].replace('_', '-')} is not for a farm.")
    settings = replace(run_settings(options), workers=1)
    if settings.timeout_seconds > MAX_TIMEOUT_SECONDS:
        raise UsageError(
            f"On a farm --timeout is at most {MAX_TIMEOUT_SECONDS:.0f}: a batch has {BATCH_SECONDS:.0f} s."
        )
    launcher = find_launcher(options.blender, workers=1)
    with contextlib.ExitStack() as opened:
        storage = open_library(options)
        opened.callback(storage.close)
        reports = storage
        if options.reports_to:
            reports = open_reports(options)
            opened.callback(reports.close)
        check_formats(options.format, storage.uri())
        if options.output and is_bucket(options.output):
            output = open_place(options, options.output)
            opened.callback(output.close)
            output.check(write=True)
        library = library_name(options, storage.uri())
        ledger = Ledger(batches.database, library=library)
        digest = settings.digest(product=__version__, blender=launcher.blender)
        cutter = Cutter(cutting, first=1, add=lambda full: batches.add(run.id, full))
        run = Run(
            storage=storage,
            reports=reports,
            ledger=ledger,
            launcher=launcher,
            settings=settings,
            on_event=view.show,
            recorded={"arguments": arguments, "digest": digest, "cutting": asdict(cutting)},
            manifest=keys_of_manifest(options) if options.manifest else None,
            judge=judge_again,
            plan_only=True,
            cut=cutter.cut,
            priority=priority,
        )
        opened.callback(run.close)
        try:
            _list(run, feeder, control)
            if not ledger.counts(run.id)["total"]:
                raise UsageError(f"There is no .glb to validate in {storage.uri()}.")
            cutter.close()
            ledger.mark_listed(run.id)
        except BaseException:
            if run.id:
                batches.cancel(run.id)
            raise
        end_run(  # all of it may be unchanged, or done while it was listed
            batches,
            batches.run(run.id),
            ledger=ledger,
            settings=settings,
            options=options,
            storage=storage,
            reports=reports,
        )
    feeder.feed()
    return run.id


def _list(run: Run, feeder: Feeder, control: Control) -> None:
    run.start()
    control.wait = True
    fed = time.monotonic()
    while not run.done:
        if control.stop_reason:
            run.cancel(control.stop_reason)
        run.step()
        if time.monotonic() - fed > FEED_SECONDS:
            feeder.feed()
            fed = time.monotonic()
    if run.interrupted:
        reason = run.interrupted.rstrip(".")
        raise InterruptedRunError(
            f"Run {run.id} is cancelled, as it was not listed to its end: {reason}. Submit again."
        )


def retry(run: int, *, batches: Batches, feeder: Feeder) -> int:
    """Have what is not done, or could not be processed, done by new batches; returns how many assets that is.

    Raises `UsageError` if the run was not listed to its end.
    """
    known = batches.run(run)
    if not known.listed:
        raise UsageError(f"Run {run} was not listed to its end: submit it again. What is done is not done again.")
    cutting = Cutting(**known.cutting)
    ledger = Ledger(batches.database, library=known.library)
    count = batches.reopen(run)
    first = batches.next_number(run)
    cutter = Cutter(cutting, first=first, add=lambda full: batches.add(run, full))
    after = ""
    while plans := ledger.pending(run, after=after, count=1000):
        batches.again(run, cutter.cut, plans)
        after = plans[-1].item.key
    cutter.close()
    if not count and known.finished is None:
        batches.add(run, [(first, cutting.usual_queue)])  # with nothing in it, it brings a worker to end the run
    ledger.mark_listed(run)
    feeder.feed()
    return count


def library_name(options: argparse.Namespace, uri: str) -> str:
    """What a library is known by in the database: all runs over it share what is known of its assets."""
    return "\n".join(filter(None, (uri, options.endpoint_url, options.reports_to and str(options.reports_to))))


def absolute(arguments: list[str]) -> list[str]:
    """The same options with paths that do not depend on the present folder: workers have another one."""
    made = []
    before = ""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name in _PATHS:
            argument = f"{name}={_absolute(name, value)}"
        elif before in _PATHS:
            argument = _absolute(before, argument)
        made.append(argument)
        before = argument
    return made


def _absolute(name: str, value: str) -> str:
    path = Path(value).expanduser()
    if "://" in value or (name in _NAMES and not path.is_file()):
        return value
    return str(path.absolute())
