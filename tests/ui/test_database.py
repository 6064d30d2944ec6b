"""The name of a farm's database."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.ui.database import has_password, is_here, without_password


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    monkeypatch.delenv("GLBV_DATABASE", raising=False)
    monkeypatch.delenv("GLBV_DATABASE_FILE", raising=False)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("postgresql://glbv:secret@db.studio/glbv", "postgresql://glbv@db.studio/glbv"),
        ("postgresql://glbv:s/e@cr:et@db.studio/glbv", "postgresql://glbv@db.studio/glbv"),
        ("postgresql://glbv@db.studio/glbv?password=secret", "postgresql://glbv@db.studio/glbv"),
    ],
)
def test_a_password_is_seen_and_taken_out(typed, kept):
    assert has_password(typed)
    assert without_password(typed) == kept
    assert not has_password(kept)


@pytest.mark.parametrize("name", ["", "/srv/farm.sqlite", "C:\\farm.sqlite", "postgresql://glbv@db.studio:5432/glbv"])
def test_what_holds_no_password_is_left_alone(name):
    assert not has_password(name)
    assert without_password(name) == name


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("farm.sqlite", True),
        ("postgresql://glbv@localhost/glbv", True),
        ("postgresql://glbv@127.0.0.1:5432/glbv", True),
        ("postgresql://glbv@[::1]/glbv", True),
        ("postgresql://glbv@db.studio/glbv", False),
        ("postgresql://glbv@10.0.0.4/glbv", False),
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
