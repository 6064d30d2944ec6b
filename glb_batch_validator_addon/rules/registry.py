"""Rules, and the registry they enter by their decorator. A rule is one small pure function from a subject to issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..model.facts import Facts, FileFacts, MeshFacts, Need, PixelFacts, SceneFacts
from ..model.finding import Issue, Severity, Vector
from ..model.khronos import KhronosReport
from ..model.library import StoredObject
from ..model.report import Failure

Thresholds = Mapping[str, Any]
"""The values of a rule's thresholds by name; None is "no limit"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that is known of one asset. A rule may use what it declared to need; the rest raises."""

    asset: StoredObject
    facts: Facts | None
    khronos: KhronosReport | None
    error: Failure | None
    """Why processing ended early: also for an `unsupported` asset."""
    expected_m: Vector | None = None
    """Dimensions by the studio's data sheet, Blender's axes."""

    @property
    def file(self) -> FileFacts:
        assert self.facts
        return self.facts.file

    @property
    def scene(self) -> SceneFacts:
        assert self.facts and self.facts.scene
        return self.facts.scene

    @property
    def meshes(self) -> tuple[MeshFacts, ...]:
        assert self.facts and self.facts.meshes is not None
        return self.facts.meshes

    @property
    def pixels(self) -> tuple[PixelFacts, ...]:
        assert self.facts and self.facts.pixels is not None
        return self.facts.pixels


Check = Callable[[Subject, Thresholds], Iterator[Issue]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number, a flag or a list of texts that a profile may change."""

    default: Any
    """None is "no limit"."""
    meaning: str
    """What it bounds, with its unit, and the source of the default if it has one."""
    kind: Literal["number", "flag", "texts"] = "number"
    """What a profile may set it to; "none" in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Everything about one rule. The texts make its page in `docs/rules/`."""

    code: str
    """Upper case with underscores, and never one of Khronos'."""
    title: str
    """What is wrong, in a few words and in the singular: "Texture too large"."""
    family: str
    severity: Severity
    needs: tuple[Need, ...]
    what: str
    """What it looks at and when it speaks. Whole sentences, as `why` and `how`."""
    why: str
    """What goes wrong in practice if nobody cares."""
    how: str
    """How to comply, in Blender or in the exporter."""
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    check: Check

    def defaults(self) -> dict[str, Any]:
        """The thresholds' own values."""
        return {name: threshold.default for name, threshold in self.thresholds.items()}


RULES: dict[str, Rule] = {}
"""By code, in the order in which they were registered."""


def rule(**about: Any) -> Callable[[Check], Check]:
    """Register the function below under these fields of `Rule`. Raises ValueError if the code is taken."""

    def register(check: Check) -> Check:
        entry = Rule(check=check, **about)
        if entry.code in RULES:
            raise ValueError(f"There is a rule {entry.code} already.")
        RULES[entry.code] = entry
        return check

    return register
