"""`completion.csv`: the run in the form of a completion report of S3 Batch Operations, `Report_CSV_20180820`.

A row is bucket, key, version, `succeeded` or `failed`, HTTP status, error code, message, and there is no header: so
Amazon's reports are, though their manifests name error code and status the other way round. Keys are URL-encoded.
Without the header the file is a manifest as well, for us and for S3 Batch Operations.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TextIO
from urllib.parse import quote

from ..errors import UsageError
from ..model.entry import Entries, Entry
from ..model.survey import RuleText, RunHead, Survey
from .common import counting, raw_bytes
from .tables import harmless

SCHEME = "s3://"


def check_s3(library: str) -> None:
    """Raise `UsageError` unless the URI is that of a bucket: nothing else has what S3 Batch Operations works on."""
    if not library.startswith(SCHEME):
        raise UsageError("--format s3-batch is for libraries in a bucket; for a folder take csv.")


def write_completion(
    out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]
) -> None:
    """Raises `UsageError` as `check_s3`."""
    check_s3(head.library)
    bucket = head.library.removeprefix(SCHEME).partition("/")[0]
    table = csv.writer(out)
    for entry in entries():
        key = quote(raw_bytes(entry.key), safe="/")
        if key.startswith("-"):  # the one beginning of a formula that quote() leaves
            key = "%2D" + key[1:]
        table.writerow((bucket, key, "", *map(harmless, _outcome(entry, head))))


def _outcome(entry: Entry, head: RunHead) -> tuple[str, str, str, str]:
    """Task status, HTTP status, error code, message. The HTTP status is that of fetching; "" where it is not known."""
    error = entry.brief.get("error") or {}
    if entry.verdict is None:
        return "failed", "", "NotValidated", head.reason or "The run was interrupted."
    if error:
        return "failed", "" if error["stage"] == "fetch" else "200", error["type"], error["message"]
    if first := next(counting(entry, "error"), None):
        return "failed", "200", first["code"], first["message"]
    warnings = sum(1 for _ in counting(entry, "warning"))
    return "succeeded", "200", "", f"Successful (warnings: {warnings:,})" if warnings else "Successful"
