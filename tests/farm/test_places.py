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
    with pytest.raises(UsageError, match="GLBV_DATABASE"):
        database_url(options("--database", "postgresql://me@127.0.0.1/farm?password=secret"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@host:port/farm", "cannot be read"),
        ("postgresql:/me:secret@host/farm", "neither a path nor a URL"),
        ("postgresql://me:secret@localhost/farm?host=db.studio", r"\?host="),  # would be taken for this machine's
        ("mysql://me:secret@host/farm", "postgresql://"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_to_be_so_without_its_password(monkeypatch, url: str, said: str) -> None:
    monkeypatch.setenv("GLBV_DATABASE", url)
    with pytest.raises(UsageError, match=said) as refused:
        database_url(options())
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["amqp://me:secret@host:port//", "amqps://a//;amqp://b//", "http://host"])
def test_a_broker_that_cannot_be_used_is_refused(monkeypatch, url: str) -> None:
    monkeypatch.setenv("GLBV_BROKER", url)
    with pytest.raises(UsageError) as refused:
        broker_url(options())
    assert "secret" not in str(refused.value)


def test_all_read_the_same_host_out_of_a_database_whose_password_is_not_encoded(monkeypatch) -> None:
    """By the rules for URLs the host of this one would be localhost, to which a password may go unencrypted."""
    monkeypatch.setenv("GLBV_DATABASE", "postgresql://localhost:a/b@db.studio/farm")
    assert database_url(options()) == "postgresql+pg8000://localhost:a%2Fb@db.studio/farm"


@pytest.mark.parametrize("scheme", ["amqps", "rediss"])
def test_without_a_file_of_certificates_the_systems_count(monkeypatch, scheme: str) -> None:
    """Also where they are in a folder, or in Windows, and Python knows of no file."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    assert "None" not in map(str, broker_ssl(options(), f"{scheme}://mq.studio//").values())


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
        for authority, trusted in ((made.ca, True), (stranger.ca, False)):
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))  # which stands for the system's
            assert connects(lambda: reach_broker(options())) is trusted


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
