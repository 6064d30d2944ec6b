"""Running programs inside one of the rig's root file systems."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .parts import CACHE, ROOT


def enter(rootfs: Path, *options: str) -> tuple[str, ...]:
    """The bubblewrap command line to put before a program that lives in ``rootfs``.

    Inside, the checkout and its neighbour ``shared``, the cache, the home and the temporary folders stand where they
    stand outside; processes, network and the working folder are the host's. ``options`` are further options of bwrap.

    What is started dies with the *thread* that started it (Linux counts the parent's death so). The process that was
    started only waits for the program and takes its exit code; signals are for `program_pid`.
    """
    shared_paths = {Path("/tmp"), Path(tempfile.gettempdir()), Path.home(), CACHE, ROOT, ROOT.parent / "shared"}
    arguments = ["bwrap", "--bind", str(rootfs), "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"]
    for path in ("/sys", "/etc/hosts", "/etc/resolv.conf"):
        arguments += ["--ro-bind-try", path, path]
    for path in sorted({str(path.resolve()) for path in shared_paths}):  # bwrap cannot mount on a link
        arguments += ["--bind-try", path, path]
    arguments += ["--setenv", "PATH", "/usr/sbin:/usr/bin"]  # the host's may lead to programs in the home (pyenv's)
    return (*arguments, "--die-with-parent", *options, "--")


def program_pid(pid: int) -> int:
    """The process id of the program, given that of the process started with `enter`.

    A signal to the latter does not reach the program: it ends both at once, the program with SIGKILL.
    """
    [program] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(program)
