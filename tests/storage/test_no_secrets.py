"""Whatever is logged, printed or raised, secrets and signatures are not in it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from glb_batch_validator_addon.errors import GlbvError
from glb_batch_validator_addon.storage.s3 import S3Storage
from tests.servers import S3Server
from tests.storage.conftest import Bucket

TELLTALES = ("Signature", "signature", "Authorization", "AWS4-HMAC", "StringToSign", "Credential=")


@pytest.fixture
def verbose(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Logging as the most curious user sets it up: everything, from everywhere."""
    caplog.set_level(logging.DEBUG)
    for name in ("boto3", "botocore", "urllib3", "s3transfer"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def use(storage: S3Storage) -> str:
    """Do a bit of everything, good and bad; what the exceptions show when their tracebacks are printed."""
    shown = []
    for call in (
        lambda: storage.check(write=True),
        lambda: storage.write("a.glb", b"glTF", content_type="model/gltf-binary", metadata={"v": "1"}),
        lambda: [storage.read(item) for item in storage.list()],
        lambda: storage.stat("no-such.glb"),
    ):
        try:
            call()
        except GlbvError as error:
            shown.append("".join(traceback.format_exception(error)))
    return "\n".join(shown)


@pytest.mark.parametrize("credentials", ["good", "wrong secret", "with a session token"])
def test_nothing_shows_secrets_or_signatures(
    ceph_rgw: S3Server,
    make_bucket: Callable[[S3Server], Bucket],
    verbose: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    credentials: str,
) -> None:
    options = make_bucket(ceph_rgw).options()
    secrets = [ceph_rgw.secret_key, "a-wrong-secret-key", "a-session-token"]
    if credentials == "wrong secret":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret-key")
    if credentials == "with a session token":
        monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")
    verbose.clear()
    storage = S3Storage(options)
    tracebacks = use(storage)
    printed = "".join(capfd.readouterr())
    assert tracebacks
    for text in (verbose.text, printed, tracebacks, repr(storage), repr(options)):
        for telltale in (*secrets, *TELLTALES):
            assert telltale not in text


def test_without_our_care_the_same_run_would_show_them(
    ceph_rgw: S3Server, make_bucket: Callable[[S3Server], Bucket], verbose: pytest.LogCaptureFixture
) -> None:
    storage = S3Storage(make_bucket(ceph_rgw).options())
    verbose.set_level(logging.DEBUG, logger="botocore")
    use(storage)
    assert any(telltale in verbose.text for telltale in TELLTALES)
