"""`openjd`: a run as a job of Open Job Description, which Deadline Cloud and other schedulers take.

Written for specificationVersion jobtemplate-2023-09 with its extension TASK_CHUNKING.
"""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

from ..errors import UsageError
from .arguments import OPENJD, add_verdict, parse, place_text, positive
from .program import entry_point

DESCRIPTION = """\
Print a job template of Open Job Description (OpenJD) for a run in shards: a step `validate`, whose tasks are shards
in chunks, and a step `merge` that makes one summary and report of them all. It takes every option of a run that is
about what to validate and how; hosts must see its paths as they are written. It is JSON, and so YAML as well.
"""

EXAMPLES = """\
examples:
  a library of a thousand parts, some twenty to a task:
    python run_batch.py openjd --bucket lib --prefix props/ --profile web --workers 4 \\
        --output s3://lib/qa/job-17/ --shards 1000 --chunk 20 > template.yaml
  on this machine:
    openjd check template.yaml
    openjd run template.yaml --step merge --run-dependencies
  with another Blender, at another place:
    python run_batch.py openjd ... --program 'blender -b -P /opt/glbv/run_batch.py --' > template.yaml
    openjd run template.yaml ... -p Program=/opt/blender-5.2/blender
    openjd run template.yaml ... -p Output=s3://lib/qa/job-18/

Credentials are those of the host's role or profile: there is no secret in a template.
"""

HOURS = 24
NOTICE_SECONDS = 120
"""From SIGTERM to the end by force: a run stops within seconds and then writes its outputs."""
ENGINE_MIB = 2048
"""Of memory, beside the background Blenders: engine, files ahead, the outputs of a large library."""

# What the template says itself, or what has no place in a job.
_NOT_IN_JOBS = ("shard", "resume", "dry_run", "check", "copy", "json", "control", "ledger")


def build_openjd_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} openjd",
        usage=f"{program} openjd [judge] <options of a run> --output PLACE --shards N [--chunk N]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--shards", type=positive, required=True, metavar="N", help="parts of the library")
    parser.add_argument(
        "--chunk", type=positive, default=1, metavar="N", help="shards of a task (default: %(default)s)"
    )
    parser.add_argument(
        "--output",
        type=place_text,
        required=True,
        metavar="PLACE",
        help="folder or s3://bucket/prefix/ of shards and results; the default of the job's parameter Output",
    )
    parser.add_argument(
        "--program",
        metavar="COMMAND",
        help="what the hosts run; its first word is the default of the job's parameter Program (default: python and"
        " this run_batch.py)",
    )
    parser.add_argument(
        "--task-hours", type=positive, default=HOURS, metavar="N", help="until a task is ended (default: %(default)s)"
    )
    add_verdict(parser)
    return parser


def write_template(arguments: list[str], program: str) -> int:
    """Print the template. Raises `UsageError` for what has no place in a job."""
    job, rest = build_openjd_parser(program).parse_known_args(arguments)
    run = parse(rest, program)
    if unfit := [name for name in _NOT_IN_JOBS if getattr(run, name)]:
        raise UsageError(f"--{unfit[0].replace('_', '-')} has no place in a job: leave it out.")
    print(json.dumps(template(job, run, rest), indent=2))
    return 0


def template(job: argparse.Namespace, run: argparse.Namespace, arguments: list[str]) -> dict[str, Any]:
    """The job of `run`, whose command line is `arguments`. Raises `UsageError` for text that OpenJD would replace."""
    first, *before = shlex.split(job.program) if job.program else ["python", str(entry_point())]
    command = ["{{Param.Program}}", *_literal(before)]
    said = {argument.partition("=")[0] for argument in arguments}
    size = {"--workers": run.workers, "--memory-limit-mb": run.memory_limit_mb}  # what the hosts must have
    validating = [
        *(word for name, value in size.items() if name not in said for word in (name, str(value))),
        *("--format", "none", "--fail-on", "unfinished", "--progress", OPENJD, "--output", "{{Param.Output}}"),
        *("--shard", f"{{{{Task.Param.Shard}}}}/{job.shards}"),
    ]
    formats = ",".join(job.format) or "none"
    merging = ["merge", "{{Param.Output}}", "--format", formats, "--fail-on", job.fail_on]
    validate = {
        "name": "validate",
        "parameterSpace": {
            "taskParameterDefinitions": [
                {
                    "name": "Shard",
                    "type": "CHUNK[INT]",
                    "range": f"0-{job.shards - 1}",
                    "chunks": {"defaultTaskCount": job.chunk, "rangeConstraint": "CONTIGUOUS"},
                }
            ]
        },
        "hostRequirements": _host(vcpus=run.workers, memory_mib=run.workers * run.memory_limit_mb + ENGINE_MIB),
        "script": _script([*command, *_literal(arguments), *validating], hours=job.task_hours),
    }
    merge = {
        "name": "merge",
        "dependencies": [{"dependsOn": "validate"}],
        "hostRequirements": _host(vcpus=1, memory_mib=ENGINE_MIB),
        "script": _script([*command, *merging, *_literal(_s3_arguments(run))], hours=job.task_hours),
    }
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": "GLB Batch Validator",
        "parameterDefinitions": [
            _parameter("Output", job.output, "Folder or s3://bucket/prefix/ of shards and results, of this job alone"),
            _parameter("Program", first, "Python or Blender on the hosts"),
        ],
        "steps": [validate, merge],
    }


def _parameter(name: str, default: str, description: str) -> dict[str, str]:
    return {"name": name, "type": "STRING", "default": _literal([default])[0], "description": description}


def _host(*, vcpus: int, memory_mib: int) -> dict[str, Any]:
    amounts = {"amount.worker.vcpu": vcpus, "amount.worker.memory": memory_mib}
    return {"amounts": [{"name": name, "min": least} for name, least in amounts.items()]}


def _script(command: list[str], *, hours: int) -> dict[str, Any]:
    return {
        "actions": {
            "onRun": {
                "command": command[0],
                "args": command[1:],
                "timeout": hours * 3600,
                "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": NOTICE_SECONDS},
            }
        }
    }


def _s3_arguments(run: argparse.Namespace) -> list[str]:
    """The options of `arguments.add_s3` again."""
    texts = ("endpoint_url", "region", "aws_profile", "expected_bucket_owner", "sse_kms_key_id")
    flags = ("no_sign_request", "request_payer", "allow_http")
    said = [(f"--{name.replace('_', '-')}", getattr(run, name)) for name in (*texts, *flags)]
    return [part for name, value in said if value for part in ([name] if value is True else [name, value])]


def _literal(words: list[str]) -> list[str]:
    if unfit := [word for word in words if "{{" in word]:
        raise UsageError(f"OpenJD would take {unfit[0]!r} for a parameter of its own: two braces have no place in it.")
    return words
