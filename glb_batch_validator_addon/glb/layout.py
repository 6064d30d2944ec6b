"""An asset laid out on disk for Blender's importer: what it refers to lies where it is looked for, and nothing else."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..errors import AssetError
from ..model.library import is_asset
from ..model.wire import Resource
from .container import Container
from .references import Reference, Refused, Resolved, refuse, unsafe

ASSET_NAME = "glbv-asset.glb"
"""Of a copy whose own name does not matter, or cannot be used."""


def lay_out(
    container: Container,
    targets: Mapping[Reference, Resolved | Refused],
    resources: Mapping[str, Resource],
    top: Path,
    *,
    name: str = ASSET_NAME,
) -> Path:
    """A copy of the asset below the folder `top`, refused URIs replaced, with the fetched files; returns its path.

    Nothing is written outside of `top`, which is made if it is not there; what lies in it may be replaced.
    Raises AssetError (`DiskFull`, or `ReferencesClash` for names that exclude each other).
    """
    resolved = [target for target in targets.values() if isinstance(target, Resolved)]
    refused = [reference.pointer for reference, target in targets.items() if isinstance(target, Refused)]
    folder = top.joinpath(*["d"] * max((target.depth for target in resolved), default=0))
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target in resolved:
            if source := resources[target.key].path:
                place = folder / target.path
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
        path.write_bytes(refuse(container, refused) if refused else container.data)  # last: nothing replaces it
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise AssetError("DiskFull", f"There is no room to lay the asset out on disk: {error.strerror}.") from error
        raise AssetError(
            "ReferencesClash", f"Files that the asset refers to cannot lie side by side: {error.strerror}."
        ) from error
    return path


def safe_name(key: str) -> str:
    """The asset's own file name with what is special on any system replaced, or `ASSET_NAME` if that is not enough."""
    own = key.rpartition("/")[2]
    name = "".join("_" if letter in '<>:"|?*\\' or not letter.isprintable() else letter for letter in own)
    return ASSET_NAME if unsafe(name) or not is_asset(name) else name
