"""`run_batch.py` from end to end, in every Blender, over folders and S3."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.samples import endless_asset
from tests.e2e.conftest import RUN_BATCH, SUMMARY, but_run, reports_below, run

ON_EVERY_BLENDER = ("good", "broken", "references", "doubtful", "unsupported")


def test_every_blender_validates_the_sample_library(blender, samples, pristine, tmp_path):
    """The same command line under a real Blender and under the bpy wheel."""
    out = tmp_path / "out"
    ran = run(
        *("--", "--folder", samples, "--output", out, "--workers", 2, "--json"),
        command=(*blender.command, "-b", "--factory-startup", "-P"),
    )
    assert ran.code == 3, ran.err
    reports = reports_below(samples)
    expected = {sample.name: sample.error for sample in pristine[1]}
    found = {report["asset"]["key"]: (report["error"] or {}).get("type", "") for report in reports.values()}
    assert found == expected
    assert all(
        report["run"]["versions"].get("blender", blender.version).startswith(blender.version[:3])
        for report in reports.values()
    )
    assert reports["good/heavy_report.json"]["facts"]["triangles"] == 200_000
    crashed = reports["broken/crashes blender_report.json"]["error"]
    assert (crashed["stage"], crashed["type"], crashed["signal"]) == ("import", "Crashed", "SIGSEGV")

    summary = json.loads((out / "summary.json").read_text())
    SUMMARY.validate(summary)
    assert [row["key"] for row in summary["assets"]] == sorted(expected, key=str.encode)
    assert summary["run"]["counts"]["total"] == len(expected)


def test_a_second_run_does_nothing_and_ends_with_the_same_code(samples):
    first = run("--folder", samples, "--include", "good/*", "--json")
    assert (first.code, len(first.of("asset_done"))) == (0, 13)
    second = run("--folder", samples, "--include", "good/*", "--json")
    assert (second.code, second.of("asset_done"), len(second.of("asset_skipped"))) == (0, [], 13)
    broken = ("--folder", samples, "--include", "broken/t*")
    assert [run(*broken).code, run(*broken).code] == [3, 3], "an error does not go away by not looking"


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
@pytest.mark.parametrize("options", [("--include", "good/c*"), ("--blender", "/no/such/blender")])
def test_on_a_terminal_a_bar_is_shown_and_the_cursor_is_given_back(samples, options):
    import pty  # not on Windows

    owner, terminal = pty.openpty()
    command = [sys.executable, RUN_BATCH, "--folder", str(samples), *options]
    with subprocess.Popen(command, stderr=terminal, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}) as process:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the end, on Linux
            while more := os.read(owner, 4096):
                shown += more
    os.close(owner)
    assert process.returncode == (0 if "--include" in options else 2)
    assert b"1/1" in shown or b"error: /no/such/blender" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0, "hidden, then given back"


def test_a_dry_run_lists_and_writes_nothing(samples):
    ran = run("--folder", samples, "--include", "good/c*", "--dry-run")
    assert (ran.code, ran.out.split()) == (0, ["good/cube.glb"])
    assert "To validate: 1 " in ran.err
    assert reports_below(samples) == {}


def test_unsupported_assets_fail_the_run_when_asked(samples):
    unsupported = ("--folder", samples, "--include", "unsupported/*")
    assert run(*unsupported).code == 0
    assert run(*unsupported, "--fail-on", "warning").code == 1


def test_findings_fail_the_run_as_asked(samples):
    assert run("--folder", samples, "--include", "good/cube.glb", "--fail-on", "warning").code == 0
    flawed = ("--folder", samples, "--include", "flawed/inside out.glb")
    assert run(*flawed).code == 0
    assert run(*flawed, "--fail-on", "warning").code == 1
    doubtful = ("--folder", samples, "--include", "doubtful/*")
    assert run(*doubtful).code == 1
    assert run(*doubtful, "--fail-on", "never").code == 0


def test_an_empty_selection_is_no_success(samples):
    ran = run("--folder", samples, "--include", "no-such-folder/*", "--json")
    assert (ran.code, "no .glb" in ran.err, "--include" in ran.err) == (2, True, True)
    assert ran.events[-1] == {"event": "run_failed", "message": ran.err.strip()[len("error: ") :], "exit_code": 2}
    assert run("--folder", samples, "--include", "good/cube.glb", "--shard", "1/2").code == 0, "a shard may be empty"


def test_an_output_that_cannot_be_made_is_found_before_the_work(samples):
    (samples / "taken").touch()
    ran = run("--folder", samples, "--output", samples / "taken")
    assert ran.code == 2
    assert reports_below(samples) == {}


def test_plain_output_names_what_went_wrong_and_where_the_reports_are(samples):
    ran = run("--folder", samples, "--include", "broken/[elt]*")
    assert "error: broken/lfs pointer.glb: This is not a GLB but a Git LFS pointer" in ran.err
    assert "3 validated" in ran.err
    assert "Reports are beside the assets." in ran.err


def test_no_byte_of_a_report_but_run_depends_on_the_run(samples, tmp_path):
    """Other workers, another order, another batch size, and a copy of the library."""
    copy = Path(shutil.copytree(samples, tmp_path / "copy"))
    run("--folder", samples, "--workers", 1, "--batch-size", 1)
    run("--folder", copy, "--workers", 3)
    assert but_run(reports_below(samples), asset=False) == but_run(reports_below(copy), asset=False)


@pytest.mark.parametrize("server_name", ["moto_s3", "ceph_rgw"])
def test_an_s3_library_is_validated_like_a_folder(server_name, request, bucket_on, samples):
    bucket = bucket_on(request.getfixturevalue(server_name))
    bucket.fill(samples, "props/samples/")
    run("--folder", samples)
    ran = run(*bucket.options, "--prefix", "props/samples/", "--json", env=bucket.env)
    assert ran.code == 3, ran.err
    without_prefix = json.loads(json.dumps(bucket.reports()).replace("props/samples/", ""))
    assert but_run(without_prefix, asset=False) == but_run(reports_below(samples), asset=False)

    report = bucket.reports()["props/samples/good/cube_report.json"]
    head = bucket.client.head_object(Bucket=bucket.name, Key="props/samples/good/cube.glb")
    assert report["asset"]["etag"] == head["ETag"].strip('"')
    metadata = bucket.client.head_object(Bucket=bucket.name, Key="props/samples/good/cube_report.json")["Metadata"]
    assert metadata["glbv-etag"] == report["asset"]["etag"]
    assert metadata["glbv-settings"] == report["run"]["settings"]

    again = run(*bucket.options, "--prefix", "props/samples/", "--include", "good/*", "--json", env=bucket.env)
    assert (again.code, again.of("asset_done"), len(again.of("asset_skipped"))) == (0, [], 13)


def test_reports_can_go_to_another_prefix(moto_s3, bucket_on, samples):
    bucket = bucket_on(moto_s3)
    bucket.fill(samples / "good", "props/")
    ran = run(
        *bucket.options, "--prefix", "props/", "--limit", 2, "--reports-to", f"s3://{bucket.name}/qa", env=bucket.env
    )
    assert ran.code == 0, ran.err
    assert list(bucket.reports()) == ["qa/SHOUTED_report.json", "qa/a+b=100%_report.json"]


def test_the_corpus_has_84_reports_and_64_assets_are_fine(corpus, tmp_path):
    library = Path(shutil.copytree(corpus, tmp_path / "corpus"))
    ran = run("--folder", library, "--json")
    assert ran.code == 3, ran.err
    reports = reports_below(library)
    assert len(reports) == 84
    errors = [report["error"] for report in reports.values()]
    unsupported = sum(error["unsupported"] for error in errors if error)
    assert (errors.count(None), unsupported, len(errors) - errors.count(None) - unsupported) == (64, 6, 14)


def test_a_person_is_told_which_library_is_missing_and_what_to_do(tmp_path):
    ran = run("--folder", tmp_path / "nowhere")
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert len(ran.err.strip().splitlines()) == 1


def test_without_any_blender_the_way_to_one_is_shown(samples, tmp_path):
    """A Python without bpy, and none on the PATH."""
    nothing = {"PATH": str(tmp_path), "BLENDER": ""}
    ran = run("--folder", samples, "--json", command=(sys.executable, "-S"), env=nothing)
    assert ran.code == 2
    assert "--blender" in ran.err
    assert "--blender" in ran.of("run_failed")[0]["message"]
    assert run("--folder", samples, "--check", command=(sys.executable, "-S"), env=nothing).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a script of POSIX")
@pytest.mark.parametrize("blender", ["debian-4.3", "debian-sid"], indirect=True)
def test_a_named_blender_is_used_from_python(samples, blender, tmp_path):
    """Here a script around it, as farms have them; it ends with what it started when an asset hangs."""
    script = tmp_path / "blender"
    script.write_text(f'#!/bin/sh\n{shlex.join(blender.command)} "$@"\nexit $?\n')
    script.chmod(0o755)
    (samples / "good/endless.glb").write_bytes(endless_asset())
    only = ("--include", "good/[ce]*", "--timeout", 3, "--memory-limit-mb", 16000)
    ran = run("--folder", samples, *only, "--blender", script)
    assert ran.code == 3, ran.err
    reports = reports_below(samples)
    assert reports["good/cube_report.json"]["run"]["versions"]["blender"].startswith(blender.version)
    assert reports["good/endless_report.json"]["error"]["type"] == "TimedOut"
