"""`--copy`: one asset of the library for a person to open."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from ..engine.fetch import fetch, fetch_resources, too_large
from ..engine.planner import MAX_REPORT_BYTES
from ..errors import AssetError, GlbvError, StorageError, UsageError
from ..glb.container import read_container
from ..glb.document import parse_document, require_gltf_2
from ..glb.layout import lay_out, safe_name
from ..glb.references import keys_of, targets_of
from ..model.library import StoredObject
from ..model.limits import MIB, Limits
from ..model.naming import report_key, twin_template, uid
from ..model.report import from_json
from ..model.text import printable
from ..storage.port import Storage
from .places import make_folder, open_library, open_reports
from .progress import print_event

REPORT_NAME = "glbv-report.json"
"""Of the report beside the copy."""


def copy_asset(options: argparse.Namespace) -> None:
    """Lay the asset out in a new folder below `--output`, as a worker does before it imports it; print its path.

    Its report is laid beside it, if there is one about this version; the event says where.
    Raises `AssetError` if the asset cannot be had or read.
    """
    with contextlib.ExitStack() as opened:
        storage = open_library(options)
        opened.callback(storage.close)
        try:
            item, path = _copy(storage, options)
        except StorageError as error:
            raise AssetError("NotFetched", str(error)) from error
        report = None
        with contextlib.suppress(GlbvError, OSError):  # the asset can be opened without it
            reports = storage
            if options.reports_to:
                reports = open_reports(options)
                opened.callback(reports.close)
            if data := _report(reports, item, root=storage.root, template=options.report_name):
                with path.with_name(REPORT_NAME).open("xb") as file:  # the asset may refer to a file of that name
                    file.write(data)
                report = file.name
    if options.json:
        print_event("asset_copied", key=options.copy, path=str(path), report=report)
    else:
        print(printable(str(path), sys.stdout.encoding))


def _report(reports: Storage, item: StoredObject, *, root: str, template: str) -> bytes | None:
    """The report about exactly this version of an asset, by either name that a run may have given it."""
    for name in dict.fromkeys((template, twin_template(template))):
        key = reports.root + report_key(item.key[len(root) :], name, uid_of=item.key)
        with contextlib.suppress(StorageError, ValueError):  # it is not there, no report, or of another version
            found = reports.stat(key)
            if found.size_bytes <= MAX_REPORT_BYTES:
                data = reports.read(found)
                about = from_json(data).asset
                if (about.key, about.etag) == (item.key, item.etag):
                    return data
    return None


def _copy(storage: Storage, options: argparse.Namespace) -> tuple[StoredObject, Path]:
    # Not those of `run_settings`: what is wrong with a profile keeps nobody from looking at an asset.
    key, limits = options.copy, Limits(max_size_bytes=options.max_size_mb * MIB)
    if not key.startswith(storage.root):
        raise UsageError(f"{key} is not in {storage.uri()}: --copy takes the whole key.")
    item = storage.stat(key)
    if options.if_match and item.etag != options.if_match:
        raise AssetError("Changed", "The asset has changed since then: validate it again.")
    if reason := too_large(item, limits):
        raise AssetError("TooLarge", reason)
    with tempfile.TemporaryDirectory() as temporary:
        fetched = Path(temporary, "asset")
        fetch(storage, item, fetched, limits)
        container = read_container(fetched.read_bytes(), limits)
        document = parse_document(container, limits)
        require_gltf_2(document)
        targets = targets_of(container, document, asset_key=key, root=storage.root, limits=limits)
        resources = fetch_resources(storage, keys_of(targets), Path(temporary, "resources"), limits)
        top = _new_folder(Path(options.output), key)
        return item, lay_out(container, targets, resources, top, name=safe_name(key))


def _new_folder(output: Path, key: str) -> Path:
    """An empty one: what the asset refers to may be called like anything, and must not replace a person's files."""
    make_folder(output, option="--output")
    try:
        return Path(tempfile.mkdtemp(prefix=f"{uid(key)}-", dir=output.resolve()))
    except OSError as error:
        raise UsageError(f"--output {output} cannot be used: {error.strerror}.") from error
