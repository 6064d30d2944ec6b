"""The direction of imports: every room knows only those below it, and each heavy package has one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "glb_batch_validator_addon"

# What each room may import of ours, besides itself. A module at the top of the package is a room of its own.
ALLOWED = {
    "__init__": {"ui"},
    "errors": set(),
    "memory": set(),
    "model": {"errors"},
    "glb": {"errors", "model"},
    "storage": {"errors", "model"},
    "engine": {"errors", "model", "storage", "__init__"},
    "khronos": {"errors", "model"},
    "mesh": {"model"},
    "rules": {"errors", "model"},
    "reports": {"errors", "model"},
    "survey": {"model"},
    "blender": {"errors", "model", "glb", "mesh"},
    "analysis": {"errors", "model", "glb", "khronos", "mesh", "blender", "rules"},
    "worker": {"errors", "model", "memory", "khronos", "blender", "analysis"},
    "cli": {"errors", "model", "glb", "storage", "engine", "rules", "reports", "survey", "__init__"},
    "farm": {"errors", "model", "storage", "engine", "rules", "memory", "cli", "__init__"},
    "ui": {"errors", "model", "storage", "blender", "rules", "cli", "farm", "__init__"},
}

# Where packages with a price may be imported; "engine" reaches storage through its port only.
PLACES = {
    "bpy": {"blender", "worker", "ui"},
    "boto3": {"storage/s3.py"},
    "botocore": {"storage/s3.py", "storage/s3_errors.py", "storage/s3_fast.py"},
    "sqlalchemy": {"engine/database.py", "engine/ledger.py", "engine/tables.py", "farm"},
    "sqlite3": set(),
    "celery": {"farm"},
    "kombu": {"farm"},
    "alembic": {"farm"},
    "numpy": {"glb", "mesh", "blender"},
    "py_mini_racer": {"khronos"},
    "cattrs": {"cli"},
    "chameleon": {"reports"},
    "prometheus_client": {"farm"},
    "pythonjsonlogger": {"cli"},
    "rich": {"cli", "farm"},
    "platformdirs": {"cli"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Names of what a module imports at run time, and whether they are ours (as `room/module`)."""
    package = path.relative_to(PACKAGE).parts[:-1]
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            parts = [*above, *(node.module.split(".") if node.module else ())]
            if parts:
                yield "/".join(parts), True
            else:
                yield from (
                    (
                        alias.name
                        if (PACKAGE / alias.name).exists() or (PACKAGE / f"{alias.name}.py").exists()
                        else "__init__",
                        True,
                    )
                    for alias in node.names
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    here = room(path)
    used = {name.split("/")[0] for name, ours in imports(path) if ours}
    assert used - {here} <= ALLOWED[here]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_packages_with_a_price_are_imported_in_their_place(path: Path) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    for name, ours in imports(path):
        places = PLACES.get(name.split(".")[0])
        assert ours or places is None or relative in places or room(path) in places, f"{name} has no place here"


def test_the_engine_reaches_storage_through_its_port_only() -> None:
    reached = {name for path in (PACKAGE / "engine").glob("*.py") for name, ours in imports(path) if ours}
    assert {name for name in reached if name.startswith("storage")} == {"storage/port"}


def test_no_absolute_import_of_the_package() -> None:
    """An installed extension has another name: only relative imports find it."""
    named = [path for path in MODULES for name, ours in imports(path) if not ours and name.startswith(PACKAGE.name)]
    assert named == []
