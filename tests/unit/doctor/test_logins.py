"""What doctor says of logins at targets."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from moto import mock_aws

from factory.doctor import logins
from factory.model import Ecr, Health, Target
from factory.registry import Registry
from factory.registry.allowance import Allowance

TEAM = Target(name="team", registry="a.example/team", kind="registry")
HUB = Target(name="hub", registry="docker.io/acme", kind="hub")
ECR = Ecr(account="123456789012", region="eu-central-1")
PROD = Target(name="prod", registry=ECR.host, kind="ecr", ecr=ECR)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which Docker keeps logins: none yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def keep(kept: Path, key: str, entry: dict[str, str]) -> None:
    kept.write_text(json.dumps({"auths": {key: entry}}))


def auth(user: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:hush-hush".encode()).decode()}


def limited(monkeypatch: pytest.MonkeyPatch, remaining: int) -> None:
    """Docker Hub, as it would answer."""
    left = Allowance(limit=100, remaining=remaining, seconds=21600)
    monkeypatch.setattr(Registry, "head", lambda *_: None)
    monkeypatch.setattr(Registry, "allowance", lambda *_: left)


def test_a_login_is_told_by_its_user_and_not_by_its_secret(kept: Path) -> None:
    keep(kept, "a.example", auth("me"))
    found = logins.login(TEAM)
    assert (found.name, found.state, found.what) == ("login team", Health.OK, "as me")
    keep(kept, "a.example", {"identitytoken": "hush-hush"})
    assert logins.login(TEAM).what == "by an identity token"


def test_a_registry_may_ask_for_no_login_and_a_hub_does(kept: Path) -> None:
    assert logins.login(TEAM).state is Health.OK
    found = logins.login(HUB)
    assert found.state is Health.WARN
    assert "run `docker login`" in found.remedy


def test_a_limit_of_the_hubs_is_told_before_it_bites(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(kept, "https://index.docker.io/v1/", auth("me"))
    limited(monkeypatch, 76)
    found = logins.login(HUB)
    assert (found.state, found.what) == (Health.OK, "as me; 76 of 100 pulls in 6 h are left")
    limited(monkeypatch, 9)
    assert logins.login(HUB).state is Health.WARN


def test_credentials_that_cannot_be_had_are_a_warning_with_a_remedy(kept: Path) -> None:
    kept.write_text('{"credsStore": "of-nobody"}')
    found = logins.login(TEAM)
    assert found.state is Health.WARN
    assert "docker-credential-of-nobody" in found.what
    assert found.remedy


def test_amazon_is_asked_by_the_aws_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        assert logins.login(PROD).state is Health.OK
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    found = logins.login(PROD)
    assert (found.state, found.what) == (
        Health.WARN,
        "there are no AWS credentials for this target",
    )
