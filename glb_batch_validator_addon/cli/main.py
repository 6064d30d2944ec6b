"""From a command line to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..engine.events import Event, RunFinished
from ..engine.ledger import Ledger
from ..engine.pictures import Pictures, folder_of_pictures
from ..engine.run import Run
from ..errors import AssetError, GlbvError, InterruptedRunError, UnavailableError, UsageError
from ..model.shard import Shard
from ..model.text import printable
from .arguments import OPENJD, default_ledger, parse, picture_folder, recorded, restore, run_settings
from .checking import check_library
from .control import Control
from .copying import copy_asset
from .ending import (
    FAILED,
    INTERNAL,
    INTERRUPTED,
    OK,
    USAGE,
    exit_code,
    nothing_found,
    print_end,
    print_plan,
)
from .judging import judge_again
from .logs import LogView, chosen_format, context, log_outputs, set_up_logging
from .manifest import keys_of_manifest
from .merging import merge
from .openjd import write_template
from .outputs import Left, Outputs, check_formats
from .places import open_library, open_output, open_reports
from .program import NO_BLENDER, check_workbench, find_launcher
from .progress import OpenJDView, View, make_view, print_event
from .results import results_of_run, shard_head

logger = logging.getLogger(__name__)

_ERRANDS = {"merge": merge, "openjd": write_template}
"""By the word before the options: each takes these and the program's name, and returns the exit code."""


def main(arguments: list[str], *, program: str = "run_batch.py") -> int:
    """Run with these arguments (without the program's name); returns the exit code.

    With `--json`, an error that ends it is the last event on stdout.
    """
    set_up_logging(chosen_format(arguments))

    def work() -> int:
        errand = _ERRANDS.get(arguments[0]) if arguments else None
        return errand(arguments[1:], program) if errand else _run(parse(arguments, program))

    return guarded(work, arguments)


def guarded(work: Callable[[], int], arguments: list[str]) -> int:
    """The exit code of `work`, or of the error that ended it, which is told as `arguments` want it."""
    as_json = "--json" in arguments
    try:
        try:
            return work()
        except GlbvError as error:
            print(f"error: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
            return _failed(str(error), _code_of(error), as_json=as_json)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            raise
        except Exception as error:
            _failed(f"An internal error: {type(error).__name__}: {error}", INTERNAL, as_json=as_json)
            if chosen_format(arguments) == "json":
                logger.critical("An internal error", exc_info=error)
                return INTERNAL
            raise
    except BrokenPipeError:  # whoever read our output has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED


def _code_of(error: GlbvError) -> int:
    if isinstance(error, (InterruptedRunError, UnavailableError)):
        return INTERRUPTED  # schedulers take it for what is worth to be tried again
    return FAILED if isinstance(error, AssetError) else USAGE


def _failed(message: str, code: int, *, as_json: bool) -> int:
    if as_json:
        print_event("run_failed", message=message, exit_code=code)
    return code


def _run(options: argparse.Namespace) -> int:
    control = Control()
    with control.signals():
        if options.control:
            control.listen()
        if options.check:
            check_library(options)
        elif options.copy:
            copy_asset(options)
        else:
            return _validate(options, control)
        return OK


def _validate(options: argparse.Namespace, control: Control) -> int:
    with contextlib.ExitStack() as opened:
        storage = open_library(options)
        opened.callback(storage.close)
        path = options.ledger or default_ledger(storage.uri(), options)
        ledger = Ledger.copy(path) if options.dry_run else Ledger(path)
        opened.callback(ledger.close)
        if options.resume:
            unfinished = ledger.unfinished_run(storage.uri(), options.shard or Shard.whole())
            if unfinished is None:
                raise UsageError("There is no interrupted run over this library to resume; start one without --resume.")
            restore(options, unfinished[1])
        reports = storage
        if options.reports_to:
            reports = open_reports(options)
            opened.callback(reports.close)
        check_formats(options.format, storage.uri())
        output = open_output(options)
        if output and not isinstance(output, Path):
            opened.callback(output.close)
        if options.shard:
            opened.enter_context(context(shard=str(options.shard)))
        in_logs = options.log_format == "json" and not options.json
        view = LogView() if in_logs else make_view(as_json_lines=options.json, verbose=options.verbose)
        if options.progress == OPENJD:
            view = OpenJDView(sys.stdout, view)
        opened.callback(view.close)  # it may hide the cursor
        finished: list[RunFinished] = []

        def on_event(event: Event) -> None:
            view.show(event)
            if isinstance(event, RunFinished):
                finished.append(event)

        settings = run_settings(options)  # before any work: it may find fault with the profile
        launcher = NO_BLENDER if options.judge_only else find_launcher(options.blender, workers=options.workers)
        if settings.takes_pictures and settings.previews == "workbench" and not options.dry_run:
            check_workbench(launcher)
        pictures = None if options.dry_run else folder_of_pictures(picture_folder(options))
        if pictures is None:
            pictures = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        run = Run(
            storage=storage,
            reports=reports,
            ledger=ledger,
            settings=settings,
            on_event=on_event,
            launcher=launcher,
            resume=options.resume,
            recorded=recorded(options),
            manifest=keys_of_manifest(options) if options.manifest else None,
            judge=judge_again,
            plan_only=options.dry_run,
            pictures=pictures,
        )
        _go(run, view, control)
        if not finished[0].counts["total"] and not finished[0].interrupted and not options.shard:
            raise UsageError(nothing_found(storage.uri(), options, finished[0]))
        if options.dry_run:
            print_plan(ledger, run.id)
            return OK
        results = results_of_run(
            ledger,
            run.id,
            storage=storage,
            reports=reports,
            shard=settings.shard,
            profile=settings.policy.profile,
            finished=finished[0],
        )
        head = None
        if options.shard:
            head = shard_head(
                results.head,
                options,
                settings=settings,
                blender=launcher.blender,
                storage=storage,
                reports=reports,
                finished=finished[0],
            )
        outputs = Outputs(results, pictures=Pictures(pictures, reports), reports=reports, shard=head)
        try:
            left = outputs.leave(options.format, output=output, publish=bool(options.reports_to))
        except GlbvError as error:
            if not finished[0].interrupted:
                raise
            left = Left()  # what stopped the run may well keep its outputs from being written
            print(f"error: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
        if options.json:
            print_event("outputs_written", files=left.files, folder=left.uri)
        elif in_logs:
            log_outputs(list(left.files), left.uri)
        else:
            print_end(finished[0], options, outputs, left)
        return exit_code(finished[0], options.fail_on)


def _go(run: Run, view: View, control: Control) -> None:
    """Step the run to its end and close it; Ctrl-C and SIGTERM stop it cleanly, a second one at once."""
    try:
        run.start()
        control.wait = True
        while not run.done:
            if control.stop_reason:
                run.cancel(control.stop_reason)
            elif control.paused:
                run.pause()
            else:
                run.resume()
            run.step()
    finally:
        run.close()
        view.close()
