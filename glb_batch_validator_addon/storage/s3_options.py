"""What a person may say about an S3 library."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import UsageError


@dataclass(frozen=True)
class S3Options:
    """Where the library is and how to reach it; empty texts leave the choice to the AWS configuration.

    There is no field for a secret: credentials come from boto3's own chain (profile, SSO, environment, role).

    `prefix`                 keys begin with it; it need not end in "/"
    `endpoint_url`           a server other than AWS; `http://` only to this machine, unless `allow_http`
    `anonymous`              send unsigned requests
    `request_payer`          agree to pay for requests to a requester-pays bucket
    `expected_bucket_owner`  account number; the server refuses if the bucket belongs to another
    `sse_kms_key_id`         encrypt what is written with this KMS key
    `threads`                how many threads will use the storage at once
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str = ""
    region: str = ""
    profile: str = ""
    anonymous: bool = False
    request_payer: bool = False
    expected_bucket_owner: str = ""
    sse_kms_key_id: str = ""
    threads: int = 16
    allow_http: bool = False

    def __post_init__(self) -> None:
        """Raise `UsageError` for an endpoint that is no URL, carries a password or would send data in the clear."""
        if not self.endpoint_url:
            return
        try:
            url = urlsplit(self.endpoint_url)
            host, _ = url.hostname or "", url.port
        except ValueError:
            host = ""
        if not host or url.scheme not in ("http", "https"):
            raise UsageError("the endpoint must be a URL such as https://s3.example.org: check --endpoint-url")
        if url.username is not None or url.query:
            raise UsageError("the endpoint must not carry a password: give credentials through an AWS profile")
        if url.scheme == "http" and not self.allow_http and not self.on_this_machine:
            raise UsageError(
                f"http:// would send the library unencrypted to {host}: use https://, or allow it with --allow-http"
            )

    @property
    def on_this_machine(self) -> bool:
        """Whether requests stay on this machine: the endpoint's host is a loopback address."""
        return _is_loopback(urlsplit(self.endpoint_url).hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
