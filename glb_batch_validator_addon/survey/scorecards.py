"""How exporters and folders are doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ..model.entry import Entry
from ..model.finding import VERDICTS
from ..model.survey import MAX_GROUPS, Scorecard

MAX_RULES = 5
UNKNOWN = "unknown"
"""Stands for the exporter of a file that names none, or could not be read."""
TOP = "."
"""Stands for the library's own folder."""


def exporter_of(entry: Entry) -> str:
    """The exporter as the file names it, with its version."""
    return (entry.extract and entry.extract["generator"]) or UNKNOWN


def folder_of(entry: Entry, root: str) -> str:
    """The first folder below the library's root."""
    folder, slash, _ = entry.key[len(root) :].partition("/")
    return folder if slash else TOP


@dataclass(slots=True)
class _Card:
    assets: int = 0
    size_bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)


class Scorecards:
    """Assets by a name that each has."""

    def __init__(self, name_of: Callable[[Entry], str]) -> None:
        self._name_of = name_of
        self._cards: dict[str, _Card] = {}

    def take(self, entry: Entry) -> None:
        assert entry.extract and entry.verdict
        card = self._cards.setdefault(self._name_of(entry), _Card())
        card.assets += 1
        card.size_bytes += entry.brief["size_bytes"]
        card.counts[entry.verdict] += 1
        card.rules.update(
            {
                finding["code"]
                for finding in entry.extract["findings"]
                if not finding["waived"] and finding["severity"] in ("error", "warning")
            }
        )

    def cards(self) -> tuple[Scorecard, ...]:
        """Those with the most assets first."""
        cards = sorted(self._cards.items(), key=lambda card: (-card[1].assets, card[0]))
        return tuple(
            Scorecard(
                name=name,
                assets=card.assets,
                counts={verdict: card.counts[verdict] for verdict in VERDICTS},
                size_bytes=card.size_bytes,
                rules=tuple(sorted(card.rules.items(), key=lambda rule: (-rule[1], rule[0]))[:MAX_RULES]),
            )
            for name, card in cards[:MAX_GROUPS]
        )
