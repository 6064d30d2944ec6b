"""The options of `run_batch.py`, and what they mean."""

from __future__ import annotations

import argparse
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from .. import __version__
from ..errors import UsageError
from ..model.limits import MIB, Limits
from ..model.naming import DEFAULT_REPORT_NAME, check_template
from ..model.preview import SIZES, PictureFormat, Previews
from ..model.profile import Depth
from ..model.settings import RunSettings
from ..model.shard import Shard
from ..reports.formats import FORMATS
from ..rules.profiles import DEFAULT as DEFAULT_PROFILE
from ..rules.profiles import load_policy, profile_names
from .places import is_bucket

DESCRIPTION = "Validate every .glb of a library and write a report beside each one."

EXAMPLES = """\
examples:
  everything under a prefix, credentials from the usual AWS places:
    blender -b -P run_batch.py -- --bucket my-bucket --prefix props/

  the first 20 files of a folder, without Blender's own program (bpy from pip):
    python run_batch.py --folder ~/library --limit 20

  a server of your own, a profile, reports under another prefix, a summary here:
    python run_batch.py --bucket lib --endpoint-url https://s3.example.org --aws-profile studio \\
        --reports-to s3://lib/reports/ --output out/

  go on after Ctrl-C or a crash:          ... --bucket my-bucket --prefix props/ --resume
  what would be done:                     ... --bucket my-bucket --prefix props/ --dry-run
  can the library be used:                ... --bucket my-bucket --prefix props/ --check
  one asset, to be opened in Blender:     ... --bucket my-bucket --copy props/chair.glb --output /tmp/look
  one job of an array of ten:             ... --shard $AWS_BATCH_JOB_ARRAY_INDEX/10 --output s3://lib/job-17/
  the results of all ten:                 run_batch.py merge s3://lib/job-17/  (merge --help)
  a job for OpenJD, such as for Deadline: run_batch.py openjd ... --shards 10 > template.yaml  (openjd --help)
  only chairs, but not the old ones:      ... --include 'chairs/*' --exclude '*/old/*'
  for phones, with waivers:               ... --profile mobile-ar --waivers waivers.toml
  the same facts under another profile:   run_batch.py judge --bucket my-bucket --prefix props/ --profile web

exit codes:
  0  all processed, nothing at or above --fail-on
  1  findings at or above --fail-on
  2  wrong options, configuration, credentials or permissions
  3  some assets could not be processed; their reports say why
  4  interrupted, or storage or database did not answer; go on with --resume
 70  an internal error
"""

# What a run is about: a resumed run takes these from its ledger. The rest may be given anew.
_ABOUT = (
    *("limit", "include", "exclude", "shard", "force", "report_name", "reports_to", "manifest", "max_size_mb"),
    *("judge_only", "profile", "waivers", "depth", "rules"),
    *("previews", "preview_size", "preview_format"),
)


HTML = "html"
FORMAT_NAMES = (HTML, *FORMATS)

JUDGE = "judge"
"""The word before the options that makes a run of `judge_only`."""

OPENJD = "openjd"
AUTO = "auto"


def build_parser(program: str = "run_batch.py") -> argparse.ArgumentParser:
    """The options; `judge` takes the same, and passes over those that are about Blender."""
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} [judge] (--bucket BUCKET [--prefix PREFIX] | --folder FOLDER) [options]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"GLB Batch Validator {__version__}")
    parser.set_defaults(judge_only=False)
    _add_library(parser)
    _add_choice(parser)
    _add_judgement(parser)
    _add_work(parser)
    _add_results(parser)
    add_s3(parser)
    return parser


def _add_library(parser: argparse.ArgumentParser) -> None:
    library = parser.add_argument_group("library")
    place = library.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--bucket", help="S3 bucket; credentials come from AWS profiles, SSO, the environment or the role"
    )
    place.add_argument("--folder", type=_path, help="folder, with all folders in it")
    library.add_argument(
        "--prefix", default="", help="only keys that begin with this; a folder ends in / (default: the whole bucket)"
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("which assets")
    choice.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="at most N assets, in the order of their keys; unchanged ones count",
    )
    choice.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="GLOB",
        help="only keys that match, as they are below the last / of the prefix; may be repeated",
    )
    choice.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="not those that match; may be repeated"
    )
    choice.add_argument(
        "--manifest",
        type=_path,
        metavar="FILE",
        help="keys from a file instead of a listing: one a line, S3 Batch CSV, or S3 Inventory (manifest.json or CSV)",
    )
    choice.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="part I of N, I from 0 to N-1, or parts A-B/N, by a stable hash of the key: N machines share a library"
        " without talking. Its outputs have names of their own, and `merge` makes one of them all",
    )
    choice.add_argument("--force", action="store_true", help="also what is unchanged since its report was written")
    choice.add_argument(
        "--resume", action="store_true", help="go on with the last run over this library that was interrupted"
    )

    instead = parser.add_argument_group("instead of a run").add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run", action="store_true", help="list and plan, print what would be validated, write nothing"
    )
    instead.add_argument(
        "--check", action="store_true", help="only see whether the library and the place of reports can be used"
    )
    instead.add_argument(
        "--copy",
        metavar="KEY",
        help="lay out this asset in a new folder below --output, to be opened: with the files of the library that it"
        " refers to, and without any other reference",
    )
    choice.add_argument("--if-match", default="", metavar="ETAG", help="with --copy: only if it is still this version")


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    judgement = parser.add_argument_group("what is asked of them")
    judgement.add_argument(
        "--profile",
        default=DEFAULT_PROFILE,
        metavar="NAME",
        help=f"rules and budgets: {', '.join(profile_names())}, or a .toml file of yours (default: %(default)s)",
    )
    judgement.add_argument(
        "--waivers", type=_path, metavar="FILE", help="findings to live with, beside those of the profile: a .toml file"
    )
    judgement.add_argument(
        "--depth",
        choices=get_args(Depth),
        default="standard",
        help="quick: the file and its conformance, without Blender; deep: also self-intersections, overlaps and gutters"
        " of UV maps (default: %(default)s)",
    )
    judgement.add_argument(
        "--rules",
        type=_path,
        metavar="DIR",
        help="rules of your own, Python files that background Blenders run: only from people you trust",
    )


def _add_work(parser: argparse.ArgumentParser) -> None:
    work = parser.add_argument_group("how to work")
    defaults = RunSettings()
    work.add_argument(
        "--batch-size",
        type=positive,
        default=defaults.batch_size,
        metavar="N",
        help="files fetched ahead or in work at once (default: %(default)s)",
    )
    work.add_argument(
        "--workers",
        type=positive,
        default=defaults.workers,
        metavar="N",
        help="background Blenders (default here: %(default)s)",
    )
    work.add_argument(
        "--timeout",
        type=_seconds,
        default=defaults.timeout_seconds,
        metavar="SECONDS",
        help="for one asset in Blender (default: %(default)g)",
    )
    work.add_argument(
        "--max-size-mb",
        type=positive,
        default=defaults.limits.max_size_bytes // MIB,
        metavar="MB",
        help="larger files get an error report and are not fetched (default: %(default)s)",
    )
    work.add_argument(
        "--memory-limit-mb",
        type=_memory,
        default=defaults.memory_limit_bytes // MIB,
        metavar="MB",
        help="of one background Blender, from 512; assets that need more get an error report (default: %(default)s)",
    )
    work.add_argument(
        "--blender",
        metavar="PATH",
        help="Blender for the workers (default: the one this runs in, else $BLENDER, bpy of this Python, the PATH)",
    )
    work.add_argument(
        "--previews",
        choices=get_args(Previews),
        default="cycles",
        help="a picture of each asset beside its report; workbench is faster and needs OpenGL (default: %(default)s)",
    )
    work.add_argument(
        "--preview-size", type=int, choices=SIZES, default=SIZES[0], help="pixels of a side (default: %(default)s)"
    )
    work.add_argument(
        "--preview-format",
        choices=get_args(PictureFormat),
        default="webp",
        help="png takes ten times the bytes (default: %(default)s)",
    )
    work.add_argument(
        "--ledger", type=_path, metavar="FILE", help="where to remember what was done (default: in the data folder)"
    )
    work.add_argument(
        "--data-folder",
        type=_path,
        metavar="DIR",
        help="where ledgers lie that --ledger does not name (default: a folder of this program in your user data)",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    results = parser.add_argument_group("results")
    results.add_argument(
        "--report-name",
        default=DEFAULT_REPORT_NAME,
        metavar="NAME",
        help="name of a report, with {stem} and {uid}, a short hash of the key (default: %(default)s)",
    )
    results.add_argument(
        "--reports-to",
        metavar="PLACE",
        help="write reports below this folder or s3://bucket/prefix/ instead of beside the assets",
    )
    results.add_argument(
        "--output",
        type=place_text,
        metavar="PLACE",
        help="write summary.json and the formats below this folder or s3://bucket/prefix/ (with --reports-to also"
        " there, into a folder of the run); with --copy the asset, below this folder",
    )
    add_verdict(results)
    results.add_argument("--json", action="store_true", help="events as JSON lines on stdout instead of progress")
    results.add_argument(
        "--progress",
        choices=(AUTO, OPENJD),
        default=AUTO,
        help="openjd: tell an OpenJD scheduler progress and status, on stdout (default: %(default)s)",
    )
    results.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="json: all that goes to stderr as JSON lines, for log collectors (default: %(default)s)",
    )
    results.add_argument(
        "--control",
        action="store_true",
        help="take the words pause, resume and stop as lines on stdin; when stdin ends, the program that started this"
        " run is gone, and it stops as at Ctrl-C",
    )
    results.add_argument(
        "--verbose",
        "-v",
        action="store_true",
        help="a line for every asset and for what happens to the background Blenders",
    )


def add_verdict(parser: argparse._ActionsContainer) -> None:
    """What is made of the results, of a run or of its shards."""
    parser.add_argument(
        "--format",
        type=formats_type,
        default=(HTML,),
        metavar="NAME,...",
        help=f"what to write beside summary.json: {', '.join(FORMAT_NAMES)}, or none; docs/formats.md tells of each"
        " (default: html)",
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "never", "unfinished"),
        default="error",
        help="exit with 1 on findings of this severity or above; `unsupported` assets are warnings; what could not be"
        " processed is 3 in any case but `unfinished`: then only a run that did not come to its end fails, as is right"
        " for a shard that others will repeat or merge (default: %(default)s)",
    )


def add_s3(parser: argparse.ArgumentParser) -> None:
    """How to reach what lies in a bucket."""
    s3 = parser.add_argument_group("S3")
    s3.add_argument("--endpoint-url", default="", metavar="URL", help="an S3-compatible server; addressed by path")
    s3.add_argument("--region", default="", help="default: from your AWS configuration")
    s3.add_argument("--aws-profile", default="", metavar="NAME", help="profile of your AWS configuration")
    s3.add_argument("--no-sign-request", action="store_true", help="without credentials, for public buckets")
    s3.add_argument("--request-payer", action="store_true", help="pay for the requests to a requester-pays bucket")
    s3.add_argument(
        "--expected-bucket-owner", default="", metavar="ACCOUNT", help="refuse a bucket of any other account"
    )
    s3.add_argument("--sse-kms-key-id", default="", metavar="KEY", help="encrypt reports with this KMS key")
    s3.add_argument("--allow-http", action="store_true", help="allow an unencrypted endpoint on another machine")


def parse(arguments: list[str], program: str = "run_batch.py") -> argparse.Namespace:
    """The options. Raises `UsageError` for what only their combination shows, SystemExit(2) for the rest."""
    judge_only = arguments[:1] == [JUDGE]
    options = build_parser(program).parse_args(arguments[judge_only:])
    options.judge_only = judge_only
    options.arguments = arguments
    check_template(options.report_name)
    if options.prefix and options.folder:
        raise UsageError("--prefix goes with --bucket; name the folder itself with --folder.")
    if urlsplit(options.endpoint_url).password:  # it would be in job templates and in the database of a farm
        raise UsageError("--endpoint-url must not carry a password: credentials come from the usual AWS places.")
    if options.copy and not options.output:
        raise UsageError("--copy needs --output, the folder that the asset is laid out in.")
    if options.copy and is_bucket(options.output):
        raise UsageError("--copy needs a folder of this machine for --output.")
    if options.json and options.progress == OPENJD:
        raise UsageError("--json and --progress openjd both want stdout; choose one.")
    if judge_only and options.rules:
        raise UsageError("Custom rules run in Blender: validate with --rules; judge keeps what they found.")
    return options


def run_settings(options: argparse.Namespace, *, today: date | None = None) -> RunSettings:
    """The settings of the engine. Raises `UsageError` for a profile or waivers that are not understood.

    `today` is the day on which waivers hold, else that of the clock in UTC.
    """
    return RunSettings(
        limit=options.limit,
        include=tuple(options.include),
        exclude=tuple(options.exclude),
        shard=options.shard or Shard.whole(),
        force=options.force,
        batch_size=options.batch_size,
        workers=options.workers,
        timeout_seconds=options.timeout,
        memory_limit_bytes=options.memory_limit_mb * MIB,
        report_name=options.report_name,
        limits=Limits(max_size_bytes=options.max_size_mb * MIB),
        judge_only=options.judge_only,
        previews=options.previews,
        preview_size=options.preview_size,
        preview_format=options.preview_format,
        policy=load_policy(
            options.profile,
            waivers=options.waivers,
            today=today or datetime.now(UTC).date(),
            depth=options.depth,
            rules_folder=options.rules,
            custom=options.judge_only,  # it keeps what they found
        ),
    )


def recorded(options: argparse.Namespace) -> dict[str, Any]:
    """What a run is about, as the ledger keeps it for `--resume`."""
    values = {name: getattr(options, name) for name in _ABOUT}
    return {name: str(value) if isinstance(value, (Path, Shard)) else value for name, value in values.items()}


def restore(options: argparse.Namespace, values: dict[str, Any]) -> None:
    """Take what the run is about from its record."""
    for name in _ABOUT:
        setattr(options, name, values[name])
    for name in ("manifest", "waivers", "rules"):
        if path := getattr(options, name):
            setattr(options, name, Path(path))
    options.shard = options.shard and Shard.parse(options.shard)


def default_ledger(library: str, options: argparse.Namespace) -> Path:
    """A file for this library, server, shard and place of reports in the data folder."""
    names = (library, options.endpoint_url, str(options.shard or Shard.whole()), options.reports_to)
    name = hashlib.sha256(repr(names).encode()).hexdigest()[:16]
    return Path(_data_folder(options), "ledgers", f"{name}.sqlite")


def picture_folder(options: argparse.Namespace) -> Path:
    """Where pictures are kept, of all libraries: by what is in them."""
    return Path(_data_folder(options), "previews")


def _data_folder(options: argparse.Namespace) -> Path:
    import platformdirs

    return Path(options.data_folder or platformdirs.user_data_path("glb-batch-validator", appauthor=False))


def _path(text: str) -> Path:
    return Path(text).expanduser()


def place_text(text: str) -> str:
    """A folder or s3://bucket/prefix/."""
    return text if is_bucket(text) else str(_path(text))


def positive(text: str) -> int:
    return _number(text, at_least=1)


def _memory(text: str) -> int:
    return _number(text, at_least=512)


def formats_type(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if names == ("none",):
        return ()
    if unknown := [name for name in names if name not in FORMAT_NAMES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(FORMAT_NAMES)}")
    return names


def _number(text: str, *, at_least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {at_least}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        if 0 < (seconds := float(text)) < float("inf"):
            return seconds
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError:
        message = f"{text!r} is neither I/N nor A-B/N, with parts from 0 to N-1, such as 0/4 or 2-3/4"
        raise argparse.ArgumentTypeError(message) from None
