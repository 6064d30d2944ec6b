"""What the command line accepts, refuses and teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from glb_batch_validator_addon.cli.arguments import build_parser, default_ledger, parse, recorded, restore, run_settings
from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.model.shard import Shard

# The options that the product promises.
PROMISED = """
    --bucket --prefix --folder --limit --batch-size --workers --timeout --max-size-mb --memory-limit-mb --include
    --exclude --manifest --shard --report-name --reports-to --output --force --dry-run --resume --ledger --json
    --endpoint-url --region --aws-profile --no-sign-request --request-payer --expected-bucket-owner --sse-kms-key-id
    --fail-on --verbose --version --help --control --check --copy --data-folder
    --progress
"""


def test_help_teaches_every_option_with_examples_and_exit_codes() -> None:
    text = build_parser().format_help()
    assert [option for option in PROMISED.split() if option not in text] == []
    assert "examples:" in text
    assert "exit codes:" in text


def test_options_become_settings() -> None:
    line = (
        "--bucket b --limit 5 --batch-size 10 --workers 3 --timeout 20 --max-size-mb 7 --memory-limit-mb 900"
        " --include a* --include b* --exclude c --shard 1/4"
    )
    settings = run_settings(parse(line.split()))
    assert (settings.limit, settings.batch_size, settings.workers, settings.timeout_seconds) == (5, 10, 3, 20.0)
    assert (settings.include, settings.exclude, settings.shard) == (("a*", "b*"), ("c",), Shard(1, 1, 4))
    assert settings.limits.max_size_bytes == 7 * 1024 * 1024
    assert settings.memory_limit_bytes == 900 * 1024 * 1024


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--bucket b --folder f",
        "--bucket b --limit 0",
        "--bucket b --limit five",
        "--bucket b --workers -1",
        "--bucket b --timeout 0",
        "--bucket b --timeout nan",
        "--bucket b --shard 4/4",
        "--bucket b --shard 1",
        "--bucket b --shard 2-1/4",
        "--bucket b --shard 2-4/4",
        "--bucket b --shard -1/4",
        "--bucket b --memory-limit-mb 100",
        "--bucket b --fail-on sometimes",
        "--bucket b --unheard-of",
        "--bucket b --check --dry-run",
        "--bucket b --check --copy k.glb --output o",
        "--bucket b --dry-run --copy k.glb --output o",
        "--buck b",
    ],
)
def test_wrong_options_exit_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(line.split())
    assert exit_.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "--folder f --prefix p",
        "--bucket b --report-name x.json",
        "--bucket b --copy k.glb",
        "--bucket b --copy k.glb --output s3://b/copies/",
        "--bucket b --json --progress openjd",
    ],
)
def test_options_that_do_not_go_together_are_explained(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line.split())


def test_ledgers_lie_in_the_data_folder_one_for_each_library_server_shard_and_place_of_reports() -> None:
    lines = [
        "--bucket b",
        "--bucket b --endpoint-url https://s3.example.org",
        "--bucket b --shard 0/2",
        "--bucket b --reports-to out",
    ]
    ledgers = {default_ledger("s3://b/", parse([*line.split(), "--data-folder", "data"])) for line in lines}
    assert len(ledgers) == len(lines)
    assert {path.parent for path in ledgers} == {Path("data/ledgers")}
    assert default_ledger("s3://b/", parse(["--bucket", "b"])).is_relative_to(Path.home())


def test_a_resumed_run_takes_over_what_it_is_about_but_not_how_it_works() -> None:
    first = parse(
        [
            "--bucket",
            "b",
            "--shard",
            "2-3/4",
            "--limit",
            "5",
            "--include",
            "a*",
            "--report-name",
            "{uid}.json",
            "--workers",
            "1",
        ]
    )
    second = parse(["--bucket", "b", "--resume", "--workers", "4"])
    restore(second, recorded(first))
    settings = run_settings(second)
    assert (settings.limit, settings.include, settings.report_name) == (5, ("a*",), "{uid}.json")
    assert (settings.workers, settings.shard) == (4, Shard(2, 3, 4))
