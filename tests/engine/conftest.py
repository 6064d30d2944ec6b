"""A library in memory, a worker without Blender, and a run that is stepped to its end."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.engine.events import AssetDone, AssetSkipped, Event, RunFinished
from glb_batch_validator_addon.engine.launcher import Launcher
from glb_batch_validator_addon.engine.ledger import Ledger
from glb_batch_validator_addon.engine.run import Run
from glb_batch_validator_addon.model.library import is_asset
from glb_batch_validator_addon.model.profile import Demand
from glb_batch_validator_addon.model.report import Report
from glb_batch_validator_addon.model.settings import RunSettings
from glb_batch_validator_addon.storage.memory import MemoryStorage
from glb_batch_validator_addon.storage.port import Storage

FAKE = Launcher(command=(sys.executable, str(Path(__file__).with_name("fake_worker.py"))), blender="0.0")


def judge_by_name(report: Report, demand: Demand) -> Report:
    """Stands for the rules: an asset fails a profile of its own name."""
    failing = demand.profile.name == Path(report.asset.key).stem
    return replace(report, verdict="fail" if failing else "pass")


@dataclass
class Outcome:
    """What a run told, and what it left in the library."""

    events: list[Event]
    reports: dict[str, dict[str, Any]]
    error: Exception | None = None

    @property
    def finished(self) -> RunFinished:
        return next(event for event in self.events if isinstance(event, RunFinished))

    @property
    def done(self) -> list[str]:
        return [event.key for event in self.events if isinstance(event, AssetDone)]

    @property
    def skipped(self) -> list[str]:
        return [event.key for event in self.events if isinstance(event, AssetSkipped)]

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Bench:
    """Runs over one library that share a ledger, as a person's runs do."""

    storage: Storage
    ledger_path: Path
    on_event: Callable[[Event, Run], None] = lambda event, run: None
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, *, launcher: Launcher = FAKE, steps: int = 3000, **options: Any) -> Outcome:
        """Step a run to its end; `steps` of up to 0.1 s are more than any of these tests takes."""
        run_options = {
            name: options.pop(name)
            for name in ("resume", "manifest", "reports", "plan_only", "pictures")
            if name in options
        }
        settings = RunSettings(**{"workers": 2, "io_threads": 4, **self.settings, **options})
        ledger = Ledger(self.ledger_path)
        events: list[Event] = []
        error = None

        def on_event(event: Event) -> None:
            events.append(event)
            self.on_event(event, run)

        run = Run(
            storage=self.storage,
            ledger=ledger,
            launcher=launcher,
            settings=settings,
            on_event=on_event,
            judge=judge_by_name,
            **run_options,
        )
        try:
            run.start()
            for _ in range(steps):
                if run.done:
                    break
                run.step()
            else:
                raise AssertionError("the run does not come to its end")
        except Exception as raised:
            if isinstance(raised, AssertionError):
                raise
            error = raised
        finally:
            run.close()
            ledger.close()
        return Outcome(events, reports_in(self.storage), error)


def reports_in(storage: Storage) -> dict[str, dict[str, Any]]:
    """Every report in the library, parsed, by key."""
    reports = {}
    for item in storage.list():
        with contextlib.suppress(ValueError, RecursionError):
            report = json.loads(storage.read(item)) if item.key.endswith(".json") else None
            if isinstance(report, dict) and "asset" in report:
                reports[item.key] = report
    return reports


def but_run(reports: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Reports without the block that may differ from run to run."""
    return {key: {name: value for name, value in report.items() if name != "run"} for key, report in reports.items()}


def fill(storage: Storage, contents: Mapping[str, str]) -> None:
    for key, content in contents.items():
        storage.write(key, content.encode(), content_type="model/gltf-binary", metadata={})


def assets_in(storage: Storage) -> list[str]:
    return [item.key for item in storage.list() if is_asset(item.key)]


@pytest.fixture
def library() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def bench(library: MemoryStorage, tmp_path: Path) -> Bench:
    return Bench(library, tmp_path / "ledger.sqlite")


def each_asset_ended_once(outcome: Outcome, library: MemoryStorage) -> bool:
    return sorted(outcome.done + outcome.skipped) == sorted(assets_in(library))


def keys(count: int) -> list[str]:
    return [f"{number:03}.glb" for number in range(count)]
