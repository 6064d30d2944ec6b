"""What is said of a library as a whole. Lists are cut, and say how many they leave out by the counts beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .finding import Saving, Severity

MAX_GROUPS = 100
"""Duplicates of each kind, outliers, folders and changes that are named: those that matter most."""
MAX_KEYS = 20
"""Assets that are named of a group."""

Measure = Literal["size_bytes", "triangles", "gpu_bytes", "texel_density", "size_m"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """What a rule's page says of it, for people who look at results."""

    title: str
    family: str
    why: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTally:
    """What one rule found in the whole library. In the order of `Survey.rules`, they are what to fix first."""

    code: str
    severity: Severity
    """The worst that it has been found with."""
    message: str
    """Of its first finding."""
    assets: int
    """With at least one finding that is not waived."""
    findings: int
    waived: int
    unblocks: int
    """Assets that fail by this rule alone: putting it right turns them."""
    saves: Saving
    """Sum over all its findings."""
    keys: tuple[str, ...]
    """The first assets, at most `MAX_KEYS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """The same bytes, several times."""

    sha256: str
    name: str
    """Of the first one; of assets its key."""
    size_bytes: int
    """Of one."""
    count: int
    """How many there are, counted once in each asset."""
    saves_bytes: int
    """All but one."""
    keys: tuple[str, ...]
    """The assets, at most `MAX_KEYS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    key: str
    """Of the asset."""
    name: str
    width: int | None
    height: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Images that look the same and are different bytes: stored in another format, size or compression."""

    pictures: tuple[Picture, ...]
    """At most `MAX_KEYS`, the largest first."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """An asset far from the library's own distribution."""

    key: str
    measure: Measure
    value: float
    median: float
    """Of the library."""
    score: float
    """Modified z-score of the logarithm; above 0 for large values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How the assets of one exporter, or in one folder, are doing."""

    name: str
    assets: int
    counts: dict[str, int]
    """By verdict."""
    size_bytes: int
    rules: tuple[tuple[str, int], ...]
    """The rules that found errors and warnings in the most assets, at most 5, each with their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEntry:
    key: str
    kind: Literal["new", "fixed"]
    code: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Since the run before, over assets that it or an earlier one has looked at."""

    new: int
    fixed: int
    still: int
    first_seen: int
    """Assets that no earlier run has looked at."""
    entries: tuple[ChangeEntry, ...]
    """The new ones, the worst severity first, then those that are fixed; at most `MAX_GROUPS` of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run over the library that came to its end. The last one is the present one."""

    id: int
    finished_at: str
    """As 2026-12-31T23:59:59Z."""
    counts: dict[str, int]
    """By verdict, and `total`."""
    findings: dict[str, int]
    """By severity, without waived ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A library as a whole."""

    bytes: dict[str, int]
    """By kind, `entry.BYTE_KINDS`, over all assets whose container could be read."""
    triangles: int
    size_bytes: int
    gpu_bytes: int
    findings: dict[str, int]
    """By severity, without waived ones."""
    waived: int
    rules: tuple[RuleTally, ...]
    """What to fix first: by severity, then by `unblocks`, then by assets, then by the bytes that it saves."""
    assets: tuple[Duplicates, ...]
    """Exact copies of assets, those that save most first."""
    asset_copies: int
    """Assets that are a copy of another, named or not; here and below all of them."""
    asset_copies_bytes: int
    images: tuple[Duplicates, ...]
    """Images that are in several assets."""
    image_copies: int
    image_copies_bytes: int
    meshes: tuple[Duplicates, ...]
    mesh_copies: int
    mesh_copies_bytes: int
    similar: tuple[Similar, ...]
    similar_count: int
    """Groups of them."""
    outliers: tuple[Outlier, ...]
    outlier_count: int
    exporters: tuple[Scorecard, ...]
    folders: tuple[Scorecard, ...]
    changes: Changes | None
    """None for the first run."""
    history: tuple[PastRun, ...]
    """The oldest first, at most `MAX_GROUPS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """The run that outputs are about: `run` of `summary.json`."""

    library: str
    """URI."""
    id: int
    version: str
    """Of the product."""
    started_at: str
    finished_at: str
    profile: str
    interrupted: bool
    reason: str
    """Why it was interrupted, else ""."""
    seconds: float
    workers_busy: float
    counts: dict[str, int]
    """As `Ledger.counts`."""
    budgets: dict[str, Any]
    """Thresholds of the profile that charts show: `triangles`, `size_bytes`, `gpu_bytes`, each a number or None."""
