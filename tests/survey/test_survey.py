"""What only all assets together show."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from glb_batch_validator_addon.model.entry import Change, Entry, GeometryExtract, ImageExtract, Place
from glb_batch_validator_addon.model.finding import Saving, Verdict
from glb_batch_validator_addon.model.survey import PastRun, Survey
from glb_batch_validator_addon.survey.library import survey
from tests.conftest import ROOT
from tests.reports.entries import WAIVER, entry, finding, made, pending

GREY = [0.5, 0.5, 0.5]


def of(*entries: Entry, **values: Any) -> Survey:
    head = made(entries).head
    return survey(lambda: iter(entries), head=head, root="library/", **values)


def asset(key: str, *findings: dict[str, Any], verdict: Verdict = "pass", **extract: Any) -> Entry:
    """An asset of its own content, but for the members of its extract that are named."""
    made_up = entry(f"library/{key}", *findings, verdict=verdict)
    assert made_up.extract
    content: Any = {"sha256": f"{hash(key) & 2**63 - 1:016x}" * 4}
    return replace(made_up, extract=made_up.extract | content | extract)


def image(sha: str, size: int = 1000, *, looks: str | None = None, **members: Any) -> ImageExtract:
    values = {"name": "wood", "mime_type": "image/png", "gpu_bytes": 0, "width": 64, "height": 64, "mean": GREY}
    return ImageExtract(**{"sha256": sha, "size_bytes": size, "fingerprint": looks, **values, **members})  # type: ignore[typeddict-item]


def mesh(sha: str | None, size: int = 300) -> GeometryExtract:
    return GeometryExtract(name="torus", sha256=sha, size_bytes=size)


# Duplicates


def test_copies_of_assets_are_found_by_their_content():
    whole = of(asset("a.glb", sha256="ab" * 32), asset("b.glb"), asset("c/d.glb", sha256="ab" * 32))
    (group,) = whole.assets
    assert (group.keys, group.count, group.name) == (("library/a.glb", "library/c/d.glb"), 2, "library/a.glb")
    assert group.saves_bytes == group.size_bytes == 1848
    assert (whole.asset_copies, whole.asset_copies_bytes) == (1, 1848)


def test_images_and_meshes_count_once_in_an_asset():
    wood, steel = image("01" * 8), image("02" * 8, 50)
    whole = of(
        asset("a.glb", images=[wood, wood], geometry=[mesh("11" * 8), mesh("11" * 8)]),
        asset("b.glb", images=[wood, steel], geometry=[mesh("11" * 8), mesh(None)]),
        asset("c.glb", images=[wood, steel], geometry=[mesh(None)]),
    )
    assert [(group.sha256, group.count, group.saves_bytes) for group in whole.images] == [
        ("01" * 8, 3, 2000),
        ("02" * 8, 2, 50),
    ]
    assert (whole.image_copies, whole.image_copies_bytes) == (3, 2050)
    assert [(group.name, group.count, group.saves_bytes) for group in whole.meshes] == [("torus", 2, 300)]


def test_what_could_not_be_read_is_no_copy_of_anything():
    whole = of(asset("a.glb", sha256=None, geometry=[mesh(None)]), asset("b.glb", sha256=None, geometry=[mesh(None)]))
    assert whole.asset_copies == whole.mesh_copies == 0


# Pictures that look the same

PRINT = "f0f0a5a55a5a0f0f"
NEAR = "f0f0a5a55a5a0f08"
"""Three bits of 64 away."""
FAR = "f0f0a5a55a5a0f00"
"""Four."""


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (image("02" * 8, looks=PRINT), True),
        (image("02" * 8, looks=NEAR, width=32, height=32), True),
        (image("02" * 8, looks=FAR), False),
        (image("02" * 8, looks=PRINT, width=128), False),
        (image("02" * 8, looks=PRINT, mean=[0.6, 0.5, 0.5]), False),
        (image("01" * 8, looks=PRINT), False),
        (image("02" * 8, looks=None), False),
    ],
    ids=["re-encoded", "half the size", "other", "other shape", "other colour", "the same bytes", "one colour"],
)
def test_images_that_look_the_same(other: ImageExtract, alike: bool):
    whole = of(asset("a.glb", images=[image("01" * 8, looks=PRINT)]), asset("b.glb", images=[other]))
    assert whole.similar_count == len(whole.similar) == alike
    if alike:
        (group,) = whole.similar
        assert [picture.key for picture in group.pictures] == ["library/a.glb", "library/b.glb"]


def test_groups_hold_what_looks_alike_by_way_of_another():
    shades = [image(f"{number:02x}" * 8, looks=looks) for number, looks in enumerate((FAR, PRINT, NEAR), start=1)]
    whole = of(*(asset(f"{number}.glb", images=[shade]) for number, shade in enumerate(shades)))
    assert [group.count for group in whole.similar] == [3]


# Outliers


def sized(key: str, triangles: int) -> Entry:
    made_up = asset(key)
    return replace(made_up, brief={**made_up.brief, "rendered_triangles": triangles})


def test_an_asset_far_from_all_others_is_named_with_what_is_normal():
    crowd = [sized(f"{number}.glb", 900 + 10 * number) for number in range(30)]
    whole = of(*crowd, sized("statue.glb", 2_000_000))
    (outlier,) = whole.outliers
    assert (outlier.key, outlier.measure, outlier.value) == ("library/statue.glb", "triangles", 2_000_000)
    assert 900 < outlier.median < 1300
    assert outlier.score > 3.5


def test_a_handful_of_assets_has_no_outliers():
    assert of(*(sized(f"{number}.glb", 1000) for number in range(10)), sized("statue.glb", 2_000_000)).outliers == ()


def test_twice_the_median_is_not_odd_however_alike_the_others_are():
    assert of(*(sized(f"{number}.glb", 1000) for number in range(30)), sized("chair.glb", 2000)).outliers == ()


# What to fix first


def test_rules_are_ranked_by_severity_then_by_the_assets_that_they_alone_make_fail():
    hint, common = finding("A_HINT", "hint"), finding("B_COMMON", "error")
    lonely = finding("C_LONELY", "error", saves=Saving(bytes=10))
    whole = of(
        asset("a.glb", common, finding("D_BESIDE", "error"), verdict="fail"),
        asset("b.glb", common, finding("D_BESIDE", "error"), hint, verdict="fail"),
        asset("c.glb", lonely, lonely, hint, verdict="fail"),
        asset("d.glb", hint, verdict="pass"),
    )
    assert [rule.code for rule in whole.rules] == ["C_LONELY", "B_COMMON", "D_BESIDE", "A_HINT"]
    first = whole.rules[0]
    assert (first.unblocks, first.assets, first.findings, first.saves.bytes) == (1, 1, 2, 20)
    assert whole.findings == {"error": 6, "warning": 0, "info": 0, "hint": 3}


def test_what_is_waived_does_not_count():
    waived = finding("A", "error", waiver=WAIVER, waived=True)
    whole = of(asset("a.glb", waived))
    (rule,) = whole.rules
    assert (rule.findings, rule.waived, rule.assets, whole.waived) == (0, 1, 0, 1)


# Scorecards


def test_exporters_and_folders_have_their_score():
    bad = finding("A", "error")
    whole = of(
        asset("props/a.glb", generator="Maya", verdict="pass"),
        asset("props/b.glb", bad, generator="Maya", verdict="fail"),
        asset("cars/red/c.glb", generator=None, verdict="pass"),
        asset("d.glb", generator="Maya", verdict="warn"),
    )
    assert [(card.name, card.assets, card.counts["pass"]) for card in whole.exporters] == [
        ("Maya", 3, 1),
        ("unknown", 1, 1),
    ]
    assert {card.name: card.assets for card in whole.folders} == {"props": 2, "cars": 1, ".": 1}
    assert whole.exporters[0].rules == (("A", 1),)


# Changes and history


def test_changes_since_the_run_before():
    a, b, c = Place("A", "/images/0"), Place("B", ""), Place("C", "")
    changed = replace(asset("a.glb", finding("A", "error")), change=Change(new=(a,), fixed=(b,), still=(c,)))
    whole = of(changed, asset("new.glb"))
    assert whole.changes
    assert (whole.changes.new, whole.changes.fixed, whole.changes.still, whole.changes.first_seen) == (1, 1, 1, 1)
    assert [(change.kind, change.code) for change in whole.changes.entries] == [("new", "A"), ("fixed", "B")]


def test_the_first_run_has_nothing_to_compare_with():
    assert of(asset("a.glb")).changes is None


def test_history_ends_with_the_present_run():
    past = PastRun(id=3, finished_at="2026-01-01T00:00:00Z", counts={"total": 9}, findings={"error": 4})
    first, last = of(asset("a.glb", finding("A", "error")), before=[past]).history
    assert first == past
    assert (last.id, last.counts["total"], last.findings["error"]) == (7, 1, 1)


def test_what_an_interrupted_run_left_is_passed_over():
    whole = of(asset("a.glb"), pending("library/b.glb"))
    assert whole.size_bytes == 1848
    assert sum(card.assets for card in whole.folders) == 1


# Large libraries

_MEASURE = """
import resource, sys
from pathlib import Path
from glb_batch_validator_addon.reports.summary import summary_json
from glb_batch_validator_addon.survey.library import survey
from dataclasses import asdict
from tests.survey.large import entries, head
count = int(sys.argv[1])
whole = survey(lambda: entries(count), head=head(count), root="library/")
with open(sys.argv[2], "w") as out:
    out.writelines(summary_json(asdict(head(count)), asdict(whole), (entry.row() for entry in entries(count))))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024, whole.image_copies)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_summary_of_100_000_assets_takes_less_than_500_mb(tmp_path):
    """With five images and three meshes each, most of them distinct, and three findings."""
    out = tmp_path / "summary.json"
    command = [sys.executable, "-c", _MEASURE, "100000", str(out)]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert int(printed[0]) < 500e6
    assert int(printed[1]) > 0
    with out.open() as lines:
        assert sum(line.startswith('    {"key": ') for line in lines) == 100_000
    assert json.loads(f"{{{''.join(out.open().readlines()[1:2]).rstrip().rstrip(',')}}}") == {"schema_version": 3}
