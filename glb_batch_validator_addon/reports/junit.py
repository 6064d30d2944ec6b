"""`junit.xml`: a test suite, an asset a test case, in the form of Jenkins' `junit-10.xsd` that all CI systems read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOBase
from typing import Any, TextIO, cast
from xml.sax.saxutils import XMLGenerator

from ..model.entry import Entries, Entry
from ..model.survey import RuleText, RunHead, Survey
from .common import counting, findings_of, folder_and_name, one_line, unchecked


def write_junit(out: TextIO, *, head: RunHead, survey: Survey, entries: Entries, rules: Mapping[str, RuleText]) -> None:
    xml = _Xml(cast(TextIOBase, out), "utf-8", short_empty_elements=True)
    xml.startDocument()
    counts = {
        "tests": str(head.counts["total"]),
        "failures": str(head.counts["fail"]),
        "errors": str(head.counts["error"]),
        "time": f"{head.seconds:.3f}",
    }
    skipped = str(head.counts["unsupported"] + head.counts["pending"])
    with (
        xml.element("testsuites", name="GLB Batch Validator", **counts),
        xml.element("testsuite", name=head.library, **counts, skipped=skipped, timestamp=head.started_at),
    ):
        with xml.element("properties"):
            for name in ("library", "id", "version", "profile", "started_at", "finished_at", "reason"):
                xml.leaf("property", name=name, value=str(getattr(head, name)))
        for entry in entries():
            folder, name = folder_and_name(entry.key)
            with xml.element("testcase", classname=folder, name=name):
                _result(xml, entry, head)
                if notes := list(_notes(entry)):
                    xml.leaf("system-out", notes)
    xml.endDocument()


class _Xml(XMLGenerator):
    """Elements, a line each; all text in them is made fit for XML."""

    @contextmanager
    def element(self, tag: str, /, **attributes: str) -> Iterator[None]:
        self._start(tag, attributes)
        self.ignorableWhitespace("\n")
        yield
        self._end(tag)

    def leaf(self, tag: str, /, lines: Iterable[str] = (), **attributes: str) -> None:
        self._start(tag, attributes)
        self.characters("\n".join(map(one_line, lines)))
        self._end(tag)

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.startElement(tag, {name: one_line(value) for name, value in attributes.items()})  # type: ignore[arg-type]

    def _end(self, tag: str) -> None:
        self.endElement(tag)
        self.ignorableWhitespace("\n")


def _result(xml: _Xml, entry: Entry, head: RunHead) -> None:
    """What makes the test case anything but passed."""
    error: Mapping[str, Any] = entry.brief.get("error") or {}
    errors = list(counting(entry, "error"))
    if entry.verdict is None:
        xml.leaf("skipped", message=f"Not validated: {head.reason or 'the run was interrupted'}")
    elif entry.verdict == "unsupported":
        xml.leaf("skipped", type=error["type"], message=error["message"])
    elif entry.verdict == "error":
        lines = [f"at stage {error['stage']}: {error['message']}", *map(_line, errors)]
        xml.leaf("error", lines, type=error["type"], message=error["message"])
    elif entry.verdict == "fail":
        more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
        xml.leaf("failure", map(_line, errors), type=errors[0]["code"], message=errors[0]["message"] + more)


def _notes(entry: Entry) -> Iterator[str]:
    """What a green test case must not hide: warnings, what is waived, what was not looked at; and where more is."""
    yield from map(_line, counting(entry, "warning"))
    for finding in findings_of(entry):
        if finding["waived"]:
            waiver = finding["waiver"]
            yield f"waived until {waiver['expires']} by {waiver['owner']} ({waiver['reason']}): {_line(finding)}"
    if needs := unchecked(entry):
        yield f"not checked: {', '.join(needs)}"
    if entry.verdict:
        yield f"report: {entry.report}"


def _line(finding: Mapping[str, Any]) -> str:
    named = (f'{kind} "{finding[kind]}"' for kind in ("mesh", "object") if finding[kind])
    where = ", ".join((*named, *filter(None, [finding["pointer"]])))
    return f"{finding['severity']} {finding['code']}: {finding['message']}" + (f" [{where}]" if where else "")
