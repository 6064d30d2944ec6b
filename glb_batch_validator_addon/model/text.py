"""Text of a library's making, which may hold anything, made fit for terminals and logs."""

from __future__ import annotations


def printable(text: str, encoding: str | None) -> str:
    """Without control characters, which could steer a terminal, and without what the encoding lacks."""
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return shown.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")
