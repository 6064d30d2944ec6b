"""Every way in which S3 can be out of reach, caused for real, is one sentence that says what to do."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from glb_batch_validator_addon.errors import DeniedError, UsageError
from glb_batch_validator_addon.storage.s3 import S3Storage
from glb_batch_validator_addon.storage.s3_options import S3Options
from tests.servers import S3Server
from tests.servers.light_s3 import Fault, LightS3, Stored
from tests.storage.conftest import Bucket

MakeBucket = Callable[[S3Server], Bucket]

SSO_PROFILE = """
[profile artist]
sso_session = studio
sso_account_id = 123456789012
sso_role_name = reader
[sso-session studio]
sso_start_url = https://studio.example/start
sso_region = us-east-1
"""


def sentence(options: S3Options) -> str:
    """What a person reads when a library is opened and checked before a run."""
    with pytest.raises(UsageError) as raised:
        S3Storage(options).check(write=True)
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


def options_of(server: LightS3, **changes: Any) -> S3Options:
    return S3Options(**{"bucket": "library", "endpoint_url": server.url, "region": "us-east-1", **changes})


def tls_context(certificate: Path) -> ssl.SSLContext:
    """For a server at 127.0.0.1 with a new certificate, which is its own authority and is written to the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "light S3")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = certificate.with_suffix(".key")
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context


# Credentials


def test_no_credentials(light: LightS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    text = sentence(options_of(light))
    assert "no AWS credentials were found" in text
    assert "--aws-profile" in text
    S3Storage(options_of(light, anonymous=True)).check(write=True)


def test_half_of_the_credentials(light: LightS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "incomplete" in sentence(options_of(light))


def test_a_profile_that_does_not_exist(light: LightS3) -> None:
    assert "there is no profile artist" in sentence(options_of(light, profile="artist"))


def test_a_configuration_that_is_no_configuration(light: LightS3, aws_configuration: Path) -> None:
    (aws_configuration / "config").write_text("aws configure\n")
    assert "cannot be parsed" in sentence(options_of(light))


def test_a_profile_that_never_signed_in(light: LightS3, aws_configuration: Path) -> None:
    (aws_configuration / "config").write_text(SSO_PROFILE)
    assert "`aws sso login --profile artist`" in sentence(options_of(light, profile="artist"))


def test_a_sign_in_that_has_expired(light: LightS3, aws_configuration: Path) -> None:
    (aws_configuration / "config").write_text(SSO_PROFILE)
    cache = Path(os.environ["HOME"], ".aws", "sso", "cache")
    cache.mkdir(parents=True)
    token = {"accessToken": "sso-token", "expiresAt": "2020-01-01T00:00:00Z"}
    (cache / f"{hashlib.sha1(b'studio').hexdigest()}.json").write_text(json.dumps(token))
    text = sentence(options_of(light, profile="artist"))
    assert "`aws sso login --profile artist`" in text
    assert "sso-token" not in text


@pytest.mark.parametrize(
    ("process", "expected"),
    [("false", "could not be fetched"), ("/no/such/program", "credential_process")],
    ids=["fails", "missing"],
)
def test_a_credential_process(light: LightS3, aws_configuration: Path, process: str, expected: str) -> None:
    (aws_configuration / "config").write_text(f"[profile artist]\ncredential_process = {process}\n")
    assert expected in sentence(options_of(light, profile="artist"))


def test_an_access_key_that_the_server_does_not_know(
    ceph_rgw: S3Server, make_bucket: MakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = make_bucket(ceph_rgw).options()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFSOMEONEELSE")
    assert "the access key is not known" in sentence(options)


def test_a_wrong_secret(ceph_rgw: S3Server, make_bucket: MakeBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    options = make_bucket(ceph_rgw).options()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    text = sentence(options)
    assert "the secret key does not fit the access key" in text
    assert "a-wrong-secret" not in text


# The bucket


def test_a_bucket_that_does_not_exist(ceph_rgw: S3Server, make_bucket: MakeBucket) -> None:
    options = make_bucket(ceph_rgw).options(bucket="no-such-bucket")
    assert "there is no bucket no-such-bucket" in sentence(options)


def test_a_bucket_name_that_cannot_be_one(light: LightS3) -> None:
    assert "s3://library is not a valid bucket name" in sentence(options_of(light, bucket="s3://library"))


def test_a_bucket_that_is_not_public(ceph_rgw: S3Server, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(ceph_rgw)
    text = sentence(bucket.options(anonymous=True, prefix="props/"))
    assert "s3:ListBucket" in text
    assert f"the bucket {bucket.name} with the prefix props/" in text
    assert "--no-sign-request" in text
    assert "--request-payer" in text


def test_a_bucket_of_another_account(ceph_rgw: S3Server, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(ceph_rgw)
    assert "belongs to the account 123456789012" in sentence(bucket.options(expected_bucket_owner="123456789012"))
    S3Storage(bucket.options(expected_bucket_owner="tester")).check(write=True)


def test_a_wrong_region_is_corrected_where_the_server_tells_it(light: LightS3) -> None:
    light.faults.append(Fault("LIST", "*", "400 AuthorizationHeaderMalformed"))
    S3Storage(options_of(light, region="eu-north-1")).check(write=True)


def test_a_wrong_region_that_cannot_be_corrected_is_named(light: LightS3) -> None:
    light.faults.append(Fault("LIST", "*", "301 PermanentRedirect", times=9))
    text = sentence(options_of(light, region="eu-north-1"))
    assert "the bucket library is in the region us-east-1: use --region us-east-1" in text


def test_a_region_that_is_none(light: LightS3) -> None:
    assert "--region" in sentence(options_of(light, region="eu north 1"))


def test_a_clock_that_is_wrong(light: LightS3) -> None:
    light.faults.append(Fault("LIST", "*", "403 RequestTimeTooSkewed", times=9))
    assert "the clock of this machine" in sentence(options_of(light))


# The way there


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    text = sentence(S3Options("library", endpoint_url=f"http://127.0.0.1:{port}"))
    assert f"http://127.0.0.1:{port} cannot be reached" in text
    assert "refuses the connection" in text


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks a name server
    text = sentence(S3Options("library", endpoint_url="https://s3.example.invalid"))
    assert "https://s3.example.invalid cannot be reached" in text
    assert "name is not known" in text


def test_a_server_whose_certificate_nobody_trusts_unless_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = tls_context(tmp_path / "ca.pem")
    with LightS3({"a.glb": b"glTF"}, tls=tls) as server:
        text = sentence(options_of(server))
        assert "no trusted encrypted connection" in text
        assert "AWS_CA_BUNDLE" in text
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        storage = S3Storage(options_of(server))
        storage.check(write=True)
        assert [storage.read(item) for item in storage.list()] == [b"glTF"]


def test_a_server_without_encryption(light: LightS3) -> None:
    assert "no trusted encrypted connection" in sentence(options_of(light, endpoint_url=f"https{light.url[4:]}"))


@pytest.mark.parametrize("page", ["html", "xhtml"])
def test_a_server_that_is_not_s3(light: LightS3, page: str) -> None:
    light.faults.append(Fault("LIST", "*", page, times=9))
    assert "does not answer as an S3 server does: check --endpoint-url" in sentence(options_of(light))


def test_a_server_that_keeps_failing(light: LightS3) -> None:
    light.faults.append(Fault("LIST", "*", "503 SlowDown", times=99))
    assert "kept answering 503 SlowDown" in sentence(options_of(light))


@pytest.mark.parametrize(
    ("endpoint_url", "expected"),
    [
        ("http://s3.example.org", "unencrypted"),
        ("https://user:hunter2@s3.example.org", "password"),
        ("s3.example.org", "URL"),
        ("ftp://s3.example.org", "URL"),
        ("https://s3.example.org:port", "URL"),
    ],
)
def test_an_endpoint_that_is_not_to_be_used(endpoint_url: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as raised:
        S3Options("library", endpoint_url=endpoint_url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_http_is_fine_on_this_machine(host: str) -> None:
    S3Options("library", endpoint_url=f"http://{host}:9000")


def test_http_elsewhere_can_be_allowed() -> None:
    S3Options("library", endpoint_url="http://s3.example.org", allow_http=True)


# Later in the run


@pytest.mark.parametrize("code", ["ExpiredToken", "NoSuchBucket"])
def test_what_ends_every_request_ends_the_run(light: LightS3, code: str) -> None:
    light.library.put("a.glb", Stored.of(b"glTF"))
    storage = S3Storage(options_of(light))
    [item] = storage.list()
    light.faults += [Fault(method, "*", f"400 {code}", times=9) for method in ("GET", "PUT", "LIST")]
    with pytest.raises(UsageError):
        storage.read(item)
    with pytest.raises(UsageError):
        storage.write("a_report.json", b"{}", content_type="application/json", metadata={})
    with pytest.raises(UsageError):
        list(storage.list())


def test_an_object_that_may_not_be_read_or_written_names_the_permission(light: LightS3) -> None:
    light.library.put("a.glb", Stored.of(b"glTF"))
    storage = S3Storage(options_of(light))
    [item] = storage.list()
    light.faults += [Fault(method, "*", "403 AccessDenied", times=9) for method in ("GET", "HEAD", "PUT")]
    with pytest.raises(DeniedError, match="s3:GetObject") as raised:
        storage.read(item)
    assert raised.value.key == "a.glb"
    with pytest.raises(DeniedError, match="s3:GetObject"):
        storage.stat("a.glb")
    with pytest.raises(DeniedError, match="s3:PutObject"):
        storage.write("a_report.json", b"{}", content_type="application/json", metadata={})
