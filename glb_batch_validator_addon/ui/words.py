"""Text from the engine and from libraries, made fit for the panel. No bpy."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from urllib.request import url2pathname

# The engine speaks of its options; a person at the panel sees fields and buttons.
_WORDS = {
    "go on with --resume": "validate again to go on",
    "--allow-plaintext": "Allow Plaintext",
    "--database-ca": "Certificate",
    "--database": "Database",
    "--no-sign-request": "Anonymous",
    "--request-payer": "Requester Pays",
    "--expected-bucket-owner": "Bucket Owner",
    "--sse-kms-key-id": "KMS Key",
    "--endpoint-url": "Endpoint",
    "--aws-profile": "AWS Profile",
    "--allow-http": "Allow HTTP",
    "--reports-to": "Reports To",
    "--waivers": "Waivers",
    "--profile": "Profile",
    "--previews": "Previews",
    "--depth": "Depth",
    "--bucket": "Bucket",
    "--prefix": "Prefix",
    "--folder": "Folder",
    "--region": "Region",
}


def in_panel_words(message: str) -> str:
    """The message with the names of fields instead of options, and paths instead of `file:` URIs."""
    message = re.sub(r"file://\S+", lambda found: local(found[0]), message)
    for option, label in _WORDS.items():
        message = message.replace(option, label)
    first = message.partition(" ")[0]
    return f"{first.capitalize()}{message[len(first) :]}" if first.isalpha() and first.islower() else message


def local(uri: str) -> str:
    """The path that a `file:` URI stands for; any other text as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return url2pathname(
        f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path
    )  # a share of Windows has a host


def plain(markdown: str) -> str:
    """Without the marks of emphasis and of code, which labels do not show."""
    return re.sub(r"\*(\S[^*]*)\*", r"\1", markdown).replace("`", "")


def unicode(text: str) -> str:
    """Without lone surrogates, which Blender does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def drawable(text: str) -> str:
    """Fit for a label: Unicode, in one line."""
    return " ".join(unicode(text).split())
