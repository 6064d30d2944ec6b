"""The name of a farm's database."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.ui.database import is_here


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    monkeypatch.delenv("GLBV_DATABASE", raising=False)
    monkeypatch.delenv("GLBV_DATABASE_FILE", raising=False)


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("farm.sqlite", True),
        ("postgresql://glbv@localhost/glbv", True),
        ("postgresql://glbv@db.studio/glbv", False),
        ("", True),
    ],
)
def test_whether_it_is_on_this_machine(name, here):
    assert is_here(name) == here


def test_without_a_name_that_of_the_environment_counts(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("postgresql://glbv:secret@db.studio/glbv\n")
    monkeypatch.setenv("GLBV_DATABASE_FILE", str(tmp_path / "url"))
    assert not is_here("")
    monkeypatch.setenv("GLBV_DATABASE", "postgresql://glbv:secret@localhost/glbv")
    assert is_here("")
    assert not is_here("postgresql://glbv@db.studio/glbv")
