"""The Khronos validator, on V8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from typing import Any

import pytest

from glb_batch_validator_addon.khronos.validator import Validator
from tests.conftest import need


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[..., Validator]]:
    """Opens a `Validator`, which the end of the session closes."""
    need(find_spec("py_mini_racer"), "the wheel mini-racer is missing: make venv")
    with ExitStack() as stack:

        def open_(**limits: Any) -> Validator:
            return stack.enter_context(closing(Validator(**limits)))

        yield open_


@pytest.fixture(scope="session")
def validator(opened: Callable[..., Validator]) -> Validator:
    """One for all tests, as a worker has one for all assets: each of them leaves it fit for the next."""
    return opened()
