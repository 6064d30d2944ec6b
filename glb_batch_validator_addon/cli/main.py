"""From a command line to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import __version__
from ..engine.events import Event, RunFinished
from ..engine.ledger import Ledger
from ..engine.run import PLANNER_THREADS, Run
from ..errors import GlbvError, UsageError
from ..model.settings import RunSettings
from ..reports.summary import summary_json
from ..storage.folder import FolderStorage
from ..storage.port import Storage
from .arguments import default_ledger, parse, recorded, restore, run_settings
from .manifest import read_manifest
from .program import find_launcher
from .progress import View, make_view, printable

OK, FINDINGS, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 4


def main(arguments: list[str]) -> int:
    """Run with these arguments (without the program's name); returns the exit code."""
    try:
        options = parse(arguments)
        _set_up_logging(options.verbose)
        return _run(options)
    except GlbvError as error:
        print(f"error: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("Stopped. Go on with the same command and --resume.", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as opened:
        storage = _library(options)
        opened.callback(storage.close)
        ledger = Ledger(options.ledger or default_ledger(storage.uri(), options.shard, options.reports_to))
        opened.callback(ledger.close)
        if options.resume:
            unfinished = ledger.unfinished_run(storage.uri())
            if unfinished is None:
                raise UsageError("There is no interrupted run over this library to resume; start one without --resume.")
            restore(options, unfinished[1])
        if options.dry_run:
            ledger = ledger.copy()
            opened.callback(ledger.close)
        reports = storage
        if options.reports_to:
            reports = _reports_place(options)
            opened.callback(reports.close)
        view = make_view(as_json_lines=options.json, verbose=options.verbose)
        finished: list[RunFinished] = []

        def on_event(event: Event) -> None:
            view.show(event)
            if isinstance(event, RunFinished):
                finished.append(event)

        run = Run(
            storage=storage,
            reports=reports,
            ledger=ledger,
            settings=run_settings(options),
            on_event=on_event,
            launcher=find_launcher(options.blender, workers=options.workers),
            resume=options.resume,
            recorded=recorded(options),
            manifest=read_manifest(options.manifest, bucket=options.bucket) if options.manifest else None,
            plan_only=options.dry_run,
        )
        opened.callback(run.close)
        _go(run, view)
        if options.dry_run:
            _print_plan(ledger, run.id)
            return OK
        summary = (
            _write_summary(options.output, run.id, ledger, storage, reports, finished[0]) if options.output else None
        )
        if not options.json:
            _print_end(finished[0], options, summary)
        return exit_code(finished[0], options.fail_on)


def exit_code(finished: RunFinished, fail_on: str) -> int:
    """The code for a run that came to an end, by itself or interrupted."""
    if finished.interrupted:
        return INTERRUPTED
    if finished.counts["error"]:
        return FAILED
    return FINDINGS if fail_on == "warning" and finished.counts["unsupported"] else OK


def _go(run: Run, view: View) -> None:
    """Step the run to its end; Ctrl-C and SIGTERM stop it cleanly, a second one at once."""
    try:
        with _interrupts() as interrupts:
            run.start()
            while not run.done:
                if interrupts:
                    run.cancel(f"interrupted by {interrupts[0]}")
                run.step()
    finally:
        view.close()


def _print_plan(ledger: Ledger, run: int) -> None:
    for row in ledger.rows(run):
        if row.state == "pending":
            print(printable(row.key, sys.stdout.encoding))
    counts = ledger.counts(run)
    size = counts["pending_bytes"] / 1e6
    unchanged = f"{counts['skipped']:,} unchanged ones"
    print(f"Would validate {counts['pending']:,} assets ({size:,.1f} MB) and pass over {unchanged}.", file=sys.stderr)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[str]]:
    """The names of signals that have come. Blender in the background ignores Ctrl-C unless somebody handles it."""
    names: list[str] = []

    def take(number: int, _: Any) -> None:
        if names:
            raise KeyboardInterrupt
        names.append(signal.Signals(number).name)

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield names
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: Blender's own, which Python cannot set again


def _library(options: argparse.Namespace) -> Storage:
    if options.folder:
        return FolderStorage(options.folder)
    return _s3(options, options.bucket, options.prefix)


def _reports_place(options: argparse.Namespace) -> Storage:
    place: str = options.reports_to
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        return _s3(options, bucket, f"{prefix.rstrip('/')}/" if prefix else "")
    folder = Path(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Reports cannot go to {folder}: {error.strerror}; name another place with --reports-to."
        ) from error
    return FolderStorage(folder)


def _s3(options: argparse.Namespace, bucket: str, prefix: str) -> Storage:
    from ..storage.s3 import S3Storage
    from ..storage.s3_options import S3Options

    return S3Storage(
        S3Options(
            bucket=bucket,
            prefix=prefix,
            endpoint_url=options.endpoint_url,
            region=options.region,
            profile=options.aws_profile,
            anonymous=options.no_sign_request,
            request_payer=options.request_payer,
            expected_bucket_owner=options.expected_bucket_owner,
            sse_kms_key_id=options.sse_kms_key_id,
            allow_http=options.allow_http,
            threads=RunSettings().io_threads + PLANNER_THREADS,
        )
    )


def _write_summary(
    folder: Path, run: int, ledger: Ledger, storage: Storage, reports: Storage, finished: RunFinished
) -> Path:
    head = {
        "library": storage.uri(),
        "id": run,
        "version": __version__,
        "interrupted": finished.interrupted,
        "reason": finished.reason,
        "seconds": round(finished.seconds, 3),
        "workers_busy": round(finished.busy, 3),
        "counts": finished.counts,
    }
    rows = (
        {"key": row.key, "state": row.state, "status": row.status, "report": reports.uri(row.report_key), **row.brief}
        for row in ledger.rows(run)
    )
    path = folder / "summary.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(summary_json(head, rows))
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"The summary cannot be written to {path}: {error.strerror}.") from error
    return path


def _print_end(finished: RunFinished, options: argparse.Namespace, summary: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    counts = finished.counts
    table = Table("outcome", "assets", box=None, pad_edge=False)
    for status in ("ok", "unsupported", "error"):
        table.add_row(status, f"{counts[status]:,}")
    if counts["pending"]:
        table.add_row("not done", f"{counts['pending']:,}")
    console = Console(stderr=True)
    console.print(table)
    looked_at = counts["total"] - counts["skipped"] - counts["pending"]
    rate = f", {looked_at / finished.seconds:.1f} a second" if finished.seconds else ""
    console.print(
        f"{looked_at:,} validated in {finished.seconds:.1f} s{rate}; {counts['skipped']:,} unchanged.",
        highlight=False,
    )
    where = f"below {options.reports_to}" if options.reports_to else "beside the assets"
    console.print(f"Reports are {where}." + (f" Summary: {summary}" if summary else ""), highlight=False, markup=False)
    if finished.interrupted:
        console.print(f"Stopped: {finished.reason}", style="yellow", highlight=False, markup=False)
        console.print("Go on with the same command and --resume.", highlight=False)


def _set_up_logging(verbose: bool) -> None:
    """Warnings to stderr; with --verbose what boto3 does as well, but never its debug level, which shows signatures."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if verbose:
        for name in ("boto3", "botocore", "glb_batch_validator_addon"):
            logging.getLogger(name).setLevel(logging.INFO)
