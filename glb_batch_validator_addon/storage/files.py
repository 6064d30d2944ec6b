"""Whole files or none: what the adapters share where they write to a disk."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import BadKeyError, DeniedError, FullError, NotFoundError, StorageError, UnavailableError

TEMPORARY_SUFFIX = ".glbv-tmp"
"""Names ending so are ours and unfinished; a listing leaves them out."""

_KINDS: dict[int, tuple[type[StorageError], str]] = {
    errno.ENOSPC: (FullError, "no space left on the disk"),
    errno.EDQUOT: (FullError, "the disk quota is used up"),
    errno.EFBIG: (FullError, "the file is too large for this disk"),
    errno.EACCES: (DeniedError, "the file permissions forbid it"),
    errno.EPERM: (DeniedError, "the file permissions forbid it"),
    errno.EROFS: (DeniedError, "the disk is read-only"),
    errno.ENAMETOOLONG: (BadKeyError, "the name is too long for this disk"),
    errno.EINVAL: (BadKeyError, "this disk does not take such a name"),
    errno.EILSEQ: (BadKeyError, "this disk does not take such a name"),
    errno.ENOENT: (NotFoundError, "there is no such file or folder"),
    errno.ENOTDIR: (NotFoundError, "there is no such file or folder"),
}


def disk_error(error: OSError, doing: str, *, key: str) -> StorageError:
    """The exception of ours for one of the operating system, as in "cannot write /a/b.json: the disk is read-only"."""
    kind, reason = _KINDS.get(error.errno or 0, (UnavailableError, error.strerror or type(error).__name__))
    return kind(f"cannot {doing}: {reason}", key=key)


@contextlib.contextmanager
def new_file(path: Path, *, key: str) -> Iterator[BinaryIO]:
    """A file to write; it appears under `path`, in place of an older one, when the block ends well and never otherwise.

    The folder must exist. Errors of the disk become children of `StorageError` that carry `key`. There is no
    fsync: after a power cut the file may be missing or empty, and the next run writes it again.
    """
    # Not made of the file's own name, which may already be as long as the disk allows.
    temporary = path.with_name(f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        try:
            with open(temporary, "xb") as file:
                yield file
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, f"write {printable(path)}", key=key) from error


def printable(path: Path | str) -> str:
    """A path for messages: bytes that are not UTF-8 shown as `\\xNN`, as a message must survive being printed."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
