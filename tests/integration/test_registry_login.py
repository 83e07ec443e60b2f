"""A real registry that wants a password, and the credentials that Docker keeps for it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.both_phases import BothPhases
from factory.base.upstream import answers, resolve, upstream_repository
from factory.engine import Engine
from factory.errors import ConfigError, MachineError, RegistryError
from factory.publish import Publisher
from factory.registry import Registry
from tests.integration.registries import (
    PASSWORD,
    Workshop,
    guarded_registry,
    passed,
    target_at,
)

pytestmark = pytest.mark.engine


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with guarded_registry(tmp_path / "registry") as found:
        yield found


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    engine = Engine.connect()
    found = Workshop(folder=tmp_path, engine=engine, name=f"app-{secrets.token_hex(4)}")
    yield found
    found.clean()


def log_in(folder: Path, host: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``docker login`` does, in a folder of the test's own."""
    auth = base64.b64encode(f"me:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def test_an_image_is_published_where_docker_is_logged_in(
    host: str, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, planned = workshop.built("one"), workshop.planned()
    log_in(tmp_path, host, PASSWORD, monkeypatch)
    registry = Registry()
    publisher = Publisher(
        engine=workshop.engine,
        registry=registry,
        target=target_at(host),
        locks=tmp_path / "locks",
        verdicts_of=lambda digest: (),
        joints_of=lambda digest: (),
    )
    both = BothPhases(publisher=publisher, ledger=tmp_path / "ledger.sqlite")
    publication = both.publish(planned, built, passed(built))
    for tag in (planned.immutable, *planned.floating):
        assert registry.head(publication.repository, tag) == publication.manifest_digest
    assert registry.head(publication.repository, "never-pushed") is None


def test_a_wrong_password_is_refused_and_not_shown(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(tmp_path, host, "wrong-but-secret", monkeypatch)
    with pytest.raises(RegistryError, match="HTTP 401") as caught:
        Registry().head(f"{host}/team/app", "t")
    assert caught.value.exit_code == 6
    assert f"docker login {host}" in caught.value.todo
    assert "wrong-but-secret" not in str(caught.value)


def test_without_a_login_it_says_how(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    Registry().ping(f"{host}/team/app")
    with pytest.raises(RegistryError, match="HTTP 401") as caught:
        Registry().head(f"{host}/team/app", "t")
    assert f"docker login {host}" in caught.value.todo


def test_a_mirror_that_wants_a_login_is_of_use_with_one(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = upstream_repository(host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert "401" in (answers(Registry(), repository) or "")
    with pytest.raises(MachineError, match="401"):
        resolve(Registry(), repository, "2.60.0-py311-cpu")
    log_in(tmp_path, host, PASSWORD, monkeypatch)
    assert answers(Registry(), repository) is None
    with pytest.raises(ConfigError, match="there is no image"):
        resolve(Registry(), repository, "2.60.0-py311-cpu")
