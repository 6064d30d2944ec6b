"""Builds the Blender extension: stages package, manifest and wheels, lets Blender build and validate the zip.

    python build_addon.py [--blender PATH] [--output DIR]

The wheels are those of requirements/runtime.txt, by their hashes; all are pure Python: one zip serves every platform.
Without a Blender program the builder that comes with the bpy package does the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT / "glb_batch_validator_addon"
BESIDE = ("run_batch.py", "LICENSE")
"""Files that go into the zip besides the contents of the package."""


def stage(folder: Path) -> None:
    """Fill an empty folder with what the zip holds. Raises CalledProcessError if the wheels cannot be fetched."""
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in BESIDE:
        shutil.copy(ROOT / name, folder)
    wheels = folder / "wheels"
    requirements = ROOT / "requirements" / "runtime.txt"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pure = ["--only-binary=:all:", "--platform", "any", "--python-version", "3.11", "--implementation", "py"]
    subprocess.run([*pip, *pure, "--require-hashes", "-r", str(requirements), "-d", str(wheels)], check=True)
    names = "".join(f'  "./wheels/{path.name}",\n' for path in sorted(wheels.glob("*.whl")))
    manifest = (ROOT / "blender_manifest.toml").read_text("utf-8")
    head, table, permissions = manifest.partition("[permissions]")  # top-level keys come before the first table
    (folder / "blender_manifest.toml").write_text(f"{head}wheels = [\n{names}]\n\n{table}{permissions}", "utf-8")


def extension_command(blender: str | None) -> list[str]:
    """What to put before `build ...`: a Blender's own command, else the script of it in the bpy package."""
    if program := blender or os.environ.get("BLENDER") or shutil.which("blender"):
        return [program, "--command", "extension"]
    spec = find_spec("bpy")
    found = (
        spec
        and spec.origin
        and next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"), None)
    )
    if not found:
        sys.exit("There is no Blender to build with: name one with --blender, or use the Python of `make venv`.")
    return [sys.executable, str(found)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blender", help="default: $BLENDER, else the PATH, else the bpy package")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for the zip (default: dist)")
    options = parser.parse_args()
    extension = extension_command(options.blender)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch, "staged")
        stage(staged)
        built = Path(scratch, "built")
        built.mkdir()
        subprocess.run([*extension, "build", "--source-dir", str(staged), "--output-dir", str(built)], check=True)
        (archive,) = built.glob("*.zip")
        subprocess.run([*extension, "validate", str(archive)], check=True)
        place = options.output / archive.name
        shutil.move(archive, place)
    print(f"{place} ({place.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
