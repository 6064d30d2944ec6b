"""`results.sarif`: SARIF 2.1.0 (OASIS, errata 01), one run whose results are the findings.

It is written in pieces, a line a result, and reads the entries twice: for failures, which stand in the head, and for
findings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, TextIO

from ..model.entry import Entries, Entry, Place, place_of
from ..model.finding import PREFIX
from ..model.survey import RuleTally, RuleText, RunHead, Survey
from .common import address, findings_of, one_line, title_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note", "hint": "note"}
FINGERPRINT = "primaryLocationLineHash"
"""The name under which GitHub looks for what tells that two results are the same."""

Json = dict[str, Any]


def write_sarif(out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]) -> None:
    numbers = {tally.code: number for number, tally in enumerate(survey.rules)}
    document = {"$schema": SCHEMA, "version": "2.1.0"}
    run = {
        "tool": {
            "driver": {
                "name": "GLB Batch Validator",
                "semanticVersion": head.version,
                "rules": [_rule(tally, rules) for tally in survey.rules],
            }
        },
        "automationDetails": {"id": f"glb-batch-validator/{address(head.library).rstrip('/')}/{head.id}"},
        "properties": {"profile": one_line(head.profile), "counts": head.counts},
    }
    invocation = {
        "executionSuccessful": not head.interrupted,
        "startTimeUtc": head.started_at,
        "endTimeUtc": head.finished_at,
    }
    out.write(_open(document) + ', "runs": [')
    out.write(_open(run) + ',\n"invocations": [')
    out.write(_open(invocation) + ', "toolExecutionNotifications": ')
    _write_array(out, _notifications(head, entries()))
    out.write('}],\n"results": ')
    _write_array(out, (result for entry in entries() for result in _results(entry, numbers, rules)))
    out.write("}]}\n")


def _open(value: Json) -> str:
    """An object that still lacks members."""
    return json.dumps(value).removesuffix("}")


def _write_array(out: TextIO, items: Iterable[Json]) -> None:
    separator = "[\n"
    for item in items:
        out.write(separator + json.dumps(item))
        separator = ",\n"
    out.write("[]" if separator == "[\n" else "\n]")


def _rule(tally: RuleTally, rules: Mapping[str, RuleText]) -> Json:
    """A `reportingDescriptor`. Of Khronos' rules no more is known than the code says."""
    title, text = title_of(tally.code, rules), rules.get(tally.code)
    why, how = (text.why, text.how) if text else (f"{title}.", "The message says what the specification asks for.")
    return {
        "id": tally.code,
        "name": "".join(part.capitalize() for part in tally.code.removeprefix(PREFIX).split("_")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": why},
        "help": {"text": f"{why}\n\n{how}", "markdown": f"{why}\n\n**How to comply.** {how}"},
        "defaultConfiguration": {"level": LEVELS[tally.severity]},
        "properties": {"tags": [text.family if text else "khronos"]},
    }


def _notifications(head: RunHead, entries: Iterable[Entry]) -> Iterator[Json]:
    """What keeps the results from being complete."""
    if pending := head.counts["pending"]:
        yield {"level": "warning", "message": _message(f"Assets not validated: {pending:,}. {head.reason}")}
    for entry in entries:
        if error := entry.brief.get("error"):
            yield {
                "descriptor": {"id": error["type"]},
                "level": "warning" if error["unsupported"] else "error",
                "message": _message(error["message"]),
                "locations": [{"physicalLocation": _artifact(entry)}],
                "properties": {"stage": error["stage"]},
            }


def _results(entry: Entry, numbers: Mapping[str, int], rules: Mapping[str, RuleText]) -> Iterator[Json]:
    """One for each finding, and one that is `absent` for each that the run before had and this one has not."""
    seen: Counter[Place] = Counter()
    states: dict[Place, str] = {}
    if entry.change:
        states = dict.fromkeys(entry.change.still, "unchanged") | dict.fromkeys(entry.change.new, "new")
    for finding in findings_of(entry):
        place = place_of(finding)
        seen[place] += 1
        result = {
            **_identity(entry, place, seen[place], numbers),
            "level": LEVELS[finding["severity"]],
            "message": _message(finding["message"]),
            "locations": [_location(entry, finding["pointer"], finding["object"], finding["mesh"])],
            "properties": {"severity": finding["severity"], "verdict": entry.verdict, **_figures(finding)},
        }
        if finding["count"] > 1:
            result["occurrenceCount"] = finding["count"]
        if finding["waived"]:
            result["suppressions"] = [_suppression(finding["waiver"])]
        elif place in states:
            result["baselineState"] = states[place]
        yield result
    for place in entry.change.fixed if entry.change else ():
        yield {
            **_identity(entry, place, 1, numbers),
            "message": _message(f"Fixed: {title_of(place.code, rules)}."),
            "locations": [_location(entry, place.where if place.where.startswith("/") else None, None, None)],
            "baselineState": "absent",
        }


def _identity(entry: Entry, place: Place, number: int, numbers: Mapping[str, int]) -> Json:
    """The rule and the fingerprint, which is the same in every run; `number` tells those in the same place apart."""
    digest = sha256(json.dumps([entry.key, *place]).encode()).hexdigest()[:32]
    index = {"ruleIndex": numbers[place.code]} if place.code in numbers else {}
    return {"ruleId": place.code, **index, "partialFingerprints": {FINGERPRINT: f"{digest}:{number}"}}


def _location(entry: Entry, pointer: str | None, of_object: str | None, mesh: str | None) -> Json:
    """Where in the file, and in Blender; an `offset:N` is a byte of the file."""
    physical = _artifact(entry)
    logical = []
    if pointer and pointer.startswith("offset:"):
        physical["region"] = {"byteOffset": int(pointer.removeprefix("offset:"))}
    elif pointer:
        kind = "object" if pointer.rpartition("/")[2].isdigit() else "property"
        logical.append({"fullyQualifiedName": one_line(pointer), "kind": kind})
    logical += [
        {"name": one_line(name), "kind": kind}
        for name, kind in ((of_object, "Blender object"), (mesh, "Blender mesh"))
        if name
    ]
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _artifact(entry: Entry) -> Json:
    return {"artifactLocation": {"uri": address(entry.uri)}}


def _message(text: str) -> Json:
    """Plain text, in which "[text](target)" would be a link (SARIF, 3.11.6)."""
    return {"text": one_line(text).replace("](", "\\](")}


def _figures(finding: Mapping[str, Any]) -> Json:
    """What a result has no member of its own for."""
    elements = finding["elements"]
    figures = {
        "elements": elements and {"kind": elements["kind"], "count": elements["count"]},
        "positionMetres": finding["position_m"],
        "saves": finding["saves"],
    }
    return {name: value for name, value in figures.items() if value}


def _suppression(waiver: Mapping[str, str]) -> Json:
    text = f"{waiver['reason']} (waived by {waiver['owner']} until {waiver['expires']})"
    return {"kind": "external", "status": "accepted", "justification": one_line(text)}
