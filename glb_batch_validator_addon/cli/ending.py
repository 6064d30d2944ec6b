"""What a run ends with: summary, table, exit code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .. import __version__
from ..engine.events import RunFinished
from ..engine.ledger import Ledger
from ..errors import UsageError
from ..model.finding import VERDICTS
from ..model.text import printable
from ..reports.summary import summary_json
from ..storage.port import Storage

OK, FINDINGS, USAGE, FAILED, INTERRUPTED, INTERNAL = 0, 1, 2, 3, 4, 70
"""Exit codes, as `--help` explains them."""


def exit_code(finished: RunFinished, fail_on: str) -> int:
    """The code for a run that came to an end, by itself or interrupted."""
    if finished.interrupted:
        return INTERRUPTED
    if finished.counts["error"]:
        return FAILED
    counting = {"error": ("fail",), "warning": ("fail", "warn", "unsupported"), "never": ()}[fail_on]
    return FINDINGS if any(finished.counts[verdict] for verdict in counting) else OK


def print_plan(ledger: Ledger, run: int) -> None:
    """The assets that would be validated on stdout, one a line; the totals on stderr."""
    for row in ledger.rows(run):
        if row.state == "pending":
            print(printable(row.key, sys.stdout.encoding))
    counts = ledger.counts(run)
    size = counts["pending_bytes"] / 1e6
    print(f"To validate: {counts['pending']:,} ({size:,.1f} MB). Unchanged: {counts['skipped']:,}.", file=sys.stderr)


def nothing_found(library: str, options: argparse.Namespace, finished: RunFinished) -> str:
    """An empty selection is nearly always a slip of the pen, and a green light for nothing would hide it."""
    if finished.without_facts:
        return f"No report holds the facts of any asset in {library}: validate it first, without the word judge."
    chosen = options.include or options.exclude or options.manifest
    hint = " Check --include, --exclude and --manifest." if chosen else ""
    if options.prefix.startswith("/"):
        hint = " Keys do not begin with a slash: leave it out of --prefix."
    return f"There is no .glb to validate in {library}.{hint}"


def make_output(folder: Path) -> None:
    """Before the work, so that a night's run does not end without its summary."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {folder} cannot be used: {error.strerror}.") from error


def _summary_path(options: argparse.Namespace) -> Path:
    """Shards may share a folder."""
    index, count = options.shard
    name = "summary.json" if count == 1 else f"summary-{index}-of-{count}.json"
    folder: Path = options.output
    return folder / name


def write_summary(
    options: argparse.Namespace, run: int, ledger: Ledger, storage: Storage, reports: Storage, finished: RunFinished
) -> Path:
    """Write the summary of the run into the folder of `--output`, whole or not at all; returns its path."""
    path = _summary_path(options)
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
        {"key": row.key, "state": row.state, "verdict": row.verdict, "report": reports.uri(row.report_key), **row.brief}
        for row in ledger.rows(run)
    )
    try:
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(summary_json(head, rows))
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"The summary cannot be written to {path}: {error.strerror}.") from error
    return path


def print_end(finished: RunFinished, options: argparse.Namespace, summary: Path | None) -> None:
    """Counts, rate, where things are, how to go on."""
    counts = finished.counts
    table = Table("verdict", "assets", box=None, pad_edge=False)
    for verdict in reversed(VERDICTS):
        table.add_row(verdict, f"{counts[verdict]:,}")
    if counts["pending"]:
        table.add_row("not done", f"{counts['pending']:,}")
    console = Console(stderr=True, highlight=False, markup=False)
    console.print(table)
    rate = f", {finished.done / finished.seconds:.1f} a second" if finished.done else ""
    before = counts["total"] - counts["pending"] - counts["skipped"] - finished.done
    earlier = f", {before:,} before the interruption" if before > 0 else ""
    what = "judged" if options.judge_only else "validated"
    console.print(
        f"{finished.done:,} {what} in {finished.seconds:.1f} s{rate}{earlier}; {counts['skipped']:,} unchanged."
    )
    if finished.without_facts:
        console.print(
            f"{finished.without_facts:,} not judged: no report of this version holds their facts. Validate them first.",
            style="yellow",
        )
    where = f"below {options.reports_to}" if options.reports_to else "beside the assets"
    console.print(f"Reports are {where}." + (f" Summary: {summary}" if summary else ""))
    if finished.interrupted:
        console.print(f"Stopped: {printable(finished.reason, sys.stderr.encoding)}", style="yellow")
        console.print("Go on with the same command and --resume.")
