"""`merge`: the outputs of a whole library from what its shards have left."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..engine.events import RunFinished
from ..engine.pictures import Pictures, folder_of_pictures
from ..errors import GlbvError, UsageError
from ..model.finding import VERDICTS
from ..model.shard import Shard, parts_in_words, ranges
from ..model.survey import RunHead
from ..model.text import printable
from ..storage.port import Storage
from .arguments import add_s3, add_verdict, picture_folder, place_text
from .ending import exit_code, print_end
from .outputs import Outputs, check_formats
from .places import is_bucket, open_output, open_place
from .results import Results
from .shard_files import ShardFiles, few, merged, read_shard_files

MAX_COMMANDS = 20
"""That are told to be repeated."""

DESCRIPTION = """\
Make the outputs of a whole library from the files that its shards have left: the same summary, report and other
formats that one run over everything would have written. Neither Blender nor the library is needed.
"""

EXAMPLES = """\
examples:
  ten machines, or ten jobs of an array, that share nothing but a bucket:
    python run_batch.py --bucket lib --prefix props/ --shard $I/10 --output s3://lib/qa/job-17/ --fail-on unfinished

  when all of them have ended, anywhere:
    python run_batch.py merge s3://lib/qa/job-17/ --output out/ --format html,junit

A shard may be repeated: its file is replaced, and unchanged assets are passed over. Shards may overlap (3/10 after
0-4/10): each part is taken from the run that came to its end last. Give each job a place of its own.

exit codes: those of a run. 4 means that shards are missing or did not come to their end, or that a file is damaged; the
outputs say so, and the terminal says what to repeat. 2 also means files of different runs: the message names them.
"""


def build_merge_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} merge",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "place",
        type=place_text,
        metavar="PLACE",
        help="folder or s3://bucket/prefix/ that holds shard-*.jsonl.gz, there or in folders below",
    )
    parser.add_argument(
        "--output",
        type=place_text,
        metavar="PLACE",
        help="folder or s3://bucket/prefix/ to write to (default: beside the shards)",
    )
    add_verdict(parser)
    parser.add_argument(
        "--data-folder", type=Path, metavar="DIR", help="where pictures are kept (default: that of runs)"
    )
    add_s3(parser)
    return parser


def merge(arguments: list[str], program: str) -> int:
    """Write the outputs, print the end; returns the exit code. Raises `UsageError` if there is nothing to merge."""
    options = build_merge_parser(program).parse_args(arguments)
    options.output = options.output or options.place
    with contextlib.ExitStack() as opened:
        place = open_place(options, options.place)
        opened.callback(place.close)
        if not is_bucket(options.place) and not Path(options.place).is_dir():
            raise UsageError(f"There is no folder {options.place} to merge the shards of.")
        place.check(write=False)
        # Windows does not remove what is open, and streams that were not read to their end may be.
        temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(opened.enter_context(temporary))
        shards = read_shard_files(place, folder=folder)
        for sentence in shards.damaged:
            print(f"error: {printable(sentence, sys.stderr.encoding)}", file=sys.stderr)
        head = shards.latest.head
        streams = few(shards.streams(), folder=folder)
        results = Results(head=_head(shards), root=head.root, entries=lambda: merged(streams))
        check_formats(options.format, results.head.library)
        if not results.head.counts["total"] and not results.head.interrupted:
            raise UsageError(f"There is no .glb to validate in {results.head.library}.")
        output = open_output(options)
        if output and not isinstance(output, Path):
            opened.callback(output.close)
        reports = _reports(options, head.reports)
        if reports:
            opened.callback(reports.close)
        kept = folder_of_pictures(picture_folder(options)) or folder / "previews"
        outputs = Outputs(results, pictures=Pictures(kept, reports), reports=reports)
        left = outputs.leave(options.format, output=output, publish=False)
        finished = _finished(results.head, without_facts=sum(file.head.without_facts for file in shards.files))
        options.judge_only = head.judge_only
        options.reports_to = head.setup.get("--reports-to", "")
        print_end(finished, options, outputs, left, go_on=_commands(shards, program))
        return exit_code(finished, options.fail_on)


def _reports(options: argparse.Namespace, uri: str) -> Storage | None:
    """For the pictures beside reports, which may well be out of reach here."""
    with contextlib.suppress(GlbvError):
        return open_place(options, uri)
    return None


def _unfinished(shards: ShardFiles) -> tuple[list[int], list[int]]:
    """The parts that are missing, and those whose run did not come to its end."""
    count, owners = shards.latest.head.shard.count, shards.owners
    return (
        [part for part in range(count) if part not in owners],
        [part for part in range(count) if part in owners and owners[part].head.run.interrupted],
    )


def _reason(shards: ShardFiles) -> str:
    count = shards.latest.head.shard.count
    missing, broken = _unfinished(shards)
    said = []
    for parts, of_one, of_many in (
        (missing, "is missing", "are missing"),
        (broken, "did not come to its end", "did not come to their end"),
    ):
        if parts:
            one = len(parts) == 1
            shard = "shard" if one else "shards"
            said.append(f"{shard} {parts_in_words(parts)} of {count} {of_one if one else of_many}")
    if shards.damaged:  # also where no part is missing: that of an older file counts then
        damaged = len(shards.damaged)
        said.append("a file is damaged" if damaged == 1 else f"{damaged:,} files are damaged")
    return "; ".join(said)


def _commands(shards: ShardFiles, program: str) -> Iterator[str]:
    """What to repeat, for a person."""
    head = shards.latest.head
    missing, broken = _unfinished(shards)
    wanted = ranges(sorted(missing + broken))
    if shards.damaged:
        yield "Remove what is damaged, or repeat its shards, then merge again."
    if wanted:
        yield "Repeat, then merge again:"
    for parts in wanted[:MAX_COMMANDS]:
        shard = Shard(parts[0], parts[-1], head.shard.count)
        yield f"  {program} {shlex.join(head.command)} --shard {shard}"
    if len(wanted) > MAX_COMMANDS:
        yield f"  and {len(wanted) - MAX_COMMANDS:,} more"


def _head(shards: ShardFiles) -> RunHead:
    """Of all shards together: from the first start to the last end."""
    runs = [file.head.run for file in shards.files]
    started, finished = min(run.started_at for run in runs), max(run.finished_at for run in runs)
    worked = sum(run.seconds for run in runs)
    reason = _reason(shards)
    return replace(
        shards.latest.head.run,
        started_at=started,
        finished_at=finished,
        interrupted=bool(reason),
        reason=reason,
        seconds=(datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds(),
        workers_busy=round(sum(run.workers_busy * run.seconds for run in runs) / worked, 3) if worked else 0.0,
        counts=_counts(shards),
    )


def _counts(shards: ShardFiles) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for part, file in shards.owners.items():
        for name in (*VERDICTS, "skipped", "pending"):
            counts[name] += file.tally[part, name]
    total = sum(counts[name] for name in (*VERDICTS, "pending"))
    # Assets that are pending do not tell their size. Of a file of which only some parts count this is too much.
    owners = {file.path: file for file in shards.owners.values()}.values()
    pending_bytes = sum(file.head.run.counts["pending_bytes"] for file in owners)
    names = (*VERDICTS, "skipped", "pending")
    return {**{name: counts[name] for name in names}, "total": total, "pending_bytes": pending_bytes}


def _finished(head: RunHead, *, without_facts: int) -> RunFinished:
    counts = head.counts
    return RunFinished(
        interrupted=head.interrupted,
        reason=head.reason,
        counts=counts,
        done=counts["total"] - counts["skipped"] - counts["pending"],
        seconds=head.seconds,
        busy=head.workers_busy,
        without_facts=without_facts,
    )
