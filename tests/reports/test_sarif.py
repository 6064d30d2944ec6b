"""SARIF files are valid, lead to the place, and know what is new, old, fixed or waived."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import jsonschema
import pytest

from glb_batch_validator_addon.reports.sarif import write_sarif
from tests.conftest import need
from tests.reports import entries
from tests.reports.entries import Made
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
    (suppression,) = next(result for result in sarif(entries.small())["results"] if "suppressions" in result)[
        "suppressions"
    ]
    assert suppression["kind"] == "external"
    assert suppression["justification"] == "seen from one side (waived by mira until 2026-12-31)"


def test_fingerprints_stay_when_messages_change_and_are_never_shared() -> None:
    def fingerprints(assets: list[Any]) -> list[str]:
        return [
            result["partialFingerprints"]["primaryLocationLineHash"]
            for result in sarif(entries.made(assets))["results"]
        ]

    twice = [entries.finding(message=text, pointer="/images/0") for text in ("8192 pixels", "4096 pixels")]
    before = fingerprints([entries.entry("a.glb", *twice), entries.entry("b.glb", *twice)])
    after = fingerprints([entries.entry("a.glb", *twice[::-1]), entries.entry("b.glb", *twice)])
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


def test_uris_are_those_of_rfc_3986_and_lead_back_to_the_key() -> None:
    run = entries.hostile()
    found = uris(sarif(run))
    assert [uri for uri in found if not re.fullmatch(r"s3://studio/([\w.~/-]|%[0-9A-F]{2})+", uri, re.ASCII)] == []
    keys = {unquote_to_bytes(urlsplit(uri).path.removeprefix("/")) for uri in found}
    assert keys == {key_bytes(asset.key) for asset in run.entries()}


def key_bytes(key: str) -> bytes:
    return (
        key.replace("\udcff and \ud800", "?").encode() if "\ud800" not in key else key.encode("utf-8", "surrogatepass")
    )


def test_the_uri_of_a_folder_is_taken_as_it_is() -> None:
    asset = replace(entries.entry("a b.glb", entries.finding()), uri="file:///library/a%20b.glb")
    assert uris(sarif(entries.made([asset]))["results"]) == ["file:///library/a%20b.glb"]


def test_messages_of_assets_hold_no_links() -> None:
    texts = [result["message"]["text"] for result in sarif(entries.hostile())["results"]]
    assert any("javascript" in text for text in texts)
    assert [text for text in texts if re.search(r"(?<!\\)\]\(", text)] == []
