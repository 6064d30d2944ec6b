"""The job template of a run: what it says, and what has no place in it. e2e/test_shards.py runs one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glb_batch_validator_addon.cli.arguments import parse
from glb_batch_validator_addon.cli.main import main

OPENJD = Path(sys.executable).with_name("openjd.exe" if os.name == "nt" else "openjd")
RUN = ["--bucket", "lib", "--prefix", "props/", "--profile", "web"]
JOB = ["--output", "s3://lib/qa/job-17/", "--shards", "10"]


@pytest.fixture
def template(capsys: pytest.CaptureFixture[str]) -> Any:
    def make(*arguments: str) -> dict[str, Any]:
        assert main(["openjd", *arguments]) == 0
        made: dict[str, Any] = json.loads(capsys.readouterr().out)
        return made

    return make


def actions(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [step["script"]["actions"]["onRun"] for step in job["steps"]]


def option(action: dict[str, Any], name: str) -> str:
    value: str = action["args"][action["args"].index(name) + 1]
    return value


def test_shards_in_chunks_then_the_merge(template: Any) -> None:
    job = template(*RUN, *JOB, "--chunk", "4", "--format", "junit", "--fail-on", "warning")
    (shards,) = job["steps"][0]["parameterSpace"]["taskParameterDefinitions"]
    assert (shards["type"], shards["range"]) == ("CHUNK[INT]", "0-9")
    assert shards["chunks"] == {"defaultTaskCount": 4, "rangeConstraint": "CONTIGUOUS"}
    validate, merge = actions(job)
    assert option(validate, "--shard") == "{{Task.Param.Shard}}/10"
    assert option(validate, "--output") == "{{Param.Output}}"
    assert option(validate, "--fail-on") == "unfinished", "findings of a shard do not keep the merge from running"
    assert job["steps"][1]["dependencies"] == [{"dependsOn": "validate"}]
    assert merge["args"][-6:] == ["merge", "{{Param.Output}}", "--format", "junit", "--fail-on", "warning"]
    assert {parameter["name"]: parameter["default"] for parameter in job["parameterDefinitions"]} == {
        "Output": "s3://lib/qa/job-17/",
        "Program": "python",
    }


def test_a_task_runs_a_command_line_of_ours(template: Any) -> None:
    validate = actions(template(*RUN, *JOB))[0]
    line = [word.replace("{{Task.Param.Shard}}", "3-5").replace("{{Param.Output}}", "out") for word in validate["args"]]
    options = parse(line[1:])
    assert (options.bucket, options.profile, str(options.shard), options.progress) == ("lib", "web", "3-5/10", "openjd")


def test_hosts_have_what_the_workers_take_and_a_cancelled_task_has_time_to_stop(template: Any) -> None:
    job = template(*RUN, *JOB, "--workers", "3", "--memory-limit-mb", "1000", "--task-hours", "2")
    amounts = {amount["name"]: amount["min"] for amount in job["steps"][0]["hostRequirements"]["amounts"]}
    assert amounts == {"amount.worker.vcpu": 3, "amount.worker.memory": 3 * 1000 + 2048}
    for action in actions(job):
        assert action["timeout"] == 7200
        assert action["cancelation"] == {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 120}


def test_without_workers_that_are_named_a_task_takes_what_its_host_must_have(template: Any) -> None:
    job = template(*RUN, *JOB)
    amounts = {amount["name"]: amount["min"] for amount in job["steps"][0]["hostRequirements"]["amounts"]}
    assert option(actions(job)[0], "--workers") == str(amounts["amount.worker.vcpu"])


def test_the_merge_reaches_the_same_server(template: Any) -> None:
    reach = ["--endpoint-url", "https://s3.example.org", "--aws-profile", "studio", "--request-payer"]
    for action in actions(template(*RUN, *JOB, *reach)):
        assert [word for word in action["args"] if word in reach] == reach


def test_the_program_may_be_a_blender(template: Any) -> None:
    job = template(*RUN, *JOB, "--program", "/opt/blender/blender -b -P '/opt/our tools/run_batch.py' --")
    assert job["parameterDefinitions"][1]["default"] == "/opt/blender/blender"
    for action in actions(job):
        assert action["command"] == "{{Param.Program}}"
        assert action["args"][:4] == ["-b", "-P", "/opt/our tools/run_batch.py", "--"]


def test_a_job_may_judge_again(template: Any) -> None:
    assert actions(template("judge", *RUN, *JOB))[0]["args"][1:3] == ["judge", "--bucket"]


def test_no_secret_is_in_a_template(template: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    text = json.dumps(template(*RUN, *JOB))
    assert not any(secret in text for secret in ("AKIDEXAMPLE", "wJalrXUtnFEMI", "a-token"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shard", "0/2"], "--shard has no place in a job"),
        (["--resume"], "--resume has no place in a job"),
        (["--dry-run"], "--dry-run has no place in a job"),
        (["--json"], "--json has no place in a job"),
        (["--include", "{{Param.Output}}"], "two braces"),
        (["--endpoint-url", "https://me:password@s3.example.org"], "must not carry a password"),
    ],
)
def test_what_has_no_place_in_a_job_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["openjd", *RUN, *JOB, *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert "specificationVersion" not in said.out


@pytest.mark.parametrize("arguments", [RUN, [*RUN, "--shards", "0", *JOB[:2]], [*RUN, *JOB[2:]], [*RUN, *JOB, "--no"]])
def test_wrong_options_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["openjd", *arguments])
    assert exit_.value.code == 2


@pytest.mark.parametrize("shards", ["1", "10", "10000"])
def test_openjd_itself_takes_the_template(template: Any, tmp_path: Path, shards: str) -> None:
    (tmp_path / "template.json").write_text(json.dumps(template(*RUN, *JOB[:2], "--shards", shards, "--chunk", "7")))
    checked = subprocess.run([OPENJD, "check", tmp_path / "template.json"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("errand", ["merge", "openjd"])
def test_help_teaches_with_examples(errand: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([errand, "--help"])
    assert exit_.value.code == 0
    assert "examples:" in capsys.readouterr().out
