"""What holds for all formats: one signature, any library, bounded memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from glb_batch_validator_addon.reports.formats import FORMATS, Writer
from glb_batch_validator_addon.reports.tables import ASSET_COLUMNS, FINDING_COLUMNS
from tests.conftest import ROOT
from tests.reports import entries

FILES = {name: write for chosen in FORMATS.values() for name, write in chosen.files.items()}
MAX_GROWTH_MB = 8


def test_the_documentation_names_every_format_file_and_column() -> None:
    text = (ROOT / "docs/formats.md").read_text("utf-8")
    named = (*FORMATS, *FILES, *ASSET_COLUMNS, *FINDING_COLUMNS)
    assert [name for name in named if f"`{name}`" not in text] == []


def test_no_two_files_have_the_same_name() -> None:
    assert len(FILES) == sum(len(chosen.files) for chosen in FORMATS.values())


@pytest.mark.parametrize("write", FILES.values(), ids=list(FILES))
def test_a_writer_reads_entries_anew_and_writes_the_same_again(write: Writer) -> None:
    run = entries.small()
    assert run.written(write) == run.written(write)


@pytest.mark.parametrize("write", FILES.values(), ids=list(FILES))
def test_an_empty_library_and_hostile_names_can_be_written_as_utf_8(write: Writer) -> None:
    for run in (entries.made(()), entries.hostile()):
        assert run.written(write).encode().decode() == run.written(write)


SCRIPT = """
import io, resource, sys
from glb_batch_validator_addon.reports.formats import FORMATS
from tests.reports import entries

class Nowhere(io.TextIOBase):
    def write(self, text):
        return len(text)

def write_all(count):
    run = entries.many(count)
    for chosen in FORMATS.values():
        for write in chosen.files.values():
            write(Nowhere(), head=run.head, survey=run.survey, entries=run.entries, rules=run.rules)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

write_all(100)
print(write_all(1000), write_all(int(sys.argv[1])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
def test_memory_does_not_grow_with_the_library() -> None:
    command = (sys.executable, "-c", SCRIPT, "100000")
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=300).stdout
    few, many = map(float, said.split())
    assert many - few < MAX_GROWTH_MB
