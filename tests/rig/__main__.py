"""Make the parts of the rig that are missing: ``python -m tests.rig``.

Each part is made beside its place and renamed into it, so that one that exists is whole. A part that cannot be made
here is named with the reason and the rest goes on: the tests that need it skip, or fail where CI=true.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from . import parts
from .sandbox import enter

HOST_PACKAGES = (
    *("bubblewrap", "chromium", "chromium-driver", "imagemagick", "libreoffice-calc-nogui", "mmdebstrap"),
    *("xauth", "xdotool", "xvfb"),
)

# The place where this Blender's glTF add-on looks for its Draco library.
_PRINT_DRACO_PATH = """
try:
    from io_scene_gltf2.io.com.library import dll_path
    place = dll_path("bf_intern_draco_bridge", "Draco")
except ImportError:  # before Blender 5.2
    import pathlib
    import bpy
    # The first of its places. The last, /usr/bin/4.3, would make Blender take itself for a portable installation.
    place = pathlib.Path(bpy.__file__).resolve().parents[4] / "lib" / "libextern_draco.so"
print("draco:", place)
"""


class CannotMakeError(Exception):
    """A part cannot be made on this machine; the message says why."""


def main() -> None:
    parts.CACHE.mkdir(parents=True, exist_ok=True)
    _report("host packages", _install_host_packages)
    with ThreadPoolExecutor(max_workers=2) as pool:
        trixie = pool.submit(_report, "root file system trixie", partial(_make_rootfs, parts.TRIXIE))
        for rootfs in (parts.SID, parts.CEPH, parts.SERVICES, parts.CONTAINER):
            pool.submit(_report, f"root file system {rootfs.name}", partial(_make_rootfs, rootfs))
        for environment in (parts.BPY_4_2, parts.BPY_5_0, parts.PYTEST_BLENDER, parts.WORKER, parts.HADOLINT):
            pool.submit(_report, f"environment {environment.name}", partial(_make_environment, environment))
        for schema in (parts.SARIF_SCHEMA, parts.JUNIT_SCHEMA, parts.COMPOSE_SCHEMA):
            pool.submit(_report, f"schema {schema.name}", partial(_make_schema, schema))
        trixie.result()  # holds the Python of the next one
        pool.submit(_report, f"environment {parts.BPY_5_2.name}", partial(_make_environment, parts.BPY_5_2))


def _report(name: str, make: Callable[[], bool]) -> None:
    """Print how making a part went; ``make`` returns whether there was anything to do."""
    start = time.monotonic()
    try:
        made = make()
    except subprocess.CalledProcessError as error:
        outcome = f"MISSING, {Path(error.cmd[0]).name} failed with {error.returncode}:\n{error.output[-3000:]}"
    except (CannotMakeError, OSError) as error:
        outcome = f"MISSING, {error}"
    else:
        outcome = f"made in {time.monotonic() - start:.0f} s" if made else "there"
    sys.stdout.write(f"rig: {name}: {outcome}\n")  # not print(): it writes the line's end apart, and threads mix


def _install_host_packages() -> bool:
    if not shutil.which("dpkg-query"):
        raise CannotMakeError("this is not Debian")
    states = subprocess.run(
        ("dpkg-query", "--show", "--showformat=${Package}:${db:Status-Status}\n", *HOST_PACKAGES),
        text=True,
        capture_output=True,
    ).stdout.split()
    missing = [package for package in HOST_PACKAGES if f"{package}:installed" not in states]
    if not shutil.which("npm"):  # it may be there without being Debian's
        missing.append("npm")
    if not missing:
        return False
    if os.geteuid() != 0:
        raise CannotMakeError(f"not root: install {' '.join(missing)}")
    _run("apt-get", "update", "-q")
    _run("apt-get", "install", "-qy", "--no-install-recommends", *missing)
    return True


def _make_rootfs(rootfs: parts.RootFs) -> bool:
    if rootfs.path.exists():
        return False
    if not shutil.which("mmdebstrap") or os.geteuid() != 0:
        raise CannotMakeError("it takes mmdebstrap and root")
    with _making(rootfs.path) as new:
        _run(
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt"),
            *('--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Retries "3"'),
            '--aptopt=Acquire::Check-Valid-Until "false"',  # mirrors of sid may lag
            '--aptopt=APT::Install-Recommends "false"',
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "icons", "info", "locale", "man")),
            f"--include={','.join(rootfs.packages)}",
            *(rootfs.suite, str(new)),
        )
        if rootfs.blender:
            _finish_blender(new)
    return True


def _finish_blender(root: Path) -> None:
    """Give Debian's Blender the Draco library it is built without, and note its version."""
    (root / "etc/mtab").symlink_to("../proc/self/mounts")  # read by Blender at start
    blender = (*enter(root), "blender", "--background", "--factory-startup")
    version = re.search(r"^Blender ([\d.]+)", _run(*blender, "--version"), re.MULTILINE)
    place = re.search(r"^draco: /(.+)$", _run(*blender, "--python-expr", _PRINT_DRACO_PATH), re.MULTILINE)
    library = next((parts.ROOT / ".venv").glob("lib/python*/site-packages/bpy/**/libextern_draco.so"), None)
    if not (version and place and library):
        raise CannotMakeError(f"Blender says {version=} {place=}, the bpy wheel has {library=}")
    target = root / place[1]
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(library, target)
    (root / parts.VERSION_FILE).write_text(version[1])


def _make_environment(environment: parts.Environment) -> bool:
    if environment.path.exists():
        return False
    if environment.rootfs and not environment.rootfs.path.exists():
        raise CannotMakeError(f"its Python is in the root file system {environment.rootfs.name}, which is missing")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    install = ("install", "--require-hashes", "--no-deps", "-r", str(environment.requirements))
    with _making(environment.path) as new:
        if environment.rootfs:
            _run(*enter(environment.rootfs.path), "python3", "-m", "venv", "--without-pip", str(new))
            packages = next(new.glob("lib/python*/site-packages"))
            version = packages.parent.name.removeprefix("python")
            target = ("--target", str(packages), "--only-binary=:all:", "--python-version", version)
            platforms = (f"--platform=manylinux{tag}_x86_64" for tag in ("_2_28", "_2_27", "_2_17", "2014", "_2_5"))
            # pip install --target compares Requires-Python with the Python it runs in; the lock file has settled that.
            _run(*pip, *install, *target, *platforms, "--ignore-requires-python")
        else:
            _run(sys.executable, "-m", "venv", "--without-pip", str(new))
            _run(*pip, "--python", str(parts.python_in(new)), *install)
    return True


def _make_schema(schema: parts.Schema) -> bool:
    if schema.path.exists():
        return False
    if schema.client == "npm" and not shutil.which("npm"):
        raise CannotMakeError("it takes npm")
    with _making(schema.path) as new:
        folder = new.parent
        if schema.client == "npm":
            _run("npm", "pack", "--silent", "--pack-destination", str(folder), f"{schema.package}@{schema.version}")
            (archive,) = folder.iterdir()
        else:
            wanted = folder / "wanted.txt"  # pip knows the hash: it runs what it has fetched, for the metadata
            wanted.write_text(f"{schema.package}=={schema.version} --hash=sha256:{schema.sha256}\n")
            pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps")
            _run(*pip, "--no-binary", schema.package, "--dest", str(folder), "--requirement", str(wanted))
            (archive,) = folder.glob("*.tar.gz")
        if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != schema.sha256:
            raise CannotMakeError(f"{archive.name} is not what is pinned, but {found}")
        with tarfile.open(archive) as files:
            content = files.extractfile(schema.member)
            assert content
            new.write_bytes(content.read())
    return True


@contextmanager
def _making(place: Path) -> Iterator[Path]:
    """A place to make a part in, renamed to ``place`` at the end. Where another run was faster, its part stays."""
    with tempfile.TemporaryDirectory(prefix="making-", dir=place.parent, ignore_cleanup_errors=True) as folder:
        new = Path(folder, place.name)
        yield new
        if not place.exists():
            new.rename(place)


def _run(*command: str) -> str:
    """Run a command and return what it printed, stdout and stderr in one."""
    return subprocess.run(
        command, check=True, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ).stdout


if __name__ == "__main__":
    main()
