"""What the panel shows of a run, from its first event to whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from glb_batch_validator_addon.ui.results import View
from glb_batch_validator_addon.ui.session import Session
from tests.ui.conftest import asset, to_end, until

STARTED = {"event": "run_started", "library": "s3://b/props/", "run": 1, "resumed": False, "workers": 2, "ledger": "x"}
PLANNED = {"event": "planned", "listed": 3, "pending": 2, "skipped": 1, "pending_bytes": 2000, "complete": True}
COUNTS = {
    **{"pass": 2, "warn": 0, "fail": 0, "error": 1, "unsupported": 0},
    **{"skipped": 1, "pending": 0, "total": 3, "pending_bytes": 0},
}
FINISHED = {"event": "run_finished", "interrupted": False, "reason": "", "counts": COUNTS, "done": 2, "seconds": 3.2}
WAIT = "time.sleep(60)"


def following(engine) -> Session:
    session = Session()
    session.start(engine, library="s3://b/props/")
    return session


def ticked(session: Session, condition) -> None:
    def done() -> bool:
        session.tick()
        return condition(session.snapshot)

    until(done)


def test_a_run_from_start_to_end(engine):
    skipped = asset("c.glb", event="asset_skipped")
    session = following(engine(STARTED, PLANNED, skipped, asset("a.glb"), asset("b.glb", "error"), FINISHED))
    assert session.snapshot.phase == "starting"
    to_end(session)
    now = session.snapshot
    assert (now.phase, now.library) == ("done", "s3://b/props/")
    assert now.message == "2 validated in 3 s, 1 unchanged: 1 not processed, 2 good."
    assert [now.rows[number].name for number in now.shown] == ["b.glb", "a.glb", "c.glb"]
    assert dict(now.counts) == {"error": 1, "fail": 0, "unsupported": 0, "warn": 0, "pass": 2}


def test_a_run_that_judges_says_what_it_could_not_judge(engine):
    session = following(engine(asset("a.glb", "fail"), asset("b.glb", "error")))
    to_end(session)
    counts = {**COUNTS, "pass": 1, "error": 0, "skipped": 0, "total": 1}
    ended = {**FINISHED, "counts": counts, "done": 1, "without_facts": 1}
    session.start(engine(STARTED, PLANNED, asset("a.glb"), ended), library="s3://b/", keep_rows=True, judging=True)
    to_end(session)
    now = session.snapshot
    assert now.message == "1 judged in 3 s: 1 good. 1 have no facts to judge yet: validate them."
    assert [row.outcome for row in now.rows] == ["pass", "error"]


def test_before_the_first_run_nothing_goes_on_whatever_is_done_to_the_list():
    session = Session()
    session.look(View(search="chair"))
    session.choose(0)
    assert (session.snapshot.phase, session.snapshot.message) == ("idle", "")


def test_progress_while_it_goes_on(engine):
    session = following(engine(STARTED, PLANNED, asset("a.glb"), then=WAIT))
    ticked(session, lambda now: now.rows)
    assert session.snapshot.progress == 2 / 3  # one is unchanged
    assert session.snapshot.progress_text.startswith("2 of 3")
    assert session.snapshot.active


def test_an_engine_that_dies_is_a_message_and_can_be_started_again(engine):
    first = engine(STARTED, PLANNED, asset("a.glb"), then=WAIT)
    session = following(first)
    ticked(session, lambda now: now.rows)
    os.kill(first.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    to_end(session)
    assert session.snapshot.phase == "failed"
    assert "ended unexpectedly" in session.snapshot.message
    assert "Validate again to go on" in session.snapshot.message
    session.start(engine(STARTED, PLANNED, FINISHED))
    to_end(session)
    assert session.snapshot.phase == "done"


def test_an_engine_that_dies_in_the_middle_of_a_line_is_no_different(engine):
    session = following(engine(STARTED, PLANNED, then="print('{\"event\": \"asset_do', end='', flush=True)"))
    to_end(session)
    assert session.snapshot.phase == "failed"


def test_a_run_that_another_one_took_over_says_so_and_no_more(engine):
    counts = dict.fromkeys(COUNTS, 0)
    session = following(engine({**FINISHED, "interrupted": True, "reason": "another run took over", "counts": counts}))
    to_end(session)
    assert session.snapshot.message == "Another run took over."


def test_the_last_words_of_an_engine_that_fails_are_shown(engine):
    session = following(engine(then="sys.exit('no such thing')"))
    to_end(session)
    assert "no such thing" in session.snapshot.message


def test_what_the_engine_says_of_its_options_is_said_in_the_words_of_the_panel(engine):
    said = "there is no bucket b at AWS: check --bucket, --aws-profile and --endpoint-url"
    session = following(engine({"event": "run_failed", "message": said, "exit_code": 2}))
    to_end(session)
    assert session.snapshot.phase == "failed"
    assert session.snapshot.message == "There is no bucket b at AWS: check Bucket, AWS Profile and Endpoint"


def test_pause_and_resume_follow_what_the_engine_says(engine):
    listens = """
for line in sys.stdin:
    word = line.strip()
    if word in ("pause", "resume"):
        print('{"event": "run_paused", "paused": %s}' % str(word == "pause").lower(), flush=True)
"""
    session = following(engine(STARTED, PLANNED, asset("a.glb"), then=listens))
    ticked(session, lambda now: now.phase == "running")
    session.say("pause")
    ticked(session, lambda now: now.phase == "paused")
    assert "paused" in session.snapshot.progress_text
    session.say("resume")
    ticked(session, lambda now: now.phase == "running")


def test_stop_asks_and_waits_for_the_end(engine):
    stops = """
assert sys.stdin.readline() == "stop\\n"
counts = '{"pending": 1, "total": 2}'
print('{"event": "run_finished", "interrupted": true, "reason": "asked", "counts": %s}' % counts, flush=True)
"""
    session = following(engine(STARTED, PLANNED, asset("a.glb"), then=stops))
    ticked(session, lambda now: now.rows)
    session.stop()
    assert (session.snapshot.phase, session.snapshot.progress_text) == ("stopping", "Stopping")
    to_end(session)
    assert session.snapshot.phase == "stopped"
    assert session.snapshot.message.startswith("Stopped with 1 left.")


def test_an_engine_that_does_not_stop_is_ended(engine, monkeypatch):
    monkeypatch.setattr("glb_batch_validator_addon.ui.source.STOP_SECONDS", 0.3)
    session = following(engine(STARTED, then=WAIT))
    ticked(session, lambda now: now.phase == "running")
    session.stop()
    to_end(session)
    assert session.snapshot.phase == "stopped"


def test_an_engine_ends_when_nobody_holds_its_stdin(engine):
    left = engine(STARTED, then="sys.stdin.read()")
    session = following(left)
    ticked(session, lambda now: now.phase == "running")
    session.close()
    until(lambda: left.exit_code is not None)
    assert not session.snapshot.active


def test_a_tick_takes_no_longer_than_it_may(engine):
    session = following(engine(*(asset(f"{n}.glb") for n in range(5000)), then=WAIT))
    time.sleep(1.0)  # let them all arrive
    session.tick(0.0)
    assert len(session.snapshot.rows) == 1
    ticked(session, lambda now: len(now.rows) == 5000)


def test_the_chosen_row_stays_chosen_while_others_come_and_go(engine):
    another = f"sys.stdin.readline()\nprint({json.dumps(asset('a.glb'))!r}, flush=True)\n{WAIT}"
    session = following(engine(asset("m.glb"), then=another))
    ticked(session, lambda now: now.rows)
    session.choose(0)
    assert session.snapshot.details.path == "m.glb"
    session.say("go on")
    ticked(session, lambda now: len(now.rows) == 2)
    assert (session.snapshot.position, session.snapshot.chosen.key) == (1, "m.glb")
    session.look(View(search="a.glb"))
    assert (session.snapshot.position, session.snapshot.chosen.key) == (-1, "m.glb")
    session.look(View(reverse=True))
    assert session.snapshot.position == 0
    session.choose(7)
    assert session.snapshot.chosen is None


def test_rows_are_kept_for_a_run_over_one_of_them(engine):
    session = following(engine(asset("a.glb", "error"), asset("b.glb")))
    to_end(session)
    session.choose(0)
    session.start(engine(asset("a.glb")), keep_rows=True)
    to_end(session)
    assert [row.outcome for row in session.snapshot.rows] == ["pass", "pass"]
    assert session.snapshot.chosen.key == "a.glb"


def test_a_snapshot_does_not_change(engine):
    session = following(engine(asset("a.glb"), asset("b.glb")))
    ticked(session, lambda now: now.rows)
    before = session.snapshot
    count = len(before.rows)
    to_end(session)
    assert len(before.rows) == count
    with pytest.raises(AttributeError):
        before.phase = "done"


# A run of a farm


CAME = {**STARTED, "done": 0}


def watching(engine) -> Session:
    session = Session()
    session.start(engine, library="Farm run 7", farm_run=7)
    return session


def test_a_watched_run_of_a_farm_from_start_to_end(engine):
    session = watching(engine(CAME, PLANNED, asset("a.glb"), asset("b.glb"), PLANNED, FINISHED))
    assert (session.snapshot.library, session.snapshot.farm_run) == ("Farm run 7", 7)
    to_end(session)
    now = session.snapshot
    assert (now.phase, now.library, now.farm_run) == ("done", "s3://b/props/", 7)
    assert now.message.startswith("2 validated in 3 s, 1 unchanged")


@pytest.mark.parametrize("before", [0, 500])
def test_the_time_left_of_a_farm_run_counts_from_when_we_came(engine, before):
    """What had been done before is told at once, and new results come once a second."""
    earlier = [asset(f"{n}.glb") for n in range(before)]
    planned = {**PLANNED, "pending": 1000, "skipped": 0}
    lines = "\n".join(json.dumps(asset(f"new-{n}.glb")) for n in range(50))
    then = f"time.sleep(1)\nprint({lines!r}, flush=True)\n{WAIT}"
    session = watching(engine({**STARTED, "done": before}, planned, *earlier, then=then))
    ticked(session, lambda now: len(now.rows) == before and now.phase == "running")
    assert session.snapshot.progress_text == f"{before} of 1,000"
    ticked(session, lambda now: len(now.rows) == before + 50)
    _, rate, left = session.snapshot.progress_text.split(", ")
    assert 10 < float(rate.removesuffix("/s")) < 60, "and not a hundred thousand a second"
    assert left.endswith(" s left")


def test_the_time_for_which_a_farm_had_nothing_to_do_does_not_count(engine):
    then = f"""
for _ in range(4):
    time.sleep(0.5)
    print({json.dumps(PLANNED)!r}, flush=True)
print({json.dumps(asset("new.glb"))!r}, flush=True)
{WAIT}"""
    session = watching(engine(CAME, PLANNED, then=then))
    ticked(session, lambda now: len(now.rows) == 1)
    assert float(session.snapshot.progress_text.split(", ")[1].removesuffix("/s")) > 1


ENDS = """
assert sys.stdin.readline() == "{word}\\n"
counts = '{{"pending": 1200, "total": 2000}}'
print('{{"event": "run_finished", "interrupted": true, "reason": "{reason}", "counts": %s}}' % counts, flush=True)
"""


def test_why_workers_cannot_go_on_is_said(engine):
    troubled = {"event": "run_troubled", "reason": "The disk is full."}
    session = watching(engine(CAME, PLANNED, troubled, then=WAIT))
    ticked(session, lambda now: now.message == "A worker could not go on: The disk is full.")
    session.close()
    session.start(engine(CAME, PLANNED, troubled, {**troubled, "reason": ""}, asset("a.glb"), then=WAIT), farm_run=7)
    ticked(session, lambda now: now.rows)
    assert session.snapshot.message == "The farm goes on whether you watch it or not"


def test_to_stop_watching_leaves_the_run_to_the_farm(engine):
    session = watching(engine(CAME, PLANNED, then=ENDS.format(word="stop", reason="asked to stop")))
    ticked(session, lambda now: now.phase == "running")
    session.stop()
    to_end(session)
    now = session.snapshot
    said = "No longer watched, with 1,200 left. The run goes on: watch it again to come back to it."
    assert (now.phase, now.message) == ("stopped", said)


def test_to_cancel_watches_on_until_the_farm_has_stopped(engine):
    session = watching(engine(CAME, PLANNED, then=ENDS.format(word="cancel", reason="the run was cancelled")))
    ticked(session, lambda now: now.phase == "running")
    session.cancel()
    assert (session.snapshot.phase, session.snapshot.progress_text.endswith("cancelling")) == ("running", True)
    to_end(session)
    now = session.snapshot
    said = "The run was cancelled, with 1,200 left. `farm retry 7` goes on with it."
    assert (now.phase, now.message) == ("stopped", said)


def test_a_run_that_was_cancelled_before_it_was_listed_is_to_be_submitted_again(engine):
    listing = {**PLANNED, "complete": False}
    session = watching(engine(CAME, listing, then=ENDS.format(word="cancel", reason="the run was cancelled")))
    ticked(session, lambda now: now.phase == "running")
    session.cancel()
    to_end(session)
    assert session.snapshot.message.endswith("left. It was not listed to its end: submit it again.")


def test_an_engine_that_dies_does_not_take_the_farm_run_with_it(engine):
    session = watching(engine(CAME, PLANNED, then="sys.exit(70)"))
    to_end(session)
    assert session.snapshot.phase == "failed"
    assert "The run goes on: watch it again" in session.snapshot.message
    assert "Validate again" not in session.snapshot.message
