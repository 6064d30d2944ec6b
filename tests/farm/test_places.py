"""Broker and database: no password in the open, no plaintext to other machines, TLS that is checked."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from glb_batch_validator_addon.engine.database import Database
from glb_batch_validator_addon.errors import UsageError
from glb_batch_validator_addon.farm.app import make_app
from glb_batch_validator_addon.farm.places import add_places, broker_ssl, broker_url, database_url, open_database


def options(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_places(parser)
    return parser.parse_args(list(map(str, arguments)))


def test_a_password_in_an_option_is_refused() -> None:
    with pytest.raises(UsageError, match="GLBV_DATABASE"):
        database_url(options("--database", "postgresql://me:secret@127.0.0.1/farm"))
    with pytest.raises(UsageError, match="GLBV_BROKER"):
        broker_url(options("--broker", "amqp://me:secret@127.0.0.1//"))


def test_urls_come_from_variables_or_from_files_that_these_name(monkeypatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://me:secret@127.0.0.1/farm\n")
    monkeypatch.setenv("GLBV_DATABASE_FILE", str(secret))
    assert database_url(options()) == "postgresql+pg8000://me:secret@127.0.0.1/farm"
    monkeypatch.setenv("GLBV_DATABASE", "postgresql://127.0.0.1/other")
    assert database_url(options()) == "postgresql+pg8000://127.0.0.1/other"


def test_a_broker_elsewhere_has_to_be_encrypted() -> None:
    with pytest.raises(UsageError, match="amqps://"):
        broker_url(options("--broker", "amqp://mq.studio//"))
    assert broker_url(options("--broker", "amqp://mq.studio//", "--allow-plaintext"))
    assert broker_url(options("--broker", "amqps://mq.studio//"))


def test_the_certificates_of_broker_and_database_are_checked(services: Path, tmp_path: Path, monkeypatch) -> None:
    from tests.servers import postgres, rabbitmq, tls

    for name in ("tls", "stranger", "rabbitmq", "postgres"):
        (tmp_path / name).mkdir()
    made, stranger = tls.make(services, tmp_path / "tls"), tls.make(services, tmp_path / "stranger")
    with (
        rabbitmq.running(services, data=tmp_path / "rabbitmq", tls=made) as broker,
        postgres.running(services, data=tmp_path / "postgres", tls=made) as database,
    ):
        monkeypatch.setenv("GLBV_BROKER", broker.url)
        monkeypatch.setenv("GLBV_DATABASE", database.url)
        for authority, trusted in ((made.ca, True), (stranger.ca, False)):
            chosen = options("--database-ca", authority, "--broker-ca", authority)
            assert connects(lambda chosen=chosen: reach_broker(chosen)) is trusted
            monkeypatch.setattr("glb_batch_validator_addon.engine.database.RECONNECT_SECONDS", 0)
            assert connects(lambda chosen=chosen: reach_database(chosen)) is trusted


def connects(reach) -> bool:
    try:
        reach()
    except Exception:
        return False
    return True


def reach_broker(chosen: argparse.Namespace) -> None:
    app = make_app(broker_url(chosen), ssl=broker_ssl(chosen, broker_url(chosen)))
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)


def reach_database(chosen: argparse.Namespace) -> None:
    database: Database = open_database(chosen, check=False)
    database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
