"""Addresses of servers as people name them: whether they hold a password, and whether they lead off this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

# What is no well-formed URL may hold one all the same, so everything between a name's colon and the last @ counts.
_PASSWORD = re.compile(r"(?<=://)([^/?#@:]*):.*@|[?&]password=[^&#]*", re.IGNORECASE)

# A scheme and a slash, or a name and a password; a drive of Windows is neither.
_MISTYPED = re.compile(r"(?![A-Za-z]:[\\/])[^/\\]*:(?:/|.*@)")


def has_password(address: str) -> bool:
    """Whether this text holds what must not be kept, nor be on a command line."""
    return bool(_PASSWORD.search(address))


def without_password(address: str) -> str:
    """What may be kept of it."""
    return _PASSWORD.sub(lambda found: f"{found[1]}@" if found[1] is not None else "", address)


def is_mistyped(path: str) -> bool:
    """Whether what has no `://`, and so would be a file, was meant as a URL: `postgresql:/me:secret@host/name`."""
    return bool(_MISTYPED.match(path))


def is_here(url: str) -> bool:
    """Whether its server is on this machine. Of what is no URL nobody can say that it is."""
    try:
        host = unquote(urlsplit(url).hostname or "localhost")
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
