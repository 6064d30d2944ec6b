"""What a person can set about a run."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from .limits import MIB, Limits
from .naming import DEFAULT_REPORT_NAME
from .preview import LOOK, PictureFormat, Previews
from .profile import Policy
from .report import SCHEMA_VERSION
from .shard import Shard


def available_cores() -> int:
    """Cores that this process may use, which on a shared machine or in a container are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers() -> int:
    """One a core, and one core for the engine and the storage from four cores on."""
    cores = available_cores()
    return cores if cores < 4 else cores - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a run goes about its work. `digest()` covers what decides the content of reports."""

    limit: int | None = None
    """At most so many assets, in the order of the listing, after the filters."""
    include: tuple[str, ...] = ()
    """Globs on keys below the library's root; empty means all. `*` crosses "/"."""
    exclude: tuple[str, ...] = ()
    shard: Shard = field(default_factory=Shard.whole)
    """This run takes the assets whose key hashes to its parts."""
    force: bool = False
    """Validate also what has a report by this version and these settings."""
    judge_only: bool = False
    """Judge the facts of the reports that are there, whatever their age and depth, and validate nothing."""

    batch_size: int = 64
    """Files fetched ahead or in work at once: bounds disk, and what is lost at a kill -9."""
    max_ahead_bytes: int = 1024 * MIB
    """Bytes fetched ahead or in work at once; one larger file goes alone."""
    io_threads: int = 32
    """Requests to the storage at once. At 25 ms one way, 32 threads carry 300 assets a second."""
    workers: int = field(default_factory=default_workers)
    timeout_seconds: float = 300.0
    """For one asset in a worker. Of 505 public GLBs the slowest import took 5.8 s; scans take minutes."""
    memory_limit_bytes: int = 4096 * MIB
    """Of one worker: an asset that needs more is stopped, a worker that keeps three quarters of it is replaced."""
    assets_per_worker: int = 10_000
    """After so many a worker is replaced: what leaks in Blender or in an add-on does not add up."""

    previews: Previews = "off"
    preview_size: int = 256
    """Pixels of a side."""
    preview_format: PictureFormat = "webp"

    report_name: str = DEFAULT_REPORT_NAME
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    """What is asked of the assets."""

    @property
    def takes_pictures(self) -> bool:
        """Whether assets are to have previews: they take Blender, which depth `quick` leaves out."""
        return self.previews != "off" and self.policy.depth != "quick" and not self.judge_only

    def digest(self, *, product: str, blender: str) -> str:
        """What decides a report's content, 16 hex digits each: `MEASURED.JUDGED`.

        Of the facts: schema, limits, product version, Blender's major.minor, depth, custom rules, pictures. Of the
        judgement: profile, waivers and which of them hold today, data sheet.
        """
        series = ".".join(blender.split(".")[:2])
        decisive = {"schema": SCHEMA_VERSION, "limits": asdict(self.limits), "product": product, "blender": series}
        if self.takes_pictures:
            decisive["previews"] = [LOOK, self.previews, self.preview_size, self.preview_format]
        return f"{_digest(decisive | self.policy.measuring())}.{_digest(self.policy.judging())}"


def with_judgement_of(digest: str, other: str) -> str:
    """A digest with its half about the facts, and the other one's about the judgement."""
    return f"{digest.partition('.')[0]}.{other.partition('.')[2]}"


def _digest(decisive: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
