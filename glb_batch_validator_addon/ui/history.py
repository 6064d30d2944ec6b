"""Earlier runs: a folder for each, with what was asked for, what came of it, and the engine's log. No bpy."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

KEEP_RUNS = 20
KEEP_PAGES = 5
"""Runs whose page is kept too: of a large library it takes tens of megabytes."""

WATCH = ("farm", "watch")
"""Before the number of a farm's run and the options of the engine."""

_RUN, _SUMMARY, _PAGE, _LOG = "run.json", "summary.json", "report.html", "engine.log"


@dataclass(frozen=True, slots=True)
class PastRun:
    """What the panel says about an earlier run."""

    folder: Path
    started: str
    """Local time, to the minute."""
    library: str
    """Where it was, as a person names it."""
    options: tuple[str, ...]
    """Of `run_batch.py`, perhaps with the word `judge` before them: with these it can be started again."""
    outcome: str
    """How it ended, in a few words."""
    finished: bool
    has_page: bool = False

    @property
    def page(self) -> Path:
        """Its results for a browser."""
        return self.folder / _PAGE

    @property
    def summary(self) -> Path:
        """Its results; there are none of a run whose engine was killed."""
        return self.folder / _SUMMARY

    @property
    def log(self) -> Path:
        """Where its engine writes what it has to say."""
        return self.folder / _LOG


def begin(data: Path, *, options: Sequence[str]) -> PastRun:
    """A folder for a run that starts now; the oldest ones make room. Raises OSError."""
    runs = data / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    now = datetime.now()
    folder = runs / now.strftime("%Y-%m-%d-%H%M%S-%f")
    folder.mkdir()
    run = PastRun(folder, now.strftime("%Y-%m-%d %H:%M"), place(options), tuple(options), "Not finished", False)
    _save(run)
    for old in _folders(runs)[KEEP_RUNS:]:
        shutil.rmtree(old, ignore_errors=True)
    for old in _folders(runs)[KEEP_PAGES:]:
        with contextlib.suppress(OSError):
            (old / _PAGE).unlink(missing_ok=True)
    return run


def end(run: PastRun, *, library: str, outcome: str, finished: bool) -> None:
    """Note how a run ended, and over which library it was."""
    with contextlib.suppress(OSError):  # the run itself is safe: its reports are written
        _save(PastRun(run.folder, run.started, library, run.options, outcome, finished))


def load(data: Path) -> tuple[PastRun, ...]:
    """The runs that are kept, the newest first; what cannot be read is left out."""
    runs = []
    for folder in _folders(data / "runs"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            values: Mapping[str, Any] = json.loads((folder / _RUN).read_text("utf-8"))
            runs.append(
                PastRun(
                    folder,
                    str(values["started"]),
                    str(values["library"]),
                    tuple(map(str, values["options"])),
                    str(values["outcome"]),
                    bool(values["finished"]),
                    (folder / _PAGE).is_file(),
                )
            )
    return tuple(runs)


def place(options: Sequence[str]) -> str:
    """Where the library of these options is, as a person names it; of a farm's run only the farm knows."""
    if run := farm_run(options):
        return f"Farm run {run}"
    values = dict(option.removeprefix("--").split("=", 1) for option in options if "=" in option)
    return f"s3://{values['bucket']}/{values.get('prefix', '')}" if "bucket" in values else values.get("folder", "")


def options_at(place: str) -> list[str]:
    """The options that name the library at this place."""
    if not place.startswith("s3://"):
        return [f"--folder={place}"]
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return [f"--bucket={bucket}", f"--prefix={prefix}"]


def farm_run(options: Sequence[str]) -> int:
    """The number of the farm's run that these options watch, 0 if it is a run of this machine."""
    return int(options[len(WATCH)]) if tuple(options[: len(WATCH)]) == WATCH else 0


def _folders(runs: Path) -> list[Path]:
    return sorted((path for path in runs.glob("*-*") if path.is_dir()), reverse=True)


def _save(run: PastRun) -> None:
    values = {
        "started": run.started,
        "library": run.library,
        "options": run.options,
        "outcome": run.outcome,
        "finished": run.finished,
    }
    (run.folder / _RUN).write_text(json.dumps(values, indent=2), "utf-8")
