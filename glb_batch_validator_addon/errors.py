"""The exceptions of the product. `str()` of each is a sentence that a person can act on."""

from __future__ import annotations


class GlbvError(Exception):
    """Base of every exception that this product raises on purpose."""


class UsageError(GlbvError):
    """The run cannot start or go on: options, configuration, credentials, permissions. Exit code 2."""


class InterruptedRunError(GlbvError):
    """It was stopped before it could be left to others: it may be begun again."""


class AssetError(GlbvError):
    """One asset cannot be processed; its report carries this as `error` and the batch goes on.

    `kind` is a stable CamelCase word for machines (`GitLfsPointer`, `Truncated`, ...), the message is for people.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class UnsupportedAssetError(AssetError):
    """The asset may well be valid, but needs something that this Blender lacks: status `unsupported`."""


class StorageError(GlbvError):
    """One object could not be listed, read or written. Raised as one of the children below."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class NotFoundError(StorageError):
    """There is no such object (any more)."""


class ChangedError(StorageError):
    """The object is not the version that was listed."""


class DeniedError(StorageError):
    """Permissions forbid it; the message names the permission that is missing."""


class UnavailableError(StorageError):
    """The storage did not answer, or kept answering with a passing fault, through all retries."""


class BadKeyError(StorageError):
    """The storage cannot have an object of this name."""


class FullError(StorageError):
    """No space left to write to."""
