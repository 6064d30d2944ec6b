"""The summary is written in pieces and is one JSON document all the same."""

from __future__ import annotations

import json

import pytest

from glb_batch_validator_addon.reports.summary import summary_json


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_the_pieces_make_one_document_with_a_line_per_asset(count: int) -> None:
    assets = [{"key": f'{number} "quoted"\n\udcff.glb', "verdict": "pass"} for number in range(count)]
    text = "".join(summary_json({"id": 7, "counts": {"ok": count}}, {"waived": 1}, iter(assets)))
    document = json.loads(text)
    assert document["run"] == {"id": 7, "counts": {"ok": count}}
    assert document["library"] == {"waived": 1}
    assert document["assets"] == assets
    assert sum('"key"' in line for line in text.splitlines()) == count
