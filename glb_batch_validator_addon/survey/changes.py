"""What became of findings since the run before."""

from __future__ import annotations

from collections import Counter

from ..model.entry import Entry
from ..model.finding import SEVERITIES
from ..model.survey import MAX_GROUPS, ChangeEntry, Changes


class ChangeLog:
    """Takes all assets, and counts which of their findings are new, fixed and still there."""

    def __init__(self) -> None:
        self._seen = False
        self._counts = Counter[str]()
        self._new: list[tuple[int, ChangeEntry]] = []
        self._fixed: list[ChangeEntry] = []

    def take(self, entry: Entry) -> None:
        assert entry.extract
        change = entry.change
        if change is None:
            self._counts["first_seen"] += 1
            return
        self._seen = True
        self._counts.update(new=len(change.new), fixed=len(change.fixed), still=len(change.still))
        for place in change.fixed[: MAX_GROUPS - len(self._fixed)]:
            self._fixed.append(ChangeEntry(key=entry.key, kind="fixed", code=place.code, where=place.where))
        if change.new:
            ranks = {finding["code"]: SEVERITIES.index(finding["severity"]) for finding in entry.extract["findings"]}
            self._new += (
                (ranks[place.code], ChangeEntry(key=entry.key, kind="new", code=place.code, where=place.where))
                for place in change.new
            )
            if len(self._new) > 10 * MAX_GROUPS:
                self._new = self._worst()

    def changes(self) -> Changes | None:
        """None if no earlier run has looked at any of the assets."""
        if not self._seen:
            return None
        return Changes(
            new=self._counts["new"],
            fixed=self._counts["fixed"],
            still=self._counts["still"],
            first_seen=self._counts["first_seen"],
            entries=(*(entry for _, entry in self._worst()), *self._fixed),
        )

    def _worst(self) -> list[tuple[int, ChangeEntry]]:
        return sorted(self._new, key=lambda entry: entry[0])[:MAX_GROUPS]  # stable: in the order of keys
