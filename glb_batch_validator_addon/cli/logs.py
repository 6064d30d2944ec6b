"""Logs on stderr, as text or as JSON lines, of a run and of a farm's worker.

With JSON every line is one object: `time` (UTC, ISO 8601), `level`, `logger`, `message`, what is known of `run`,
`shard`, `batch`, `worker` and `asset`, and what belongs to a single message, such as `verdict`. Logs of libraries
(boto3, celery, kombu) are among them, and so is whatever is printed to stderr.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from ..engine.events import (
    AssetDone,
    Event,
    RunFinished,
    RunPaused,
    RunStarted,
    RunTroubled,
    WorkerLost,
    WorkerRecycled,
    WorkerStarted,
)
from ..model.text import printable
from .progress import PLAIN_SECONDS, Tally, line_of, start_of

LogFormat = Literal["text", "json"]

logger = logging.getLogger(__name__)

_TALKING = (__name__.partition(".")[0], "celery")
"""Loggers whose `info` is wanted. boto3 may show signatures below warnings; its storage keeps it from it, too."""

# The last defence, behind loggers that do not say such a thing in the first place: passwords in the addresses of
# brokers and databases, and what makes a signed URL or a request of AWS's valid.
_SECRETS = (
    (re.compile(r"(?<=://)([^/\s:@]*):[^\s/]+@"), r"\1:***@"),
    (
        re.compile(r"(?i)\b(X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=[^&\s\"'\\,]+"),
        r"\1=***",
    ),
    (re.compile(r"(?i)\b(Authorization['\"]?\s*[:=]\s*).*"), r"\1***"),
)

# One for the process, not a `contextvars` one: threads of the engine and of boto3 would not inherit that, and no
# process is at more than one run at a time.
_context: dict[str, object] = {}


def chosen_format(arguments: list[str]) -> LogFormat:
    """What `--log-format` says on a command line, before it is parsed: what is wrong with that is logged, too."""
    pairs = itertools.pairwise(arguments)
    return "json" if "--log-format=json" in arguments or ("--log-format", "json") in pairs else "text"


def set_up_logging(log_format: LogFormat) -> None:
    """Log to stderr: warnings of all, and more of what we say ourselves. May be called again, as after a fork."""
    root = logging.getLogger()
    for former in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(former)
    root.addHandler(_Stderr(_Json() if log_format == "json" else _Text()))
    root.setLevel(logging.WARNING)
    for name in _TALKING:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    if log_format == "json" and not isinstance(sys.stderr, _Lines):
        sys.stderr = _Lines(sys.stderr)
        logging.raiseExceptions = False  # what keeps a line from being written would be printed, as a line


@contextlib.contextmanager
def context(**values: object) -> Iterator[None]:
    """Add these to every record of this process, whatever thread it comes from."""
    before = dict(_context)
    _context.update(values)
    try:
        yield
    finally:
        _context.clear()
        _context.update(before)


def log_outputs(files: list[str], folder: str) -> None:
    """What a run has left, instead of the tables for a person."""
    logger.info("Outputs: %s", ", ".join(filter(None, [*files, folder])) or "none", extra={"files": files})


def without_secrets(text: str) -> str:
    """The text with passwords, signatures and credentials blotted out."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class LogView:
    """Events as log records: each asset with its verdict, what befell the Blenders, progress now and then."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._last = time.monotonic()

    def show(self, event: Event) -> None:
        self._tally.take(event)
        if isinstance(event, RunStarted):
            _context.setdefault("run", event.run)
            self._log(start_of(event), library=event.library, resumed=event.resumed)
        elif isinstance(event, AssetDone):
            text = line_of(event) or f"{event.verdict}: {event.key}"
            self._log(text, asset=event.key, verdict=event.verdict, report=event.report, seconds=event.seconds)
        elif isinstance(event, WorkerStarted):
            self._log(f"Blender {event.worker} started in {event.seconds:.1f} s", blender=event.worker)
        elif isinstance(event, WorkerRecycled):
            self._log(f"Blender {event.worker} is replaced: {event.reason}", blender=event.worker)
        elif isinstance(event, WorkerLost):
            again = " Trying once more, alone." if event.retried else ""
            text = f"Blender {event.worker} lost at {event.key or 'no asset'}: {event.reason}{again}"
            self._log(text, logging.WARNING, asset=event.key, blender=event.worker, retried=event.retried)
        elif isinstance(event, RunPaused):
            self._log(line_of(event) or "")
        elif isinstance(event, RunTroubled):
            self._log(line_of(event) or "", logging.WARNING if event.reason else logging.INFO)
        elif isinstance(event, RunFinished):
            self._finished(event)
        if time.monotonic() - self._last > PLAIN_SECONDS:
            self._last = time.monotonic()
            self._progress()

    def close(self) -> None:
        pass

    def _progress(self) -> None:
        plan, tally = self._tally.plan, self._tally
        total = f"{plan.pending:,}" if plan.complete else f"{plan.pending:,}+"
        rate = round(tally.per_second, 2)
        text = f"{tally.done:,} of {total}, {rate:.1f}/s: {tally}"
        self._log(text, done=tally.done, pending=plan.pending, planned=plan.complete, per_second=rate)

    def _finished(self, event: RunFinished) -> None:
        ended = f"stopped: {event.reason}" if event.interrupted else "finished"
        self._log(
            f"Run {ended}: {event.done:,} assets in {event.seconds:.1f} s: {self._tally}",
            logging.WARNING if event.interrupted else logging.INFO,
            interrupted=event.interrupted,
            counts=event.counts,
            done=event.done,
            seconds=round(event.seconds, 3),
            busy=round(event.busy, 3),
        )

    def _log(self, text: str, level: int = logging.INFO, **values: object) -> None:
        text = printable(text, "utf-8")  # not every handler that a program has stands what a key may hold
        logger.log(level, "%s", text, extra={name: value for name, value in values.items() if value not in (None, {})})


class _Stderr(logging.StreamHandler[TextIO]):
    """To the stderr of the moment: a progress bar puts itself in front of it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(formatter)
        self.addFilter(_add_context)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr.out if isinstance(sys.stderr, _Lines) else sys.stderr


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = printable(record.message, None)  # a key may hold a line's end, and would forge a line
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Json(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            reserved_attrs=[*RESERVED_ATTRS, "data"],  # celery's: arguments and results of tasks
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: without_secrets(value) if isinstance(value, str) else value for name, value in log_data.items()}


class _Lines(io.TextIOBase):
    """A stderr whose lines become log records: errors where they say so, as ours do."""

    encoding = "utf-8"

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self._begun = threading.local()  # `print` writes a line and its end apart

    def write(self, text: str) -> int:
        *lines, self._begun.line = (getattr(self._begun, "line", "") + text).split("\n")
        for line in filter(str.strip, lines):
            is_error = line.startswith("error: ") or ": error: " in line  # ours, argparse's
            logger.log(logging.ERROR if is_error else logging.INFO, "%s", line)
        return len(text)

    def fileno(self) -> int:
        return self.out.fileno()


def _add_context(record: logging.LogRecord) -> Literal[True]:
    values: dict[str, Any] = vars(record)
    for name, value in _context.items():
        values.setdefault(name, value)
    return True
