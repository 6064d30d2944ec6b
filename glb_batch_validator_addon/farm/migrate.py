"""The tables of the shared database, brought to this version by `farm migrate`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ..engine.database import Database
from ..engine.tables import METADATA
from ..errors import UsageError

HEAD = "0001"
"""The newest version in `migrations/versions`."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x676C6276
"""Of PostgreSQL's advisory lock: several machines may migrate at once, and one does."""


def migrate(database: Database) -> None:
    """Make or change its tables. Nothing that they hold is lost. Of PostgreSQL; a SQLite file does it when opened."""
    from alembic import command
    from alembic.config import Config

    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes.update(connection=connection, metadata=METADATA)
        command.upgrade(config, "head")

    if database.shared:
        database.write(upgrade)


def check_version(database: Database) -> None:
    """Raise `UsageError` if its tables are not those of this version."""

    def version(connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found

    found = database.read(version)
    if found is None:
        raise UsageError(f"The database {database.name} has no tables yet: run `farm migrate` once.")
    if found != HEAD:
        raise UsageError(
            f"The tables of {database.name} are of version {found}, this is {HEAD}: run `farm migrate` with the newest"
            " release, and use that on every machine."
        )
