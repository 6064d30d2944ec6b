"""`summary.md`: a page of GitHub Flavored Markdown for the summary of a CI job.

Whatever comes from assets stands in code spans: there it is no markup, no HTML, no link and mentions nobody. Lists and
texts are cut, for GitHub refuses a summary of more than 1 MiB.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from ..model.entry import Entries, Entry
from ..model.finding import VERDICTS
from ..model.survey import Changes, RuleTally, RuleText, RunHead, Survey
from .common import counting, one_line, title_of, unchecked

MAX_RULES = 10
MAX_ASSETS = 20
MAX_CHANGES = 20
MAX_TEXT = 200
"""Characters of a key, a name or a message."""


def write_markdown(
    out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]
) -> None:
    worst, blind = _look_through(entries())
    out.write(f"# GLB Batch Validator: {_outcome(head)}\n\n")
    out.write(f"{code(head.library)}, profile {code(head.profile)}, version {head.version}, run {head.id}, ")
    out.write(f"{head.finished_at}, {head.seconds:,.0f} s.\n\n")
    if head.interrupted:
        out.write(f"Stopped: {code(head.reason)}\n\n")
    _write_table(out, ("verdict", "assets"), [(name, f"{number:,}") for name, number in _counts(head).items()])
    if head.counts["skipped"]:
        out.write(f"Unchanged, with the verdict of an earlier run: {head.counts['skipped']:,}.\n\n")
    if blind:
        needs = ", ".join(f"{need} (assets: {number:,})" for need, number in blind.most_common())
        out.write(f"Not checked, or not everywhere: {needs}.\n\n")
    if tallies := [tally for tally in survey.rules if tally.assets][:MAX_RULES]:
        out.write("## What to fix first\n\n")
        header = ("severity", "rule", "assets", "fixing it turns", "saves")
        _write_table(out, header, [_rule(tally, rules) for tally in tallies])
    if worst:
        out.write("## Worst assets\n\n")
        _write_table(out, ("verdict", "asset", "errors", "warnings", "first of all"), map(_asset, worst))
    if survey.changes:
        _write_changes(out, survey.changes, rules)
    _write_copies(out, survey)


def code(text: str) -> str:
    """A code span that shows `text`, cut and on one line."""
    shown = one_line(text[:MAX_TEXT]) + ("…" if len(text) > MAX_TEXT else "")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if not shown.strip() or "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str) -> str:
    """A code span in a table, where a pipe ends the cell unless an odd number of backslashes stands before it."""
    return re.sub(r"(\\*)\|", lambda found: found[1] + "\\" * (2 if len(found[1]) % 2 else 1) + "|", code(text))


def plain(text: str) -> str:
    """Our own words, and those of a studio's rules, as they are."""
    return re.sub(r"([\\`*_{}\[\]<>()#!|&~@])", r"\\\1", one_line(text))


def _outcome(head: RunHead) -> str:
    counts = head.counts
    if head.interrupted:
        return "interrupted"
    if not counts["total"]:
        return "there is no asset"
    if bad := counts["error"] + counts["fail"]:
        return f"{bad:,} of {counts['total']:,} assets failed"
    doubtful = counts["warn"] + counts["unsupported"]
    return f"passed, {doubtful:,} of {counts['total']:,} assets with warnings" if doubtful else "passed"


def _counts(head: RunHead) -> dict[str, int]:
    counts: dict[str, int] = {verdict: head.counts[verdict] for verdict in VERDICTS}
    pending = {"not validated": head.counts["pending"]} if head.counts["pending"] else {}
    return {**counts, **pending, "total": head.counts["total"]}


def _look_through(entries: Iterable[Entry]) -> tuple[list[Entry], Counter[str]]:
    """The worst assets, and in how many each `Need` was not met; without holding them all."""
    blind: Counter[str] = Counter()

    def failed() -> Iterable[Entry]:
        for entry in entries:
            blind.update(unchecked(entry))
            if entry.verdict in ("error", "fail", "unsupported"):
                yield entry

    return heapq.nsmallest(MAX_ASSETS, failed(), key=_badness), blind


def _badness(entry: Entry) -> tuple[int, int, int]:
    assert entry.verdict
    counts = entry.brief["finding_counts"]
    return VERDICTS.index(entry.verdict), -counts["error"], -counts["warning"]


def _rule(tally: RuleTally, rules: Mapping[str, RuleText]) -> tuple[str, ...]:
    saves = tally.saves
    saving = (
        f"{_size(saves.bytes)} of files" if saves.bytes else "",
        f"{_size(saves.gpu_bytes)} of GPU memory" if saves.gpu_bytes else "",
        f"{saves.draw_calls:,} draw calls" if saves.draw_calls else "",
        f"{saves.triangles:,} triangles" if saves.triangles else "",
    )
    return (
        tally.severity,
        f"{plain(title_of(tally.code, rules))}<br>{cell(tally.code)}",
        f"{tally.assets:,}",
        f"{tally.unblocks:,}",
        ", ".join(filter(None, saving)),
    )


def _asset(entry: Entry) -> tuple[str, ...]:
    counts: dict[str, Any] = entry.brief["finding_counts"]
    said: Mapping[str, Any] | None = entry.brief["error"] or next(counting(entry, "error"), None)
    message = cell(said["message"]) if said else ""
    return str(entry.verdict), cell(entry.key), f"{counts['error']:,}", f"{counts['warning']:,}", message


def _write_changes(out: TextIO, changes: Changes, rules: Mapping[str, RuleText]) -> None:
    out.write("## Since the run before\n\n")
    out.write(f"New findings: {changes.new:,}, fixed: {changes.fixed:,}, still there: {changes.still:,}; ")
    out.write(f"assets seen for the first time: {changes.first_seen:,}.\n\n")
    rows = [
        (change.kind, cell(change.key), plain(title_of(change.code, rules)), cell(change.where) if change.where else "")
        for change in changes.entries[:MAX_CHANGES]
    ]
    if rows:
        _write_table(out, ("", "asset", "rule", "where"), rows)


def _write_copies(out: TextIO, survey: Survey) -> None:
    kinds = (
        ("assets", survey.asset_copies, survey.asset_copies_bytes),
        ("images", survey.image_copies, survey.image_copies_bytes),
        ("meshes", survey.mesh_copies, survey.mesh_copies_bytes),
    )
    if parts := [f"{number:,} {kind} ({_size(size)})" for kind, number, size in kinds if number]:
        out.write(f"Copies of others in the library: {', '.join(parts)}.\n")


def _write_table(out: TextIO, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    for row in (header, ("---",) * len(header), *rows):
        out.write(f"| {' | '.join(row)} |\n")
    out.write("\n")


def _size(size_bytes: int) -> str:
    """In units of 1000."""
    size, unit = float(size_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
