"""These tests share one Blender from installation to removal: its home and credentials come from whoever started it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_credentials_of_the_machine() -> None:
    pass


@pytest.fixture(autouse=True)
def _home_of_its_own() -> None:
    pass
