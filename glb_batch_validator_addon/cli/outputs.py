"""What a run leaves behind besides the reports: its summary, and other formats of the same as they were asked for."""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from .. import __version__
from ..engine.events import RunFinished
from ..engine.ledger import Ledger, Row
from ..engine.pictures import Pictures
from ..errors import UsageError
from ..model.entry import Entry, change, places_of
from ..model.limits import MIB
from ..model.preview import mime_type
from ..model.profile import Profile
from ..model.survey import MAX_GROUPS, PastRun, RuleText, RunHead, Survey
from ..reports.formats import FORMATS, Writer
from ..reports.html.page import MAX_ASSETS
from ..reports.summary import summary_json
from ..rules.catalogue import RULES
from ..storage.port import Storage
from ..survey.library import survey
from .arguments import HTML

SUMMARY = "summary.json"
PICTURE_THREADS = 32
"""That fetch pictures at once."""
RUNS = "runs"
"""The folder below `--reports-to` in which each run has one."""

RULE_TEXTS = {
    code: RuleText(title=rule.title, family=rule.family, why=rule.why, how=rule.how) for code, rule in RULES.items()
}

_CONTENT_TYPES = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".xml": "application/xml",
    ".sarif": "application/sarif+json",
    ".md": "text/markdown; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Where the outputs of a run are."""

    paths: tuple[Path, ...] = ()
    """In the folder of `--output`, the summary first."""
    uri: str = ""
    """The run's folder below `--reports-to`."""


class Outputs:
    """The outputs of one run that has ended."""

    def __init__(
        self,
        *,
        storage: Storage,
        reports: Storage,
        ledger: Ledger,
        run: int,
        shard: tuple[int, int],
        profile: Profile,
        finished: RunFinished,
        pictures: Pictures,
    ) -> None:
        self._storage = storage
        self._reports = reports
        self._ledger = ledger
        self._run = run
        self._shard = shard
        self._profile = profile
        self._finished = finished
        self._pictures = pictures

    @cached_property
    def head(self) -> RunHead:
        started, ended = self._ledger.times(self._run)
        finished = self._finished
        return RunHead(
            library=self._storage.uri(),
            id=self._run,
            version=__version__,
            started_at=_time(started),
            finished_at=_time(ended),
            profile=self._profile.name,
            interrupted=finished.interrupted,
            reason=finished.reason,
            seconds=round(finished.seconds, 3),
            workers_busy=round(finished.busy, 3),
            counts=finished.counts,
            budgets=_budgets(self._profile),
        )

    def entries(self) -> Iterator[Entry]:
        """The assets of the run in the order of keys."""
        return map(self._entry, self._ledger.rows(self._run))

    def _entry(self, row: Row) -> Entry:
        return Entry(
            key=row.key,
            uri=self._storage.uri(row.key),
            report=self._reports.uri(row.report_key),
            state=row.state,
            verdict=row.verdict,
            brief=row.brief,
            extract=row.extract,
            change=change(row.before, places_of(row.extract["findings"]))
            if row.extract and row.before is not None
            else None,
        )

    @cached_property
    def survey(self) -> Survey:
        """The library as a whole. Of a run that came to its end, the ledger keeps what later ones compare with."""
        before = [
            PastRun(id=run, finished_at=_time(ended), **counts)
            for run, ended, counts in self._ledger.history(self.head.library, self._shard, MAX_GROUPS)
            if run != self._run
        ]
        whole = survey(self.entries, head=self.head, root=self._storage.root, before=before)
        if not self.head.interrupted:
            present = whole.history[-1]
            self._ledger.keep_counts(self._run, {"counts": present.counts, "findings": present.findings})
        return whole

    def write(self, folder: Path, formats: tuple[str, ...]) -> list[Path]:
        """The summary and these formats, each file whole or not at all; returns their paths, the summary first."""
        paths = []
        for name, write in self._files(formats):
            path = folder / _of_shard(name, self._shard)
            unfinished = path.with_name(f"{path.name}.part")
            try:
                with unfinished.open("wb") as out:
                    write(out)
                unfinished.replace(path)
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
            paths.append(path)
        return paths

    def leave(self, options: argparse.Namespace) -> Left:
        """Write what `options` ask for, where they ask for it. Raises `UsageError` or `StorageError`."""
        if options.output:
            paths = self.write(options.output, options.format)
            return Left(paths=tuple(paths), uri=self.publish(paths) if options.reports_to else "")
        if not options.reports_to:
            return Left()
        with tempfile.TemporaryDirectory() as folder:
            return Left(uri=self.publish(self.write(Path(folder), options.format)))

    def publish(self, paths: list[Path]) -> str:
        """Put files where the reports are, into a folder for this run; returns its URI."""
        stamp = self.head.started_at.replace("-", "").replace(":", "")
        folder = f"{self._reports.root}{RUNS}/{stamp}-{self._run}/"
        for path in paths:
            kind = _CONTENT_TYPES[path.suffix]
            self._reports.write(folder + path.name, path.read_bytes(), content_type=kind, metadata={})
        return self._reports.uri(folder)

    def _files(self, formats: tuple[str, ...]) -> Iterator[tuple[str, Callable[[BinaryIO], None]]]:
        yield SUMMARY, self._write_summary
        for name in formats:
            if name == HTML:
                yield "report.html", self._write_html
            else:
                for file_name, writer in FORMATS[name].files.items():
                    yield file_name, partial(self._write_text, writer)

    def _write_summary(self, out: BinaryIO) -> None:
        rows = (entry.row() for entry in self.entries())
        for piece in summary_json(asdict(self.head), asdict(self.survey), rows):
            out.write(piece.encode())

    def _write_html(self, out: BinaryIO) -> None:
        from ..reports.html.page import write_html

        self._fetch_pictures()
        write_html(
            out,
            head=self.head,
            survey=self.survey,
            entries=self.entries(),
            rules=RULE_TEXTS,
            picture=self._picture,
        )

    def _fetch_pictures(self) -> None:
        """Those that another machine made, or that are no longer kept here."""
        rows = (row for row in self._ledger.rows(self._run) if row.brief.get("preview"))
        lacking = (row for row in islice(rows, MAX_ASSETS) if not self._pictures.kept(row.brief))
        with ThreadPoolExecutor(PICTURE_THREADS) as threads:
            while some := list(islice(lacking, 10 * PICTURE_THREADS)):
                list(threads.map(lambda row: self._pictures.of(row.report_key, row.brief), some))

    def _picture(self, entry: Entry) -> tuple[str, bytes] | None:
        path = self._pictures.kept(entry.brief)
        try:
            return (mime_type(path.name), path.read_bytes()) if path else None
        except OSError:
            return None

    def _write_text(self, writer: Writer, out: BinaryIO) -> None:
        text = io.TextIOWrapper(out, encoding="utf-8", newline="")
        writer(text, head=self.head, survey=self.survey, entries=self.entries, rules=RULE_TEXTS)
        text.detach()


def check_formats(formats: tuple[str, ...], library: str) -> None:
    """Before the work: raises `UsageError` for a format that cannot be written for this library."""
    for name in formats:
        if name != HTML:
            FORMATS[name].check(library)


def _of_shard(name: str, shard: tuple[int, int]) -> str:
    """Shards may share a folder: `summary-0-of-4.json`."""
    index, count = shard
    stem, dot, suffix = name.partition(".")
    return name if count == 1 else f"{stem}-{index}-of-{count}{dot}{suffix}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _budgets(profile: Profile) -> dict[str, float | None]:
    """What charts draw a line at, in the units of `Survey`."""

    def budget(rule: str, threshold: str, unit: int) -> float | None:
        limit = profile.thresholds.get(rule, {}).get(threshold)
        return None if limit is None or profile.levels.get(rule) == "off" else limit * unit

    return {
        "triangles": budget("GLBV_BUDGET_TRIANGLES", "max_count", 1),
        "size_bytes": budget("GLBV_BUDGET_FILE_SIZE", "max_mb", MIB),
        "gpu_bytes": budget("GLBV_BUDGET_GPU_MEMORY", "max_mb", MIB),
    }
