"""SARIF files are valid, lead to the place, and know what is new, old, fixed or waived."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from glb_batch_validator_addon.model.entry import Entry
from glb_batch_validator_addon.reports.sarif import write_sarif
from tests.conftest import need
from tests.reports import entries
from tests.reports.entries import HOSTILE, Made
from tests.rig import parts


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft4Validator:
    need(parts.SARIF_SCHEMA.path.exists(), "the schema of SARIF files is missing: make rig")
    return jsonschema.Draft4Validator(json.loads(parts.SARIF_SCHEMA.path.read_bytes()))


def sarif(run: Made) -> dict[str, Any]:
    (found,) = json.loads(run.written(write_sarif))["runs"]
    return found


def uris(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["uri"]] if "uri" in value else []
        return own + [uri for child in value.values() for uri in uris(child)]
    return [uri for child in value for uri in uris(child)] if isinstance(value, list) else []


@pytest.mark.parametrize("run", [entries.small(), entries.stopped(), entries.hostile(), entries.made(())])
def test_it_is_valid(run: Made, schema: jsonschema.Draft4Validator) -> None:
    schema.validate(json.loads(run.written(write_sarif)))


def test_a_result_names_its_rule_whose_texts_are_in_the_head() -> None:
    run = sarif(entries.small())
    result = run["results"][0]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "GLBV_TEXTURE_TOO_LARGE"
    assert (rule["name"], rule["shortDescription"]["text"]) == ("TextureTooLarge", "Texture too large")
    assert (rule["fullDescription"]["text"], rule["properties"]["tags"]) == ("It fills the memory.", ["textures"])
    assert "Scale it down." in rule["help"]["markdown"]
    assert rule["defaultConfiguration"]["level"] == result["level"] == "error"


def test_a_result_leads_to_the_place_in_the_file_and_in_blender() -> None:
    large, torn, _, offset, *_ = sarif(entries.small())["results"]
    assert torn["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "s3://studio/library/props/bad.glb"}},
            "logicalLocations": [
                {"fullyQualifiedName": "/meshes/0", "kind": "object"},
                {"name": "torn", "kind": "Blender object"},
                {"name": "torn", "kind": "Blender mesh"},
            ],
        }
    ]
    assert offset["locations"][0]["physicalLocation"]["region"] == {"byteOffset": 20}
    assert (large["occurrenceCount"], torn["properties"]["elements"]) == (3, {"kind": "edge", "count": 4})


def test_results_are_compared_with_the_run_before() -> None:
    results = sarif(entries.small())["results"]
    assert [(result["ruleId"], result.get("baselineState")) for result in results[:4]] == [
        ("GLBV_TEXTURE_TOO_LARGE", "new"),
        ("GLBV_MESH_OPEN_EDGES", "unchanged"),
        ("GLBV_MESH_INVERTED", "absent"),
        ("GLB_CHUNK_TOO_BIG", None),
    ]


def test_a_waived_finding_is_suppressed_with_owner_reason_and_expiry() -> None:
    results = sarif(entries.small())["results"]
    ((suppression,),) = [result["suppressions"] for result in results if "suppressions" in result]
    assert suppression["kind"] == "external"
    assert suppression["justification"] == "seen from one side (waived by mira until 2026-12-31)"


def test_fingerprints_stay_when_messages_change_and_are_never_shared() -> None:
    def fingerprints(*assets: Entry) -> list[str]:
        results = sarif(entries.made(assets))["results"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]

    twice = [entries.finding(message=text, pointer="/images/0") for text in ("8192 pixels", "4096 pixels")]
    before = fingerprints(entries.entry("a.glb", *twice), entries.entry("b.glb", *twice))
    after = fingerprints(entries.entry("a.glb", *twice[::-1]), entries.entry("b.glb", *twice))
    assert before == after
    assert len(set(before)) == 4


def test_failures_of_assets_are_notifications() -> None:
    (invocation,) = sarif(entries.small())["invocations"]
    assert invocation["executionSuccessful"]
    cut, new = invocation["toolExecutionNotifications"]
    assert (cut["level"], cut["descriptor"]["id"], cut["properties"]["stage"]) == ("error", "Truncated", "container")
    assert uris(cut) == ["s3://studio/library/props/cut.glb"]
    assert new["level"] == "warning"


def test_an_interrupted_run_was_not_successful_and_says_what_is_missing() -> None:
    (invocation,) = sarif(entries.stopped())["invocations"]
    assert not invocation["executionSuccessful"]
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]] == [
        "Assets not validated: 1. Ctrl-C"
    ]


def test_uris_are_those_of_rfc_3986() -> None:
    found = uris(sarif(entries.hostile()))
    assert len(set(found)) == 2 * len(HOSTILE)
    assert [uri for uri in found if not re.fullmatch(r"s3://studio/([\w.~/-]|%[0-9A-F]{2})+", uri, re.ASCII)] == []


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://studio/a b+%20.glb", "s3://studio/a%20b%2B%2520.glb"),
        ("s3://studio/stół.glb", "s3://studio/st%C3%B3%C5%82.glb"),
        ("s3://studio/\udcff", "s3://studio/%FF"),
        ("s3://studio/\ud800", "s3://studio/%ED%A0%80"),
        ("file:///library/a%20b.glb", "file:///library/a%20b.glb"),
    ],
)
def test_a_key_is_encoded_and_the_uri_of_a_file_is_so_already(uri: str, shown: str) -> None:
    asset = replace(entries.entry("a.glb", entries.finding()), uri=uri)
    assert uris(sarif(entries.made([asset]))["results"]) == [shown]


def test_messages_of_assets_hold_no_links() -> None:
    texts = [result["message"]["text"] for result in sarif(entries.hostile())["results"]]
    assert any("javascript" in text for text in texts)
    assert [text for text in texts if re.search(r"(?<!\\)\]\(", text)] == []
