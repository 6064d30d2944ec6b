"""`make demo`: the main job from end to end, with no account and no configuration.

Makes the sample library, serves it from an S3 server in this process (moto, on the loopback interface), validates it
through boto3 with the same command line that a studio uses, and shows what came of it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from glb_batch_validator_addon.rules.catalogue import RULES

from .samples import write_draco_sample, write_samples
from .server import serving

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "demo-output"
BUCKET, PREFIX = "studio", "library/"
COLORS = {"pass": "green", "warn": "yellow", "unsupported": "yellow", "fail": "red", "error": "red"}


def main() -> int:
    """0 if the run did what it should: every sample has its report, the broken ones an error."""
    console = Console(highlight=False, soft_wrap=True)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    library = OUTPUT / "library"
    samples = write_samples(library)
    count = len(samples) + write_draco_sample(library / "good/draco torus.glb", sys.executable)
    console.print(f"[bold]{count} sample assets[/] made by our own code in {library}")

    with serving() as server:
        server.upload(library, BUCKET, PREFIX)
        command = [
            *("--bucket", BUCKET, "--prefix", PREFIX, "--endpoint-url", server.url, "--output", str(OUTPUT)),
            *("--format", "html,csv,junit,sarif,s3-batch,markdown", "--data-folder", str(OUTPUT / "data")),
        ]
        console.print(f"[bold]s3://{BUCKET}/{PREFIX}[/] is served on {server.url}; now running\n")
        console.print(f"  python run_batch.py {shlex.join(command[:10])}\n", markup=False)
        run = [sys.executable, str(ROOT / "run_batch.py"), *command]
        code = subprocess.run(run, env={**os.environ, **server.credentials}, check=False).returncode
        server.download(BUCKET, PREFIX, library)

    reports = [json.loads(path.read_text("utf-8")) for path in sorted(library.rglob("*_report.json"))]
    console.print(table_of(reports))
    console.print(f"Reports and pictures lay beside the assets in the bucket; copies are in {library}")
    console.print(f"The whole library on one page, for your browser: [bold]{OUTPUT / 'report.html'}[/]")
    failing = sum(bool(sample.error) for sample in samples)
    as_expected = len(reports) == count and sum(bool(report["error"]) for report in reports) == failing
    if code == 3 and as_expected:
        console.print("Exit code 3, as it should be: some of these assets cannot be processed.")
        return 0
    console.print(
        f"[red]Exit code {code} and {len(reports)} reports of {count}: this is not what the demo should end with.[/]"
    )
    return 1


def table_of(reports: list[dict[str, Any]]) -> Table:
    table = Table("asset", "verdict", "triangles", "size (m)", "what to know", box=None, header_style="bold")
    for report in reports:
        facts = report["facts"] or {}
        size = " x ".join(f"{metres:.3g}" for metres in facts.get("dimensions_m") or ())
        triangles = facts.get("rendered_triangles")
        worst = next((finding for finding in report["findings"] if finding["severity"] in ("error", "warning")), None)
        table.add_row(
            report["asset"]["key"].removeprefix(PREFIX),
            f"[{COLORS[report['verdict']]}]{report['verdict']}[/]",
            f"{triangles:,}" if triangles is not None else "",
            size,
            report["error"]["type"] if report["error"] else title_of(worst["code"]) if worst else "",
        )
    return table


def title_of(code: str) -> str:
    """Of one of our rules in words; Khronos' codes as they are."""
    return RULES[code].title if code in RULES else code


if __name__ == "__main__":
    sys.exit(main())
