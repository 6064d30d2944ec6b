"""The page, written in pieces: what the template makes of the library, with the assets one by one in the middle."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...model.entry import Entry
from ...model.survey import RuleText, RunHead, Survey
from ..common import title_of
from . import assets, charts, words

if TYPE_CHECKING:
    from chameleon import PageTemplate

MAX_ASSETS = 20_000
"""Assets with a row and a page: a browser opens so many in a few seconds. The worst are kept."""
MAX_PICTURE_BYTES = 64_000_000
"""Of all pictures together, before they grow by a third in the file."""
TYPICAL_PICTURE_BYTES = 6_000
"""Room that is kept for the picture of an asset with findings: previews of 256 pixels are 3 to 8 kB of WebP."""
MAX_ONE_PICTURE_BYTES = 40_000
"""A picture above this is no preview of ours."""
ROWS_PER_BLOCK = 200
FIXES_IN_SIGHT = 8
"""Rules that are listed before a click shows the others."""

_FOLDER = Path(__file__).parent
_STYLE = "page.css"
_FIRST_SCRIPT = "theme.js"
_SCRIPTS = ("dom.js", "data.js", "table.js", "asset.js", "overview.js", "page.js")
_HERE = "<!-- assets -->"
"""Where the assets go in what the template makes. Text of a library cannot be that: its `<` is escaped."""


def write_html(
    out: BinaryIO,
    *,
    head: RunHead,
    survey: Survey,
    entries: Iterable[Entry],
    rules: Mapping[str, RuleText],
    picture: Callable[[Entry], tuple[str, bytes] | None],
) -> None:
    """Write the page. Entries come in the order of keys and are not kept.

    `picture` gives the MIME type and the bytes of an asset's preview, or None. Raises what `out.write` raises.
    """
    root = words.root_of(head.library)
    before, after = _rendered(head, survey, rules, root).split(_HERE)
    out.write(_encoded(before))
    for piece in _assets(entries, head, root, picture):
        out.write(piece.encode("ascii"))
    out.write(_encoded(after))


class Selection:
    """Which assets the page holds, decided one by one: of too many the worst, and of those the first."""

    def __init__(self, counts: Mapping[str, int], limit: int, picture_bytes: int) -> None:
        self._room = {}
        for verdict in words.VERDICTS:
            self._room[verdict] = min(counts.get(verdict, 0), limit)
            limit -= self._room[verdict]
        self._picture_bytes = picture_bytes
        found_bad = sum(count for verdict, count in self._room.items() if verdict not in ("pass", assets.PENDING))
        self._for_good = picture_bytes - found_bad * TYPICAL_PICTURE_BYTES
        self.left_out: Counter[str] = Counter()
        self.without_picture = 0

    def takes(self, verdict: str) -> bool:
        """Whether there is room for one more asset of this verdict; if so it is taken."""
        if self._room[verdict] > 0:
            self._room[verdict] -= 1
            return True
        self.left_out[verdict] += 1
        return False

    def takes_picture(self, verdict: str, size_bytes: int) -> bool:
        """The same of its picture. Good assets leave room for the pictures of the others."""
        good = verdict == "pass"
        room = min(self._picture_bytes, self._for_good) if good else self._picture_bytes
        if size_bytes > min(room, MAX_ONE_PICTURE_BYTES):
            self.without_picture += 1
            return False
        self._picture_bytes -= size_bytes
        if good:
            self._for_good -= size_bytes
        return True


def _assets(
    entries: Iterable[Entry], head: RunHead, root: str, picture: Callable[[Entry], tuple[str, bytes] | None]
) -> Iterator[str]:
    """Elements with data: rows in blocks, details and pictures one by one, and in the end what is known of all."""
    selection = Selection(head.counts, MAX_ASSETS, MAX_PICTURE_BYTES)
    histogram = charts.Histogram(head.budgets.get("triangles"))
    rows: list[list[Any]] = []
    number = 0
    for entry in entries:
        verdict = entry.verdict or assets.PENDING
        histogram.add(assets.triangles(entry))
        if not selection.takes(verdict):
            continue
        found = picture(entry)
        pictured = found is not None and selection.takes_picture(verdict, len(found[1]))
        if found and pictured:
            yield _block(f"data:{found[0]};base64,{b64encode(found[1]).decode('ascii')}", id=f"picture-{number}")
        yield _block(assets.details(entry), id=f"asset-{number}")
        rows.append(assets.row(entry, root, pictured=pictured))
        number += 1
        if len(rows) == ROWS_PER_BLOCK:
            yield _block(rows, **{"class": "rows"})
            rows = []
    yield _block(rows, **{"class": "rows"})
    yield _block(
        {
            "histogram": histogram.document(),
            "leftOut": selection.left_out.total(),
            "withoutPicture": selection.without_picture,
        },
        id="totals",
    )


def _block(document: Any, **attributes: str) -> str:
    """An element that holds data: no text in it can end the element, nor begin another, and all of it is ASCII."""
    text = json.dumps(document, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    names = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<script type="application/json"{names}>{text}</script>\n'


def _rendered(head: RunHead, survey: Survey, rules: Mapping[str, RuleText], root: str) -> str:
    labels = {name: label for name, (label, _) in words.VERDICTS.items()}
    fixes = [rule for rule in survey.rules if rule.assets]
    page: str = _template().render(
        head=head,
        library=words.place_of(head.library),
        survey=survey,
        rules=rules,
        words=words,
        style=_text(_STYLE),
        first_script=_text(_FIRST_SCRIPT),
        scripts=[_text(name) for name in _SCRIPTS],
        policy=_policy(),
        passing=charts.passing(head.counts),
        looked_at=charts.looked_at(head.counts),
        verdicts=charts.parts(head.counts, labels),
        kinds=charts.parts(survey.bytes, words.BYTES),
        bars=charts.most_found(survey.rules),
        line=charts.line(survey.history),
        fixes=fixes,
        fixes_in_sight=FIXES_IN_SIGHT,
        vocabulary=_block(_vocabulary(survey, rules), id="vocabulary"),
        title_of=lambda code: title_of(code, rules),
        name=lambda key: words.short(words.name_of(key, root)),
        route=lambda key: words.route_of(key, root),
        card_parts=lambda counts: charts.parts(counts, labels),
        charts=charts,
    )
    return page


def _vocabulary(survey: Survey, rules: Mapping[str, RuleText]) -> dict[str, Any]:
    """What the scripts need to speak of assets."""
    return {
        "verdicts": [[name, *texts] for name, texts in words.VERDICTS.items()],
        "severities": [[name, *texts] for name, texts in words.SEVERITIES.items()],
        "rules": {rule.code: [title_of(rule.code, rules), [], []] for rule in survey.rules}
        | {code: [text.title, words.spans(text.why), words.spans(text.how)] for code, text in rules.items()},
    }


@cache
def _template() -> PageTemplate:
    from chameleon import PageTemplate

    return PageTemplate(_text("page.pt"))


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _policy() -> str:
    """Nothing may be loaded, sent or run but what is in the page, and the browser holds it to our own bytes."""

    def hashed(*names: str) -> str:
        digests = (b64encode(sha256(_text(name).encode()).digest()).decode("ascii") for name in names)
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {hashed(_STYLE)}",
            f"script-src {hashed(_FIRST_SCRIPT, *_SCRIPTS)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _encoded(text: str) -> bytes:
    """UTF-8, with escapes for what is no Unicode: names of files under Linux may hold it."""
    return text.encode("utf-8", "backslashreplace")
