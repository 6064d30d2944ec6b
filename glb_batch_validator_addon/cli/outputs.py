"""What a run leaves behind besides the reports: its summary, and other formats of the same as they were asked for."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ..engine.pictures import Pictures
from ..errors import UsageError
from ..model.entry import Entry
from ..model.preview import mime_type
from ..model.survey import RuleText, RunHead, Survey
from ..reports.formats import FORMATS, Writer
from ..reports.html.page import MAX_ASSETS
from ..reports.shards import ShardHead, shard_lines
from ..reports.summary import summary_json
from ..rules.catalogue import RULES
from ..storage.port import Storage, key_of
from ..survey.library import survey
from .arguments import HTML
from .results import Results

SUMMARY = "summary.json"
SHARD_FILE = "shard.jsonl.gz"
SHARD_LEVEL = 4
"""Of compression."""
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
    ".gz": "application/gzip",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Where the outputs of a run are."""

    files: tuple[str, ...] = ()
    """At the place of `--output`, paths or URIs, the summary first."""
    uri: str = ""
    """The run's folder below `--reports-to`."""


class Outputs:
    """The outputs of one run that has ended."""

    def __init__(
        self, results: Results, *, pictures: Pictures, reports: Storage | None, shard: ShardHead | None = None
    ) -> None:
        """`reports` is where the reports are, if that can be reached; with `shard` there is its file for `merge`, and
        files have names of their own among those of other shards."""
        self._results = results
        self._pictures = pictures
        self._reports = reports
        self._shard = shard

    @property
    def head(self) -> RunHead:
        return self._results.head

    def entries(self) -> Iterable[Entry]:
        """The assets of the run in the order of keys."""
        return self._results.entries()

    @cached_property
    def survey(self) -> Survey:
        """The library as a whole. Of a run that came to its end, what later ones compare with is kept."""
        results = self._results
        whole = survey(results.entries, head=self.head, root=results.root, before=results.before)
        if not self.head.interrupted:
            results.keep(whole.history[-1])
        return whole

    def write(self, folder: Path, formats: tuple[str, ...]) -> list[Path]:
        """The summary and these formats, each file whole or not at all; returns their paths, the summary first."""
        paths = []
        for name, write in self._files(formats):
            path = folder / (self._shard.shard.name(name) if self._shard else name)
            unfinished = path.with_name(f"{path.name}.part")
            try:
                with unfinished.open("wb") as out:
                    write(out)
                unfinished.replace(path)
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
            paths.append(path)
        return paths

    def leave(self, formats: tuple[str, ...], *, output: Path | Storage | None, publish: bool) -> Left:
        """Write them to the folder or the storage of `output`; with `publish` also where the reports are, into a
        folder for this run. Raises `UsageError` or `StorageError`."""
        if output is None and not publish:
            return Left()
        with tempfile.TemporaryDirectory() as temporary:
            paths = self.write(output if isinstance(output, Path) else Path(temporary), formats)
            if isinstance(output, Path):
                files = tuple(map(str, paths))
            else:
                files = _put(paths, output, output.root) if output else ()
            return Left(files=files, uri=self._publish(paths) if publish else "")

    def _publish(self, paths: list[Path]) -> str:
        reports = self._reports
        assert reports
        stamp = self.head.started_at.replace("-", "").replace(":", "")
        folder = f"{reports.root}{RUNS}/{stamp}-{self.head.id}/"
        _put(paths, reports, folder)
        return reports.uri(folder)

    def _files(self, formats: tuple[str, ...]) -> Iterator[tuple[str, Callable[[BinaryIO], None]]]:
        yield SUMMARY, self._write_summary
        for name in formats:
            if name == HTML:
                yield "report.html", self._write_html
            else:
                for file_name, writer in FORMATS[name].files.items():
                    yield file_name, partial(self._write_text, writer)
        if self._shard:
            yield SHARD_FILE, partial(self._write_shard, self._shard)

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
        reports = self._reports
        if reports is None:
            return

        def fetch(entry: Entry) -> None:
            self._pictures.of(key_of(reports, entry.report) or "", entry.brief)

        with_picture = (entry for entry in self.entries() if entry.brief.get("preview"))
        lacking = (entry for entry in islice(with_picture, MAX_ASSETS) if not self._pictures.kept(entry.brief))
        with ThreadPoolExecutor(PICTURE_THREADS) as threads:
            while some := list(islice(lacking, 10 * PICTURE_THREADS)):
                list(threads.map(fetch, some))

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

    def _write_shard(self, head: ShardHead, out: BinaryIO) -> None:
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=SHARD_LEVEL, mtime=0) as zipped:
            for line in shard_lines(head, self.entries()):
                zipped.write(line.encode())


def check_formats(formats: tuple[str, ...], library: str) -> None:
    """Before the work: raises `UsageError` for a format that cannot be written for this library."""
    for name in formats:
        if name != HTML:
            FORMATS[name].check(library)


def _put(paths: list[Path], storage: Storage, folder: str) -> tuple[str, ...]:
    """Files into a folder of a storage; their URIs."""
    for path in paths:
        kind = _CONTENT_TYPES[path.suffix]
        storage.write(folder + path.name, path.read_bytes(), content_type=kind, metadata={})
    return tuple(storage.uri(folder + path.name) for path in paths)
