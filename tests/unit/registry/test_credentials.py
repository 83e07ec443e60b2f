"""Credentials from where Docker keeps them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from factory.errors import MachineError
from factory.registry.credentials import Credentials, docker_credentials
from factory.registry.reference import locate

SECRET = "hush:hush"
HOST = "127.0.0.1:5000"
PACKED = base64.b64encode(f"me:{SECRET}".encode()).decode()
ME = Credentials(username="me", secret=SECRET)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def write(folder: Path, **config: object) -> None:
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def helper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper called ``test``, which answers as its file ``answer`` says."""
    program = folder / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$1" > {folder}/verb\ncat > {folder}/asked\n. {folder}/answer\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    write(folder, credHelpers={HOST: "test"})
    return folder / "answer"


def says(username: str, secret: str) -> str:
    answer = {"ServerURL": HOST, "Username": username, "Secret": secret}
    return f"echo '{json.dumps(answer)}'"


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": PACKED},
        {"username": "me", "password": SECRET},
        {"auth": base64.b64encode(f"me:{SECRET}\0".encode()).decode()},
    ],
)
def test_what_docker_login_wrote_is_read(folder: Path, entry: dict[str, str]) -> None:
    write(folder, auths={HOST: entry})
    assert docker_credentials(HOST) == ME


@pytest.mark.parametrize("key", [f"https://{HOST}", f"http://{HOST}/v1/", f"{HOST}/"])
def test_an_address_of_older_dockers_is_the_same_host(folder: Path, key: str) -> None:
    write(folder, auths={key: {"auth": PACKED}})
    assert docker_credentials(HOST) == ME
    assert docker_credentials("127.0.0.1:5001") is None


def test_docker_hub_has_an_address_of_its_own(folder: Path) -> None:
    write(folder, auths={"https://index.docker.io/v1/": {"auth": PACKED}})
    assert docker_credentials(locate("rayproject/ray").key) == ME
    assert docker_credentials("ghcr.io") is None


def test_an_identity_token_goes_before_a_password(folder: Path) -> None:
    write(folder, auths={HOST: {"auth": PACKED, "identitytoken": "long"}})
    assert docker_credentials(HOST) == Credentials(username="", secret="long")


@pytest.mark.parametrize(
    "config",
    [{}, {"auths": {HOST: {}}}, {"auths": []}, {"auths": {HOST: {"auth": ""}}}, {"auths": None}],
)
def test_nothing_kept_is_no_error(folder: Path, config: dict[str, object]) -> None:
    write(folder, **config)
    assert docker_credentials(HOST) is None


def test_no_configuration_is_no_error(folder: Path) -> None:
    assert docker_credentials(HOST) is None


def test_without_docker_config_it_is_in_the_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".docker").mkdir()
    write(folder / ".docker", auths={HOST: {"auth": PACKED}})
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.setenv("HOME", str(folder))
    assert docker_credentials(HOST) == ME


@pytest.mark.parametrize(
    "text", [f'{{"auths": "{SECRET}"', json.dumps({"auths": {HOST: {"auth": f"{SECRET}!"}}})]
)
def test_a_broken_configuration_is_named_without_what_is_in_it(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(MachineError) as caught:
        docker_credentials(HOST)
    assert caught.value.exit_code == 7
    assert caught.value.where == str(folder / "config.json")
    assert "docker login" in caught.value.todo
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_configuration_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "config.json").mkdir()
    with pytest.raises(MachineError) as caught:
        docker_credentials(HOST)
    assert caught.value.where == str(folder / "config.json")


def test_a_helper_is_asked_for_its_host(folder: Path, helper: Path) -> None:
    helper.write_text(says("me", SECRET))
    assert docker_credentials(HOST) == ME
    assert (folder / "verb").read_text().strip() == "get"
    assert (folder / "asked").read_text() == HOST


def test_a_helper_goes_before_the_store_and_the_store_before_the_file(
    folder: Path, helper: Path
) -> None:
    helper.write_text(says("me", SECRET))
    kept = {HOST: {"auth": base64.b64encode(b"other:other").decode()}}
    write(folder, credHelpers={HOST: "test"}, credsStore="missing", auths=kept)
    assert docker_credentials(HOST) == ME
    write(folder, credHelpers={"ghcr.io": "missing"}, credsStore="test", auths=kept)
    assert docker_credentials(HOST) == ME
    write(folder, credHelpers={HOST: ""}, credsStore="test", auths=kept)
    assert docker_credentials(HOST) == Credentials(username="other", secret="other")


def test_a_helper_tells_an_identity_token_by_its_user(helper: Path) -> None:
    helper.write_text(says("<token>", "long"))
    assert docker_credentials(HOST) == Credentials(username="", secret="long")


@pytest.mark.parametrize(
    "answer", ["echo credentials not found in native keychain; exit 1", says("", "")]
)
def test_a_helper_that_knows_nothing_is_no_error(helper: Path, answer: str) -> None:
    helper.write_text(answer)
    assert docker_credentials(HOST) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "ended with 3"),
        (f"echo {SECRET}", "did not answer with JSON"),
    ],
)
def test_a_helper_that_fails_is_named_without_what_it_wrote(
    helper: Path, answer: str, said: str
) -> None:
    helper.write_text(answer)
    with pytest.raises(MachineError, match=said) as caught:
        docker_credentials(HOST)
    assert "docker-credential-test" in caught.value.what
    assert caught.value.exit_code == 7
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_helper_that_hangs_is_not_waited_for(
    helper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.registry.credentials._HELPER_SECONDS", 0.5)
    helper.write_text("exec sleep 60")
    with pytest.raises(MachineError, match="did not answer in time"):
        docker_credentials(HOST)


def test_a_helper_that_is_missing_is_named(folder: Path) -> None:
    write(folder, credsStore="not-there")
    with pytest.raises(MachineError, match="docker-credential-not-there") as caught:
        docker_credentials(HOST)
    assert "install it" in caught.value.todo


def test_a_name_and_a_password_make_a_header() -> None:
    assert Credentials(username="me", secret=SECRET).basic == f"Basic {PACKED}"
    assert Credentials(username="mé", secret="ü").basic == "Basic bcOpOsO8"
