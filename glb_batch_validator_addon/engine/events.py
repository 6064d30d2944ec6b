"""What a run tells about itself. For every listed asset there is exactly one of `AssetDone` and `AssetSkipped`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..model.finding import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    library: str
    run: int
    resumed: bool
    workers: int
    ledger: str
    done: int | None = None
    """Of a run that others do and that is watched: how many assets had been looked at before. They are told first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Totals so far; `complete` once the listing has ended."""

    listed: int
    pending: int
    skipped: int
    pending_bytes: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDone:
    """The report is written (or, with the stage `report`, could not be)."""

    key: str
    verdict: Verdict
    report: str
    """URI of the report."""
    brief: dict[str, Any] = field(default_factory=dict)
    """`Report.brief`: the few facts that lists show."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage, of those that this process has been through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSkipped:
    """Unchanged since its report was written by this version under these settings; the rest as in `AssetDone`."""

    key: str
    verdict: Verdict
    report: str
    brief: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted:
    """A background Blender is ready, so many seconds after its start."""

    worker: int
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost:
    """A worker died or was ended; its asset is tried once more, or gets an error report."""

    worker: int
    key: str | None
    kind: str
    """`Failure.type`: Crashed, TimedOut, OutOfMemory."""
    reason: str
    retried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecycled:
    worker: int
    kind: Literal["assets", "memory"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused:
    """Nothing new is handed out (assets at the workers may still come in), or it is again."""

    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTroubled:
    """Of a run that is watched: why a worker could not work at it lately, "" once one could."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """`interrupted` runs can be resumed; `reason` says why, "" for a run that came to its end."""

    interrupted: bool
    reason: str
    counts: dict[str, int]
    """Of all assets of the run, as `Ledger.counts` gives them."""
    done: int
    """Assets that this process has looked at: fewer than in `counts` after a resume or with unchanged ones."""
    seconds: float
    """From start to end, with pauses."""
    busy: float
    """Share of the workers' time, from their start to the end, in which they were at an asset: 0 to 1."""
    without_facts: int = 0
    """Assets that a run which only judges passed over, because no report of this schema holds their facts."""


Event = (
    RunStarted
    | Planned
    | AssetDone
    | AssetSkipped
    | WorkerStarted
    | WorkerLost
    | WorkerRecycled
    | RunPaused
    | RunTroubled
    | RunFinished
)
OnEvent = Callable[[Event], None]


def as_json(event: Event) -> dict[str, Any]:
    """The event with its name in snake case under `event`: what `--json` prints."""
    name = type(event).__name__
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    return {"event": snake, **asdict(event)}
