"""Makes the report of an asset and writes it. Called in storage threads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..model.report import Report
from ..storage.port import Storage


def run_block(*, digest: str, seconds: Mapping[str, float], versions: Mapping[str, str]) -> dict[str, Any]:
    """The block of a report that may differ from run to run: now, seconds by stage, versions; no picture yet."""
    return {
        **run_stamp(digest),
        "seconds": {stage: round(value, 6) for stage, value in seconds.items()},
        "versions": {"glb_batch_validator": __version__, **versions},
        "preview": None,
    }


def run_stamp(digest: str) -> dict[str, Any]:
    """When a report was written, and under which settings."""
    written_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"written_at": written_at, "settings": digest}


def write_report(reports: Storage, key: str, report: Report) -> str:
    """Write the report and, as metadata, what tells whether it is up to date; returns the ETag of what was written."""
    metadata = {
        "glbv-etag": report.asset.etag,
        "glbv-version": __version__,
        "glbv-settings": report.run["settings"],
        "glbv-verdict": report.verdict,
    }
    return reports.write(key, report.to_json(), content_type="application/json", metadata=metadata)
