"""The child process: a background Blender that answers requests until its stdin ends. Stateless and disposable."""

from __future__ import annotations

import contextlib
import mmap
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from .memory import resident_bytes
from .model.report import Stage
from .model.wire import (
    EXIT_MEMORY,
    MEMORY_LIMIT,
    STAGE_BYTES,
    STAGE_FILE,
    THREADS,
    TRY_WORKBENCH,
    Hello,
    decode_request,
    encode,
)

WATCH_SECONDS = 0.1
"""Between two looks at memory and parent. Blender fills about 1 GB a second at the most."""


def main() -> None:
    """Serve until the parent lets go. Leaves by `os._exit`, whatever happens: the bpy wheel hangs at a regular exit."""
    code = 1
    try:
        if path := os.environ.get(TRY_WORKBENCH):
            _try_workbench(path)
        else:
            _serve()
        code = 0
    except BrokenPipeError:  # the parent is gone, and nobody is left to tell
        pass
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    replies = _take_stdout()
    stage = _stage_file(os.environ[STAGE_FILE])
    threads = int(os.environ.get(THREADS, "0"))
    with _few_cores(threads):
        import bpy
    from .analysis import Analysis
    from .blender import scene
    from .blender.preview import Previews
    from .khronos.validator import open_validator

    scene.start()
    managed = scene.managed_extensions()
    threading.Thread(target=_watch, args=(int(os.environ[MEMORY_LIMIT]), os.getppid()), daemon=True).start()
    replies.write(encode(Hello(versions={"blender": bpy.app.version_string, "python": platform.python_version()})))
    replies.flush()

    validator = open_validator()
    previews = Previews(threads=threads)

    def enter(name: Stage) -> None:
        stage[:] = name.encode().ljust(STAGE_BYTES, b"\0")

    for imports, line in enumerate(sys.stdin.buffer):
        request = decode_request(line)
        reply = Analysis(request, managed=managed, validator=validator, previews=previews, enter=enter).run()
        scene.reset(imports + 1)
        replies.write(encode(replace(reply, memory_bytes=resident_bytes())))
        replies.flush()


def _try_workbench(path: str) -> None:
    """What happens to this process tells whether Workbench finds its OpenGL: without libEGL Blender aborts."""
    import bpy  # noqa: F401 - before the others, which import parts of it

    from .blender import scene
    from .blender.preview import render_nothing

    scene.start()
    render_nothing(path)


def _take_stdout() -> BinaryIO:
    """Blender prints on stdout, so the wire moves to a copy of it, and what is printed goes to the log on stderr."""
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return wire


@contextlib.contextmanager
def _few_cores(count: int) -> Iterator[None]:
    """Let the bpy wheel see so many cores while it loads, and start so many threads; 0 means all.

    It has no option for that, as Blender's program has. With a thread per core in every worker, threads that spin for
    want of work take a third of the machine from the others (6.6 against 4.6 ms of CPU a small asset, two cores).
    """
    if not count or not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _stage_file(path: str) -> mmap.mmap:
    """A shared mapping: what is written to it survives a crash at no cost."""
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), STAGE_BYTES)


def _watch(limit_bytes: int, parent: int) -> None:
    """End this process when it outgrows its memory limit or when its parent is gone."""
    while True:
        time.sleep(WATCH_SECONDS)
        if resident_bytes() > limit_bytes:
            os._exit(EXIT_MEMORY)
        if os.getppid() != parent:
            os._exit(1)
