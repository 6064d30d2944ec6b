"""The places that options name: the library, and where reports go."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..engine.run import PLANNER_THREADS
from ..errors import UsageError
from ..model.settings import RunSettings
from ..storage.folder import FolderStorage
from ..storage.port import Storage

_S3 = "s3://"


def open_library(options: argparse.Namespace) -> Storage:
    """Not looked at yet: `Storage.check` does that."""
    if options.folder:
        return FolderStorage(options.folder)
    return _s3(options, options.bucket, options.prefix)


def open_reports(options: argparse.Namespace) -> Storage:
    """The place of `--reports-to`. Raises `UsageError` if the folder cannot be made."""
    place: str = options.reports_to
    if not is_bucket(place):
        make_folder(Path(place), option="--reports-to")
    return open_place(options, place)


def open_output(options: argparse.Namespace) -> Path | Storage | None:
    """The place of `--output`, made or looked at before the work, so that a night's run does not end without its
    summary. Raises `UsageError` if it cannot be used."""
    if not options.output:
        return None
    if not is_bucket(options.output):
        make_folder(Path(options.output), option="--output")
        return Path(options.output)
    storage = open_place(options, options.output)
    storage.check(write=True)
    return storage


def open_place(options: argparse.Namespace, place: str) -> Storage:
    """A folder, its `file://` URI or `s3://bucket/prefix/`; not looked at yet."""
    if is_bucket(place):
        bucket, _, prefix = place.removeprefix(_S3).partition("/")
        return _s3(options, bucket, f"{prefix.rstrip('/')}/" if prefix else "")
    return FolderStorage(url2pathname(urlsplit(place).path) if place.startswith("file://") else place)


def is_bucket(place: str) -> bool:
    return place.startswith(_S3)


def make_folder(folder: Path, *, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {folder} cannot be used: {error.strerror}.") from error


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
