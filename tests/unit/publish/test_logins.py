"""The Docker configuration of one run: what is in it, who may read it, and that it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.publish import Logins, sweep
from factory.registry.credentials import Credentials
from tests.conftest import ROOT

ME = Credentials(username="me", secret="hush-hush")
HUB = "https://index.docker.io/v1/"


def config(variables: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (Path(variables["DOCKER_CONFIG"]) / "config.json").read_text()
    )
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's own configuration: with secrets, and with what the client goes by."""
    folder = tmp_path / "home"
    (folder / "contexts" / "meta").mkdir(parents=True)
    document = {
        "auths": {"other.example": {"auth": "c2VjcmV0"}},
        "credsStore": "desktop",
        "credHelpers": {"x.example": "ecr-login"},
        "currentContext": "elsewhere",
    }
    (folder / "config.json").write_text(json.dumps(document))
    return folder


def test_it_holds_what_is_needed_and_no_other_secret(tmp_path: Path, home: Path) -> None:
    known = {"a.example": ME, HUB: Credentials(username="", secret="identity")}
    logins = Logins(tmp_path / "logins", known.get, home)
    first = dict(logins.environment("a.example/team/app"))
    assert config(first) == {
        "currentContext": "elsewhere",
        "auths": {"a.example": {"auth": "bWU6aHVzaC1odXNo"}},
    }
    second = dict(logins.environment("docker.io/acme/app"))
    assert second == first
    assert config(second)["auths"] == {
        "a.example": {"auth": "bWU6aHVzaC1odXNo"},
        HUB: {"identitytoken": "identity"},
    }
    folder = Path(first["DOCKER_CONFIG"])
    assert (folder / "contexts" / "meta").is_dir()
    assert "hush" not in str(first)
    logins.close()


def test_nobody_else_may_read_it(tmp_path: Path, home: Path) -> None:
    logins = Logins(tmp_path / "logins", lambda key: ME, home)
    folder = Path(logins.environment("a.example/app")["DOCKER_CONFIG"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600
    logins.close()


def test_without_credentials_docker_goes_by_its_own(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "logins", lambda key: None)
    assert logins.environment("a.example/app") == {}
    assert not (tmp_path / "logins").exists()
    logins.close()


def test_a_renewed_token_takes_the_place_of_the_old_one(tmp_path: Path, home: Path) -> None:
    tokens = [ME, ME, Credentials(username="me", secret="new")]
    logins = Logins(tmp_path / "logins", lambda key: tokens.pop(0), home)
    before = [config(dict(logins.environment("a.example/app"))) for _ in range(3)]
    assert before[0] == before[1] != before[2]
    logins.close()


def test_it_is_gone_when_it_is_closed(tmp_path: Path, home: Path) -> None:
    logins = Logins(tmp_path / "logins", lambda key: ME, home)
    logins.environment("a.example/app")
    logins.close()
    assert list((tmp_path / "logins").iterdir()) == []
    assert (home / "contexts" / "meta").is_dir(), "a link is deleted, not what it leads to"
    logins.close()


def test_what_a_killed_run_left_the_next_one_deletes(tmp_path: Path, home: Path) -> None:
    root = tmp_path / "logins"
    alive = Logins(root, lambda key: ME, home)
    kept = Path(alive.environment("a.example/app")["DOCKER_CONFIG"])
    script = (
        "import os, sys, pathlib\n"
        "from factory.publish import Logins\n"
        "from factory.registry.credentials import Credentials\n"
        "me = Credentials(username='me', secret='left-behind')\n"
        "logins = Logins(pathlib.Path(sys.argv[1]), lambda key: me)\n"
        "print(logins.environment('a.example/app')['DOCKER_CONFIG'], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert sweep(root) == 1
    assert not left.exists()
    assert kept.is_dir(), "that of a run that lives is left alone"
    alive.close()
