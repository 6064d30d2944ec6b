"""What to fix first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from ..model.entry import Entry
from ..model.finding import SEVERITIES, Saving, Severity
from ..model.survey import MAX_KEYS, RuleTally

_SAVINGS = tuple(member.name for member in fields(Saving))


@dataclass(slots=True)
class _Tally:
    severity: Severity
    message: str
    assets: int = 0
    findings: int = 0
    waived: int = 0
    unblocks: int = 0
    saves: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)


class Ranking:
    """Findings by rule."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def take(self, entry: Entry) -> None:
        assert entry.extract
        counting: set[str] = set()
        failing: set[str] = set()
        for finding in entry.extract["findings"]:
            self._add(finding)
            if not finding["waived"]:
                counting.add(finding["code"])
                if finding["severity"] == "error":
                    failing.add(finding["code"])
        for code in counting:
            tally = self._tallies[code]
            tally.assets += 1
            if len(tally.keys) < MAX_KEYS:
                tally.keys.append(entry.key)
        if entry.verdict == "fail" and len(failing) == 1:
            self._tallies[failing.pop()].unblocks += 1

    def _add(self, finding: dict[str, Any]) -> None:
        tally = self._tallies.get(finding["code"])
        if tally is None:
            tally = self._tallies[finding["code"]] = _Tally(finding["severity"], finding["message"])
        if finding["waived"]:
            tally.waived += 1
            return
        tally.findings += 1
        tally.severity = min(tally.severity, finding["severity"], key=SEVERITIES.index)
        if saves := finding["saves"]:
            for name in _SAVINGS:
                tally.saves[name] += saves[name]

    def rules(self) -> tuple[RuleTally, ...]:
        """By severity, then by the assets that it alone makes fail, then by those that it touches, then by what it
        saves. What is waived everywhere comes last."""
        tallies = sorted(self._tallies.items(), key=lambda tally: (_rank(tally[1]), tally[0]))
        return tuple(
            RuleTally(
                code=code,
                severity=tally.severity,
                message=tally.message,
                assets=tally.assets,
                findings=tally.findings,
                waived=tally.waived,
                unblocks=tally.unblocks,
                saves=Saving(**tally.saves),
                keys=tuple(tally.keys),
            )
            for code, tally in tallies
        )


def _rank(tally: _Tally) -> tuple[bool, int, int, int, int]:
    return (
        not tally.findings,
        SEVERITIES.index(tally.severity),
        -tally.unblocks,
        -tally.assets,
        -tally.saves["bytes"] - tally.saves["gpu_bytes"],
    )
