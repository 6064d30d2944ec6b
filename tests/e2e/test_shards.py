"""A library in shards, by the commands of docs/farm.md as they stand there: the outputs are those of one run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.samples import small_library
from tests.conftest import ROOT
from tests.e2e.conftest import RUN_BATCH, SUMMARY, Bucket, alive, children, finish, run, start, until
from tests.servers import S3Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands of /bin/sh")

_NUMBERS = ("id", "started_at", "finished_at", "seconds", "workers_busy")
_OF_THE_RUN = "|".join(
    (
        r'time(stamp)?="[^"]*"',
        rf'<property name="({"|".join(_NUMBERS)})" value="[^"]*"/>',
        r'"(start|end)TimeUtc": "[^"]*"',
        r'(?<="id": )"glb-batch-validator/[^"]*"',
    )
)

N = 4
FORMATS = "csv,junit,sarif"
COMMANDS = {
    name: commands
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs/farm.md").read_text("utf-8"), flags=re.DOTALL)
    for name, commands in re.findall(r"\A# (\w+): [^\n]*\n(.+)\Z", block, flags=re.DOTALL)
}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    small_library(tmp_path / "library", 12, seed=2)
    return tmp_path / "library"


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs commands as a scheduler does, in a folder where `run_batch.py` lies and `python` is the one of the tests."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/run_batch.py").symlink_to(RUN_BATCH)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def call(command: str, env: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        said = {name: str(value) for name, value in env.items()}
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path / "work",
            env={**os.environ, **said, "PATH": path},
            text=True,
            capture_output=True,
        )

    return call


def comparable(output: Path) -> dict[str, Any]:
    """The outputs without what may differ between two runs: their times and numbers, and who looked at how many."""
    texts: dict[str, Any] = {path.name: path.read_text("utf-8") for path in output.iterdir() if path.suffix != ".gz"}
    summary = json.loads(texts.pop("summary.json"))
    SUMMARY.validate(summary)
    for name in _NUMBERS:
        del summary["run"][name]
    del summary["library"]["history"]
    for name in ("junit.xml", "results.sarif"):
        texts[name] = re.sub(_OF_THE_RUN, "", texts[name])
    return {**texts, "summary.json": summary}


def one_run(output: Path, *options: object, **others: Any) -> dict[str, Any]:
    """The outputs of one run over everything, after those of the shards."""
    ran = run(*options, "--force", "--previews", "cycles", "--format", FORMATS, "--output", output, **others)
    assert ran.code == 0, ran.err
    return comparable(output)


def test_every_scheduler_has_a_command() -> None:
    assert COMMANDS.keys() == {"awsbatch", "kubernetes", "slurm", "opencue", "deadline", "openjd", "merge"}


@pytest.mark.parametrize(
    ("scheduler", "index"), [("awsbatch", "AWS_BATCH_JOB_ARRAY_INDEX"), ("kubernetes", "JOB_COMPLETION_INDEX")]
)
def test_machines_that_share_nothing_but_a_bucket(
    scheduler: str,
    index: str,
    few: Path,
    shell: Any,
    tmp_path: Path,
    moto_s3: S3Server,
    bucket_on: Callable[[S3Server], Bucket],
) -> None:
    bucket = bucket_on(moto_s3)
    bucket.fill(few, "props/")
    job = f"s3://{bucket.name}/qa/job-17"
    env = {
        **bucket.env,
        **{"AWS_ENDPOINT_URL": moto_s3.endpoint_url, "AWS_DEFAULT_REGION": moto_s3.region},
        **{"LIB": bucket.name, "JOB": job, "N": N},
    }
    for part in range(N):
        home = {"HOME": tmp_path / f"machine-{part}"}
        ran = shell(COMMANDS[scheduler], {**env, index: part, **home})
        assert ran.returncode == 0, ran.stderr
    listed = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="qa/job-17/")["Contents"]
    names = {item["Key"].removeprefix("qa/job-17/") for item in listed}
    assert names >= {f"shard-{part}-of-{N}.jsonl.gz" for part in range(N)}
    assert names >= {f"report-{part}-of-{N}.html" for part in range(N)}

    merge = f'python run_batch.py merge "$JOB" --format {FORMATS}'
    assert shell(merge, env).returncode == 0
    assert shell(f"{merge} --output '{tmp_path / 'merged'}'", env).returncode == 0
    one = one_run(tmp_path / "one", *bucket.options, "--prefix", "props/", env=bucket.env)
    assert comparable(tmp_path / "merged") == one
    written = bucket.client.get_object(Bucket=bucket.name, Key="qa/job-17/assets.csv")
    assert written["Body"].read() == (tmp_path / "merged/assets.csv").read_bytes()


def _frames(command: str, first: int, last: int) -> str:
    """As render managers fill in their tokens."""
    for token, value in (("FRAME_START", first), ("FRAME_END", last)):
        command = command.replace(f"#{token}#", str(value))
    return command.replace("<STARTFRAME>", str(first)).replace("<ENDFRAME>", str(last))


@pytest.mark.parametrize("scheduler", ["slurm", "opencue", "deadline"])
def test_machines_that_share_a_folder(scheduler: str, few: Path, shell: Any, tmp_path: Path) -> None:
    env = {"LIB": few, "JOB": tmp_path / "job", "N": N}
    tasks = [(0, 1), (2, 3)] if scheduler != "slurm" else [(part, part) for part in range(N)]
    for first, last in tasks:
        ran = shell(_frames(COMMANDS[scheduler], first, last), {**env, "SLURM_ARRAY_TASK_ID": first})
        assert ran.returncode == 0, ran.stderr
    ran = shell(f"{COMMANDS['merge'].strip()} --format {FORMATS} --output {tmp_path / 'merged'}", env)
    assert ran.returncode == 0, ran.stderr
    assert comparable(tmp_path / "merged") == one_run(tmp_path / "one", "--folder", few)


def test_a_merged_report_shows_the_pictures_that_other_machines_made(few: Path, tmp_path: Path) -> None:
    for part in range(2):
        made = ("--previews", "cycles", "--data-folder", tmp_path / f"machine-{part}")
        run("--folder", few, "--shard", f"{part}/2", "--output", tmp_path / "job", *made)
    merge = [sys.executable, RUN_BATCH, "merge", tmp_path / "job", "--data-folder", tmp_path / "third"]
    assert subprocess.run(merge, capture_output=True).returncode == 0
    page = (tmp_path / "job/report.html").read_text("utf-8")
    parts = [(tmp_path / f"job/report-{part}-of-2.html").read_text("utf-8") for part in range(2)]
    assert page.count("data:image/webp") == sum(part.count("data:image/webp") for part in parts) > 0


def test_shards_are_merged_from_the_place_of_reports_too(few: Path, tmp_path: Path) -> None:
    place = tmp_path / "reports"
    for shard in ("0/3", "1-2/3"):
        run("--folder", few, "--shard", shard, "--depth", "quick", "--reports-to", place, "--data-folder", tmp_path)
    merge = [sys.executable, RUN_BATCH, "merge", place / "runs", "--output", tmp_path / "merged", "--format", "none"]
    ran = subprocess.run(merge, capture_output=True, text=True)
    assert ran.returncode == 0
    assert "".join(f"below {place}.".split()) in "".join(ran.stderr.split())
    assert len(json.loads((tmp_path / "merged/summary.json").read_text())["assets"]) == 12


# OpenJD


def test_openjd_runs_shards_in_chunks_and_merges_them(few: Path, shell: Any, tmp_path: Path) -> None:
    """By its own program, which checks the template and runs the steps on this machine, with real Blender."""
    env = {"LIB": few, "JOB": tmp_path / "job", "N": 6}
    commands = COMMANDS["openjd"].replace('--output "$JOB"', f'--output "$JOB" --format {FORMATS}')
    ran = shell(commands, env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passes validation checks" in ran.stdout
    assert "Chunks run: 4" in ran.stdout, "three of two shards each, and the merge"
    assert "openjd_progress: 100.0" in ran.stdout
    shards = {path.name for path in (tmp_path / "job").glob("shard-*")}
    assert shards == {f"shard-{first}-{first + 1}-of-6.jsonl.gz" for first in (0, 2, 4)}
    merged = tmp_path / "merged"
    merged.mkdir()
    for path in (tmp_path / "job").iterdir():
        if "-of-" not in path.name:
            shutil.copy(path, merged)
    assert comparable(merged) == one_run(tmp_path / "one", "--folder", few)

    other = ("--job-param", f"Output={tmp_path / 'other'}", "--task-param", "Shard=5-5", "--step", "validate")
    ran = shell(f"openjd run template.yaml {' '.join(other)}", env)
    assert ran.returncode == 0, ran.stdout
    assert (tmp_path / "other/shard-5-of-6.jsonl.gz").is_file(), "the scheduler chooses its own chunks"


# What befalls a shard


def test_a_shard_that_was_killed_is_missing_until_it_is_repeated(library: Path, tmp_path: Path) -> None:
    job, merged = tmp_path / "job", tmp_path / "merged"
    options = ("--folder", library, "--output", job, "--format", "none", "--fail-on", "unfinished")
    merge = [sys.executable, RUN_BATCH, "merge", job, "--output", merged, "--format", FORMATS]
    assert run(*options, "--shard", "0/2").code == 0
    process = start(*options, "--shard", "1/2")
    reports = len(list(library.rglob("*_report.json")))
    until(lambda: len(list(library.rglob("*_report.json"))) > reports + 10)
    workers = children(process.pid)
    process.kill()
    finish(process)
    until(lambda: not any(map(alive, workers)), seconds=10)
    assert subprocess.run(merge, capture_output=True).returncode == 4

    process = start(*options, "--shard", "1/2", "--force")
    until(lambda: any(line.startswith("file:") for line in iter(process.stderr.readline, "")))
    until(lambda: children(process.pid))
    process.send_signal(signal.SIGTERM)
    assert finish(process).code == 4
    ran = subprocess.run(merge, capture_output=True, text=True)
    assert ran.returncode == 4
    assert "shard 1 of 2 did not come to its end" in ran.stderr
    (command,) = re.findall(r"^  run_batch.py (.*)$", ran.stderr, flags=re.MULTILINE)

    repeated = subprocess.run(f"'{sys.executable}' '{RUN_BATCH}' {command}", shell=True, capture_output=True)
    assert repeated.returncode == 0
    assert subprocess.run(merge, capture_output=True).returncode == 0
    ran_once = run("--folder", library, "--force", "--output", tmp_path / "one", "--format", FORMATS)
    assert ran_once.code == 0
    one, several = comparable(tmp_path / "one"), comparable(merged)
    verdicts = [{row["key"]: row["verdict"] for row in outputs["summary.json"]["assets"]} for outputs in (one, several)]
    assert verdicts[0] == verdicts[1]
