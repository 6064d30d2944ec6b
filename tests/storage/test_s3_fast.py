"""The fast lane does what boto3's client does, and knows when to leave it to that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glb_batch_validator_addon.storage import s3_fast
from glb_batch_validator_addon.storage.s3 import S3Storage
from glb_batch_validator_addon.storage.s3_fast import FastLane
from glb_batch_validator_addon.storage.s3_options import S3Options
from tests.servers import S3Server
from tests.servers.light_s3 import Fault, LightS3, Stored
from tests.storage.conftest import Bucket
from tests.storage.test_contract import AWKWARD_KEYS, KEYS_OF_BUCKETS_ONLY, KEYS_WITH_CONTROL_CHARACTERS

MakeBucket = Callable[[S3Server], Bucket]


def options_of(light: LightS3) -> S3Options:
    return S3Options("library", endpoint_url=light.url, region="us-east-1")


def lane_of(options: S3Options) -> FastLane:
    lane = S3Storage(options)._lane
    assert lane
    return lane


def test_a_real_server_accepts_its_signatures_for_any_key(ceph_rgw: S3Server, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(ceph_rgw)
    lane = lane_of(bucket.options(expected_bucket_owner="tester", request_payer=True))
    for key in AWKWARD_KEYS + KEYS_WITH_CONTROL_CHARACTERS + KEYS_OF_BUCKETS_ONLY:
        etag = lane.put(key, key.encode(), {"version": "1 + 2"}, {"ContentType": "application/json"})
        head = bucket.client.head_object(Bucket=bucket.name, Key=key)
        assert head["ETag"] == etag
        assert head["ContentType"] == "application/json"
        assert head["Metadata"] == {"version": "1 + 2"}
        assert lane.get(key, {"IfMatch": str(etag)}) == (key.encode(), etag)


def test_unsigned_requests_read_a_public_bucket(ceph_rgw: S3Server, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(ceph_rgw)
    bucket.client.put_object(Bucket=bucket.name, Key="a b.glb", Body=b"glTF", ACL="public-read")
    got = lane_of(bucket.options(anonymous=True)).get("a b.glb", {})
    assert got
    assert got[0] == b"glTF"


def test_a_connection_is_kept_for_the_next_request(light: LightS3) -> None:
    light.library.put("a.glb", Stored.of(b"glTF"))
    lane = lane_of(options_of(light))
    for _ in range(5):
        assert lane.get("a.glb", {})
    assert light.counts["CONNECTION"] == 1


@pytest.mark.parametrize(
    "action",
    [
        "404 NoSuchKey",
        "412 PreconditionFailed",
        "403 AccessDenied",
        "503 SlowDown",
        "reset",
        "reset-in-body",
        "close-in-body",
    ],
)
def test_whatever_is_not_success_is_left_to_boto3_and_the_lane_goes_on(light: LightS3, action: str) -> None:
    light.library.put("a.glb", Stored.of(b"glTF"))
    lane = lane_of(options_of(light))
    light.faults.append(Fault("GET", "*", action))
    assert lane.get("a.glb", {}) is None
    assert lane.get("a.glb", {})


@pytest.mark.parametrize("action", ["301 PermanentRedirect", "307 TemporaryRedirect", "400 ExpiredToken"])
def test_an_answer_that_would_come_again_and_again_closes_the_lane(light: LightS3, action: str) -> None:
    light.library.put("a.glb", Stored.of(b"glTF"))
    lane = lane_of(options_of(light))
    light.faults.append(Fault("GET", "*", action))
    assert lane.get("a.glb", {}) is None
    assert lane.get("a.glb", {}) is None
    assert light.counts["GET"] == 1


@pytest.mark.parametrize("bucket", ["arn:aws:s3:us-east-1:123456789012:accesspoint/a", "library--use1-az4--x-s3"])
def test_buckets_with_ways_of_their_own_have_no_lane(bucket: str) -> None:
    assert S3Storage(S3Options(bucket, region="us-east-1"))._lane is None


def test_a_proxy_leaves_no_lane(light: LightS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    assert S3Storage(options_of(light))._lane is None
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert S3Storage(options_of(light))._lane


def test_another_botocore_leaves_no_lane_and_does_no_harm(light: LightS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("botocore.auth.S3SigV4Auth")
    light.library.put("a.glb", Stored.of(b"glTF"))
    assert s3_fast.open_lane(None, bucket="b", client_arguments={}, anonymous=False) is None


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("", "https://library.s3.amazonaws.com/"),
        ("us-east-1", "https://library.s3.amazonaws.com/"),
        ("eu-central-1", "https://library.s3.eu-central-1.amazonaws.com/"),
    ],
)
def test_on_aws_it_goes_where_boto3_goes(region: str, url: str) -> None:
    assert lane_of(S3Options("library", region=region))._url == url


def test_dots_in_a_bucket_name_keep_it_out_of_the_host_name() -> None:
    assert lane_of(S3Options("my.library", region="eu-central-1"))._url == (
        "https://s3.eu-central-1.amazonaws.com/my.library/"
    )
