"""The name of a farm's database: that it holds no password, and whether it is on this machine. No bpy."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

VARIABLE = "GLBV_DATABASE"
"""Of the environment; it may hold a whole URL. With `_FILE` behind it, the name of a file that does."""

NO_PASSWORD = f"Leave the password out: it would be kept where others can read it. Put the whole URL into ${VARIABLE}"

_PASSWORD = re.compile(r"(?<=://)([^/?#@:]*):[^?#]*@|[?&]password=[^&#]*", re.IGNORECASE)


def has_password(database: str) -> bool:
    """Whether this text holds what must not be kept, nor be on a command line."""
    return bool(_PASSWORD.search(database))


def without_password(database: str) -> str:
    """What may be kept of it."""
    return _PASSWORD.sub(lambda found: f"{found[1]}@" if found[1] is not None else "", database)


def is_here(database: str) -> bool:
    """Whether this database, or that of the environment where it is "", is a file or a server on this machine.

    What is named nowhere is left to the engine, which says so. Raises OSError.
    """
    url = database or os.environ.get(VARIABLE) or _in_file(os.environ.get(f"{VARIABLE}_FILE"))
    if "://" not in url:
        return True
    host = unquote(urlsplit(url).hostname or "localhost")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_file(name: str | None) -> str:
    return Path(name).read_text("utf-8").strip() if name else ""
