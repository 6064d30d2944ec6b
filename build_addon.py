"""Builds the Blender extension: stages package, manifest and wheels, lets Blender build and validate the zips.

    python build_addon.py [--platform NAME ...] [--blender PATH] [--output DIR]

The wheels are those of requirements/runtime.txt, by their hashes. One of them, mini-racer, is native code: every
platform has a zip of its own. Without a Blender program the builder that comes with the bpy package does the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from email.parser import HeaderParser
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import fetch_validator

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT / "glb_batch_validator_addon"
BESIDE = ("run_batch.py", "LICENSE")
"""Files that go into the zip besides the contents of the package."""

PLATFORMS = {
    "linux-x64": "manylinux_2_27_x86_64",
    "linux-arm64": "manylinux_2_27_aarch64",
    "macos-x64": "macosx_10_9_x86_64",
    "macos-arm64": "macosx_11_0_arm64",
    "windows-x64": "win_amd64",
    "windows-arm64": "win_arm64",
}
"""By Blender's name for a platform, what the wheel of mini-racer calls it. No Blender asks for an older system."""
THIS = "this"
"""Stands for the platform of this machine."""


def stage(folder: Path, platforms: Iterable[str]) -> None:
    """Fill an empty folder with what the zips hold. Raises CalledProcessError or SystemExit if a part is missing."""
    fetch_validator.fetch()
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in BESIDE:
        shutil.copy(ROOT / name, folder)
    fetch_wheels(folder / "wheels", platforms)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    (folder / "NOTICES.md").write_text(notices(wheels), "utf-8")
    manifest = (ROOT / "blender_manifest.toml").read_text("utf-8")
    head, table, permissions = manifest.partition("[permissions]")  # top-level keys come before the first table
    lists = _toml_list("platforms", platforms) + _toml_list("wheels", (f"./wheels/{wheel.name}" for wheel in wheels))
    (folder / "blender_manifest.toml").write_text(f"{head}{lists}\n{table}{permissions}", "utf-8")


def _toml_list(key: str, values: Iterable[str]) -> str:
    return f"{key} = [\n{''.join(f'  {json.dumps(value)},{chr(10)}' for value in values)}]\n"


def fetch_wheels(folder: Path, platforms: Iterable[str]) -> None:
    """The wheels of the runtime for these platforms and every Python that a Blender has."""
    requirements = ROOT / "requirements" / "runtime.txt"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    any_python = ["--only-binary=:all:", "--python-version", "3.11", "--implementation", "py"]
    for name in platforms:
        pinned = ["--platform", PLATFORMS[name], "--require-hashes", "-r", str(requirements), "-d", str(folder)]
        subprocess.run([*pip, *any_python, *pinned], check=True)


def notices(wheels: Iterable[Path]) -> str:
    """What the zip brings that is not ours, under which licences, and where their texts are. Markdown."""
    rows = {}
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            inside = [name for name in archive.namelist() if ".dist-info/" in name]
            (metadata,) = (name for name in inside if name.endswith("/METADATA"))
            of = HeaderParser().parsestr(archive.read(metadata).decode())
        licence = (of["License-Expression"] or of["License"] or "see there").partition("\n")[0]
        texts = [f"`{name}`" for name in inside if re.search(r"/(LICENSE|NOTICE|COPYING)[^/]*$", name)]
        rows[of["Name"]] = f"| {of['Name']} {of['Version']} | {licence} | {', '.join(texts)} |\n"
    validator = f"{fetch_validator.NAME} {fetch_validator.VERSION}"
    return (
        "# What this extension brings along\n\n"
        "Each unchanged, with its own licence. Paths are inside its wheel, in `wheels`.\n\n"
        "| what | licence | text |\n| --- | --- | --- |\n"
        f"| {validator} | Apache-2.0 | `LICENSE`, `NOTICES` in `khronos/gltf-validator` |\n"
        f"{''.join(rows.values())}\n" + (ROOT / "requirements" / "mini-racer-notices.md").read_text("utf-8")
    )


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


def this_platform() -> str:
    """By Blender's name. Raises KeyError for a machine that it does not run on."""
    system = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}[platform.system()]
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
    return f"{system}-{machine}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--platform",
        action="append",
        choices=[THIS, *PLATFORMS],
        metavar="NAME",
        help=f"build for this one alone; repeatable: {THIS}, {', '.join(PLATFORMS)} (default: all)",
    )
    parser.add_argument("--blender", help="default: $BLENDER, else the PATH, else the bpy package")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for the zips (default: dist)")
    options = parser.parse_args()
    chosen = dict.fromkeys(this_platform() if name == THIS else name for name in options.platform or PLATFORMS)
    extension = extension_command(options.blender)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch, "staged")
        stage(staged, list(chosen))
        built = Path(scratch, "built")
        built.mkdir()
        folders = ["--source-dir", str(staged), "--output-dir", str(built)]
        subprocess.run([*extension, "build", "--split-platforms", *folders], check=True)
        for archive in sorted(built.glob("*.zip")):
            subprocess.run([*extension, "validate", str(archive)], check=True)
            place = options.output / archive.name
            shutil.move(archive, place)
            print(f"{place} ({place.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
