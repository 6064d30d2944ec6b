"""Addresses as people name them."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.model.address import has_password, is_here, is_mistyped, without_password


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("postgresql://glbv:secret@db.studio/glbv", "postgresql://glbv@db.studio/glbv"),
        ("postgresql://glbv:s/e@cr:et@db.studio/glbv", "postgresql://glbv@db.studio/glbv"),
        ("postgresql://glbv:s#e?cret@db.studio/glbv", "postgresql://glbv@db.studio/glbv"),
        ("postgresql://glbv@db.studio/glbv?password=secret", "postgresql://glbv@db.studio/glbv"),
        ("redis://:secret@mq.studio/0", "redis://@mq.studio/0"),
    ],
)
def test_a_password_is_seen_and_taken_out(typed: str, kept: str) -> None:
    assert has_password(typed)
    assert without_password(typed) == kept
    assert not has_password(kept)


@pytest.mark.parametrize("name", ["", "/srv/farm.sqlite", "C:\\farm.sqlite", "postgresql://glbv@db.studio:5432/glbv"])
def test_what_holds_no_password_is_left_alone(name: str) -> None:
    assert not has_password(name)
    assert without_password(name) == name


@pytest.mark.parametrize(
    "url", ["postgresql:/glbv:secret@db.studio/glbv", "postgresql:glbv@db.studio/glbv", "glbv:secret@db.studio/glbv"]
)
def test_a_url_with_something_missing_is_no_path(url: str) -> None:
    assert is_mistyped(url)


@pytest.mark.parametrize("path", ["farm.sqlite", "/srv/a:b@c/farm.sqlite", "C:/farm@home.sqlite", r"C:\a@b", "../x:/y"])
def test_a_path_is_none(path: str) -> None:
    assert not is_mistyped(path)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("postgresql://glbv@localhost/glbv", True),
        ("postgresql://glbv@127.0.0.1:5432/glbv", True),
        ("postgresql://glbv@[::1]/glbv", True),
        ("postgresql:///glbv", True),
        ("amqp://mq.studio//", False),
        ("postgresql://glbv@10.0.0.4/glbv", False),
        ("postgresql://[broken/glbv", False),
    ],
)
def test_whether_it_is_on_this_machine(url: str, here: bool) -> None:
    assert is_here(url) == here
