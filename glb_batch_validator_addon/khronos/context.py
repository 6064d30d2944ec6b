"""A V8 context with the validator's script in it: memory, time and the way bytes go in. From the wheel `mini-racer`."""

from __future__ import annotations

import atexit
import contextlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer, init_mini_racer

_HERE = Path(__file__).parent
_BRIDGE = _HERE / "bridge.js"
SCRIPT = _HERE / "gltf-validator" / "gltf_validator.dart.js"
"""Of the npm package, unchanged, which `make venv` puts here and the extension brings."""

_FLAGS = (
    "--single-threaded",  # as mini-racer has it
    "--stack-size=400",  # kB. V8 counts on 984, but a thread on macOS has 512. 5,000 levels of JSON fit
    "--max-old-space-size=2048",  # MB. Here V8 ends the process; the heap's own limit, an exception, comes long before
)
_WINDOW_BYTES = 4 * 1024 * 1024
"""Assets up to this size share one ArrayBuffer, which saves the call that makes one (0.2 ms of 1.5). After a larger one
the heap is swept, lest its garbage counts against the next."""
_SETTLE_SECONDS = 0.5
"""For the late answer of an interrupted call: one that finds nobody there any more is printed as an error."""


class Context:
    """Good until the first exception: throw it away then, for V8 leaves the validator in the middle of its work.

    One thread at a time. It is to be closed before the interpreter ends, which V8's thread would keep from ending: if
    nobody does, the interpreter's own end does. `os._exit` needs no closing.
    """

    def __init__(self, *, heap_bytes: int, limits: Mapping[str, int]) -> None:
        """`limits` are those that `bridge.js` names. Raises OSError where the script is missing."""
        scripts = [path.read_text("utf-8") for path in (_BRIDGE, SCRIPT)]
        init_mini_racer(flags=_FLAGS, ignore_duplicate_init=True)
        self._v8 = MiniRacer()
        atexit.register(self.close)
        self._room = memoryview(b"")
        self._has_files = False
        try:
            self._v8.set_hard_memory_limit(heap_bytes)
            self._v8.set_soft_memory_limit(heap_bytes // 2)  # garbage counts: have it collected in time
            for script in (*scripts, f"limits = {json.dumps(limits)}"):
                self._v8.eval(f"{script}\n;0")  # the number, lest the last value be handed over
            self.version = str(self._v8.eval("exports.version()"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """May wait for V8 to come to a point where it can be interrupted."""
        atexit.unregister(self.close)
        self._room = memoryview(b"")
        with contextlib.suppress(Exception):
            self._v8.eval("0", timeout_sec=_SETTLE_SECONDS)
        self._v8.close()

    def load(self, data: memoryview, files: Mapping[str, bytes] | None) -> None:
        """Hand over the bytes of an asset and those of the files it refers to, if there are any to be loaded."""
        if len(self._room) != (size := max(len(data), _WINDOW_BYTES)):
            self._room = self._buffer(f"makeRoom({size})")
        self._room[: len(data)] = data
        if files is not None:
            self._has_files = True
            self._v8.eval("files = new Map(); 0")
            for place, content in files.items():
                self._buffer(f"addFile({json.dumps(place)}, {len(content)})")[:] = content

    def validate(self, size: int, ignored: list[str], *, end: float) -> dict[str, Any]:
        """What `validate` of `bridge.js` answers. Raises TimeoutError when `time.monotonic()` has come to `end`."""
        seconds = max(0.001, end - time.monotonic())
        answer = self._v8.eval(f"validate({size}, {json.dumps(ignored)})", timeout_sec=seconds)
        assert isinstance(answer, str)
        return dict(json.loads(answer))

    def unload(self) -> None:
        """Let go of large buffers, and of files."""
        if len(self._room) > _WINDOW_BYTES or self._has_files:
            self._room = memoryview(b"")
            self._has_files = False
            self._v8.eval("room = files = null")
            self._v8.low_memory_notification()

    @property
    def is_full(self) -> bool:
        """Whether the heap's limit was reached, after which V8 interrupts whatever comes next."""
        return self._v8.was_hard_memory_limit_reached()

    def _buffer(self, call: str) -> memoryview:
        made = self._v8.eval(call)
        assert isinstance(made, memoryview)
        return made
