from __future__ import annotations

from pathlib import Path

import pytest

_CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """84 real GLBs, with what Blender and the Khronos validator say of each."""
    if not _CORPUS.is_dir():
        pytest.skip(f"the corpus of real assets is not at {_CORPUS}")
    return _CORPUS
