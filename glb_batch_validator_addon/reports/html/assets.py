"""One asset as JSON for the page: a row of the table, and what its own page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ...model.entry import BYTE_KINDS, Change, Entry
from ...model.finding import SEVERITIES, Saving
from . import words

MAX_PLACES = 20
"""Findings of one rule in one asset that the page names one by one; the report has all."""
MAX_RULES = 200
"""Rules of which an asset's page tells: no asset has that many but one made to fill pages."""
MAX_NAMES = 30
"""Materials, images and the like that are named."""

PENDING = "pending"
_VERDICTS = tuple(words.VERDICTS)


def row(entry: Entry, root: str, *, pictured: bool) -> list[Any]:
    """In the order in which `data.js` takes it apart. Its rules are those of the findings that count."""
    brief, extract = entry.brief, entry.extract
    counts = brief.get("finding_counts") or {}
    findings = extract["findings"] if extract else brief.get("findings") or ()
    name = words.name_of(entry.key, root)
    return [
        name,
        _VERDICTS.index(entry.verdict or PENDING),
        triangles(entry),
        brief.get("size_bytes"),
        extract["gpu_bytes"] if extract else None,
        [counts.get(severity, 0) for severity in SEVERITIES],
        words.short(extract["generator"] or "") if extract else None,
        list(dict.fromkeys(finding["code"] for finding in findings if not finding.get("waived")))[:MAX_RULES],
        # What the depth leaves out is left out on purpose, and a picture is no check: the asset's own page tells it.
        sum(gap["need"] not in ("deep", "preview") for gap in extract["coverage"]) if extract else 1,
        words.kind_of(error["type"]) if (error := brief.get("error")) else None,
        int(pictured),
        # Mostly it follows from the name, and then need not be said.
        None if name == entry.key.removeprefix(root) else words.route_of(entry.key, root),
    ]


def triangles(entry: Entry) -> int | None:
    """As budgets count them: once per object that shows them."""
    rendered: int | None = entry.brief.get("rendered_triangles")
    return entry.brief.get("triangles") if rendered is None else rendered


def details(entry: Entry) -> dict[str, Any]:
    """What the asset's page shows besides its row."""
    extract = entry.extract
    return {
        "uri": entry.uri,
        "uriLink": words.link_of(entry.uri),
        "report": entry.report,
        "reportLink": words.link_of(entry.report),
        "unchanged": entry.state == "skipped",
        "error": _error(entry.brief.get("error")),
        "facts": _facts(entry),
        "findings": _groups(extract["findings"], entry.change) if extract else [],
        "coverage": [_gap(gap) for gap in extract["coverage"]] if extract else None,
        "bytes": [[words.BYTES[kind], extract["bytes"].get(kind, 0)] for kind in BYTE_KINDS]
        if extract and extract["bytes"]
        else [],
        "images": _images(extract["images"]) if extract else [],
        "imageCount": len(extract["images"]) if extract else 0,
        "change": _change(entry.change),
    }


def _error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not error:
        return None
    texts = {name: words.short(error.get(name) or "") for name in ("stage", "message", "signal")}
    return {**texts, "kind": words.kind_of(error["type"])}


def _facts(entry: Entry) -> list[list[str]]:
    """Pairs of a name and a value; nothing of what was not measured."""
    brief, extract = entry.brief, entry.extract
    facts: Mapping[str, Any] = extract["facts"] if extract else {}
    pairs = [["File size", words.size(brief.get("size_bytes"))]]
    if extract:
        pairs.append(["GPU memory", words.size(extract["gpu_bytes"])])
    if dimensions := brief.get("dimensions_m"):
        pairs.append(["Dimensions", " × ".join(map(words.figure, dimensions)) + " m"])
    counted = (
        ("Triangles", brief.get("triangles")),
        ("Triangles drawn", brief.get("rendered_triangles")),
        ("Vertices", brief.get("vertices")),
        ("Draw calls", brief.get("draw_calls")),
        ("Objects", facts.get("objects")),
        ("Meshes", facts.get("meshes")),
        ("Materials", brief.get("material_count")),
        ("Images", brief.get("image_count")),
        ("Animations", brief.get("animation_count")),
        ("Skins", facts.get("skins")),
        ("Bones", facts.get("bones")),
        ("Shape keys", facts.get("shape_keys")),
        ("Lights", facts.get("lights")),
        ("Cameras", facts.get("cameras")),
    )
    always = {"Triangles", "Vertices", "Draw calls", "Materials", "Images"}
    pairs += [[name, words.number(value)] for name, value in counted if value or (value == 0 and name in always)]
    if extract:
        if extract["texel_density"] is not None:
            pairs.append(["Texel density", words.measured("texel_density", extract["texel_density"])])
        pairs.append(["Exported by", words.short(extract["generator"] or words.NOTHING)])
        if extensions := facts.get("extensions_used"):
            pairs.append(["Extensions", _listed(extensions)])
        if isinstance(materials := facts.get("materials"), list | tuple) and materials:
            pairs.append(["Material names", _listed(materials)])
        if extract["sha256"]:
            pairs.append(["SHA-256", extract["sha256"]])
    return pairs


def _groups(findings: Iterable[Mapping[str, Any]], change: Change | None) -> list[dict[str, Any]]:
    """By rule, and apart what is waived; in the order of the report, the worst first."""
    new = set(change.new) if change else set()
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    for finding in findings:
        key = (finding["code"], finding["waived"])
        if key not in groups:
            if len(groups) == MAX_RULES:
                continue
            groups[key] = {
                "code": finding["code"],
                "severity": finding["severity"],
                "waived": finding["waived"],
                "waiver": _waiver(finding),
                "count": 0,
                "places": [],
            }
        group = groups[key]
        group["count"] += 1
        if len(group["places"]) < MAX_PLACES:
            is_new = (finding["code"], _where(finding)) in new
            group["places"].append({"message": words.short(finding["message"]), **_place(finding), "new": is_new})
    return list(groups.values())


def _where(finding: Mapping[str, Any]) -> str:
    """As `entry.Place` has it."""
    return finding.get("pointer") or finding.get("mesh") or finding.get("object") or ""


def _place(finding: Mapping[str, Any]) -> dict[str, Any]:
    where = [[name, words.short(finding[name])] for name in ("object", "mesh", "pointer") if finding.get(name)]
    if elements := finding.get("elements"):
        kind = {"vertex": "vertices"}.get(elements["kind"], f"{elements['kind']}s")
        where.append(["elements", words.plural(elements["count"], elements["kind"], kind)])
    if position := finding.get("position_m"):
        where.append(["at", "(" + ", ".join(map(words.figure, position)) + ") m"])
    return {
        "where": where,
        "times": finding.get("count", 1),
        "saves": words.savings(Saving(**finding["saves"])) if finding.get("saves") else [],
    }


def _waiver(finding: Mapping[str, Any]) -> str | None:
    """A sentence on the waiver that names it, also on one that has expired."""
    waiver = finding.get("waiver")
    if not waiver:
        return None
    told = "Waived by {owner} until {expires}: {reason}" if finding["waived"] else _EXPIRED
    return words.short(told.format_map(waiver))


_EXPIRED = "The waiver of {owner} expired on {expires}; it counts again. Its reason was: {reason}"


def _gap(gap: Mapping[str, Any]) -> dict[str, Any]:
    places = gap.get("places") or {}
    return {
        "what": words.NEEDS.get(gap["need"], gap["need"]),
        "reason": words.spans(words.short(gap["reason"])),
        "count": places.get("count"),
        "places": [words.short(place["name"] or place["pointer"]) for place in places.get("first", ())],
        "rules": gap["rules"],
    }


def _images(images: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Name, format, pixels, bytes in the file and on the GPU, "" for what is not known; the largest first."""
    largest = sorted(images, key=lambda image: -(image["gpu_bytes"] or image["size_bytes"] or 0))
    return [
        [
            words.short(image["name"]) or "without a name",
            (image["mime_type"] or "").removeprefix("image/").upper(),
            f"{image['width']:,} × {image['height']:,}" if image["width"] and image["height"] else "",
            words.size(image["size_bytes"]) if image["size_bytes"] else "",
            f"{words.size(image['gpu_bytes'])} GPU" if image["gpu_bytes"] else "",
        ]
        for image in largest[:MAX_NAMES]
    ]


def _change(change: Change | None) -> dict[str, Any] | None:
    if not change:
        return None
    fixed = Counter(place.code for place in change.fixed)
    return {
        "new": len(change.new),
        "fixed": len(change.fixed),
        "still": len(change.still),
        "fixedRules": [[code, count] for code, count in fixed.most_common(MAX_NAMES)],
    }


def _listed(names: Iterable[Any]) -> str:
    names = list(names)
    rest = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return ", ".join(words.short(name) for name in names[:MAX_NAMES]) + rest
