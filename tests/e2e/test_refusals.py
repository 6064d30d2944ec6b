"""What cannot work is said in one sentence, with exit code 2, before any work."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import run

NOT_A_SECRET = "made-up-by-the-test-and-wrong"


def refused(*arguments: object, env: dict[str, str]) -> str:
    """The one sentence, which is an event as well."""
    ran = run(*arguments, "--json", env=env)
    assert ran.code == 2, ran.err
    (line,) = ran.err.strip().splitlines()
    assert line.startswith("error: ")
    assert NOT_A_SECRET not in ran.out + ran.err
    assert ran.events == [{"event": "run_failed", "message": line.removeprefix("error: "), "exit_code": 2}]
    return line


def test_a_missing_bucket(ceph_rgw, bucket_on):
    bucket = bucket_on(ceph_rgw)
    options = ("--bucket", "no-such-bucket", *bucket.options[2:])
    assert "no-such-bucket" in refused(*options, env=bucket.env)


def test_a_wrong_secret(ceph_rgw, bucket_on):
    bucket = bucket_on(ceph_rgw)
    assert "secret" in refused(*bucket.options, env={**bucket.env, "AWS_SECRET_ACCESS_KEY": NOT_A_SECRET})


def test_an_unknown_access_key(ceph_rgw, bucket_on):
    bucket = bucket_on(ceph_rgw)
    sentence = refused(*bucket.options, env={"AWS_ACCESS_KEY_ID": "AKIDNOBODY", "AWS_SECRET_ACCESS_KEY": NOT_A_SECRET})
    assert "access key" in sentence


def test_no_credentials_at_all(ceph_rgw, bucket_on):
    assert "credentials" in refused(*bucket_on(ceph_rgw).options, env={})


def test_a_bucket_that_is_not_public(ceph_rgw, bucket_on):
    assert "s3:ListBucket" in refused(*bucket_on(ceph_rgw).options, "--no-sign-request", env={})


def test_a_bucket_that_may_be_read_but_not_written(ceph_rgw, bucket_on, samples):
    """By a bucket policy, as a studio sets it; the run stops at its first report."""
    bucket = bucket_on(ceph_rgw)
    bucket.fill(samples / "good", "props/")
    read_only = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",'
        f' "Resource": "arn:aws:s3:::{bucket.name}/*"}}]}}'
    )
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=read_only)
    ran = run(*bucket.options, "--prefix", "props/", "--json", env=bucket.env)
    assert ran.code == 2
    assert "s3:PutObject" in ran.err
    assert "s3:PutObject" in ran.events[-1]["message"]
    assert ran.of("asset_done") == []


def test_an_unknown_profile():
    assert "studio" in refused("--bucket", "b", "--aws-profile", "studio", env={})


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    assert str(port) in refused(
        "--bucket", "b", "--endpoint-url", url, "--no-sign-request", env={"AWS_REGION": "us-east-1"}
    )


@pytest.mark.parametrize("line", ["--ledger /dev/null/x", "--blender /no/such/blender", "--reports-to /dev/null/x"])
def test_places_that_cannot_be_used(samples, line):
    assert line.split()[1] in refused("--folder", samples, *line.split(), env={})


def test_a_file_that_is_no_ledger(samples, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database, but it is long enough to be taken for one by nobody. " * 20)
    assert "notes.txt" in refused("--folder", samples, "--ledger", path, env={})
