"""`run_batch.py farm ...`: the command line of a farm."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, get_args

from rich.console import Console
from rich.table import Table

from ..cli.arguments import FORMAT_NAMES
from ..cli.arguments import formats_type as formats
from ..cli.control import Control
from ..cli.ending import INTERRUPTED, OK, exit_code, print_end
from ..cli.logs import LogFormat, LogView, chosen_format, log_outputs, set_up_logging
from ..cli.main import guarded
from ..cli.progress import View, make_view, print_event
from ..engine.ledger import Ledger
from ..errors import InterruptedRunError, UsageError
from ..model.settings import available_cores
from ..rules.profiles import read_profile
from .batches import Batches, FarmRun, Queue
from .ending import leave_here, opened
from .migrate import migrate
from .places import add_places, broker_ssl, broker_url, open_database
from .watching import add_watching, watch

if TYPE_CHECKING:
    from .feeding import Feeder

PROGRAM = "run_batch.py farm"
NEEDED = ("celery", "alembic", "prometheus_client")

DESCRIPTION = """\
Share the assets of a library among many machines: a broker hands out batches of them, a database knows what became of
each, and the reports are in the library as ever."""

EXAMPLES = """\
commands:
  migrate   make or change the tables of the database; once, and after an update
  submit    list a library and leave its batches for the workers
  worker    work at batches until a signal ends it
  status    the runs, or one of them
  watch     the progress of a run, and its outputs at the end
  cancel    end a run; its workers notice within seconds
  retry     what was cancelled, or could not be processed, once more

examples:
  export GLBV_DATABASE=postgresql://glbv:...@db.studio/glbv GLBV_BROKER=amqps://glbv:...@mq.studio//
  run_batch.py farm migrate
  run_batch.py farm worker                                          on each machine
  run_batch.py farm submit --bucket my-bucket --prefix props/ --watch --output out/
  run_batch.py farm cancel 7

Each command has a --help of its own. docs/farm.md tells of brokers, databases and what happens when one of them dies.
"""


def main(arguments: list[str], *, program: str = PROGRAM) -> int:
    """Run `farm` with these arguments; returns the exit code, as that of a local run."""
    set_up_logging(chosen_format(arguments))
    commands: dict[str, Callable[[list[str]], int]] = {
        "migrate": _migrate,
        "submit": _submit,
        "worker": _worker,
        "status": _status,
        "watch": _watch,
        "cancel": _cancel,
        "retry": _retry,
    }
    if not arguments or arguments[0] not in commands:
        asked = arguments[:1] in (["-h"], ["--help"])
        out = sys.stdout if asked else sys.stderr
        print(f"usage: {program} COMMAND [options]\n\n{DESCRIPTION}\n\n{EXAMPLES}", file=out)
        return OK if asked else 2
    return guarded(lambda: commands[arguments[0]](arguments[1:]), arguments)


def _parser(command: str, description: str, *, broker: bool = True, epilog: str = "") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_places(parser, broker=broker)
    return parser


def _migrate(arguments: list[str]) -> int:
    _need_farm()
    options = _parser("migrate", "Make or change the tables of the database.", broker=False).parse_args(arguments)
    database = open_database(options, check=False)
    migrate(database)
    print(f"The tables of {database.name} are up to date.", file=sys.stderr)
    return OK


def _submit(arguments: list[str]) -> int:
    _need_farm()
    from .app import MAX_PRIORITY
    from .submitting import Cutting, submit

    parser = _parser(
        "submit",
        "List a library and leave its batches for the workers.",
        epilog="Every option of `run_batch.py --help` about the library, the choice of assets, what is asked of them,\n"
        "their limits and the results goes along. Folders have to be at the same place on every worker.",
    )
    _add_batching(parser)
    parser.add_argument(
        "--priority", type=int, choices=range(MAX_PRIORITY + 1), default=0, help="higher ones first (default: 0)"
    )
    parser.add_argument("--watch", action="store_true", help="stay until the end, as `farm watch` does")
    parser.add_argument("--json", action="store_true", help="events as JSON lines on stdout instead of progress")
    options, rest = parser.parse_known_args(arguments)
    options.verbose = False
    batches = Batches(open_database(options))
    feeder = _feeder(batches, options)
    control = Control()
    with control.signals(), contextlib.closing(_view(options, rest)) as view:
        run = submit(
            rest,
            batches=batches,
            feeder=feeder,
            cutting=Cutting(assets=options.batch_assets, large_bytes=options.large_mb << 20, gpu=options.gpu),
            priority=options.priority,
            view=view,
            control=control,
        )
    print(f"Run {run} is submitted.", file=sys.stderr)
    if options.json:
        print_event("run_submitted", run=run)
    return _follow(batches, run, options) if options.watch else OK


def _worker(arguments: list[str]) -> int:
    _need_farm()
    from .metrics import ADDRESS
    from .worker import run_worker

    parser = _parser("worker", "Work at batches until a signal ends it; SIGTERM first lets them come to their end.")
    queues = get_args(Queue)
    parser.add_argument(
        "--queues", type=_queues, default=queues, metavar="NAME,...", help=f"of {', '.join(queues)} (default: all)"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=available_cores(),
        metavar="N",
        help="each with a background Blender of its own (default here: %(default)s)",
    )
    parser.add_argument("--blender", metavar="PATH", help="Blender to use (default: as without a farm)")
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        nargs="?",
        const=ADDRESS,
        help=f"answer /metrics for Prometheus and /healthz there (alone: {ADDRESS})",
    )
    parser.add_argument("--log-format", choices=get_args(LogFormat), default="text", help="(default: text)")
    parser.add_argument(
        "--redis-visibility",
        type=int,
        metavar="SECONDS",
        help="after which Redis hands out the batch of a lost worker anew; longer than a batch takes",
    )
    options = parser.parse_args(arguments)
    if options.processes < 1:
        parser.error("--processes has to be 1 or more")
    return run_worker(options)


def _status(arguments: list[str]) -> int:
    parser = _parser("status", "The runs of the farm, the latest first, or one of them.")
    _add_run(parser, nargs="?")
    parser.add_argument("--json", action="store_true", help="as one JSON document on stdout")
    options = parser.parse_args(arguments)
    batches = Batches(open_database(options))
    runs = batches.runs()
    latest = {run.library: run.id for run in reversed(runs)}
    chosen = [batches.run(options.run)] if options.run else runs
    rows = [_status_of(batches, run, latest=run.id == latest[run.library]) for run in chosen]
    depths = _depths(batches, options)
    if options.json:
        print(json.dumps({"runs": rows, "queues": depths}, indent=2))
        return OK
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "started", "state", "done", "of", "parked", "a second", "left"):
        table.add_column(name, justify="left" if name in ("started", "state") else "right", no_wrap=True)
    table.add_column("library", overflow="fold")  # it gives way, and is whole all the same
    for row in rows:
        rate, left = row["per_second"], row["seconds_left"]
        table.add_row(
            str(row["run"]),
            f"{datetime.fromtimestamp(row['started']):%Y-%m-%d %H:%M}",
            row["state"],
            f"{row['counts']['total'] - row['counts']['pending']:,}",
            f"{row['counts']['total']:,}",
            f"{row['parked']:,}",
            f"{rate:.1f}" if rate else "",
            f"{left / 60:.0f} min" if left else "",
            row["library"],
        )
    console = Console(highlight=False, markup=False)
    console.print(table)
    for row in rows:
        if row["trouble"]:
            console.print(f"Run {row['run']}: {row['trouble']}")
    if depths is None:
        console.print("The broker does not answer.")
    elif depths:
        console.print("Waiting in the broker: " + ", ".join(f"{name} {count:,}" for name, count in depths.items()))
    return OK


def _status_of(batches: Batches, run: FarmRun, *, latest: bool) -> dict[str, Any]:
    """`latest` is whether no later run is over the same library: assets belong to the last one that listed them."""
    counts = Ledger(batches.database, library=run.library).counts(run.id)
    states = batches.states(run.id)
    if not (latest or counts["total"]):
        state = "taken over"
    elif run.finished is not None:
        state = "finished"
    elif run.cancelled:
        state = "cancelled"
    else:
        state = "running" if run.listed else "listing"
    rate = batches.rate(run.id) if state in ("running", "listing") else 0.0
    return {
        "run": run.id,
        "state": state,
        "library": run.uri,
        "priority": run.priority,
        "started": run.started,
        "finished": run.finished,
        "counts": counts,
        "parked": batches.parked(run.id),
        "batches": states,
        "trouble": run.trouble,
        "per_second": round(rate, 2),
        "seconds_left": round(counts["pending"] / rate) if rate else None,
    }


def _watch(arguments: list[str]) -> int:
    parser = _parser("watch", "The progress of a run, and its outputs at the end.", broker=False)
    _add_run(parser)
    add_watching(parser)
    parser.add_argument("--json", action="store_true", help="events as JSON lines on stdout instead of progress")
    parser.add_argument("--control", action="store_true", help="take the words stop and cancel as lines on stdin")
    parser.add_argument("--verbose", "-v", action="store_true", help="a line for every asset")
    parser.add_argument("--output", metavar="PLACE", help="instead of the one that the run was submitted with")
    parser.add_argument("--format", type=formats, metavar="NAME,...", help=f"of {', '.join(FORMAT_NAMES)}, or none")
    options = parser.parse_args(arguments)
    batches = Batches(open_database(options))
    return _follow(batches, options.run, options)


def _follow(batches: Batches, number: int, options: argparse.Namespace) -> int:
    run = batches.run(number)
    ledger = Ledger(batches.database, library=run.library)
    control = Control()
    with opened(run) as (of_run, storage, reports), control.signals():
        profile = read_profile(of_run.profile)  # what is wrong with it is said now, and not at the end
        if getattr(options, "control", False):
            control.listen()
        control.wait = True
        of_run.output = getattr(options, "output", None) or of_run.output
        if (asked := getattr(options, "format", None)) is not None:
            of_run.format = asked
        with contextlib.closing(_view(options, run.arguments)) as view:
            finished = watch(
                number,
                batches,
                reports=reports,
                on_event=view.show,
                control=control,
                stop_cancels=getattr(options, "stop_cancels", False),
            )
        if control.stop_reason and not getattr(options, "stop_cancels", False):
            print(f"Run {number} goes on; `farm watch {number}` comes back to it.", file=sys.stderr)
            return INTERRUPTED
        if not finished.counts["total"]:  # good outputs of it may be where empty ones would go
            raise InterruptedRunError(f"Run {number} has no assets, so nothing is written: {finished.reason}.")
        run = batches.run(number)
        outputs, left = leave_here(
            run,
            finished,
            ledger=ledger,
            options=of_run,
            profile=profile,
            storage=storage,
            reports=reports,
        )
        if options.json:
            print_event("outputs_written", files=left.files, folder=left.uri)
        elif chosen_format(run.arguments) == "json":
            log_outputs(list(left.files), left.uri)
        else:
            print_end(finished, of_run, outputs, left, go_on=(_go_on(run),))
        return exit_code(finished, of_run.fail_on)


def _cancel(arguments: list[str]) -> int:
    parser = _parser("cancel", "End a run: its workers notice within seconds, what is done stays done.", broker=False)
    _add_run(parser)
    options = parser.parse_args(arguments)
    batches = Batches(open_database(options))
    run = batches.run(options.run)
    if run.finished is not None:
        raise UsageError(f"Run {run.id} has come to its end already.")
    batches.cancel(run.id)
    print(f"Run {run.id} is cancelled. {_go_on(run)}", file=sys.stderr)
    return OK


def _go_on(run: FarmRun) -> str:
    if run.listed:
        return f"Go on with: {PROGRAM} retry {run.id}"
    return "It was not listed to its end: submit it again."


def _retry(arguments: list[str]) -> int:
    _need_farm()
    from .submitting import retry

    parser = _parser("retry", "Have done what was cancelled, or could not be processed, of a run.")
    _add_run(parser)
    options = parser.parse_args(arguments)
    batches = Batches(open_database(options))
    count = retry(options.run, batches=batches, feeder=_feeder(batches, options))
    print(f"{count:,} assets of run {options.run} are tried again.", file=sys.stderr)
    return OK


def _add_run(parser: argparse.ArgumentParser, **options: Any) -> None:
    parser.add_argument("run", type=int, metavar="RUN", help="its number, as `farm status` lists it", **options)


def _add_batching(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("batches")
    group.add_argument("--batch-assets", type=int, default=200, metavar="N", help="in one batch (default: %(default)s)")
    group.add_argument(
        "--large-mb",
        type=int,
        default=256,
        metavar="MB",
        help="larger files go to the queue large (default: %(default)s)",
    )
    group.add_argument("--gpu", action="store_true", help="the others go to the queue gpu, for its graphics cards")


def _feeder(batches: Batches, options: argparse.Namespace) -> Feeder:
    from .app import make_app
    from .feeding import Feeder

    url = broker_url(options)
    return Feeder(batches, make_app(url, ssl=broker_ssl(options, url)))


def _depths(batches: Batches, options: argparse.Namespace) -> dict[Queue, int] | None:
    """What waits in the broker, if there is one to be asked; None if it does not answer."""
    try:
        _need_farm()
        feeder = _feeder(batches, options)
    except UsageError:
        return {}
    try:
        return feeder.depths()
    except feeder.errors:
        return None


def _view(options: argparse.Namespace, arguments: list[str]) -> View:
    if chosen_format(arguments) == "json" and not options.json:
        return LogView()
    return make_view(as_json_lines=options.json, verbose=options.verbose)


def _queues(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in get_args(Queue)]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(get_args(Queue))}")
    return names


def _need_farm() -> None:
    if missing := [name for name in NEEDED if not find_spec(name)]:
        raise UsageError(
            f"A farm needs {', '.join(missing)}: install requirements/farm.txt into the Python that runs this. Watching"
            " and cancelling go without."
        )
