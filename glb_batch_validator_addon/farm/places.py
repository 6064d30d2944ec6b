"""Where broker and database are, with which passwords, and whether the way there may be trusted."""

from __future__ import annotations

import argparse
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ..engine.database import Database
from ..errors import UsageError
from ..model.address import has_password, is_here, is_mistyped
from .migrate import check_version

DATABASE, BROKER = "GLBV_DATABASE", "GLBV_BROKER"
"""Environment variables with their URLs; with `_FILE` behind the name, with a file that holds one."""

_POSTGRES = "postgresql+pg8000"
_ENCRYPTED = ("amqps", "rediss", "sqs")


def add_places(parser: argparse.ArgumentParser, *, broker: bool = True) -> None:
    """The options that name them."""
    places = parser.add_argument_group(
        "broker and database",
        "Passwords stay out of options, which everybody on the machine can read: put the whole URL into the\n"
        "variable, or into the file that the variable's name with _FILE behind it names.",
    )
    places.add_argument(
        "--database",
        metavar="URL",
        help=f"postgresql://user@host/name, or a SQLite file for one machine (default: ${DATABASE})",
    )
    places.add_argument("--database-ca", type=Path, metavar="FILE", help="certificate that the database's is signed by")
    if broker:
        places.add_argument(
            "--broker", metavar="URL", help=f"amqps://user@host/vhost, rediss://host/0 or sqs:// (default: ${BROKER})"
        )
        places.add_argument("--broker-ca", type=Path, metavar="FILE", help="certificate that the broker's is signed by")
    places.add_argument(
        "--allow-plaintext", action="store_true", help="allow an unencrypted broker or database on another machine"
    )


def database_url(options: argparse.Namespace) -> str:
    """A URL for SQLAlchemy, or the path of a file. Raises `UsageError`."""
    url = _named(options.database, DATABASE, "--database")
    if "://" not in url:
        if is_mistyped(url):
            raise UsageError("The database is neither a path nor a URL such as postgresql://user@host/name.")
        return url
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", _POSTGRES):
        raise UsageError(f"The database is {scheme}://; it has to be postgresql:// or the path of a SQLite file.")
    try:
        made = make_url(f"{_POSTGRES}://{rest}")
    except (ArgumentError, ValueError) as error:
        raise _unreadable("database", "postgresql://user@host:port/name") from error
    if "host" in made.query:
        raise UsageError("Name the database's host before its name, and not behind it with ?host=.")
    return made.render_as_string(hide_password=False)  # encoded, so that all who read it see the same host in it


def open_database(options: argparse.Namespace, *, check: bool = True) -> Database:
    """The database of a farm. Raises `UsageError` if it cannot be used, or has other tables than this version."""
    url = database_url(options)
    if "://" not in url:
        return Database(Path(url))
    database = Database(url, ssl_context=_context(url, options))
    if check:
        check_version(database)
    return database


def broker_url(options: argparse.Namespace) -> str:
    """The URL of the broker, for Celery."""
    url = _named(options.broker, BROKER, "--broker")
    if ";" in url:
        raise UsageError("Name one broker: of several, divided by semicolons, the certificate of one could be checked.")
    try:
        scheme, _ = urlsplit(url).scheme, urlsplit(url).port
    except ValueError as error:
        raise _unreadable("broker", "amqps://user@host:port/vhost") from error
    if scheme not in ("amqp", "redis", *_ENCRYPTED):
        raise UsageError("The broker has to be amqp:// or amqps:// (RabbitMQ), redis:// or rediss://, or sqs://.")
    if scheme not in _ENCRYPTED:
        _refuse_plaintext(url, options, "broker", f"{scheme}s://")
    return url


def broker_ssl(options: argparse.Namespace, url: str) -> dict[str, Any] | None:
    """Celery's `broker_use_ssl`: the server has to show a certificate for its name."""
    if not url.startswith(("amqps", "rediss")):
        return None
    name = {"server_hostname": urlsplit(url).hostname} if url.startswith("amqps") else {}
    prefix = "ssl_" if url.startswith("rediss") else ""
    # Without a file both clients take those of the system, which Python may have in a folder or from Windows.
    authorities = {f"{prefix}ca_certs": str(options.broker_ca)} if options.broker_ca else {}
    return {f"{prefix}cert_reqs": ssl.CERT_REQUIRED, **authorities, **name}


def _context(url: str, options: argparse.Namespace) -> ssl.SSLContext | bool:
    """Encrypted and verified where a certificate is named or the database is elsewhere."""
    if options.database_ca or not (is_here(url) or options.allow_plaintext):
        try:
            return ssl.create_default_context(cafile=options.database_ca)
        except OSError as error:
            raise UsageError(f"--database-ca {options.database_ca} cannot be used: {error}.") from error
    return False  # None would be: encrypted if the server likes, and whoever it is


def _named(option: str | None, variable: str, name: str) -> str:
    if option:
        if has_password(option):
            raise UsageError(
                f"Leave the password out of {name}: everybody on this machine can read it. Use ${variable}."
            )
        return option
    if url := os.environ.get(variable):
        return url
    if file := os.environ.get(f"{variable}_FILE"):
        try:
            return Path(file).read_text("utf-8").strip()
        except OSError as error:
            raise UsageError(f"${variable}_FILE names {file}, which cannot be read: {error.strerror}.") from error
    raise UsageError(f"Name it with {name}, ${variable} or ${variable}_FILE; `farm --help` says how.")


def _unreadable(what: str, example: str) -> UsageError:
    """Without what the parser said, which quotes parts of a password that is not encoded."""
    return UsageError(f"The {what}'s URL cannot be read: it has to be as {example}, with %40 for an @ in a password.")


def _refuse_plaintext(url: str, options: argparse.Namespace, what: str, instead: str) -> None:
    if not is_here(url) and not options.allow_plaintext:
        raise UsageError(
            f"The {what} is on another machine and its password would go there unencrypted: use {instead}, or"
            " --allow-plaintext in a network that nobody else is in."
        )
