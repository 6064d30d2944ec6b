"""Events as the engine sends them, and an engine that sends what a test says."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.ui.session import Session
from glb_batch_validator_addon.ui.source import Engine

SECONDS = 20.0


BRIEF = {
    "size_bytes": 1000,
    "triangles": 12,
    "finding_counts": {"error": 0, "warning": 0, "info": 0, "hint": 0},
    "waived_count": 0,
    "findings": [],
    "error": None,
}
"""Of an asset in which nothing was found."""


def asset(key: str, verdict: str = "pass", *, event: str = "asset_done", **brief: Any) -> dict[str, Any]:
    """An event about one asset."""
    values = {**BRIEF, **brief}
    if verdict == "error" and not values["error"]:
        values["error"] = {"stage": "container", "type": "Empty", "message": "The file is empty.", "signal": None}
    return {"event": event, "key": key, "verdict": verdict, "report": f"s3://b/{key}_report.json", "brief": values}


def found(code: str, severity: str = "error", *, count: int = 1, message: str = "It is so.") -> dict[str, Any]:
    """What a brief says of one rule."""
    return {"code": code, "severity": severity, "message": message, "count": count}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Starts a program in the engine's place: it prints the given events, then runs the given Python."""
    engines = []

    def start(*events: dict[str, Any], then: str = "") -> Engine:
        lines = "".join(f"{json.dumps(event)}\n" for event in events)
        program = tmp_path / f"engine-{len(engines)}.py"
        program.write_text(f"import sys, time\nprint({lines!r}, end='', flush=True)\n{then}", "utf-8")
        engines.append(Engine([sys.executable, str(program)], log=tmp_path / "engine.log"))
        return engines[-1]

    yield start
    for started in engines:
        started.close()


def until(condition: Callable[[], object]) -> None:
    """Wait for it; fail after `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.01)


def to_end(session: Session) -> None:
    """Tick until the run is over."""

    def over() -> bool:
        session.tick()
        return not session.snapshot.active

    until(over)
