"""`--copy`: one asset of the library for a person to open."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ..engine.fetch import fetch, fetch_resources, too_large
from ..errors import AssetError, StorageError, UsageError
from ..glb.container import read_container
from ..glb.document import parse_document, require_gltf_2
from ..glb.layout import lay_out, safe_name
from ..glb.references import keys_of, targets_of
from ..model.naming import uid
from ..model.text import printable
from ..storage.port import Storage
from .arguments import run_settings
from .ending import make_output
from .places import open_library
from .progress import print_event


def copy_asset(options: argparse.Namespace) -> None:
    """Lay the asset out in a new folder below `--output`, as a worker does before it imports it; print its path.

    Raises `AssetError` if it cannot be had or read.
    """
    storage = open_library(options)
    try:
        path = _copy(storage, options)
    except StorageError as error:
        raise AssetError("NotFetched", str(error)) from error
    finally:
        storage.close()
    if options.json:
        print_event("asset_copied", key=options.copy, path=str(path))
    else:
        print(printable(str(path), sys.stdout.encoding))


def _copy(storage: Storage, options: argparse.Namespace) -> Path:
    key, limits = options.copy, run_settings(options).limits
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
        return lay_out(container, targets, resources, _new_folder(options.output, key), name=safe_name(key))


def _new_folder(output: Path, key: str) -> Path:
    """An empty one: what the asset refers to may be called like anything, and must not replace a person's files."""
    make_output(output)
    try:
        return Path(tempfile.mkdtemp(prefix=f"{uid(key)}-", dir=output.resolve()))
    except OSError as error:
        raise UsageError(f"--output {output} cannot be used: {error.strerror}.") from error
