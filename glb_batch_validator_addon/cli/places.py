"""The places that options name: the library, and where reports go."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..engine.run import PLANNER_THREADS
from ..errors import UsageError
from ..model.settings import RunSettings
from ..storage.folder import FolderStorage
from ..storage.port import Storage


def open_library(options: argparse.Namespace) -> Storage:
    """Not looked at yet: `Storage.check` does that."""
    if options.folder:
        return FolderStorage(options.folder)
    return _s3(options, options.bucket, options.prefix)


def open_reports(options: argparse.Namespace) -> Storage:
    """The place of `--reports-to`. Raises `UsageError` if the folder cannot be made."""
    place: str = options.reports_to
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        return _s3(options, bucket, f"{prefix.rstrip('/')}/" if prefix else "")
    folder = Path(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Reports cannot go to {folder}: {error.strerror}; name another place with --reports-to."
        ) from error
    return FolderStorage(folder)


def _s3(options: argparse.Namespace, bucket: str, prefix: str) -> Storage:
    from ..storage.s3 import S3Storage
    from ..storage.s3_options import S3Options

    return S3Storage(
        S3Options(
            bucket=bucket,
            prefix=prefix,
            endpoint_url=options.endpoint_url,
            region=options.region,
            profile=options.aws_profile,
            anonymous=options.no_sign_request,
            request_payer=options.request_payer,
            expected_bucket_owner=options.expected_bucket_owner,
            sse_kms_key_id=options.sse_kms_key_id,
            allow_http=options.allow_http,
            threads=RunSettings().io_threads + PLANNER_THREADS,
        )
    )
