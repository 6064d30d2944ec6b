"""What a worker's process does with a batch: the engine over its assets, with a Blender that stays for the next one."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..cli.arguments import parse, picture_folder, run_settings
from ..cli.judging import judge_again
from ..cli.logs import LogView, context
from ..cli.places import open_library, open_reports
from ..cli.program import find_launcher
from ..engine.crew import Crew
from ..engine.database import Database
from ..engine.events import Event, RunFinished
from ..engine.ledger import Ledger, Plan
from ..engine.pictures import folder_of_pictures
from ..engine.run import Run
from ..errors import GlbvError, UsageError
from ..model.report import Failure
from .app import BATCH_SECONDS
from .batches import Batches, Claim, FarmRun
from .ending import end_run
from .feeding import Feeder
from .metrics import NullMetrics

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
"""Between two looks at whether the batch is to go on."""

LATE = "late"
"""What is said of a batch that takes longer than `BATCH_SECONDS`."""

LEFT = "left"
"""What is said of a batch that did not come to its end before its worker had to."""

MAX_ATTEMPTS = 3
"""An asset that so many times was what a worker's process was at when it ended is given up."""

REFUSED_SECONDS = 10.0
"""To wait after a batch that cannot be worked at here."""

FEED_AFTER = 2
"""Batches to send for each one that was done: a queue that has run low fills up again."""


class Station:
    """For one thread of one process; everything is opened when the first batch comes."""

    def __init__(
        self,
        database: Database,
        feeder: Feeder,
        *,
        blender: str | None,
        share: int,
        metrics: NullMetrics,
        has_to_leave: Callable[[], bool] = lambda: False,
    ) -> None:
        """`blender` is the program, None what is at hand; `share` is how many processes share the machine's cores.

        Once `has_to_leave`, asked once a second, says so, what is left of the batch is given back.
        """
        self._batches = Batches(database)
        self._feeder = feeder
        self._blender = blender
        self._share = share
        self._metrics = metrics
        self._has_to_leave = has_to_leave
        self._assignment: Assignment | None = None
        self._crew: Crew | None = None
        self._crew_of: object = None

    def work(self, run: int, number: int) -> str:
        """Do a batch; returns what became of it, in a word."""
        claim = self._batches.begin(run, number, f"{uuid.uuid4()}")
        with context(run=run, batch=number):
            outcome = self._work(claim) if claim else "nothing to do"
            if outcome in ("done", "nothing to do"):
                try:
                    self._end_run(run)
                except GlbvError as error:  # the run is found again later, and ended by somebody
                    logger.error("Run %d cannot be ended here: %s", run, error)
                    self._batches.tell_trouble(run, str(error))
        self._metrics.batch_ended(outcome)
        self._feeder.feed(count=FEED_AFTER)
        return outcome

    def _work(self, claim: Claim) -> str:
        try:
            assignment = self._assigned(claim.run)
            return self._do(assignment, claim)
        except GlbvError as error:
            logger.error("Batch %d cannot be worked at here: %s", claim.number, error)
            self._close_crew()
            self._give_back(claim, str(error))
            return "refused"

    def _give_back(self, claim: Claim, reason: str) -> None:
        """For somebody else, who may be quicker to take it."""
        self._batches.tell_trouble(claim.run, reason)
        self._batches.end(claim, done=False)
        time.sleep(REFUSED_SECONDS)

    def close(self) -> None:
        """End the Blender."""
        self._close_crew()
        if self._assignment:
            self._assignment.close()

    def _assigned(self, run: int) -> Assignment:
        if self._assignment is None or self._assignment.run.id != run:
            if self._assignment:
                self._assignment.close()
                self._assignment = None
            known = self._batches.run(run)
            self._assignment = Assignment(known, self._batches.database, blender=self._blender, share=self._share)
        return self._assignment

    def _do(self, assignment: Assignment, claim: Claim) -> str:
        careful = claim.attempts > 1  # somebody ended in the middle of it: which asset was it?
        settings = replace(assignment.settings, batch_size=1) if careful else assignment.settings
        finished: list[RunFinished] = []
        view = LogView()

        def on_event(event: Event) -> None:
            self._metrics.take(event)
            view.show(event)
            if isinstance(event, RunFinished):
                finished.append(event)

        crew = self._crew_for(assignment)
        run = Run(
            storage=assignment.storage,
            reports=assignment.reports,
            ledger=assignment.ledger,
            launcher=assignment.launcher,
            settings=settings,
            on_event=on_event,
            judge=judge_again,
            pictures=assignment.pictures,
            batch=(claim.run, claim.number),
            crew=crew,
            admit=self._admit if careful else None,
        )
        begun = beaten = time.monotonic()
        state = "mine"
        try:
            run.start()
            while not run.done:
                run.step()
                now = time.monotonic()
                if now - beaten > BEAT_SECONDS and state == "mine":
                    beaten = now
                    state = self._batches.beat(claim)
                    if state != "mine":
                        run.cancel(state)
                    elif self._has_to_leave():
                        run.cancel(LEFT)
                    elif now - begun > BATCH_SECONDS:
                        run.cancel(LATE)
        finally:
            run.close()
            if not finished or finished[0].interrupted:
                self._close_crew()
        (end,) = finished
        if not end.interrupted:
            self._batches.end(claim, done=True)
            self._batches.tell_trouble(claim.run, "")
            return "done"
        if state != "mine":
            if state != "taken":
                self._batches.end(claim, done=False)
            return state
        if end.reason == LEFT:
            self._batches.end(claim, done=False)
            return LEFT
        if end.reason == LATE:
            # With nothing done it would be late again for ever: as an attempt, assets are given up one by one.
            self._batches.end(claim, done=False, attempt=not end.done)
            return LATE
        logger.error("Batch %d stopped: %s", claim.number, end.reason)
        self._give_back(claim, end.reason)  # the storage does not answer, or the disk is full
        return "stopped"

    def _admit(self, plan: Plan) -> Failure | None:
        """Count an attempt before it is made, or give the asset up: the first one was in the batch's first try."""
        assert self._assignment
        attempts = plan.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            self._metrics.assets_parked(1)
            return Failure(
                stage="import",
                type="Parked",
                message=f"The worker of the farm ended {MAX_ATTEMPTS} times while it was at this asset, which is given"
                " up. It may need more memory than the machine has; `farm retry` tries it again.",
            )
        self._assignment.ledger.begin_attempt(plan, attempts)
        return None

    def _crew_for(self, assignment: Assignment) -> Crew:
        settings = assignment.settings
        wanted = (assignment.launcher.command, settings.memory_limit_bytes, settings.timeout_seconds)
        if self._crew is None or self._crew_of != wanted:
            self._close_crew()
            self._crew, self._crew_of = Crew(assignment.launcher, settings), wanted
        return self._crew

    def _close_crew(self) -> None:
        if self._crew:
            self._crew.close()
            self._crew = None

    def _end_run(self, run: int) -> None:
        if self._batches.is_complete(run):
            assignment = self._assigned(run)
            end_run(
                self._batches,
                assignment.run,
                ledger=assignment.ledger,
                settings=assignment.settings,
                options=assignment.options,
                storage=assignment.storage,
                reports=assignment.reports,
            )


class Assignment:
    """What a run needs at a worker: its options, understood here."""

    def __init__(self, run: FarmRun, database: Database, *, blender: str | None, share: int) -> None:
        """Raises `UsageError` if this worker would not come to the same reports as the others."""
        self.run = run
        self.options = parse(run.arguments, "run_batch.py farm submit")
        today = datetime.fromtimestamp(run.started, UTC).date()
        self.settings = replace(run_settings(self.options, today=today), workers=1)
        self.launcher = find_launcher(blender or self.options.blender, workers=share)
        if self.settings.digest(product=__version__, blender=self.launcher.blender) != run.digest:
            raise UsageError(
                f"Run {run.id} was submitted with another version of this program, of Blender (here: "
                f"{self.launcher.blender}), of its profile or its waivers; use the same on every machine."
            )
        self.storage = open_library(self.options)
        self.reports = open_reports(self.options) if self.options.reports_to else self.storage
        self.ledger = Ledger(database, library=run.library)
        self.pictures: Path | None = folder_of_pictures(picture_folder(self.options))

    def close(self) -> None:
        with suppress(GlbvError):
            self.reports.close()
            self.storage.close()
