"""`python -m benchmarks.stages`: where a validation spends its time, stage by stage and rule by rule.

One worker, the clock of its own stages. The yardstick is what nobody can leave out: Blender's import and the Khronos
validation of the same files in the same run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.glb_builder import GlbBuilder, torus
from demo.samples import small_library
from glb_batch_validator_addon.cli.judging import subject_of
from glb_batch_validator_addon.model.report import from_json
from glb_batch_validator_addon.rules.catalogue import RULES

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("container", "khronos", "import", "measure", "meshes", "pixels", "judge")
PICTURES = 40
"""Assets that are rendered: each takes a hundred times what the rest does."""
SLOWEST = 5


def validate(folder: Path, *options: str, previews: str = "off") -> float:
    """Seconds of a whole run over a folder."""
    command = [sys.executable, str(ROOT / "run_batch.py"), *options, "--previews", previews]
    started = time.perf_counter()
    subprocess.run([*command, "--data-folder", str(folder.parent / "data"), "--fail-on", "never"], check=True)
    return time.perf_counter() - started


def reports_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*_report.json"))]


def seconds_by_stage(reports: list[bytes], *, skip: int) -> dict[str, float]:
    """Seconds an asset; the first ones, in which Blender and V8 warm up, do not count."""
    counting = [json.loads(report)["run"]["seconds"] for report in reports][skip:]
    return {stage: sum(seconds.get(stage, 0.0) for seconds in counting) / len(counting) for stage in STAGES}


def seconds_by_rule(reports: list[bytes]) -> dict[str, float]:
    """Seconds an asset, the slowest first."""
    seconds: dict[str, float] = {}
    subjects = [subject_of(from_json(report)) for report in reports]
    for code, rule in RULES.items():
        at = rule.defaults()
        started = time.perf_counter()
        for subject in subjects:
            if "deep" not in rule.needs:
                list(rule.check(subject, at))
        seconds[code] = (time.perf_counter() - started) / len(subjects)
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def rows(name: str, stages: dict[str, float], yardstick: float) -> Iterator[tuple[str, ...]]:
    total = sum(stages.values())
    for stage, seconds in stages.items():
        yield name, stage, f"{seconds * 1e3:.2f}", f"{seconds / yardstick:.2f}"
        name = ""
    yield "", "[bold]all", f"[bold]{total * 1e3:.2f}", f"[bold]{total / yardstick:.2f}"


def millions(folder: Path, count: int) -> None:
    """The same mesh of a million triangles in each of so many files."""
    builder = GlbBuilder()
    mesh = builder.mesh(torus(1000, 500), material=builder.material("paint"), name="torus")
    builder.scene(builder.add("nodes", mesh=mesh, name="torus"))
    folder.mkdir()
    data = builder.build()
    for number in range(count):
        (folder / f"{number}.glb").write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=400, help="small ones, 24 to 40 kB (default: %(default)s)")
    parser.add_argument("--judge", type=int, default=0, help="also judge so many reports (default: none)")
    options = parser.parse_args()
    console = Console()
    table = Table("asset", "stage", "ms", "of import + Khronos", box=None)
    with tempfile.TemporaryDirectory() as scratch:
        small = Path(scratch, "small", "library")
        small_library(small, options.assets, seed=1)
        validate(small, "--folder", str(small), "--workers", "1")
        reports = reports_in(small)
        stages = seconds_by_stage(reports, skip=len(reports) // 10)
        for row in rows("small", stages, stages["import"] + stages["khronos"]):
            table.add_row(*row)
        slowest = list(seconds_by_rule(reports).items())[:SLOWEST]

        pictured = Path(scratch, "pictured", "library")
        small_library(pictured, PICTURES, seed=3)
        validate(pictured, "--folder", str(pictured), "--workers", "1", previews="cycles")
        seconds = [json.loads(report)["run"]["seconds"]["preview"] for report in reports_in(pictured)][1:]
        milliseconds = sum(seconds) / len(seconds) * 1e3
        ratio = sum(seconds) / len(seconds) / (stages["import"] + stages["khronos"])
        table.add_row("small, with its picture", "preview", f"{milliseconds:.0f}", f"{ratio:.0f}")

        large = Path(scratch, "large")
        millions(large, 3)
        validate(large, "--folder", str(large), "--workers", "1")
        stages = seconds_by_stage(reports_in(large), skip=1)
        for row in rows("a million triangles, of import alone", stages, stages["import"]):
            table.add_row(*row)

        judged = 0.0
        if options.judge:
            many = Path(scratch, "many", "library")
            small_library(many, options.judge, seed=2)
            validate(many, "--folder", str(many))
            judged = validate(many, "judge", "--folder", str(many), "--profile", "web")
    console.print(table)
    console.print("Slowest rules, microseconds an asset:", {code: round(seconds * 1e6, 1) for code, seconds in slowest})
    if judged:
        console.print(f"{options.judge:,} reports judged in {judged:.1f} s, {options.judge / judged:.0f} a second.")


if __name__ == "__main__":
    main()
