"""Validate every GLB of a library without a window. Equal under Blender and under Python:

    blender -b -P run_batch.py -- --bucket my-bucket --prefix props/
    python run_batch.py --folder ~/library

It finds its package and what that needs by itself, in a checkout and in an installed extension; `--help` says more.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import traceback
from pathlib import Path

PACKAGE = "glb_batch_validator_addon"
WORKER = "--worker"
FARM = "farm"
EXIT_USAGE = 2
EXIT_INTERNAL = 70  # EX_SOFTWARE: a crash of ours never reads as success

HERE = Path(__file__).resolve().parent
DEPS = HERE / ".deps"
NEEDED = ("boto3", "cattrs", "rich", "platformdirs", "pythonjsonlogger", "sqlalchemy")
NEEDED_BY_WORKER = ("py_mini_racer",)


def load_package() -> None:
    """Make the package importable under its name, from a checkout or from an extension's folder of another name."""
    folder = HERE / PACKAGE if (HERE / PACKAGE).is_dir() else HERE
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def find_dependencies(*needed: str) -> bool:
    """Put what we import at the end of sys.path, where it hides nothing of Blender's own; False if some is missing.

    It comes from the Python that runs this, the wheels of the installed extension, or `.deps` in the checkout.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    wheels = HERE.parent.parent / ".local" / "lib" / version / "site-packages"
    # Blender unzips wheels as they are: what belongs into site-packages stays in such a folder (mini-racer has one).
    for place in (None, wheels, *wheels.glob("mini_racer-*.data/purelib"), DEPS):
        if place is not None and place.is_dir():
            sys.path.append(str(place))
        if all(importlib.util.find_spec(name) for name in needed):
            return True
    return False


def fetch_dependencies() -> None:
    """Make `.deps`, the first time in a checkout where nobody ran `make venv`."""
    requirements = HERE / "requirements" / "runtime.txt"
    print(f"Fetching {', '.join(NEEDED)} into {DEPS} ...", file=sys.stderr)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(DEPS),
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    if subprocess.run(pip, check=False).returncode:
        sys.exit(
            f"{', '.join(NEEDED)} are missing and could not be fetched; run `make venv` in {HERE} once, with a network."
        )
    sys.path.append(str(DEPS))


def main() -> int:
    """Exit code of the command line in `sys.argv` (after `--` under Blender)."""
    arguments = sys.argv[1:]
    if "bpy" in sys.modules:  # Blender's own arguments come first
        if "--" not in arguments:
            sys.exit("error: put -- between Blender's options and ours: blender -b -P run_batch.py -- --folder library")
        arguments = arguments[arguments.index("--") + 1 :]
    load_package()
    if arguments == [WORKER]:
        find_dependencies(*NEEDED_BY_WORKER)  # it works without, and says so
        from glb_batch_validator_addon import worker

        worker.main()
    if not find_dependencies(*NEEDED):
        fetch_dependencies()
    if arguments[:1] == [FARM]:
        from glb_batch_validator_addon.farm.command import main as run_farm

        return run_farm(arguments[1:])
    from glb_batch_validator_addon.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    try:
        code: str | int | None = main()
    except SystemExit as exit_:
        code = exit_.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = EXIT_USAGE
    except Exception:  # under Blender an exception that escapes a script would end in exit code 0
        traceback.print_exc()
        code = EXIT_INTERNAL
    sys.exit(code)
