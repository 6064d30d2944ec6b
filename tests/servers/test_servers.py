"""The servers of the test session, each through the client library that the product uses."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace

import amqp
import kombu
import pytest
import redis
import sqlalchemy
from botocore.exceptions import ClientError

from tests.rig import parts
from tests.servers import S3Server, postgres, rabbitmq, tls
from tests.servers import redis as redis_servers


@pytest.fixture(params=["moto_s3", "ceph_rgw"])
def server(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(request.param)


def test_an_object_written_is_read_back(server):
    s3 = server.client()
    s3.create_bucket(Bucket="round-trip")
    s3.put_object(Bucket="round-trip", Key="props/a +%ü.glb", Body=b"glTF")

    [listed] = s3.list_objects_v2(Bucket="round-trip", Prefix="props/")["Contents"]
    read = s3.get_object(Bucket="round-trip", Key=listed["Key"], IfMatch=listed["ETag"])

    assert listed["Key"] == "props/a +%ü.glb"
    assert read["Body"].read() == b"glTF"


def test_a_stale_etag_is_refused(server):
    s3 = server.client()
    s3.create_bucket(Bucket="stale-etag")
    old = s3.put_object(Bucket="stale-etag", Key="a.glb", Body=b"old")["ETag"]
    s3.put_object(Bucket="stale-etag", Key="a.glb", Body=b"new")

    with pytest.raises(ClientError, match=r"412|PreconditionFailed"):
        s3.get_object(Bucket="stale-etag", Key="a.glb", IfMatch=old)


def test_ceph_refuses_a_wrong_secret(ceph_rgw):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        replace(ceph_rgw, secret_key="wrong").client().list_buckets()


def with_a_wrong_password(url: str) -> str:
    return re.sub(r":\w+@", ":wrong@", url)


def publish(url: str, text: str, **options) -> None:
    """Put a durable message into the queue "jobs" and wait until the server has it."""
    with kombu.Connection(url, transport_options={"confirm_publish": True}, **options) as connection:
        queue = connection.SimpleQueue("jobs")
        queue.put(text, delivery_mode="persistent")
        queue.close()


def receive(url: str, **options) -> str:
    with kombu.Connection(url, **options) as connection:
        queue = connection.SimpleQueue("jobs")
        message = queue.get(timeout=10)
        message.ack()
        queue.close()
        return message.payload


def query(url: str, *statements: str, **options) -> object:
    """What the last of the statements says, after a commit of all."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=options)
    with engine.begin() as connection:
        results = [connection.execute(sqlalchemy.text(statement)) for statement in statements]
        return results[-1].scalar() if results[-1].returns_rows else None


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def certificates(services, tmp_path_factory):
    return tls.make(services, tmp_path_factory.mktemp("tls"))


def test_rabbitmq_answers_and_refuses_a_wrong_password(rabbitmq):
    publish(rabbitmq.url, "a.glb")
    assert receive(rabbitmq.url) == "a.glb"

    with pytest.raises(amqp.exceptions.AccessRefused):
        kombu.Connection(with_a_wrong_password(rabbitmq.url)).connect()


def test_redis_answers_and_refuses_a_wrong_password(redis_server):
    assert redis.Redis.from_url(redis_server.url).ping()

    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(with_a_wrong_password(redis_server.url)).ping()


def test_postgres_answers_and_refuses_a_wrong_password(postgres):
    one, other = postgres.new_database(), postgres.new_database()
    query(one, "CREATE TABLE job (name text)")
    assert query(one, "SELECT count(*) FROM pg_tables WHERE tablename = 'job'") == 1
    assert query(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'job'") == 0
    assert query(one, "SHOW fsync") == "on"

    with pytest.raises(sqlalchemy.exc.DBAPIError, match="password authentication failed"):
        query(with_a_wrong_password(one), "SELECT 1")


def test_rabbitmq_killed_keeps_a_durable_message(services, tmp_path):
    with rabbitmq.running(services, data=tmp_path) as server:
        publish(server.url, "a.glb")
        server.kill()
        with pytest.raises(OSError, match="refused"):
            kombu.Connection(server.url).connect()
        server.start()
        assert receive(server.url) == "a.glb"


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_redis_killed_keeps_a_key(services, tmp_path, appendfsync):
    with redis_servers.running(services, data=tmp_path, appendfsync=appendfsync) as server:
        redis.Redis.from_url(server.url).set("a.glb", "queued")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            redis.Redis.from_url(server.url).ping()
        server.start()
        assert redis.Redis.from_url(server.url).get("a.glb") == b"queued"


def test_postgres_killed_keeps_a_committed_row(services, tmp_path):
    with postgres.running(services, data=tmp_path) as server:
        url = server.new_database()
        query(url, "CREATE TABLE job (name text)", "INSERT INTO job VALUES ('a.glb')")
        server.kill()
        with pytest.raises(sqlalchemy.exc.DBAPIError):
            query(url, "SELECT 1")
        server.start()
        assert query(url, "SELECT name FROM job") == "a.glb"


def test_rabbitmq_with_tls_refuses_plaintext(services, certificates, tmp_path):
    with rabbitmq.running(services, data=tmp_path, tls=certificates) as server:
        trust = {"ca_certs": str(certificates.ca), "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "127.0.0.1"}
        publish(server.url, "a.glb", ssl=trust)
        assert receive(server.url, ssl=trust) == "a.glb"

        with pytest.raises((OSError, amqp.exceptions.AMQPError)):
            kombu.Connection(server.url.replace("amqps:", "amqp:"), connect_timeout=5).connect()


def test_postgres_with_tls_refuses_plaintext(services, certificates, tmp_path):
    with postgres.running(services, data=tmp_path, tls=certificates) as server:
        url, trust = server.new_database(), ssl.create_default_context(cafile=certificates.ca)
        assert query(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", ssl_context=trust) is True

        with pytest.raises(sqlalchemy.exc.DBAPIError, match="no encryption"):
            query(url, "SELECT 1", ssl_context=False)  # left to itself, pg8000 uses TLS where it can


@pytest.mark.parametrize("name", ["rabbitmq", "redis", "postgres"])
def test_a_server_ends_with_a_session_that_is_killed(services, tmp_path, name):
    script = (
        f"import pathlib, time\nfrom tests.servers import {name} as servers\n"
        f"with servers.running(pathlib.Path({str(services)!r}), data=pathlib.Path({str(tmp_path)!r})) as server:\n"
        "    print(server.url, flush=True)\n    time.sleep(60)\n"
    )
    command = (sys.executable, "-c", script)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=parts.ROOT) as session:
        port = int(re.search(r":(\d+)/", session.stdout.readline())[1])
        session.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)
