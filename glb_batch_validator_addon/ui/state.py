"""The one state of this Blender: started by operators, ticked by a timer, drawn by panels."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from ..errors import UsageError
from . import history, network
from .details import Opened
from .history import PastRun
from .results import View
from .session import DONE, Session, Snapshot
from .source import Engine, Replay

TICK_BUDGET_SECONDS = 0.002
"""For taking in events within one tick: a frame at 60 Hz has 17 ms, and it is the artist's."""

JUDGE = "judge"
"""Before the options of the engine: judge anew what was measured, and start no Blender."""

ROWS_PER_TICK = 2000
"""Places that a tick adds to the list at the most, for the same reason."""


class State:
    """A session, the folder that its run is kept in, and the earlier runs."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._session = Session()
        self._run: PastRun | None = None
        self.options: tuple[str, ...] = ()
        """How to reach the library whose results are shown, and what was asked of it."""
        self.opened: dict[int, Opened] = {}
        """Assets that were opened, by the `session_uid` of their scenes. They stay: undo brings scenes back."""
        self.past_runs: tuple[PastRun, ...] = ()
        """Earlier runs, the newest first."""
        self.pictures: Path | None = None
        """The folder that keeps pictures of assets, by the names that briefs have for them."""
        self.connection: tuple[bool, str] | None = None
        """Whether the last test of a connection went well, and what it said."""
        self.database_note = ""
        """Why the name of the farm's database was not taken as it was typed."""

    @property
    def snapshot(self) -> Snapshot:
        """What there is to draw."""
        return self._session.snapshot

    def start(self, options: Sequence[str], *, data: Path) -> None:
        """Start a run, or the watching of a farm's, that is kept among the earlier ones. Raises `UsageError`, OSError.

        The rows of the library that is shown stay when it is only judged: not every asset has facts to judge.
        """
        run = history.begin(data, options=options)
        farm_run = history.farm_run(options)
        kept = () if farm_run else (f"--data-folder={data}",)
        engine = start_engine(*options, *kept, f"--output={run.folder}", log=run.log)
        self._keep_pictures(data)
        judging = JUDGE in options
        keep_rows = judging and run.library == history.place(self.options)
        self._session.start(engine, library=run.library, keep_rows=keep_rows, judging=judging, farm_run=farm_run)
        self._run = run
        self._look_at(options)

    def start_aside(self, options: Sequence[str], *, data: Path, library: str, keep_rows: bool = False) -> None:
        """Start a run that is not kept: of one asset, or of the open scene. Raises `UsageError`, OSError."""
        folder = temporary_folder()
        ledger = f"--ledger={folder / 'aside.sqlite'}"
        engine = start_engine(*options, f"--data-folder={data}", ledger, log=folder / "engine.log")
        self._keep_pictures(data)
        self._session.start(engine, library=library, keep_rows=keep_rows)
        if not keep_rows:
            self._look_at(options)

    def show(self, run: PastRun) -> None:
        """Show the results of an earlier run."""
        replay = Replay(run.summary, f"Run of {run.started}: {run.outcome}")
        self._session.start(replay, library=run.library, farm_run=history.farm_run(run.options))
        self._look_at(run.options)

    def _keep_pictures(self, data: Path) -> None:
        self.pictures = data / "previews"

    def _look_at(self, options: Sequence[str]) -> None:
        farm = history.farm_run(options)  # `properties.options_shown` knows how to reach its library from here
        self.options = () if farm else tuple(option for option in options if option != JUDGE)

    def tick(self, budget_seconds: float = TICK_BUDGET_SECONDS) -> bool:
        """Take in what has come; whether there is more to come."""
        before = self.snapshot.active
        self._session.tick(budget_seconds)
        now = self.snapshot
        if before and not now.active:
            self._look_after_opened()
        if self._run and not now.active:
            history.end(self._run, library=now.library, outcome=now.message, finished=now.phase == DONE)
            self.load_past(self._run.folder.parents[1])
            self._run = None
        return now.active

    def _look_after_opened(self) -> None:
        """Say of opened assets that what is said of them is of an earlier time."""
        for uid, opened in self.opened.items():
            if (row := self._session.row(opened.key)) and row.brief != opened.brief:
                note = "It was validated or judged since: close it and open it again."
                self.opened[uid] = replace(opened, note=note)

    def load_past(self, data: Path) -> None:
        """Look which runs are kept in this data folder."""
        self.past_runs = history.load(data)
        self._keep_pictures(data)

    def say(self, word: str) -> None:
        self._session.say(word)

    def cancel(self) -> None:
        self._session.cancel()

    def stop(self) -> None:
        self._session.stop()

    def look(self, view: View) -> None:
        self._session.look(view)
        sync_rows()

    def turn_away(self) -> None:
        """Forget what is said of the last run and connection: another library is chosen, or this one changed."""
        self.connection = None
        self._session.acknowledge()

    def choose(self, position: int) -> None:
        self._session.choose(position)

    def close(self) -> None:
        """Let go of a run that goes on, forget all, remove what is temporary."""
        self._session.close()
        self._forget()
        shutil.rmtree(Path(bpy.app.tempdir, _TEMPORARY), ignore_errors=True)


STATE = State()

_TEMPORARY = "glb_batch_validator"


def temporary_folder() -> Path:
    """A folder of ours that goes when Blender does, or when the extension is disabled. Raises OSError."""
    folder = Path(bpy.app.tempdir, _TEMPORARY)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def start_engine(*options: str, log: Path) -> Engine:
    """The engine in a process of its own: the Python in this Blender, without bpy.

    Workers run this Blender; where it is the bpy package, which has no executable, the engine finds that by itself.
    Raises `UsageError` if Blender forbids the network, or if it cannot be started.
    """
    if refusal := network.refusal(options):
        raise UsageError(refusal)
    script = Path(__file__).resolve().parents[1] / "run_batch.py"
    blender = ("--blender", bpy.app.binary_path) if bpy.app.binary_path and not history.farm_run(options) else ()
    command = [sys.executable, *bpy.app.python_args, str(script), *options, *blender, "--json", "--control"]
    try:
        return Engine(command, log=log)
    except OSError as error:
        raise UsageError(f"The engine cannot be started: {error}.") from error


def sync_rows(at_most: int | None = None) -> bool:
    """Give the list as many places as rows are shown, adding so many at the most; whether it has them all."""
    rows = bpy.context.window_manager.glbv.rows
    wanted = len(STATE.snapshot.shown)
    if wanted < len(rows):
        rows.clear()
    missing = wanted - len(rows)
    for _ in range(missing if at_most is None else min(missing, at_most)):
        rows.add()
    return len(rows) == wanted


def redraw() -> None:
    """Have the sidebars of all 3D viewports, and the preferences, drawn anew, and nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in (("VIEW_3D", "UI"), ("PREFERENCES", "WINDOW")):
                    region.tag_redraw()
