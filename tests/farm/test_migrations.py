"""The tables of the shared database, version by version."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.engine.tables import METADATA
from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.farm.migrate import check_version, migrate


@pytest.fixture
def database(postgres) -> Database:
    return Database(postgres.new_database(), ssl_context=False)


def test_migrations_end_in_the_tables_that_the_code_uses(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    migrate(database)
    migrate(database)
    check_version(database)
    options = {"compare_type": True}
    found = database.read(
        lambda connection: compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    )
    assert found == []


def test_a_database_without_tables_says_what_to_do(database: Database) -> None:
    with pytest.raises(UsageError, match="farm migrate"):
        check_version(database)


def test_a_database_of_another_version_is_not_touched(database: Database) -> None:
    migrate(database)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="9999"):
        check_version(database)
