"""What all tests share. It is loaded inside other Blenders too, so it imports nothing but pytest and the rig."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from tests.rig import blenders, parts
from tests.rig.blenders import Blender
from tests.servers import S3Server

if TYPE_CHECKING:
    from glb_batch_validator_addon.engine.database import Database
    from tests.servers.postgres import Postgres
    from tests.servers.rabbitmq import RabbitMq
    from tests.servers.redis import Redis

ROOT = parts.ROOT
CORPUS = ROOT.parent / "shared" / "corpus"

_SERVERS = {"moto_s3", "ceph_rgw", "rabbitmq", "redis_server", "postgres", "services"}
_EXIT_STATUS = pytest.StashKey[int]()


def need(condition: object, reason: str) -> None:
    """Skip the test where what it needs is missing; fail where CI=true, for there it must be present."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0] if item.path.is_relative_to(ROOT / "tests") else ""
        chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
        fixtures = {*getattr(item, "fixturenames", ()), *(name for name in chosen if isinstance(name, str))}
        if folder == "blender":
            item.add_marker(pytest.mark.bpy)
        if folder in ("e2e", "gui") or "blender" in fixtures:
            item.add_marker(pytest.mark.blender)
        if fixtures & _SERVERS:
            item.add_marker(pytest.mark.server)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a session that imported the bpy wheel at once, when all is reported.

    The wheel 4.5.15 may hang in an ordinary exit: a static destructor waits for a thread that nobody stops. Before
    that it prints about memory, below pytest's closing line.
    """
    bpy = sys.modules.get("bpy")
    if bpy and not bpy.app.binary_path and _EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_EXIT_STATUS])


@pytest.fixture(scope="session", autouse=True)
def _no_credentials_of_the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No AWS setting of whoever runs the tests reaches them, nor does anything ask for one over the network."""
    empty = tmp_path_factory.mktemp("aws") / "empty"
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(empty))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(autouse=True)
def _alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where tests run in several processes, those with the mark `alone` wait for the others to be at none, and make
    them wait."""
    session = getattr(request.config, "workerinput", {}).get("testrunuid")
    if not session or not fcntl:
        yield
        return
    with Path(tempfile.gettempdir(), f"glbv-{session}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test, and what it starts, finds an empty home: no user data, preferences or extensions."""
    monkeypatch.setenv("GLBV_CACHE", str(parts.CACHE))
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in [name for name in os.environ if name.startswith(("XDG_", "BLENDER_USER_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A Blender in this process silences it, a program that is called in it listens to it."""
    root = logging.getLogger()
    before = root.handlers[:]
    yield
    logging.disable(logging.NOTSET)
    root.handlers = [handler for handler in root.handlers if handler in before]


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Server]:
    """moto's S3 server: quick, and checks no secrets."""
    from tests.servers import moto_s3

    with moto_s3.running() as server:
        yield server


@pytest.fixture(scope="session")
def ceph_rgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Ceph's S3 gateway: the real thing, checks secrets."""
    from tests.servers import ceph

    need(parts.CEPH.path.exists(), "the root file system with Ceph is missing: make rig")
    with ceph.running(parts.CEPH.path, data=tmp_path_factory.mktemp("ceph")) as server:
        yield server


@pytest.fixture(scope="session")
def services() -> Path:
    """The root file system of the three below, for tests that kill a server and so start one of their own."""
    need(parts.SERVICES.path.exists(), "the root file system with RabbitMQ, Redis and PostgreSQL is missing: make rig")
    return parts.SERVICES.path


@pytest.fixture(scope="session")
def rabbitmq(services: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    from tests.servers import rabbitmq

    with rabbitmq.running(services, data=tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(services: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    from tests.servers import redis

    with redis.running(services, data=tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(services: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """PostgreSQL; a test makes a database of its own with `new_database()`."""
    from tests.servers import postgres

    with postgres.running(services, data=tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    """The same new database with every call, as another machine has it."""
    from glb_batch_validator_addon.engine.database import Database
    from glb_batch_validator_addon.farm.migrate import migrate

    if request.param == "sqlite":
        return lambda: Database(tmp_path / "database.sqlite")
    url = request.getfixturevalue("postgres").new_database()
    migrate(Database(url, ssl_context=False))
    return lambda: Database(url, ssl_context=False)


@pytest.fixture(params=blenders.NAMES)
def blender(request: pytest.FixtureRequest) -> Blender:
    """Each Blender under test in turn."""
    try:
        return blenders.find(request.param)
    except blenders.MissingBlenderError as missing:
        need(False, str(missing))
        raise  # not reached


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real-world GLBs beside the checkout; its absence is a skip everywhere."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus of real-world assets at {CORPUS}")
    return CORPUS
