"""GET and PUT of small objects for a fraction of the CPU time that boto3's client spends on them.

That client takes 1 ms of CPU a request (botocore 1.44: validation of parameters, endpoint rules, some twenty event
handlers, a user agent made anew, two layers of HTTP), under the interpreter's lock, where it was the bottleneck
right after Blender. Here a request is signed by botocore and sent by `http.client`, and that is all: 0.25 ms.

The lane knows nothing but success. Whatever else happens (any other status, a broken connection, another version of
the object), it answers None and the caller asks boto3's client, which knows retries, redirects and errors. So
nothing is lost where there is no lane: behind a proxy, for buckets with sessions or signatures of their own, or
with a botocore in which something that the lane needs has moved.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import logging
import os
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60

_HEADER_OF_PARAMETER = {
    "IfMatch": "If-Match",
    "ContentType": "Content-Type",
    "RequestPayer": "x-amz-request-payer",
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
}

_CLOSING_STATUSES = (301, 302, 307, 400)
"""The lane would get them again and again: another region, another endpoint, another way to sign."""

Sign = Callable[[str, str, Mapping[str, str], bytes | None], Mapping[str, str]]
"""From method, URL, headers and body to all headers to send."""


class FastLane:
    """Connections to one bucket, for many threads at once."""

    def __init__(self, bucket_url: str, sign: Sign, tls: ssl.SSLContext) -> None:
        """`bucket_url` is what an object's URL begins with and ends in "/"."""
        self._url = bucket_url
        self._sign = sign
        self._tls = tls
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._closed = False

    def get(self, key: str, parameters: Mapping[str, str]) -> tuple[bytes, str] | None:
        """Content and ETag of an object, or None; `parameters` are those of `get_object`."""
        return self._request("GET", key, parameters, {}, None)

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], parameters: Mapping[str, str]) -> str | None:
        """The ETag of what was written, or None; `parameters` are those of `put_object`."""
        done = self._request("PUT", key, parameters, metadata, data)
        return done and done[1]

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _request(
        self,
        method: str,
        key: str,
        parameters: Mapping[str, str],
        metadata: Mapping[str, str],
        body: bytes | None,
    ) -> tuple[bytes, str] | None:
        if self._closed:
            return None
        headers = {_HEADER_OF_PARAMETER[name]: value for name, value in parameters.items()}
        headers |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        if body is not None:
            # Buckets with object lock demand it.
            headers["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        url = self._url + quote(key, safe="/~")
        try:
            signed = self._sign(method, url, headers, body)
        except Exception:
            return None  # credentials that cannot be renewed: boto3's client meets the same and says why
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connection()
        try:
            connection.request(method, url[url.index("/", 8) :], body, dict(signed))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._closed = self._closed or isinstance(error, ssl.SSLError)
            return None
        if self._closed or answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        if answer.status in _CLOSING_STATUSES:
            logger.debug("S3 answers %d, going on with boto3's client alone", answer.status)
            self.close()
        etag = answer.getheader("ETag")
        return (content, etag) if answer.status == 200 and etag else None

    def _connection(self) -> http.client.HTTPConnection:
        where = urlsplit(self._url)
        assert where.hostname
        if where.scheme == "https":
            return _TlsConnection(where.hostname, where.port, timeout=CONNECT_TIMEOUT_S, context=self._tls)
        return _PlainConnection(where.hostname, where.port, timeout=CONNECT_TIMEOUT_S)


class _PlainConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT_S)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class _TlsConnection(_PlainConnection, http.client.HTTPSConnection):
    pass


def open_lane(session: Any, *, bucket: str, client_arguments: Mapping[str, Any], anonymous: bool) -> FastLane | None:
    """The lane to a bucket for a `boto3.Session` and what its `client("s3", ...)` is made with; None if there is none.

    Nothing is sent.
    """
    try:
        return _open_lane(session, bucket=bucket, client_arguments=client_arguments, anonymous=anonymous)
    except Exception as error:
        # Its message may hold what was signed. boto3's client, asked instead, reports what is really wrong.
        logger.debug("no fast lane to S3: %s", type(error).__name__)
        return None


class _SentError(Exception):
    """Carries the request that boto3 was about to send."""


def _open_lane(session: Any, *, bucket: str, client_arguments: Mapping[str, Any], anonymous: bool) -> FastLane | None:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import get_cert_path

    if ":" in bucket or bucket.endswith("--x-s3"):  # ARNs and S3 Express
        return None
    # Where requests go and for which region and service they are signed follows from many rules (endpoint, addressing
    # style, dual stack, FIPS, acceleration): read both off a request that boto3 makes, and stop it there.
    example = session.client("s3", aws_access_key_id="-", aws_secret_access_key="-", **client_arguments)
    example.meta.events.register("before-send.s3.GetObject", _stop)
    try:
        example.get_object(Bucket=bucket, Key="k")
    except _SentError as stopped:
        [request] = stopped.args
    where = urlsplit(request.url)
    has_proxy = where.scheme in getproxies() and not proxy_bypass(where.netloc)
    if has_proxy or where.query or not where.path.endswith("/k"):
        return None
    agent = {"User-Agent": example.meta.config.user_agent}
    if anonymous:

        def sign(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
            return {**headers, **agent}
    else:
        scope = re.match(rb"AWS4-HMAC-SHA256 Credential=-/\d+/([\w-]+)/([\w-]+)/", request.headers["Authorization"])
        credentials = session.get_credentials()
        if scope is None or credentials is None:
            return None
        region, service = scope[1].decode(), scope[2].decode()

        def sign(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
            request = AWSRequest(method=method, url=url, headers={**headers, **agent}, data=body or b"")
            S3SigV4Auth(credentials.get_frozen_credentials(), service, region).add_auth(request)
            signed: Mapping[str, str] = request.headers
            return signed

    bundle = client_arguments["verify"] or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(True)
    tls = ssl.create_default_context()
    tls.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
    return FastLane(request.url[: -len("k")], sign, tls)


def _stop(request: Any, **_: Any) -> None:
    raise _SentError(request)
