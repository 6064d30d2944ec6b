"""The formats in which a run's results are written, by the names that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TextIO

from ..model.entry import Entries
from ..model.survey import RuleText, RunHead, Survey
from .junit import write_junit
from .markdown import write_markdown
from .s3_batch import check_s3, write_completion
from .sarif import write_sarif
from .tables import write_assets, write_findings


class Writer(Protocol):
    """Writes one file. `out` is UTF-8 and leaves line ends as they are (`newline=""`); `rules` are texts by code."""

    def __call__(
        self, out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]
    ) -> None: ...


def _any_library(library: str) -> None:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    files: Mapping[str, Writer]
    """By file name."""
    check: Callable[[str], None] = _any_library
    """To be asked before the run, with the library's URI. Raises `UsageError` if it cannot be written for such one."""


FORMATS: Mapping[str, Format] = {
    "csv": Format(files={"assets.csv": write_assets, "findings.csv": write_findings}),
    "junit": Format(files={"junit.xml": write_junit}),
    "sarif": Format(files={"results.sarif": write_sarif}),
    "s3-batch": Format(files={"completion.csv": write_completion}, check=check_s3),
    "markdown": Format(files={"summary.md": write_markdown}),
}
