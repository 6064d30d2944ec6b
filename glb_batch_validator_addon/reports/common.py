"""What the writers of all formats share: the words for a finding and its place, and text made fit for any file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..model.entry import Entry
from ..model.finding import in_words
from ..model.survey import RuleText
from ..model.text import printable


def one_line(text: str) -> str:
    """`text` without line breaks, control characters, lone surrogates and marks that turn writing around: those are
    written as escapes. XML 1.0, JSON and UTF-8 can hold all that is left."""
    return text if text.isprintable() else printable(text, None)


def findings_of(entry: Entry) -> list[dict[str, Any]]:
    """`Finding` as JSON, the worst first, those that are waived last."""
    return entry.extract["findings"] if entry.extract else []


def counting(entry: Entry, *severities: str) -> Iterator[dict[str, Any]]:
    """Its findings of these severities that are not waived."""
    return (finding for finding in findings_of(entry) if finding["severity"] in severities and not finding["waived"])


def unchecked(entry: Entry) -> list[str]:
    """What could not be looked at, or not everywhere: `Need`s, each once. A picture is for people, and no check."""
    gaps = entry.extract["coverage"] if entry.extract else ()
    return list(dict.fromkeys(gap["need"] for gap in gaps if gap["need"] != "preview"))


def title_of(code: str, rules: Mapping[str, RuleText]) -> str:
    """What is wrong, in a few words: the rule's title, or its code as words."""
    return rules[code].title if code in rules else one_line(in_words(code))


def folder_and_name(key: str) -> tuple[str, str]:
    """ "props/chair.glb" -> ("props", "chair.glb"); the folder of what lies at the top is "/"."""
    folder, _, name = key.rpartition("/")
    return folder or "/", name


def address(uri: str) -> str:
    """`Storage.uri` as a URI of RFC 3986: an `s3://` one holds the key as it is, a `file://` one is encoded already."""
    scheme, separator, rest = uri.partition("://")
    return uri if scheme == "file" else scheme + separator + quote(raw_bytes(rest), safe="/")


def raw_bytes(name: str) -> bytes:
    """The bytes of a key or file name, also of one that is not Unicode (PEP 383 under Linux, UTF-16 under Windows)."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
