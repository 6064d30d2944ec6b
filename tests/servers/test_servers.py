"""The S3 servers of the test session, through boto3."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.servers import S3Server


@pytest.fixture(params=["moto_s3", "ceph_rgw"])
def server(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(request.param)


def test_an_object_written_is_read_back(server):
    s3 = server.client()
    s3.create_bucket(Bucket="round-trip")
    s3.put_object(Bucket="round-trip", Key="props/a +%ü.glb", Body=b"glTF")

    [listed] = s3.list_objects_v2(Bucket="round-trip", Prefix="props/")["Contents"]
    read = s3.get_object(Bucket="round-trip", Key=listed["Key"], IfMatch=listed["ETag"])

    assert listed["Key"] == "props/a +%ü.glb"
    assert read["Body"].read() == b"glTF"


def test_a_stale_etag_is_refused(server):
    s3 = server.client()
    s3.create_bucket(Bucket="stale-etag")
    old = s3.put_object(Bucket="stale-etag", Key="a.glb", Body=b"old")["ETag"]
    s3.put_object(Bucket="stale-etag", Key="a.glb", Body=b"new")

    with pytest.raises(ClientError, match=r"412|PreconditionFailed"):
        s3.get_object(Bucket="stale-etag", Key="a.glb", IfMatch=old)


def test_ceph_refuses_a_wrong_secret(ceph_rgw):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        replace(ceph_rgw, secret_key="wrong").client().list_buckets()
