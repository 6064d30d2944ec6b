"""A submission that does not come to its end leaves nothing that would be worked at, and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.cli.control import Control
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.events import Event, Planned
from glb_batch_validator_addon.errors import InterruptedRunError, UsageError
from glb_batch_validator_addon.farm.batches import Batches
from glb_batch_validator_addon.farm.submitting import MAX_TIMEOUT_SECONDS, Cutting, retry, submit
from tests.farm.conftest import Idle
from tests.servers.light_s3 import Fault, Library, LightS3, Stored, SyntheticKeys

pytestmark = pytest.mark.bpy


class OnFirstPlan:
    """A view that does something once the listing has begun."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._acted = False

    def show(self, event: Event) -> None:
        if isinstance(event, Planned) and not self._acted:
            self._acted = True
            self._act()

    def close(self) -> None:
        pass


@pytest.fixture
def batches(tmp_path: Path) -> Batches:
    return Batches(Database(tmp_path / "farm.sqlite"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with LightS3(library=Library(keys=SyntheticKeys(50_000), synthetic=Stored.of(b"glTF"))) as made:
        yield made


@pytest.fixture
def submitted(batches: Batches, server: LightS3) -> Callable[..., int]:
    def submit_one(*options: str, act: Callable[[], object] = lambda: None, **how: Any) -> int:
        """`act` once it has begun."""
        given = {"cutting": Cutting(), "control": Control()} | how
        place = ["--bucket", "b", "--endpoint-url", server.url]
        view = OnFirstPlan(act)
        return submit([*place, *options], batches=batches, feeder=Idle(), priority=0, view=view, **given)

    return submit_one


@pytest.mark.parametrize("how", ["denied", "stopped"])
def test_a_run_that_was_not_listed_to_its_end_is_cancelled_and_cannot_be_gone_on_with(
    how, submitted, batches, server
) -> None:
    control = Control()

    def act() -> None:
        if how == "denied":
            server.faults.append(Fault("LIST", "*", "403 AccessDenied", times=99))
        else:
            control.stop_reason = "SIGTERM"

    with pytest.raises(UsageError if how == "denied" else InterruptedRunError):
        submitted(act=act, control=control)
    (run,) = batches.runs()
    assert run.cancelled
    assert not run.listed
    assert batches.take_to_send("cpu", cap=500, count=500) == []
    with pytest.raises(UsageError, match="submit it again"):
        retry(run.id, batches=batches, feeder=Idle())


def test_a_later_submission_ends_the_earlier_one(submitted, batches) -> None:
    earlier, later = (submitted("--limit", "900") for _ in range(2))
    assert [(run.id, run.cancelled) for run in batches.runs()] == [(later, False), (earlier, True)]


def test_a_run_is_gone_on_with_as_it_was_cut(submitted, batches) -> None:
    run = submitted("--limit", "100", cutting=Cutting(assets=30, gpu=True))
    batches.cancel(run)
    assert retry(run, batches=batches, feeder=Idle()) == 100
    assert len(batches.take_to_send("gpu", cap=500, count=500)) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--timeout", str(MAX_TIMEOUT_SECONDS + 1)), "--timeout is at most"),
        (("--resume",), "--resume is not for a farm"),
        (("--output", "s3://b/out/"), "s3:ListBucket"),
    ],
)
def test_what_no_worker_could_do_is_refused_at_once(options, said, submitted, batches, server) -> None:
    server.faults.append(Fault("LIST", "out/", "403 AccessDenied", times=9))
    with pytest.raises(UsageError, match=said):
        submitted(*options)
    assert batches.runs() == []
