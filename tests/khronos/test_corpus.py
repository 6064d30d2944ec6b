"""Real assets, against what the validator's own command line said of them under Node."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

NUMBERS = ("error", "warning", "info", "hint")


def test_it_says_what_it_says_under_node(corpus, opened):
    """The reports were made with these limits, and without the files that the assets refer to."""
    truth: dict[str, Any] = json.loads((corpus / "KHRONOS_TRUTH.json").read_text("utf-8"))
    assert len(truth) == 84
    validator = opened(max_issues=1000, max_per_code=1000, max_rounds=1)
    for name, expected in truth.items():
        report = validator.validate((corpus / name).read_bytes())
        issues = expected["issues"]
        theirs = Counter(
            (issue["code"], NUMBERS[issue["severity"]], issue["message"], issue.get("pointer"), issue.get("offset"))
            for issue in issues["messages"]
        )
        ours = Counter((m.code, m.severity, m.message, m.pointer, m.offset) for m in report.messages)
        assert ours == theirs, name
        assert list(report.counts.values()) == [issues[f"num{word.capitalize()}s"] for word in NUMBERS], name
        assert report.info == expected.get("info", {}), name
        assert report.complete is not issues["truncated"], name
        assert report.version == expected["validatorVersion"]


def test_where_the_command_line_stopped_at_its_limit_nothing_is_hidden(corpus, opened, validator):
    name = "CesiumGS__cesium-native/CesiumVectorOverlays__test__data__ViennaStreets__0__tiles__0__0__0.glb"
    data = (corpus / name).read_bytes()
    everything = opened(max_issues=1_000_000, max_per_code=1_000_000).validate(data)
    assert everything.complete
    assert not everything.truncated
    assert len(everything.messages) > 1000

    bounded = validator.validate(data)
    assert bounded.complete
    assert {message.code for message in bounded.messages} == {message.code for message in everything.messages}
    assert bounded.counts == everything.counts
    assert all(overflow.kept == 100 and overflow.exact for overflow in bounded.truncated)
