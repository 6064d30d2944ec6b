"""What a studio asks of its assets, in force for a run: settings of rules, waivers, expected dimensions, depth."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from .finding import PREFIX, Severity, Vector, Waiver

Depth = Literal["quick", "standard", "deep"]
"""`quick`: the file and its conformance, without Blender. `standard`: Blender and its meshes and images too.
`deep`: also what takes long on large meshes: self-intersections, overlaps and gutters of UV maps."""

Level = Severity | Literal["off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KhronosOptions:
    """The options of the Khronos validator of the same names, applied to its messages."""

    max_issues: int = 0
    """Messages at the most that become findings, the worst first; 0 is all."""
    ignore: tuple[str, ...] = ()
    """Codes that do not become findings."""
    only: tuple[str, ...] = ()
    """If there are any, the only codes that do."""
    override: Mapping[str, Level] = field(default_factory=dict)
    """Severities by code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is asked of one asset. What it does not name has the rule's own default."""

    name: str
    levels: Mapping[str, Level] = field(default_factory=dict)
    """By rule."""
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By rule and name."""
    khronos: KhronosOptions = field(default_factory=KhronosOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """All that judging one asset takes besides its facts; it goes over the wire with the request."""

    profile: Profile
    waivers: tuple[Waiver, ...] = ()
    """Those whose pattern matches the asset."""
    today: str = ""
    """As 2026-12-31: a waiver that expired before it does not hold."""
    expected_m: Vector | None = None
    depth: Depth = "standard"
    rules_folder: str | None = None
    """Of custom rules."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Demand:
        """From `asdict` of one, after it was JSON. Raises TypeError or KeyError on anything else."""
        profile = dict(values["profile"])
        khronos = dict(profile["khronos"])
        khronos |= {name: tuple(khronos[name]) for name in ("ignore", "only")}
        profile["khronos"] = KhronosOptions(**khronos)
        expected = values["expected_m"]
        return cls(
            **values
            | {
                "profile": Profile(**profile),
                "waivers": tuple(Waiver(**waiver) for waiver in values["waivers"]),
                "expected_m": expected and tuple(expected),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of a library, as profile, waivers and data sheet on disk say. Globs match keys below its root."""

    profile: Profile = field(default_factory=lambda: Profile(name="default"))
    by_path: tuple[tuple[str, Profile], ...] = ()
    """Glob and profile; the first match counts, else `profile`."""
    waivers: tuple[Waiver, ...] = ()
    expected_m: tuple[tuple[str, Vector], ...] = ()
    """Glob and dimensions; the first match counts."""
    today: str = ""
    depth: Depth = "standard"
    rules_folder: str | None = None

    def demand(self, below: str) -> Demand:
        """What is asked of the asset with this key below the library's root."""
        return Demand(
            profile=next((profile for glob, profile in self.by_path if _matches(below, glob)), self.profile),
            waivers=tuple(waiver for waiver in self.waivers if _matches(below, waiver.pattern)),
            today=self.today,
            expected_m=next((size for glob, size in self.expected_m if _matches(below, glob)), None),
            depth=self.depth,
            rules_folder=self.rules_folder,
        )

    def judging(self) -> dict[str, Any]:
        """What decides about findings besides the facts: of waivers not the day, but whether they hold on it."""
        values = {name: value for name, value in asdict(self).items() if name not in ("depth", "today", "rules_folder")}
        values["holding"] = [waiver.expires >= self.today for waiver in self.waivers]
        return values

    def measuring(self) -> dict[str, Any]:
        """What decides about what only a worker can do: measuring, and a studio's own rules, as they are asked."""
        if self.rules_folder is None:
            return {"depth": self.depth}
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in custom_files(self)}
        profiles = (self.profile, *(profile for _, profile in self.by_path))
        asked = [[_custom(profile.levels), _custom(profile.thresholds)] for profile in profiles]
        return {"depth": self.depth, "rules": files, "asked": asked}


def custom_files(policy: Policy) -> list[Path]:
    """The files with custom rules, in the order in which they are loaded."""
    return sorted(Path(policy.rules_folder).glob("*.py")) if policy.rules_folder else []


def _custom(by_code: Mapping[str, Any]) -> dict[str, Any]:
    return {code: value for code, value in by_code.items() if not code.startswith(PREFIX)}


def _matches(key: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(key, glob)
