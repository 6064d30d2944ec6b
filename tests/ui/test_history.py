"""Earlier runs, kept in folders."""

from __future__ import annotations

import json

import pytest

from glb_batch_validator_addon.reports.summary import summary_json
from glb_batch_validator_addon.ui import history
from glb_batch_validator_addon.ui.session import Session
from glb_batch_validator_addon.ui.source import Replay
from tests.ui.conftest import BRIEF, to_end


def test_a_run_is_remembered_with_what_it_takes_to_start_it_again(tmp_path):
    run = history.begin(tmp_path, options=["--bucket=b", "--limit=5"])
    (before,) = history.load(tmp_path)
    assert (before.options, before.library, before.finished) == (("--bucket=b", "--limit=5"), "s3://b/", False)
    history.end(run, library=run.library, outcome="5 validated in 1 s.", finished=True)
    (after,) = history.load(tmp_path)
    assert (after.library, after.outcome, after.finished) == ("s3://b/", "5 validated in 1 s.", True)


def test_a_run_that_judges_is_one_over_the_same_library(tmp_path):
    history.begin(tmp_path, options=["judge", "--bucket=b", "--prefix=props/", "--profile=web"])
    (run,) = history.load(tmp_path)
    assert (run.options[0], run.library) == ("judge", "s3://b/props/")


def test_a_watched_run_of_a_farm_is_remembered_with_the_library_that_the_farm_named(tmp_path):
    run = history.begin(tmp_path, options=[*history.WATCH, "7", "--database=farm.sqlite"])
    assert (run.library, history.farm_run(run.options)) == ("Farm run 7", 7)
    history.end(run, library="s3://b/props/", outcome="No longer watched.", finished=False)
    (after,) = history.load(tmp_path)
    assert (after.library, after.options) == ("s3://b/props/", run.options)
    assert history.farm_run(["--bucket=b"]) == 0


@pytest.mark.parametrize("options", [["--bucket=b", "--prefix=props/"], ["--bucket=b", "--prefix="], ["--folder=/a/b"]])
def test_a_library_is_named_by_its_place_again(options):
    assert history.options_at(history.place(options)) == options


def test_the_newest_come_first_and_the_oldest_make_room(tmp_path):
    runs = [history.begin(tmp_path, options=[str(number)]) for number in range(history.KEEP_RUNS + 3)]
    kept = history.load(tmp_path)
    assert len(kept) == history.KEEP_RUNS
    assert [run.options[0] for run in kept] == [run.options[0] for run in reversed(runs[3:])]


def test_pages_of_the_last_runs_are_kept(tmp_path):
    for _ in range(history.KEEP_PAGES + 2):
        run = history.begin(tmp_path, options=[])
        run.page.write_text("<!doctype html>")
    assert [run.has_page for run in history.load(tmp_path)] == [True] * history.KEEP_PAGES + [False] * 2


def test_a_damaged_run_is_left_out(tmp_path):
    damaged = history.begin(tmp_path, options=[])
    history.begin(tmp_path, options=["whole"])
    (damaged.folder / "run.json").write_text("{")
    assert [run.options for run in history.load(tmp_path)] == [("whole",)]
    assert history.load(tmp_path / "not there") == ()


def rows():
    yield {"key": "a.glb", "state": "done", "verdict": "pass", "report": "s3://b/a_report.json", **BRIEF}
    yield {"key": "b.glb", "state": "skipped", "verdict": "unsupported", "report": "s3://b/b_report.json", **BRIEF}
    yield {"key": "c.glb", "state": "pending", "verdict": None, "report": "s3://b/c_report.json"}


def test_its_results_are_shown_again(tmp_path):
    summary = tmp_path / "summary.json"
    summary.write_text("".join(summary_json({"library": "s3://b/"}, {}, rows())))
    session = Session()
    session.start(Replay(summary, "Run of yesterday"), library="s3://b/")
    to_end(session)
    assert [(row.key, row.outcome, row.unchanged) for row in session.snapshot.rows] == [
        ("a.glb", "pass", False),
        ("b.glb", "unsupported", True),
    ]
    assert (session.snapshot.phase, session.snapshot.message) == ("idle", "Run of yesterday")


def test_a_summary_that_is_gone_or_damaged_is_a_message(tmp_path):
    for text in (None, '    {"key": "a.glb"'):
        if text:
            (tmp_path / "summary.json").write_text(text)
        session = Session()
        session.start(Replay(tmp_path / "summary.json"))
        to_end(session)
        assert session.snapshot.phase == "failed"
        assert "cannot be read" in session.snapshot.message


def test_what_is_kept_is_plain_json(tmp_path):
    run = history.begin(tmp_path, options=["--bucket=b"])
    assert json.loads((run.folder / "run.json").read_text())["options"] == ["--bucket=b"]
