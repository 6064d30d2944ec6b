"""A library in an S3 bucket, on AWS or on any server that speaks its protocol."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ..errors import ChangedError, GlbvError, UnavailableError, UsageError
from ..model.library import StoredObject
from .files import new_file
from .s3_errors import s3_error
from .s3_fast import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, open_lane
from .s3_options import S3Options

PART_BYTES = 8 << 20
"""A download asks for this much at a time."""

_CHUNK_BYTES = 1 << 20

_BODY_RETRY_WAITS_S = (0.2, 0.5, 1.0, 2.0)
"""Upper bounds of the random waits after a body that broke off: botocore retries only what fails before the body."""


_T = TypeVar("_T")


class _BrokenBodyError(UnavailableError):
    """The answer was good and its body ended early."""


class S3Storage:
    """The objects of one bucket under one prefix, through one boto3 session and client.

    ETags are kept without their quotes, as S3 Inventory writes them.
    """

    def __init__(self, options: S3Options) -> None:
        """Raise `UsageError` when the AWS configuration makes no client. Nothing is sent yet."""
        self.root = options.prefix[: options.prefix.rfind("/") + 1]
        self._options = options
        with self._translated("ListObjectsV2"):
            self._session, self._client_arguments = _session(options)
            self._client = self._session.client("s3", **self._client_arguments)
        self._lane = open_lane(
            self._session, bucket=options.bucket, client_arguments=self._client_arguments, anonymous=options.anonymous
        )
        self._common: dict[str, str] = {}
        if options.request_payer:
            self._common["RequestPayer"] = "requester"
        if options.expected_bucket_owner:
            self._common["ExpectedBucketOwner"] = options.expected_bucket_owner
        self._encryption: dict[str, str] = {}
        if options.sse_kms_key_id:
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.sse_kms_key_id}

    def uri(self, key: str = "") -> str:
        return f"s3://{self._options.bucket}/{key or self._options.prefix}"

    def check(self, *, write: bool) -> bool:
        from botocore.config import Config

        # A person waits for this answer: four attempts tell in seconds what eight tell in a minute.
        hasty = Config(retries={"mode": "standard", "total_max_attempts": 4}, read_timeout=20)
        arguments = {**self._client_arguments, "config": self._client_arguments["config"].merge(hasty)}
        try:
            with self._translated("ListObjectsV2"):
                page = self._session.client("s3", **arguments).list_objects_v2(
                    Bucket=self._options.bucket, Prefix=self._options.prefix, MaxKeys=1, **self._common
                )
        except UnavailableError as error:
            raise UsageError(str(error)) from None
        if "IsTruncated" not in page:
            raise UsageError(f"{self._options.endpoint_url} does not answer as an S3 server does: check --endpoint-url")
        return False

    def list(self) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._options.bucket, Prefix=self._options.prefix, **self._common
        )
        with self._translated("ListObjectsV2"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield _stored(entry["Key"], entry["Size"], entry)

    def stat(self, key: str) -> StoredObject:
        with self._translated("HeadObject", key):
            head = self._client.head_object(Bucket=self._options.bucket, Key=key, **self._common)
            return _stored(key, head["ContentLength"], head)

    def read(self, item: StoredObject) -> bytes:
        if self._lane and (got := self._lane.get(item.key, self._version(item))):
            data, etag = got
            if _bare(etag) == item.etag and len(data) == item.size_bytes:
                return data
        return self._again_if_broken(lambda: self._read_whole(item))

    def download(self, item: StoredObject, path: Path) -> None:
        with new_file(path, key=item.key) as file:
            if item.size_bytes <= PART_BYTES:
                file.write(self.read(item))
            while file.tell() < item.size_bytes:
                self._again_if_broken(lambda: self._append_part(item, file))

    def write(self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str]) -> str:
        parameters = {"ContentType": content_type, **self._encryption, **self._common}
        if self._lane and (etag := self._lane.put(key, data, metadata, parameters)):
            return _bare(etag)
        with self._translated("PutObject", key):
            done = self._client.put_object(
                Bucket=self._options.bucket, Key=key, Body=data, Metadata=dict(metadata), **parameters
            )
            return _bare(done["ETag"])

    def close(self) -> None:
        if self._lane:
            self._lane.close()
        self._client.close()

    def _version(self, item: StoredObject) -> dict[str, str]:
        return {"IfMatch": f'"{item.etag}"', **self._common}

    def _get(self, item: StoredObject, **parameters: str) -> Any:
        with self._translated("GetObject", item.key):
            answer = self._client.get_object(
                Bucket=self._options.bucket, Key=item.key, **self._version(item), **parameters
            )
        if _bare(answer["ETag"]) != item.etag:  # some servers do not look at If-Match
            answer["Body"].close()
            raise self._changed(item)
        return answer

    def _read_whole(self, item: StoredObject) -> bytes:
        body = self._get(item)["Body"]
        data = self._read_body(body, item)
        if len(data) != item.size_bytes:
            raise self._changed(item)
        return data

    def _append_part(self, item: StoredObject, file: BinaryIO) -> None:
        """Add the next part to the file. What arrived before a break stays, and is not asked for again."""
        first = file.tell()
        answer = self._get(item, Range=f"bytes={first}-{min(first + PART_BYTES, item.size_bytes) - 1}")
        if "ContentRange" not in answer:  # some servers do not look at Range and send everything
            file.seek(0)
            file.truncate()
        with answer["Body"] as body:
            while chunk := self._read_body(body, item, _CHUNK_BYTES):
                file.write(chunk)
        if file.tell() > item.size_bytes:
            raise self._changed(item)
        if file.tell() == first:
            raise _BrokenBodyError(f"{self.uri(item.key)} came without content", key=item.key)

    def _read_body(self, body: Any, item: StoredObject, limit_bytes: int | None = None) -> bytes:
        try:
            with self._translated("GetObject", item.key):
                data: bytes = body.read(limit_bytes)
                return data
        except UnavailableError as error:
            raise _BrokenBodyError(str(error), key=item.key) from None

    def _again_if_broken(self, attempt: Callable[[], _T]) -> _T:
        for wait_s in _BODY_RETRY_WAITS_S:
            try:
                return attempt()
            except _BrokenBodyError:
                time.sleep(random.uniform(0, wait_s))
        return attempt()

    def _changed(self, item: StoredObject) -> ChangedError:
        return ChangedError(f"{self.uri(item.key)} has changed since it was listed", key=item.key)

    @contextmanager
    def _translated(self, operation: str, key: str = "") -> Iterator[None]:
        try:
            yield
        except GlbvError:
            raise
        except Exception as error:
            # `from None`: the original may show what was signed where a traceback is printed.
            raise s3_error(error, operation, key, self._options) from None


def _session(options: S3Options) -> tuple[Any, dict[str, Any]]:
    """A boto3 session, and what to make its S3 clients with."""
    import boto3
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    # At DEBUG they print signatures, session tokens and whole requests; --verbose must not.
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    core = botocore.session.Session(profile=options.profile or None)
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    config = Config(
        signature_version=UNSIGNED if options.anonymous else None,
        retries={"mode": "standard", "max_attempts": 8},
        max_pool_connections=options.threads + 4,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        tcp_keepalive=True,
        response_checksum_validation="when_required",
    )
    if options.endpoint_url:
        # Not every server understands what AWS understands.
        config = config.merge(Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"))
    arguments = {
        "config": config,
        "endpoint_url": options.endpoint_url or None,
        "verify": core.get_config_variable("ca_bundle"),
    }
    return boto3.Session(botocore_session=core, region_name=options.region or None), arguments


def _timestamp(value: Any) -> datetime:
    """botocore's own parser takes 38 of the 60 ms of CPU that a page of a listing costs, this one less than 1 ms."""
    from botocore.utils import parse_timestamp

    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _stored(key: str, size_bytes: int, answer: Mapping[str, Any]) -> StoredObject:
    modified = answer["LastModified"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return StoredObject(key, size_bytes, _bare(answer["ETag"]), modified)
