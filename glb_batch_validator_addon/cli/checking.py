"""`--check`: whether a library can be used, found out in a moment."""

from __future__ import annotations

import argparse
import contextlib
import sys

from ..model.text import printable
from .places import open_library, open_reports
from .progress import print_event


def check_library(options: argparse.Namespace) -> None:
    """Try what a run needs of its places, and print what was found. Raises `GlbvError` where one cannot be used."""
    with contextlib.ExitStack() as opened:
        storage = reports = open_library(options)
        opened.callback(storage.close)
        there = "there"
        if options.reports_to:
            storage.check(write=False)
            reports = open_reports(options)
            opened.callback(reports.close)
            there = f"to {reports.uri()}"
        tried = reports.check(write=True)
        first = next(iter(storage.list()), None)
        if first:
            storage.stat(first.key)  # may be forbidden where listing is not
        found = "can be read" if first else "can be listed, but there is nothing in it"
        written = f"Reports can be written {there}" if tried else f"Writing reports {there} was not tried"
        message = f"{storage.uri()} {found}. {written}."
        if options.json:
            print_event("library_checked", library=storage.uri(), message=message)
        else:
            print(printable(message, sys.stdout.encoding))
