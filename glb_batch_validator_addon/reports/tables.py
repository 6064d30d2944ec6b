"""`assets.csv`, a row an asset, and `findings.csv`, a row a finding: CSV as RFC 4180 has it.

Text is quoted, numbers are not, what is not known is empty. Spreadsheets take text that begins like a formula for one
(OWASP, "CSV Injection"): such text is written with an apostrophe before it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ..model.entry import BYTE_KINDS, Entries, Entry, place_of
from ..model.finding import SEVERITIES
from ..model.survey import RuleText, RunHead, Survey
from .common import findings_of, one_line, title_of, unchecked

_SIZE = ("x_m", "y_m", "z_m")
_BRIEF = ("vertices", "triangles", "rendered_triangles", "draw_calls", "material_count", "image_count")
ASSET_COLUMNS = (
    *("key", "uri", "state", "verdict", "size_bytes", "sha256", "generator"),
    *(*_BRIEF, "animation_count", "gpu_bytes", "texel_density", *_SIZE),
    *(f"{kind}_bytes" for kind in BYTE_KINDS),
    *(f"{severity}_count" for severity in SEVERITIES),
    *("waived_count", "new_count", "still_count", "fixed_count", "not_checked"),
    *("error_type", "error_stage", "error_message", "report", "preview"),
)
FINDING_COLUMNS = (
    *("key", "uri", "verdict", "severity", "code", "title", "message", "count"),
    *("pointer", "object", "mesh", "elements", "element_count", *_SIZE),
    *("saves_bytes", "saves_gpu_bytes", "saves_draw_calls", "saves_triangles"),
    *("waived", "waiver_owner", "waiver_reason", "waiver_expires", "change"),
)

# Also after spaces and quotes, which some strip, and in the forms that East Asian input methods write.
_FORMULA = re.compile(r"""[\s'"]*[=+\-@＝＋－＠﹦﹢﹣﹫]""")


def write_assets(
    out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]
) -> None:
    _write(out, ASSET_COLUMNS, map(_asset, entries()))


def write_findings(
    out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]
) -> None:
    _write(out, FINDING_COLUMNS, (row for entry in entries() for row in _findings(entry, rules)))


def harmless(text: str) -> str:
    """On one line, and with an apostrophe before what a spreadsheet would take for the beginning of a formula.

    One whose list separator is the semicolon splits there in spite of our quotes: a cell may begin there too.
    """
    cells = one_line(text).split(";")
    return ";".join("'" + cell if _FORMULA.match(cell) else cell for cell in cells)


def _write(out: TextIO, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    table = csv.DictWriter(out, columns, quoting=csv.QUOTE_NONNUMERIC)
    table.writeheader()
    for row in rows:
        table.writerow({name: harmless(value) if isinstance(value, str) else value for name, value in row.items()})


def _asset(entry: Entry) -> dict[str, Any]:
    brief, extract, change = entry.brief, entry.extract, entry.change
    error = brief.get("error") or {}
    return {
        "key": entry.key,
        "uri": entry.uri,
        "state": entry.state,
        "verdict": entry.verdict,
        "size_bytes": brief.get("size_bytes"),
        "sha256": extract and extract["sha256"],
        "generator": extract and extract["generator"],
        **{name: brief.get(name) for name in (*_BRIEF, "animation_count")},
        "gpu_bytes": extract and extract["gpu_bytes"],
        "texel_density": extract and extract["texel_density"],
        **_vector(brief.get("dimensions_m")),
        **{f"{kind}_bytes": extract and extract["bytes"].get(kind) for kind in BYTE_KINDS},
        **{f"{severity}_count": brief.get("finding_counts", {}).get(severity) for severity in SEVERITIES},
        "waived_count": brief.get("waived_count"),
        "new_count": change and len(change.new),
        "still_count": change and len(change.still),
        "fixed_count": change and len(change.fixed),
        "not_checked": " ".join(unchecked(entry)),
        **{f"error_{name}": error.get(name) for name in ("type", "stage", "message")},
        "report": entry.report,
        "preview": brief.get("preview"),
    }


def _findings(entry: Entry, rules: Mapping[str, RuleText]) -> Iterator[dict[str, Any]]:
    new, still = (set(entry.change.new), set(entry.change.still)) if entry.change else (set(), set())
    for finding in findings_of(entry):
        place = place_of(finding)
        elements, saves, waiver = (finding[name] or {} for name in ("elements", "saves", "waiver"))
        yield {
            "key": entry.key,
            "uri": entry.uri,
            "verdict": entry.verdict,
            **{name: finding[name] for name in ("severity", "code", "message", "count", "pointer", "object", "mesh")},
            "title": title_of(finding["code"], rules),
            "elements": elements.get("kind"),
            "element_count": elements.get("count"),
            **_vector(finding["position_m"]),
            **{f"saves_{name}": saves.get(name) for name in ("bytes", "gpu_bytes", "draw_calls", "triangles")},
            "waived": "true" if finding["waived"] else "false",
            **{f"waiver_{name}": waiver.get(name) for name in ("owner", "reason", "expires")},
            "change": "" if finding["waived"] else "new" if place in new else "still" if place in still else "",
        }


def _vector(values: Iterable[float] | None) -> dict[str, float]:
    return dict(zip(_SIZE, values or (), strict=False))
