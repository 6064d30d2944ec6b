"""Runs inside Blender, started by `tests.gui.window`: does what the test sends.

It comes from a timer that outlives File > New. A request is a line of JSON with Python source and values for it; the
answer is a line with what the source left in ``result``. Where that is a generator it is stepped once in each turn of
Blender's main loop, so an event sent before a ``yield`` is handled after it, and its return value is the result. The
source sees what this file defines.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Any

import bpy

Steps = Generator[None, None, Any]
Place = tuple[int, int, int]
"""x and y in a window, counted from its lower left corner, and the window's index."""

TICK_SECONDS = 0.01
DRAWN_SECONDS = 0.1
"""By then a region tagged for it has been drawn anew, and its buttons are where they are seen."""

pointer: Place = (1, 1, 0)


def part(area: str, region: str) -> tuple[dict[str, Any], int]:
    """The first area of that type in any window and its region of that type, as a context; the window's index."""
    for index, window in enumerate(bpy.context.window_manager.windows):
        for candidate in window.screen.areas:
            if candidate.type == area:
                found = next(one for one in candidate.regions if one.type == region)
                return {"window": window, "area": candidate, "region": found}, index
    raise LookupError(f"no window shows an area {area}")


def wait(seconds: float) -> Steps:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def drawn(area: str) -> Steps:
    part(area, "WINDOW")[0]["area"].tag_redraw()
    yield from wait(DRAWN_SECONDS)


# Mouse and keys.


def event(kind: str, value: str, **options: Any) -> Steps:
    x, y, window = pointer
    bpy.context.window_manager.windows[window].event_simulate(type=kind, value=value, x=x, y=y, **options)
    yield


def move(x: float, y: float, window: int) -> Steps:
    global pointer
    pointer = (round(x), round(y), window)
    yield from event("MOUSEMOVE", "NOTHING")


def press(kind: str, times: int = 1, **modifiers: bool) -> Steps:
    """Press and release a key or a mouse button where the pointer is."""
    for _ in range(times):
        yield from event(kind, "PRESS", **modifiers)
        yield from event(kind, "RELEASE", **modifiers)


def click(x: int, y: int, window: int, **modifiers: bool) -> Steps:
    yield from move(x, y, window)
    yield from wait(DRAWN_SECONDS)
    yield from press("LEFTMOUSE", **modifiers)


def drag(start: tuple[float, float], end: tuple[float, float], window: int) -> Steps:
    yield from move(*start, window)
    yield from wait(DRAWN_SECONDS)  # the border of a region is noticed before it is taken
    yield from event("LEFTMOUSE", "PRESS")
    for way in (0.2, 1.0):  # a drag begins with a small movement
        yield from move(start[0] + (end[0] - start[0]) * way, start[1] + (end[1] - start[1]) * way, window)
    yield from event("LEFTMOUSE", "RELEASE")


def write(text: str) -> Steps:
    """Type into the field that is being edited, which takes the character and not the key: one without a shortcut."""
    for character in text:
        yield from event("F19", "PRESS", unicode=character)
        yield from event("F19", "RELEASE")


def wheel(notches: int, x: int, y: int, window: int) -> Steps:
    yield from move(x, y, window)
    yield from press("WHEELDOWNMOUSE" if notches > 0 else "WHEELUPMOUSE", abs(notches))


# Editors.


def show(editor: str) -> Steps:
    """Turn the largest area of the first window into another editor."""
    area = max(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.width * area.height)
    area.type = editor
    yield from wait(0.5)


def open_sidebar(category: str, width: int) -> Steps:
    part("VIEW_3D", "UI")[0]["area"].spaces.active.show_region_ui = True
    yield from wait(0.5)  # it slides in
    part("VIEW_3D", "UI")[0]["region"].active_panel_category = category
    yield from drawn("VIEW_3D")
    context, window = part("VIEW_3D", "UI")
    region = context["region"]
    missing = width - region.width
    if missing > 0:
        scale = bpy.context.preferences.system.ui_scale
        x, y = region.x + 7 * scale, region.y + region.height - 20 * scale  # below the panels clicks fall through
        yield from drag((x, y), (x - missing, y), window)
        yield from drawn("VIEW_3D")
        assert part("VIEW_3D", "UI")[0]["region"].width >= width - 2, "the sidebar did not become wider"


# Finding buttons.

_seen: dict[tuple[str, str], dict[str, Place]] = {}
"""By area and region: where each button was when it was last looked at."""
_searched: dict[tuple[str, str], int] = {}
"""By area and region: up to where in the grid what there is has been seen, so that a search goes on from there."""


def find(what: str, area: str, region: str) -> Steps:
    """The place of a button, found by hovering over what is in sight of the region, then over all of it.

    ``what`` is a part of its operator's call or of the full path of its property; a name at its end is a whole one.
    """
    pattern = re.compile(re.escape(what) + (r"\b" if what[-1].isalnum() else ""))
    yield from drawn(area)
    place = yield from _find_in_sight(pattern, area, region)
    if not place and (yield from scroll(area, region, "up")):
        while (yield from scroll(area, region, "up")):
            pass
        place = yield from _find_in_sight(pattern, area, region)
    while not place and (yield from scroll(area, region, "down")):
        place = yield from _find_in_sight(pattern, area, region)
    if not place:
        there = "\n".join(filter(None, _seen[area, region]))
        raise LookupError(f"no button in {area} {region} is {what}; there is or was:\n{there}")
    return place


def _find_in_sight(pattern: re.Pattern[str], area: str, region: str) -> Steps:
    """The uppermost place where the pattern is, if it is in sight and what was seen before has not moved."""
    context, window = part(area, region)
    seen = _seen.setdefault((area, region), {})
    known = [place for button, place in seen.items() if pattern.search(button)]
    grid = [(x, y, window) for x, y in _grid(context["region"])]
    start = _searched.get((area, region), 0)
    new = set()
    for number, place in enumerate((*known, *grid[start:], *grid[:start]), start - len(known)):
        button = yield from _hover(place, area, region)
        if button not in new:
            new.add(button)
            seen[button] = place
        if pattern.search(button):
            seen[button] = yield from _centred(place, area, region, button)
            _searched[area, region] = max(start, number) % len(grid)
            return seen[button]
    return None


def _hover(place: Place, area: str, region: str) -> Steps:
    """Move to a place and return the button there."""
    yield from move(*place)
    yield  # now Blender has left the last button
    yield  # and now it has entered the next one
    return _button(area, region)


def _centred(place: Place, area: str, region: str, button: str) -> Steps:
    """The place amid the button from side to side: the ends of a number field are its arrows."""
    x, y, window = place
    ends = []
    for step in (-4, 4):
        end = x
        while (yield from _hover((end + step, y, window), area, region)) == button:
            end += step
        ends.append(end)
    return sum(ends) // 2, y, window


def _grid(region: Any) -> Iterator[tuple[int, int]]:
    """Places that no button in the region can slip through.

    From row to row there and back: where the pointer enters a button or the scroll bar Blender draws anew.
    """
    scale = bpy.context.preferences.system.ui_scale
    step = 18 * scale  # less than a row is high, or a button with an icon wide
    tabs = 36 * scale if region.active_panel_category not in ("", "UNSUPPORTED") else 0
    columns = [round(region.x + step * column) for column in range(1, int((region.width - tabs) / step) + 1)]
    for row in range(int(region.height / step)):
        y = round(region.y + region.height - step * (row + 0.5))
        yield from ((x, y) for x in (reversed(columns) if row % 2 else columns))


def _button(area: str, region: str) -> str:
    """What the button under the pointer does: its operator's call or its property's path; "" where there is none.

    What is in no data-block has no full path; instead there is the property's owner: ``PreferencesView.show_splash``.
    """
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with bpy.context.temp_override(**part(area, region)[0]):
        if bpy.ops.ui.copy_python_command_button.poll():
            bpy.ops.ui.copy_python_command_button()
        elif bpy.ops.ui.copy_data_path_button.poll():
            bpy.ops.ui.copy_data_path_button(full_path=True)
        elif bpy.context.property:
            owner, path, _ = bpy.context.property
            return f"{owner.bl_rna.identifier}.{path}"
    return manager.clipboard


def scroll(area: str, region: str, direction: str) -> Steps:
    """Scroll a region by a page; returns whether it moved."""
    context, window = part(area, region)
    before = context["region"].view2d.region_to_view(0, 0)
    yield from move(1, 1, window)  # over its scroll bar the pointer would hold it
    with bpy.context.temp_override(**context):
        scroll_page = bpy.ops.view2d.scroll_up if direction == "up" else bpy.ops.view2d.scroll_down
        scroll_page(page=True)
    yield from drawn(area)
    _searched.pop((area, region), None)
    return part(area, region)[0]["region"].view2d.region_to_view(0, 0) != before


# Ticks.

_ticks: list[float] = []


def start_ticking() -> None:
    _ticks.clear()
    bpy.app.timers.register(_tick, persistent=True)


def stop_ticking() -> list[float]:
    """The seconds between one tick and the next."""
    bpy.app.timers.unregister(_tick)
    return [after - before for before, after in pairwise(_ticks)]


def _tick() -> float:
    _ticks.append(time.perf_counter())
    return TICK_SECONDS


# Requests.


class _Server:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.received = b""
        self.steps: Steps | None = None

    def turn(self) -> float:
        """One turn of the main loop; returns when to come again."""
        if not self.steps:
            self._receive()
        if self.steps:
            self._step(self.steps)
        return 0.0 if self.steps else TICK_SECONDS

    def _receive(self) -> None:
        while select.select([self.socket], [], [], 0)[0]:
            received = self.socket.recv(1 << 16)
            if not received:
                raise ConnectionError("the test has ended")  # and so does the timer
            self.received += received
            if received.endswith(b"\n"):
                request, self.received = json.loads(self.received), b""
                self.steps = _steps(**request)

    def _step(self, steps: Steps) -> None:
        try:
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                next(steps)
        except StopIteration as end:
            self._answer({"result": end.value})
        except BaseException:
            self._answer({"error": traceback.format_exc()})

    def _answer(self, answer: dict[str, Any]) -> None:
        self.steps = None
        try:
            line = json.dumps(answer)
        except TypeError as error:
            line = json.dumps({"error": f"the result is not JSON: {error}"})
        self.socket.sendall(line.encode() + b"\n")


def _steps(source: str, values: dict[str, Any]) -> Steps:
    space = {**globals(), **values}
    exec(compile(source, "<test>", "exec", dont_inherit=True), space)
    result = space.get("result")
    if isinstance(result, Generator):
        result = yield from result
    return result


_preferences = bpy.context.preferences
_dirty = _preferences.is_dirty
_preferences.view.show_splash = False
_preferences.is_dirty = _dirty
bpy.app.timers.register(_Server(int(sys.argv[-1])).turn, first_interval=TICK_SECONDS, persistent=True)
