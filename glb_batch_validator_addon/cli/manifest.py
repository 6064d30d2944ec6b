"""Manifests: the keys to validate from a file instead of a listing."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import unquote_plus

from ..errors import UsageError
from ..model.library import is_asset

MAX_KEY_BYTES = 1024
"""The longest key S3 allows; a longer line is no key."""


def keys_of_manifest(options: argparse.Namespace) -> Iterator[str]:
    """The keys of `--manifest` under `--prefix`. Raises `UsageError` at once if there is no such file.

    It is not looked for before: whoever works at a farm's run, or watches it, needs none. Nor does whoever resumes one
    that was listed.
    """
    if not options.resume and not options.manifest.is_file():
        raise UsageError(f"There is no manifest {options.manifest}.")
    return (key for key in read_manifest(options.manifest, bucket=options.bucket) if key.startswith(options.prefix))


def read_manifest(path: Path, *, bucket: str | None) -> Iterator[str]:
    """Keys of assets, in the order of the file, one at a time.

    Three kinds are told apart by themselves: plain keys, one a line (`#` comments); S3 Batch Operations CSV
    (`bucket,key[,version]`, keys URL-encoded); S3 Inventory, as its `manifest.json` with the CSV files it names lying
    beside it or below, gzipped or not, or as one such CSV file. Rows of other buckets and keys that are no assets are
    passed over. Raises `UsageError` if the file cannot be read as any of these.
    """
    try:
        if path.suffix == ".json":
            yield from _inventory(path, bucket)
            return
        with _open(path) as lines:
            table: bool | None = None  # told by the first row
            for line in lines:
                text = line.rstrip("\r\n")
                if not text.strip() or text.startswith("#"):
                    continue
                if table is None:
                    table = text.startswith('"') or (bucket is not None and text.startswith(f"{bucket},"))
                row = next(csv.reader([text])) if table else [bucket or "", text]
                key = unquote_plus(row[1], errors="surrogateescape") if table else text
                if len(key.encode(errors="surrogateescape")) > MAX_KEY_BYTES:
                    raise ValueError(f"a line of {len(text):,} characters is no key")
                if (bucket is None or row[0] == bucket) and is_asset(key):
                    yield key
    except (OSError, EOFError, zlib.error, csv.Error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"The manifest {path} cannot be read: {type(error).__name__}: {error}") from error


def _inventory(path: Path, bucket: str | None) -> Iterator[str]:
    manifest = json.loads(path.read_text("utf-8"))
    if not isinstance(manifest, dict) or manifest.get("fileFormat") != "CSV":
        raise UsageError(f"The inventory {path} is not in CSV format; set the inventory to CSV.")
    columns = [name.strip() for name in manifest["fileSchema"].split(",")]
    bucket_at, key_at = columns.index("Bucket"), columns.index("Key")
    latest_at = columns.index("IsLatest") if "IsLatest" in columns else None
    for entry in manifest["files"]:
        name = entry["key"]
        places = [path.parent / name, path.parent / Path(name).name, path.parent / "data" / Path(name).name]
        data = next((place for place in places if place.is_file()), None)
        if data is None:
            raise UsageError(f"The inventory names {name}, which does not lie beside {path}; download it there.")
        with _open(data) as lines:
            for row in csv.reader(lines):
                if latest_at is not None and row[latest_at] == "false":
                    continue
                key = unquote_plus(row[key_at], errors="surrogateescape")
                if (bucket is None or row[bucket_at] == bucket) and is_asset(key):
                    yield key


def _open(path: Path) -> IO[str]:
    """As UTF-8 text, unzipped if its first bytes say gzip."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    options = {"mode": "rt", "encoding": "utf-8-sig", "newline": ""}
    return gzip.open(path, **options) if zipped else path.open(**options)  # type: ignore[call-overload,no-any-return]
