"""A Blender in a real window, used as a person uses it: under Xvfb, with simulated mouse and keys."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.rig.blenders import Blender

DRIVER = Path(__file__).with_name("driver.py")
WIDTH, HEIGHT = 1400, 900
SECONDS = 120
"""Longer than any start or request takes on a busy machine."""


class BlenderError(AssertionError):
    """Blender did not do what was asked; the message holds its traceback, if any, and the end of its output."""


class Place(NamedTuple):
    """A place in a window of Blender, counted from its lower left corner."""

    x: int
    y: int
    window: int = 0

    def below(self, pixels: int) -> Place:
        return self._replace(y=self.y - pixels)


@contextmanager
def opened(
    blender: Blender, *, env: Mapping[str, str], arguments: tuple[str, ...] = (), folder: Path
) -> Iterator[Window]:
    """Blender in a window on a screen of its own; at the end both are gone.

    It loads the preferences below ``env["BLENDER_USER_RESOURCES"]``, but shows no splash screen. ``env`` adds to the
    environment of this process, ``arguments`` to Blender's; ``folder`` receives its output, pictures and other files.
    """
    with ExitStack() as stack:
        display = stack.enter_context(_screen())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        output = folder / "blender.txt"
        process = subprocess.Popen(
            (
                *(*blender.command, "--enable-event-simulate", "--gpu-backend", "opengl"),
                *("--window-geometry", "0", "0", str(WIDTH), str(HEIGHT)),
                *(*arguments, "--python-exit-code", "1", "--python", str(DRIVER)),
                *("--", str(listener.getsockname()[1])),
            ),
            env={**os.environ, "TMPDIR": str(folder), **env, **_screen_of(display)},
            stdin=subprocess.DEVNULL,
            stdout=stack.enter_context(output.open("wb")),
            stderr=subprocess.STDOUT,
        )
        stack.callback(_end, process)
        yield Window(stack.enter_context(_accepted(listener, process, output)), process, display, folder, output)


@contextmanager
def _screen() -> Iterator[str]:
    """An X server without a network; yields its ``DISPLAY``."""
    ours, its = os.pipe()
    command = ("Xvfb", "-displayfd", str(its), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset")
    with open(ours) as number:
        process = subprocess.Popen(command, pass_fds=[its], stderr=subprocess.DEVNULL)
        try:
            os.close(its)  # so that reading ends if Xvfb does
            display = number.readline().strip()
            if not display:
                raise BlenderError(f"Xvfb ended with {process.wait(SECONDS)}")
            yield f":{display}"
        finally:
            _end(process)


def _screen_of(display: str) -> dict[str, str]:
    return {"DISPLAY": display, "WAYLAND_DISPLAY": "", "LIBGL_ALWAYS_SOFTWARE": "1"}


def _accepted(listener: socket.socket, process: subprocess.Popen[bytes], output: Path) -> socket.socket:
    """The connection of the driver inside Blender."""
    end = time.monotonic() + SECONDS
    while not select.select([listener], [], [], 0.1)[0]:
        if process.poll() is not None or time.monotonic() > end:
            raise BlenderError(f"Blender did not open (exit code {process.poll()})\n{_tail(output)}")
    return listener.accept()[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _tail(output: Path) -> str:
    return f"--- the end of Blender's output\n{output.read_text(errors='replace')[-3000:]}"


class Window:
    """The first window of a running Blender, and what can be done with it.

    Buttons are named by a part of their operator's call, such as ``'toy.say(word="b")'``, or of the full path of their
    property, ``"scene.name"``. They are looked for in the sidebar, or in the region of another area.
    """

    def __init__(
        self,
        connection: socket.socket,
        process: subprocess.Popen[bytes],
        display: str,
        folder: Path,
        output: Path,
    ) -> None:
        connection.settimeout(SECONDS)
        self._connection = connection
        self._answers = connection.makefile("r", encoding="utf-8")
        self.process = process
        self.display = display
        self.folder = folder
        self.output = output

    def run(self, source: str, **values: Any) -> Any:
        """Run Python in Blender, with ``bpy`` and the values, and return what it leaves in ``result`` (JSON)."""
        self._connection.sendall(json.dumps({"source": source, "values": values}).encode() + b"\n")
        try:
            line = self._answers.readline()
        except TimeoutError:
            raise BlenderError(f"no answer in {SECONDS} s to: {source}\n{_tail(self.output)}") from None
        if not line:
            raise BlenderError(f"Blender ended with {self.process.wait(SECONDS)}\n{_tail(self.output)}")
        answer = json.loads(line)
        if "error" in answer:
            raise BlenderError(f"{answer['error']}\n{_tail(self.output)}")
        return answer["result"]

    def evaluate(self, expression: str, **values: Any) -> Any:
        return self.run(f"result = {expression}", **values)

    def wait_for(self, expression: str, seconds: float = 10, **values: Any) -> Any:
        """Wait until an expression is true in Blender; returns its value."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression, **values)):
            if time.monotonic() > end:
                raise BlenderError(f"after {seconds} s this is still {value!r}: {expression}\n{_tail(self.output)}")
            time.sleep(0.05)
        return value

    def quit(self) -> int:
        """Quit as from the menu, which saves changed preferences where those are to be saved; the exit code."""
        self.run("bpy.app.timers.register(lambda: bpy.ops.wm.quit_blender() and None, first_interval=0.1)")
        return self.process.wait(SECONDS)

    def picture(self, name: str) -> Path:
        """Take a picture of the screen."""
        path = self.folder / f"{name}.png"
        subprocess.run(("import", "-window", "root", "-display", self.display, str(path)), check=True)
        return path

    def open_sidebar(self, category: str, width: int = 400) -> None:
        """Open the sidebar of the 3D viewport at a tab, at least so wide."""
        self.run("result = open_sidebar(category, width)", category=category, width=width)

    def show(self, editor: str) -> None:
        """Turn the largest area into another editor: ``"PREFERENCES"``, and back to ``"VIEW_3D"``."""
        self.run("result = show(editor)", editor=editor)

    def find(self, what: str, area: str = "VIEW_3D", region: str = "") -> Place:
        """Where a button is; scrolls to it. Fails with the buttons that are there."""
        region = region or ("UI" if area == "VIEW_3D" else "WINDOW")
        return Place(*self.run("result = find(what, area, region)", what=what, area=area, region=region))

    def click(self, what: str, area: str = "VIEW_3D", region: str = "", **modifiers: bool) -> None:
        """Click on a button, ``ctrl=True`` and the like held. There is no double click: Blender cannot simulate it."""
        self.click_at(self.find(what, area, region), **modifiers)

    def click_at(self, place: Place, **modifiers: bool) -> None:
        self.run("result = click(*place, **modifiers)", place=place, modifiers=modifiers)

    def press(self, key: str, times: int = 1, **modifiers: bool) -> None:
        """Press a key by Blender's name of it, ``"RET"``, where the pointer is."""
        self.run("result = press(key, times, **modifiers)", key=key, times=times, modifiers=modifiers)

    def type_into(self, what: str, text: str, area: str = "VIEW_3D", region: str = "") -> None:
        """Replace what is in a field, of text or of a number."""
        self.click(what, area, region)  # selects all
        self.type(text)

    def type(self, text: str) -> None:
        """Type into the field that is being edited, and finish with Enter."""
        self.run("result = write(text)", text=text)
        self.press("RET")

    def choose(self, what: str, entry: int, area: str = "VIEW_3D", region: str = "") -> None:
        """Choose from a button's menu, by the entry's number from 0."""
        self.click(what, area, region)
        self.press("HOME")
        self.press("DOWN_ARROW", times=entry)
        self.press("RET")

    def scroll(self, notches: int, place: Place) -> None:
        """Turn the mouse wheel at a place, towards the user; negative: away."""
        self.run("result = wheel(notches, *place)", notches=notches, place=place)

    def start_ticking(self) -> None:
        """Begin to record how evenly Blender's main loop comes round, with a timer of 10 ms."""
        self.run("start_ticking()")

    def gaps(self) -> list[float]:
        """The seconds between one tick and the next since `start_ticking`, and no more are recorded."""
        gaps: list[float] = self.evaluate("stop_ticking()")
        return gaps
