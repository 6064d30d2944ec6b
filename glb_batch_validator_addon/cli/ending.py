"""What a run ends with on the terminal: plan or tables, exit code."""

from __future__ import annotations

import argparse
import heapq
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engine.events import RunFinished
from ..engine.ledger import Ledger
from ..model.entry import Entry
from ..model.finding import VERDICTS
from ..model.survey import Changes, Survey
from ..model.text import printable
from .outputs import RULE_TEXTS, Left, Outputs

OK, FINDINGS, USAGE, FAILED, INTERRUPTED, INTERNAL = 0, 1, 2, 3, 4, 70
"""Exit codes, as `--help` explains them."""


def exit_code(finished: RunFinished, fail_on: str) -> int:
    """The code for a run that came to an end, by itself or interrupted."""
    if finished.interrupted:
        return INTERRUPTED
    if fail_on == "unfinished":
        return OK
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


MAX_ROWS = 5
"""Of the worst rules and assets on the terminal."""

_STYLES = {"error": "magenta", "fail": "red", "unsupported": "yellow", "warn": "yellow", "pass": "green"}
_SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "cyan", "hint": "dim"}


RESUME = ("Go on with the same command and --resume.",)


def print_end(
    finished: RunFinished,
    options: argparse.Namespace,
    outputs: Outputs,
    left: Left,
    *,
    go_on: Iterable[str] = RESUME,
) -> None:
    """Counts, what to fix first, the worst assets, rate, where things are; `go_on` if it was interrupted."""
    console = Console(stderr=True, highlight=False, markup=False)
    console.print(_verdicts(finished))
    if any(rule.findings for rule in outputs.survey.rules):
        console.print(_rules(outputs.survey), _assets(outputs), sep="\n")
    for line in (_copies(outputs.survey), _changes(outputs.survey.changes)):
        if line:
            console.print(line)
    _print_figures(console, finished, options)
    where = f"below {options.reports_to}" if options.reports_to else "beside the assets"
    console.print(f"Reports are {where}.")
    for file in left.files:
        console.print(f"  {_plain(file)}", style="bold" if file.endswith(".html") else "", soft_wrap=True)
    if left.uri:
        console.print(f"  {_plain(left.uri)}", soft_wrap=True)
    if finished.interrupted:
        console.print(f"Stopped: {_plain(finished.reason)}", style="yellow")
        for line in go_on:
            console.print(_plain(line), soft_wrap=True)


def _table(*columns: str, numbers: int) -> Table:
    """The last `numbers` columns are numbers; the second is text, which gives way where there is no room for all."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(columns, start=1):
        is_number = place > len(columns) - numbers
        table.add_column(column, justify="right" if is_number else "left", no_wrap=is_number or place == 1)
    return table


def _verdicts(finished: RunFinished) -> Table:
    counts = finished.counts
    table = _table("verdict", "assets", "", numbers=2)
    for verdict in reversed(VERDICTS):
        style = _STYLES[verdict] if counts[verdict] else "dim"
        table.add_row(Text(verdict, style), Text(f"{counts[verdict]:,}", style), _share(counts, verdict))
    if counts["pending"]:
        table.add_row("not done", f"{counts['pending']:,}", _share(counts, "pending"))
    return table


def _share(counts: dict[str, int], name: str) -> str:
    return f"{counts[name] / counts['total']:.0%}" if counts["total"] else ""


def _rules(survey: Survey) -> Table:
    table = _table("what to fix first", "", "assets", "fails alone", numbers=2)
    for rule in survey.rules[:MAX_ROWS]:
        if rule.findings:
            code = Text(rule.code, _SEVERITY_STYLES[rule.severity])
            title = RULE_TEXTS[rule.code].title if rule.code in RULE_TEXTS else rule.message
            table.add_row(code, _cut(title), f"{rule.assets:,}", f"{rule.unblocks:,}" if rule.unblocks else "")
    return table


def _assets(outputs: Outputs) -> Table:
    table = _table("worst assets", "", "errors", "warnings", numbers=2)
    for entry in heapq.nsmallest(MAX_ROWS, outputs.entries(), key=_badness):
        if entry.verdict not in (None, "pass"):
            counts = entry.brief["finding_counts"]
            verdict = Text(str(entry.verdict), _STYLES[str(entry.verdict)])
            table.add_row(verdict, _cut(entry.key), f"{counts['error']:,}", f"{counts['warning']:,}")
    return table


def _badness(entry: Entry) -> tuple[int, int, int, str]:
    if entry.verdict is None:
        return len(VERDICTS), 0, 0, entry.key
    counts = entry.brief["finding_counts"]
    return VERDICTS.index(entry.verdict), -counts["error"], -counts["warning"], entry.key


def _copies(survey: Survey) -> str:
    kinds = (
        ("assets", survey.asset_copies, survey.asset_copies_bytes),
        ("images", survey.image_copies, survey.image_copies_bytes),
        ("meshes", survey.mesh_copies, survey.mesh_copies_bytes),
    )
    said = [f"{count:,} {kind} ({size / 1e6:,.1f} MB)" for kind, count, size in kinds if count]
    return f"Copies of others in the library: {', '.join(said)}." if said else ""


def _changes(changes: Changes | None) -> str:
    if changes is None:
        return ""
    return (
        f"Since the run before: {changes.new:,} findings new, {changes.fixed:,} fixed, {changes.still:,} still there."
    )


def _print_figures(console: Console, finished: RunFinished, options: argparse.Namespace) -> None:
    counts = finished.counts
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


def _cut(text: str) -> Text:
    """One line, however narrow the column is."""
    return Text(_plain(text), no_wrap=True, overflow="ellipsis")


def _plain(text: str) -> str:
    """For a terminal, whatever it holds."""
    return printable(text, sys.stderr.encoding)
