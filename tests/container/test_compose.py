"""The farm on one machine: held to the official schema, and to what a container is allowed here."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import ROOT, need
from tests.rig import parts

COMPOSE = yaml.safe_load((ROOT / "container/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = [name for name in SERVICES if name.startswith("worker")]


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    need(parts.COMPOSE_SCHEMA.path.exists(), "the schema of Compose files is missing: make rig")
    schema = json.loads(parts.COMPOSE_SCHEMA.path.read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def test_it_is_what_the_specification_says(schema):
    assert [error.message for error in schema.iter_errors(COMPOSE)] == []
    for part, name, value in (("s3", "mem_limits", "1g"), ("broker", "healthcheck", {"test": 5})):
        wrong = copy.deepcopy(COMPOSE)
        wrong["services"][part][name] = value
        assert list(schema.iter_errors(wrong)), "a schema that passes this would pass anything"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_rights_it_does_not_need_and_no_memory_without_end(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert "privileged" not in service
    if name not in ("broker", "database"):  # these write to their volumes and start as root to take them
        assert service["read_only"] is True
        assert any(mount.startswith("/tmp:") and "size=" in mount for mount in service["tmpfs"])
        assert not service["user"].startswith("0")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_published_is_for_this_machine_alone(name):
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not ports or name in ("s3", *WORKERS), "broker and database are for the workers"


@pytest.mark.parametrize("name", SERVICES)
def test_who_waits_for_health_waits_for_one_that_tells_it(name):
    for other, wish in SERVICES[name].get("depends_on", {}).items():
        if wish["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]
        else:
            assert (wish["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no")


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_starts_when_all_is_there_and_has_time_to_end(name):
    assert SERVICES[name]["depends_on"].keys() == {"broker", "database", "migrate", "s3"}
    assert SERVICES[name]["stop_grace_period"]
    assert SERVICES[name]["command"][:2] == ["farm", "worker"]
    assert "healthcheck" not in SERVICES[name], "the image brings it"


def test_there_are_two_workers():
    assert len(WORKERS) == 2


def test_secrets_are_files_that_the_script_makes_and_nothing_else_holds_any(tmp_path):
    script = shutil.copy(ROOT / "container/make_secrets.py", tmp_path)
    for _ in range(2):
        subprocess.run([sys.executable, script], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {name: secret["file"] for name, secret in COMPOSE["secrets"].items()} == {n: f"secrets/{n}" for n in made}
    used = [s if isinstance(s, str) else s["source"] for service in SERVICES.values() for s in service["secrets"]]
    assert set(used) == made.keys()
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert name.endswith("_FILE") or not any(word in name for word in ("SECRET", "PASSWORD", "URL", "KEY")), (
                value
            )
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    password = made["database-password"]
    assert made["database-url"] == f"postgresql+pg8000://farm:{password}@database:5432/farm\n"
    assert made["s3-secret-key"] in made["aws-credentials"]
    assert made["broker-url"].split(":")[2].partition("@")[0] in made["rabbitmq.conf"]
    assert len({made[name] for name in ("database-password", "s3-access-key", "s3-secret-key")}) == 3


def test_secrets_are_new_each_time_and_what_is_there_stays(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "container/make_secrets.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PLACE", tmp_path / "secrets")
    module.main()
    first = (tmp_path / "secrets/database-password").read_text()
    module.main()
    assert (tmp_path / "secrets/database-password").read_text() == first
    assert module.contents()["database-password"] != first


def test_secrets_reach_neither_the_repository_nor_the_image():
    assert "/container/secrets/" in Path(ROOT / ".gitignore").read_text().splitlines()
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert "!container" not in (ROOT / ".dockerignore").read_text()
