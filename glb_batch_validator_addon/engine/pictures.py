"""Pictures of assets outside of Blender: beside the reports, and in a folder of this machine that keeps them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..errors import GlbvError, StorageError
from ..model.limits import MIB
from ..model.naming import preview_key
from ..model.preview import Preview, mime_type, recorded
from ..model.report import Report, from_json
from ..storage.port import Storage

MAX_KEPT_BYTES = 1024 * MIB
"""Of the folder of pictures, at the start of a run: some 200,000 of 256 pixels in WebP."""

MAX_PICTURE_BYTES = 4 * MIB
"""A larger file beside a report is no picture of ours: 512 pixels without any compression take 0.8 MB."""


def folder_of_pictures(folder: Path) -> Path | None:
    """The folder, made if it has to be, without the oldest of what is above `MAX_KEPT_BYTES`; None if it cannot be
    written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with os.scandir(folder) as entries:
            there = [(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries]
    except OSError:
        return None
    total = 0
    for _, size, path in sorted(there, reverse=True):
        total += size
        if total > MAX_KEPT_BYTES:
            with contextlib.suppress(OSError):  # another run may have been quicker
                os.unlink(path)
    return folder if os.access(folder, os.W_OK) else None


def write_picture(
    reports: Storage, report: Report, preview: Preview, *, folder: Path, report_key: str, template: str
) -> Report:
    """Write the picture beside the report that is about to be written, and name it in there.

    A file of the picture's name that is none of ours is left alone, and the picture gets another name. What goes wrong
    costs the report nothing but the picture, and stands in its coverage.
    """
    suffix = preview.file.rpartition(".")[2]
    try:
        data = Path(folder, preview.file).read_bytes()
        key = preview_key(report_key, template, suffix=suffix)
        if not _is_free(reports, key, data, report_key):
            key = preview_key(report_key, template, suffix=suffix, uid_of=report.asset.key)
        metadata = {"glbv-etag": report.asset.etag}
        reports.write(key, data, content_type=mime_type(preview.file), metadata=metadata)
    except (GlbvError, OSError) as error:
        gap: dict[str, Any] = {
            "need": "preview",
            "reason": f"The picture could not be written: {error}",
            "places": None,
            "rules": [],
        }
        return replace(report, coverage=[*report.coverage, gap])
    written = replace(preview, name=key.rpartition("/")[2])
    return replace(report, run=report.run | {"preview": asdict(written)})


def _is_free(reports: Storage, key: str, data: bytes, report_key: str) -> bool:
    """Whether nothing of anybody else's is there: no file, the same picture, or the one that our last report names."""
    try:
        there = reports.stat(key)
    except StorageError:  # not found, or not to be looked at and then hardly to be written
        return True
    try:
        if there.size_bytes == len(data) and reports.read(there) == data:
            return True
        named = recorded(from_json(reports.read(reports.stat(report_key))).run)
    except (StorageError, ValueError):
        return False
    return named is not None and named["name"] == key.rpartition("/")[2]


def brief_of(report: Report, reports: Storage, report_key: str) -> dict[str, Any]:
    """`Report.brief`, with the URI of the picture beside the report and its name in the folder of pictures."""
    named = recorded(report.run)
    return report.brief() | {
        "preview": reports.uri(_beside(report_key, named["name"])) if named else None,
        "preview_file": named["file"] if named else None,
    }


class Pictures:
    """Finds the bytes of pictures. Tolerates everything: without a picture there is None."""

    def __init__(self, folder: Path, reports: Storage | None = None) -> None:
        """`folder` keeps pictures; `reports` is asked for what is not there."""
        self._folder = folder
        self._reports = reports

    def kept(self, brief: Mapping[str, Any]) -> Path | None:
        """The picture in the folder, for a brief of `brief_of`. Touches the disk and no network."""
        file = brief.get("preview_file")
        if not isinstance(file, str) or file != Path(file).name:
            return None
        path = self._folder / file
        return path if path.is_file() else None

    def of(self, report_key: str, brief: Mapping[str, Any]) -> tuple[str, bytes] | None:
        """MIME type and bytes, from the folder, else from beside the report, and then the folder has them."""
        try:
            if path := self.kept(brief):
                return mime_type(path.name), path.read_bytes()
            return self._fetched(report_key, brief)
        except (GlbvError, OSError, ValueError):
            return None

    def _fetched(self, report_key: str, brief: Mapping[str, Any]) -> tuple[str, bytes] | None:
        reports, uri, file = self._reports, brief.get("preview"), brief.get("preview_file")
        if reports is None or not isinstance(uri, str) or not isinstance(file, str) or file != Path(file).name:
            return None
        last = uri.rpartition("/")[2]
        keys = (_beside(report_key, name) for name in (last, unquote(last, errors="surrogateescape")))
        key = next((key for key in keys if reports.uri(key) == uri), None)
        item = reports.stat(key) if key else None
        if item is None or item.size_bytes > MAX_PICTURE_BYTES:
            return None
        data = reports.read(item)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = self._folder / f"{file}.{os.getpid()}.part"
            partial.write_bytes(data)
            partial.replace(self._folder / file)
        return mime_type(file), data


def _beside(report_key: str, name: str) -> str:
    return report_key[: report_key.rfind("/") + 1] + name
