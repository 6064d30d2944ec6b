"""What a run of the farm leaves behind: the same as a local one, made from the shared database."""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cli.arguments import parse, picture_folder
from ..cli.outputs import Left, Outputs
from ..cli.places import is_bucket, open_library, open_output, open_place
from ..cli.results import results_of_run
from ..engine.events import RunFinished
from ..engine.ledger import Ledger
from ..engine.pictures import Pictures, folder_of_pictures
from ..errors import GlbvError, UnavailableError
from ..model.profile import Profile
from ..model.settings import RunSettings
from ..model.shard import Shard
from ..storage.port import Storage
from .batches import Batches, FarmRun
from .watching import finished_of

logger = logging.getLogger(__name__)


def outputs_of(
    run: FarmRun,
    finished: RunFinished,
    *,
    ledger: Ledger,
    profile: Profile,
    storage: Storage,
    reports: Storage,
    pictures: Path,
) -> Outputs:
    """The outputs of a run as it stands."""
    results = results_of_run(
        ledger,
        run.id,
        storage=storage,
        reports=reports,
        shard=Shard.whole(),
        profile=profile,
        finished=finished,
    )
    return Outputs(results, pictures=Pictures(pictures, reports), reports=reports)


def end_run(
    batches: Batches,
    run: FarmRun,
    *,
    ledger: Ledger,
    settings: RunSettings,
    options: argparse.Namespace,
    storage: Storage,
    reports: Storage,
) -> None:
    """End a run of which nothing is left to do, with the outputs that it was submitted to leave in a bucket or where
    its reports are. Two may do so at once; they leave the same. Raises `UnavailableError` if that is to be tried again.
    """
    if not batches.is_complete(run.id):
        return
    in_bucket = bool(options.output) and is_bucket(options.output)
    if in_bucket or options.reports_to:
        with tempfile.TemporaryDirectory() as folder:
            outputs = outputs_of(
                run,
                finished_of(run, ledger),
                ledger=ledger,
                profile=settings.policy.profile,
                storage=storage,
                reports=reports,
                pictures=folder_of_pictures(picture_folder(options)) or Path(folder),
            )
            try:
                output = open_output(options) if in_bucket else None
                outputs.leave(options.format, output=output, publish=bool(options.reports_to))
            except UnavailableError:
                raise
            except GlbvError as error:  # it will be the same the next time
                logger.error("The outputs of run %d could not be written: %s", run.id, error)
                batches.tell_trouble(run.id, f"The outputs could not be written: {error}")
    ledger.finish_run(run.id)
    logger.info("Run %d is finished.", run.id, extra={"run": run.id})


@contextmanager
def opened(run: FarmRun) -> Iterator[tuple[argparse.Namespace, Storage, Storage]]:
    """Options, library and place of reports of a run."""
    options = parse(run.arguments, "run_batch.py farm submit")
    storage = open_library(options)
    reports = open_place(options, options.reports_to) if options.reports_to else storage  # nothing is written there
    try:
        yield options, storage, reports
    finally:
        reports.close()
        storage.close()


def leave_here(
    run: FarmRun,
    finished: RunFinished,
    *,
    ledger: Ledger,
    options: argparse.Namespace,
    profile: Profile,
    storage: Storage,
    reports: Storage,
) -> tuple[Outputs, Left]:
    """Those of `options.output` and `options.format`, by whoever has watched the run."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = outputs_of(
            run,
            finished,
            ledger=ledger,
            profile=profile,
            storage=storage,
            reports=reports,
            pictures=folder_of_pictures(picture_folder(options)) or Path(folder),
        )
        return outputs, outputs.leave(options.format, output=open_output(options), publish=False)
