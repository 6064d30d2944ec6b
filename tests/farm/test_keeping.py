"""What the documentation tells whoever keeps a farm: rights that suffice, and how a library is forgotten."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select, text

from demo.samples import small_library
from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.tables import METADATA, RUNS
from tests.conftest import ROOT
from tests.farm.conftest import Farm, make_farm

DOCS = (ROOT / "docs" / "farm.md").read_text("utf-8")


def statements(name: str) -> list[str]:
    """Those of the block of SQL that begins with this comment."""
    block = re.search(rf"```sql\n-- {name}\n(.+?)```", DOCS, flags=re.DOTALL)
    assert block
    return list(filter(None, map(str.strip, block[1].split(";"))))


def done_by(database: str, commands: list[str]) -> None:
    def work(connection):
        for command in commands:
            connection.execute(text(command))

    opened = Database(database, ssl_context=False)
    opened.write(work)
    opened.close()


def rows(database: str) -> dict[str, int]:
    opened = Database(database, ssl_context=False)
    counts = {
        name: opened.read(lambda it, table=table: it.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in METADATA.tables.items()
    }
    opened.close()
    return counts


def test_the_rights_that_are_named_are_enough_for_all_but_migrations(services: Path, postgres, tmp_path: Path) -> None:
    from tests.servers import rabbitmq

    named = re.search(r"`configure`, `write` and `read` on `(.+?)`", DOCS)
    assert named
    owner = postgres.new_database()
    role, password = f"glbv_{secrets.token_hex(4)}", secrets.token_hex(16)
    parts = urlsplit(owner)
    (tmp_path / "rabbitmq").mkdir()
    library = tmp_path / "library"
    small_library(library, 60, seed=1)
    with rabbitmq.running(services, data=tmp_path / "rabbitmq", rights=named[1]) as broker:
        made = make_farm(tmp_path, broker=broker.url, database=owner)
        done_by(owner, [f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"])
        done_by(owner, [statement.replace("TO glbv", f"TO {role}") for statement in statements("rights")])
        url = parts._replace(netloc=f"{role}:{password}@127.0.0.1:{parts.port}").geturl()
        farm = Farm(made.env | {"GLBV_DATABASE": url}, tmp_path)
        try:
            farm.worker()
            number = farm.submit(library, "--batch-assets", 20)
            watched = farm.watch(number)
            assert watched.code == 0, watched.err + farm.log()
            farm.close()  # or the next run might end before it is cancelled
            cancelled = farm.submit(library, "--force")
            assert farm("cancel", cancelled).code == 0
            assert farm("retry", cancelled).code == 0
            assert farm("status").code == 0
            assert "access_refused" not in (tmp_path / "rabbitmq" / "output.log").read_text()
        finally:
            farm.close()


def test_a_library_that_is_forgotten_leaves_nothing_and_takes_nothing_of_others(farm: Farm, tmp_path: Path) -> None:
    for name in ("old", "new"):
        small_library(tmp_path / name, 5, seed=1)
    farm.worker()
    old, new = (farm.watch(farm.submit(tmp_path / name)) for name in ("old", "new"))
    assert (old.code, new.code) == (0, 0)
    database = farm.env["GLBV_DATABASE"]
    assert rows(database) == {"libraries": 2, "runs": 2, "assets": 10, "extracts": 10, "batches": 2}
    done_by(database, statements("forget library 1"))
    assert rows(database) == {"libraries": 1, "runs": 1, "assets": 5, "extracts": 5, "batches": 1}
    left = Database(database, ssl_context=False)
    [uri] = left.read(lambda it: it.execute(select(RUNS.c.uri)).scalars().all())
    assert uri.endswith("/new")
    assert farm.watch(farm.submit(tmp_path / "old")).code == 0, "what was forgotten is a new library"
