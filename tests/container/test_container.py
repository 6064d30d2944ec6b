"""The image of a worker: its recipe held to a linter, and what it makes put together without a container engine.

The same Debian packages, the same Python packages and the files that the recipe copies, entered through bubblewrap as
the recipe's user on a read-only root file system.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from demo.samples import write_samples
from tests.conftest import ROOT, need
from tests.rig import parts

DOCKERFILE = ROOT / "container/Dockerfile"
TOOLS = {"flower", "moto", "mypy", "pytest", "ruff", "selenium"}


def instructions(stage: str | None = None) -> list[tuple[str, str]]:
    """Instructions of a stage, without it those of the last one, each with the rest of its line."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE.read_text()))
    stages: list[list[tuple[str, str]]] = [[]]
    for line in text.splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            if name == "FROM":
                stages.append([])
            stages[-1].append((name, " ".join(rest.split())))
    return next(s for s in stages[1:] if s[0][1].endswith(f"AS {stage}")) if stage else stages[-1]


def the(name: str) -> str:
    (found,) = [rest for instruction, rest in instructions() if instruction == name]
    return found


def apt_packages() -> set[str]:
    (run,) = [rest for name, rest in instructions() if name == "RUN" and "apt-get" in rest]
    found = re.search(r"apt-get install -qy --no-install-recommends ([^&]+)", run)
    assert found
    return set(found[1].split())


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"(?m)^([\w.-]+)==([^ ;\\]+)", text))


# The recipe


def test_hadolint_finds_nothing(tmp_path):
    need(parts.HADOLINT.path.exists(), "hadolint is missing: make rig")
    hadolint = parts.HADOLINT.path / "bin/hadolint"
    linted = subprocess.run([hadolint, DOCKERFILE], text=True, capture_output=True)
    assert (linted.returncode, linted.stdout) == (0, "")
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(
        DOCKERFILE.read_text().replace("WORKDIR /app\nCOPY LICENSE", "WORKDIR app\nRUN cd x\nCOPY LICENSE")
    )
    found = subprocess.run([hadolint, wrong], text=True, capture_output=True)
    assert found.returncode == 1
    assert {"DL3000", "DL3003"} <= set(re.findall(r"DL\d+", found.stdout))


def test_it_installs_what_bpy_loads_and_the_rig_has_the_same():
    (line,) = re.findall(r"(?m)^BPY_LIBRARIES := (.+)$", (ROOT / "Makefile").read_text())
    assert apt_packages() == set(line.split())
    assert apt_packages() <= set(parts.CONTAINER.packages)


def test_it_holds_the_versions_that_are_tested_and_no_tool():
    worker = pins("worker.txt")
    assert {"bpy", "celery", "prometheus-client", "boto3"} <= worker.keys()
    assert worker.items() <= pins("dev.txt").items()
    assert not TOOLS & worker.keys()


def test_nothing_is_installed_without_its_hash_and_npm_stays_behind():
    (run,) = [rest for name, rest in instructions("packages") if name == "RUN"]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(run.split())
    assert "npm" in str(instructions("validator"))
    assert "npm" not in str(instructions())


def test_it_runs_as_nobody_special_and_is_asked_to_end_politely():
    assert the("USER") == "10001:10001"
    assert the("STOPSIGNAL") == "SIGTERM"


# What it makes


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/app, made by the recipe's own instructions from what .dockerignore lets through."""
    need(
        shutil.which("bwrap") and parts.CONTAINER.path.exists(), "the container's root file system is missing: make rig"
    )
    need(parts.WORKER.path.exists(), "the container's Python packages are missing: make rig")
    context, app = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("app")
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignore[0] == "*"
    never = [line.removeprefix("**/") for line in ignore[1:] if not line.startswith("!")]
    for name in (line[1:] for line in ignore if line.startswith("!")):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            leave = lambda folder, names: [  # noqa: E731
                n for n in names if any(fnmatch(n, p) or Path(folder, n) == ROOT / p for p in never)
            ]
            shutil.copytree(ROOT / name, context / name, ignore=leave)
        else:
            shutil.copy(ROOT / name, context / name)
    assert not (context / "glb_batch_validator_addon/khronos/gltf-validator").exists()
    validator = ROOT / "glb_batch_validator_addon/khronos/gltf-validator"
    need(validator.is_dir(), "the Khronos validator is missing: make venv")
    for name, rest in instructions():
        if name != "COPY":
            continue
        *sources, target = rest.split()
        if sources[0] == "--from=validator":  # which has run fetch_validator.py, as `make venv` does here
            shutil.copytree(validator, app / "glb_batch_validator_addon/khronos/gltf-validator")
        elif not sources[0].startswith("--from="):
            for source in sources:
                place = app / target if (context / source).is_dir() else app / target / source
                (shutil.copytree if (context / source).is_dir() else shutil.copy)(context / source, place)
    (compiling,) = [rest for name, rest in instructions() if name == "RUN" and "compileall" in rest]
    compiled = inside(app, "/bin/sh", "-c", compiling, writable=True)
    assert compiled.returncode == 0, compiled.stderr
    return app


def inside(
    app: Path, *command: str, library: Path | None = None, writable: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command as a container of the image would: its user, environment and folder; only /tmp is writable."""
    root, user = parts.CONTAINER.path, the("USER").split(":")
    environment = dict(
        word.split("=", 1) for name, rest in instructions() if name == "ENV" for word in shlex.split(rest)
    )
    environment["PATH"] = environment["PATH"].replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    sandbox = [
        *("bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--uid", user[0], "--gid", user[1]),
        *("--tmpfs", "/", "--ro-bind", str(root / "usr"), "/usr", "--ro-bind", str(root / "etc"), "/etc"),
        *(part for name in ("bin", "lib", "lib64", "sbin") for part in ("--symlink", f"usr/{name}", f"/{name}")),
        *("--proc", "/proc", "--dev", "/dev", "--ro-bind", sys.base_prefix, sys.base_prefix),
        *("--ro-bind", str(parts.WORKER.path), "/opt/venv", "--bind" if writable else "--ro-bind", str(app), "/app"),
        *(("--bind", str(library), "/library") if library else ()),
        *("--tmpfs", "/tmp", "--remount-ro", "/", "--clearenv", "--chdir", the("WORKDIR")),
        *(part for name, value in environment.items() for part in ("--setenv", name, value)),
    ]
    return subprocess.run(
        [*sandbox, *command], text=True, capture_output=True, timeout=300, env={"PATH": os.environ["PATH"]}
    )


def run_batch(app: Path, *arguments: str, library: Path | None = None) -> subprocess.CompletedProcess[str]:
    return inside(app, *json.loads(the("ENTRYPOINT")), *arguments, library=library)


def test_nothing_can_be_written_but_in_tmp_by_a_user_without_rights(app):
    said = inside(
        app,
        "/bin/sh",
        "-c",
        "id -u; touch /tmp/a && echo tmp; touch /app/a /opt/venv/a /usr/a /a; cat /proc/self/status",
    )
    assert said.stdout.split()[:2] == ["10001", "tmp"]
    assert said.stderr.count("Read-only file system") == 4
    assert re.search(r"CapEff:\s+0+$", said.stdout, re.MULTILINE)


def test_the_program_starts_and_needs_nothing_from_a_network(app):
    version, help_ = run_batch(app, "--version"), run_batch(app, "--help")
    assert (version.returncode, version.stdout[:20]) == (0, "GLB Batch Validator "), version.stderr
    assert (help_.returncode, "--bucket" in help_.stdout, help_.stderr) == (0, True, "")


def test_an_asset_is_validated_with_blender_and_khronos_and_gets_its_picture(app, tmp_path):
    write_samples(tmp_path / "samples")
    library = tmp_path / "library"
    library.mkdir()
    shutil.copy(next((tmp_path / "samples/good").glob("*.glb")), library / "a.glb")
    ran = run_batch(app, "--folder", "/library", "--output", "/tmp/out", "--log-format", "json", library=library)
    assert ran.returncode == 0, ran.stderr
    assert all(json.loads(line) for line in ran.stderr.splitlines())
    report = json.loads((library / "a_report.json").read_text())
    assert report["verdict"] in ("pass", "warn")
    assert report["facts"]["triangles"] > 0
    assert report["khronos"]["version"]
    assert report["run"]["versions"]["blender"].startswith("4.5")
    assert [path for path in library.iterdir() if path.suffix == ".webp"]


def test_it_makes_the_tables_of_a_farm_and_can_be_a_worker(app):
    entry = shlex.join(json.loads(the("ENTRYPOINT")))
    tables = "import sqlite3; print(*next(zip(*sqlite3.connect('/tmp/f').execute('select name from sqlite_master'))))"
    made = inside(app, "/bin/sh", "-ec", f'{entry} farm migrate --database /tmp/f; exec python -c "{tables}"')
    assert made.returncode == 0, made.stderr
    assert {"assets", "batches", "runs"} <= set(made.stdout.split())
    helped = run_batch(app, "farm", "worker", "--help")
    options = [word for word in json.loads(the("CMD")) if word.startswith("--")]
    assert (helped.returncode, [option for option in options if option not in helped.stdout]) == (0, [])
    without = inside(app, *json.loads(the("ENTRYPOINT")), *json.loads(the("CMD")))
    (said,) = map(json.loads, without.stderr.splitlines())
    assert (without.returncode, said["level"], "GLBV_DATABASE_FILE" in said["message"]) == (2, "ERROR", True)


HEALTH = """
import subprocess, sys
sys.path.insert(0, "/app")
from glb_batch_validator_addon.farm import metrics as module
metrics = module.Metrics()
metrics.serve("127.0.0.1:9808")
print(subprocess.run(sys.argv[1:]).returncode)
module.FRESH_SECONDS = -1.0
print(subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode)
"""


def test_the_health_check_asks_the_worker_and_fails_with_it(app):
    check = json.loads(the("HEALTHCHECK").partition(" CMD ")[2])
    asked = inside(app, "/opt/venv/bin/python", "-c", HEALTH, *check)
    assert asked.stdout.split() == ["0", "1"], asked.stderr
    assert inside(app, *check).returncode == 1, "without a worker nobody is healthy"
    command = json.loads(the("CMD"))
    assert command[:2] == ["farm", "worker"]
    assert command[command.index("--metrics") + 1] == "127.0.0.1:9808"
