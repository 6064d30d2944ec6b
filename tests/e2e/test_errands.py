"""One thing asked of the program, as the panel in Blender does: is the library usable, one asset to open, one again."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from tests.e2e.conftest import reports_below, run


def test_a_bucket_is_said_to_be_readable_and_nothing_is_written_to_try_it(ceph_rgw, bucket_on, samples):
    bucket = bucket_on(ceph_rgw)
    empty = run(*bucket.options, "--check", env=bucket.env)
    assert (empty.code, "there is nothing in it" in empty.out) == (0, True), empty.err
    bucket.fill(samples / "good/nested", "props/")
    ran = run(*bucket.options, "--prefix", "props/", "--check", "--json", env=bucket.env)
    assert ran.code == 0, ran.err
    (told,) = ran.events
    assert (told["event"], told["library"]) == ("library_checked", f"s3://{bucket.name}/props/")
    assert told["message"].startswith(f"s3://{bucket.name}/props/ can be read. Writing reports there was not tried.")
    assert bucket.client.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 1


def test_a_bucket_that_may_be_listed_but_not_read_is_no_good(ceph_rgw, bucket_on, samples):
    """By a bucket policy, as a studio sets it."""
    bucket = bucket_on(ceph_rgw)
    bucket.fill(samples / "good/nested", "props/")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket.name}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=policy)
    ran = run(*bucket.options, "--check", "--json", env=bucket.env)
    assert (ran.code, "s3:GetObject" in ran.events[-1]["message"]) == (2, True), ran.err


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_copy_arrives_in_blender_as_the_asset_does_and_leads_nowhere_else(
    place, request, bucket_on, samples, tmp_path
):
    options, env, prefix = ("--folder", samples), {}, ""
    if place == "bucket":
        bucket = bucket_on(request.getfixturevalue("moto_s3"))
        bucket.fill(samples / "references", "lib/references/")
        options, env, prefix = (*bucket.options, "--prefix", "lib/"), bucket.env, "lib/"
    copies = tmp_path / "copies"
    for name in ("external texture", "leaves the library"):
        key = f"{prefix}references/props/{name}.glb"
        ran = run(*options, "--copy", key, "--output", copies, "--json", env=env)
        assert (ran.code, ran.of("asset_copied")[0]["key"]) == (0, key), ran.err
        assert Path(ran.of("asset_copied")[0]["path"]).is_relative_to(copies)

    ran = run(*options, "--copy", key, "--if-match", "of another time", "--output", copies, env=env)
    assert (ran.code, "has changed since" in ran.err) == (3, True), ran.err

    assert run("--folder", copies, "--fail-on", "never").code == 0
    facts = {Path(key).name: report["facts"] for key, report in reports_below(copies).items()}
    whole = facts["external texture_report.json"]
    assert ([reference["outcome"] for reference in whole["references"]], whole["missing"]) == (["fetched"], [])
    harmless = facts["leaves the library_report.json"]["references"]
    assert [reference["uri"] for reference in harmless] == [f"glbv-refused-{number}" for number in range(6)]


def test_its_report_is_laid_beside_a_copy_wherever_it_was_written(moto_s3, bucket_on, samples, tmp_path):
    bucket, elsewhere = bucket_on(moto_s3), tmp_path / "qa"
    bucket.fill(samples / "good/nested", "props/")
    options = (*bucket.options, "--prefix", "props/")
    key = "props/folders/leaf.glb"

    def copied(*more: object) -> dict:
        ran = run(*options, *more, "--copy", key, "--output", tmp_path / "out", "--json", env=bucket.env)
        assert ran.code == 0, ran.err
        return ran.of("asset_copied")[0]

    assert copied()["report"] is None, "there is none"
    for place in ((), ("--reports-to", elsewhere, "--report-name", "{uid}.json")):
        assert run(*options, *place, env=bucket.env).code == 0
        told = copied(*place)
        report = Path(told["report"])
        assert report.parent == Path(told["path"]).parent
        assert json.loads(report.read_text("utf-8"))["asset"]["key"] == key
    assert copied("--reports-to", "s3://no-such-bucket/")["report"] is None, "to have none is no error"
    assert copied("--profile", "gone.toml")["report"], "a profile that is gone keeps nobody from looking"

    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=(samples / "good/heavy.glb").read_bytes())
    assert copied()["report"] is None, "it is about another version"


def test_a_key_outside_of_the_prefix_is_not_copied(moto_s3, bucket_on, samples, tmp_path):
    bucket = bucket_on(moto_s3)
    bucket.fill(samples / "good/nested", "")
    ran = run(
        *bucket.options,
        "--prefix",
        "props/",
        "--copy",
        "folders/leaf.glb",
        "--output",
        tmp_path / "out",
        env=bucket.env,
    )
    assert (ran.code, "whole key" in ran.err) == (2, True)


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_one_asset_is_validated_again_and_no_other(place, request, bucket_on, samples, tmp_path):
    """By a manifest of one key, whatever it is called."""
    name = '# "a", +100%\n.glb'
    (samples / "good" / name).write_bytes((samples / "good/cube.glb").read_bytes())
    options, env, key = ("--folder", samples / "good"), {}, name
    if place == "bucket":
        bucket = bucket_on(request.getfixturevalue("ceph_rgw"))
        bucket.fill(samples / "good", "props/")
        options, env, key = (*bucket.options, "--prefix", "props/"), bucket.env, f"props/{name}"
    options = (*options, "--json", "--data-folder", tmp_path / "data")
    assert run(*options, env=env).code == 0
    manifest = tmp_path / "again.csv"
    manifest.write_text(f'"{options[1]}","{quote_plus(key)}"\n')
    again = run(*options, "--force", "--manifest", manifest, env=env)
    assert again.code == 0, again.err
    assert [event["key"] for event in again.of("asset_done")] == [key]
    assert again.of("asset_skipped") == []
    assert run(*options, env=env).of("asset_done") == []
    assert [path.parent.name for path in (tmp_path / "data").rglob("*.sqlite")] == ["ledgers"]
