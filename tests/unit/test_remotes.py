"""What a run knows of targets elsewhere: who it is there, and when it asks whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factory import remotes
from factory.errors import FactoryError, RegistryError
from factory.model import Ecr, Project, Target
from factory.registry import Amazon, Credentials, Registry
from factory.registry.pace import Pace
from factory.remotes import Remotes, silently
from factory.settings import Settings
from tests.conftest import MATRIX
from tests.unit.plan.projects import plan_of, project_of

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
TARGETS = """\
  local: {kind: local}
  team: {kind: registry, address: a.example/team}
  prod: {kind: ecr, account: "123456789012", region: eu-central-1, prefix: ray}
"""


class Stand(Amazon):
    """Stands in for Amazon, and remembers what it was asked."""

    made: list[tuple[str, tuple[str, ...]]]
    asked: list[list[str]]
    waits: int

    def __init__(self, ecr: Ecr) -> None:
        super().__init__(ecr)
        self.made, self.asked, self.waits, self.renewed = [], [], 0, 0
        self.pace = Pace(10, 1, sleep=lambda _seconds: None)
        self.pace.wait = self._wait  # type: ignore[method-assign]  # only counted

    def _wait(self) -> None:
        self.waits += 1

    def token(self) -> Credentials:
        return Credentials(username="AWS", secret=f"token-{self.renewed}")

    def again(self) -> Credentials:
        self.renewed += 1
        return self.token()

    def ensure(self, repository: str, exclude: Sequence[str], wanted: Ecr | None = None) -> bool:
        assert wanted
        self.made.append((repository, tuple(exclude)))
        return len(self.made) == 1

    def remove(self, repository: str, digest: str) -> bool:
        self.asked.append([repository, digest])
        return True

    def digests(self, repository: str, tags: Iterable[str]) -> Mapping[str, str]:
        self.asked.append(list(tags))
        return {self.asked[-1][0]: "sha256:1"}


@dataclass
class Known:
    """Remotes of a project, with what they say and ask."""

    remotes: Remotes
    project: Project
    stands: list[Stand]
    said: list[str] = field(default_factory=list)

    @property
    def targets(self) -> tuple[Target, ...]:
        return self.project.matrix.targets


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    stands: list[Stand] = []
    said: list[str] = []

    def connect(ecr: Ecr) -> Amazon:
        stands.append(Stand(ecr))
        return stands[-1]

    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(
        json.dumps({"auths": {"a.example": {"auth": "bWU6aHVzaC1odXNo"}}})
    )
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    settings = Settings.from_environment(
        {"FACTORY_ROOT": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    )
    project = project_of(MATRIX.replace("  local: {kind: local}\n", TARGETS))
    found = Remotes(settings=settings, project=project, note=said.append, connect=connect)
    return Known(remotes=found, project=project, stands=stands, said=said)


def auths(variables: Mapping[str, str]) -> dict[str, object]:
    document = json.loads((Path(variables["DOCKER_CONFIG"]) / "config.json").read_text())
    found: dict[str, object] = document["auths"]
    return found


def test_each_target_gets_the_login_that_is_for_it(known: Known) -> None:
    local, team, prod = known.targets
    assert known.remotes.environment(local, "127.0.0.1:5000/demo") == {}
    assert set(auths(known.remotes.environment(team, "a.example/team/demo"))) == {"a.example"}
    assert set(auths(known.remotes.environment(prod, f"{HOST}/ray/demo"))) == {"a.example", HOST}
    known.remotes.close()
    assert list((known.remotes.settings.cache / "logins").iterdir()) == []


def test_before_a_push_to_amazon_its_repository_is_made_and_its_pace_kept(known: Known) -> None:
    _, team, prod = known.targets
    known.remotes.ready(team, "a.example/team/demo")
    assert known.stands == []
    for _ in range(2):
        known.remotes.ready(prod, f"{HOST}/ray/demo")
    (amazon,) = known.stands
    assert (
        amazon.made
        == [("ray/demo", ("2.55.1-py311-cpu", "2.60.0-py311-cpu", "latest", "sha256-*"))] * 2
    )
    assert amazon.waits == 2
    assert known.said == [f"made the repository {HOST}/ray/demo"]
    known.remotes.close()


def test_builds_are_looked_for_at_amazon_in_one_question_a_repository(known: Known) -> None:
    local, team, prod = known.targets
    builds = plan_of(known.project).builds
    assert known.remotes.absent(local, builds) == known.remotes.absent(team, builds) == set()
    assert known.remotes.absent(prod, builds) == {builds[1].key}
    assert known.stands[0].asked == [[one.immutable for one in builds]]


def test_an_image_at_amazon_is_removed_by_its_own_api(known: Known) -> None:
    prod = known.targets[2]
    client = known.remotes.client()
    assert known.remotes.remove(client, prod, f"{HOST}/ray/demo", "sha256:1")
    assert known.stands[0].asked == [["ray/demo", "sha256:1"]]


def test_what_the_registry_asks_for_again_is_renewed(known: Known) -> None:
    """The client asks once, and again when what it had was refused."""
    _, _, prod = known.targets
    known.remotes.environment(prod, f"{HOST}/ray/demo")
    assert known.stands[0].renewed == 0
    assert known.remotes._find(HOST, again=True) == Credentials(username="AWS", secret="token-1")
    known.remotes.close()


def test_dockers_credentials_are_looked_up_once_for_many_pushes(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(remotes, "docker_credentials", asked.append)
    _, team, _ = known.targets
    for _ in range(3):
        assert known.remotes.environment(team, "a.example/team/demo") == {}
    assert asked == ["a.example"]


def test_a_question_that_need_not_be_answered_stops_nothing() -> None:
    def fails() -> set[str]:
        raise RegistryError("away")

    assert silently(fails) is None
    assert silently(lambda: {"k"}) == {"k"}
    assert issubclass(RegistryError, FactoryError)


def test_the_client_keeps_amazons_pace_and_nobody_elses(known: Known) -> None:
    client = known.remotes.client()
    assert isinstance(client, Registry)
    client._pace("a.example/team/demo")
    client._pace(f"{HOST}/ray/demo")
    assert known.stands[0].waits == 1


def test_without_a_project_amazon_is_known_by_its_name(known: Known) -> None:
    found = Remotes(settings=known.remotes.settings, project=None, connect=known.remotes.connect)
    assert found._find(HOST) == Credentials(username="AWS", secret="token-0")
    assert known.stands[0].ecr == Ecr(account="123456789012", region="eu-central-1")
    assert found._find("a.example") == Credentials(username="me", secret="hush-hush")


def test_without_a_project_what_docker_keeps_for_amazon_goes_before(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Credentials(username="AWS", secret="from-docker-login")
    monkeypatch.setattr(remotes, "docker_credentials", lambda key: mine)
    found = Remotes(settings=known.remotes.settings, project=None, connect=known.remotes.connect)
    assert found._find(HOST) == mine
    assert known.remotes._find(HOST) == Credentials(username="AWS", secret="token-0")


@pytest.mark.parametrize("host", ["a.example", f"x{HOST}", f"{HOST}.evil.example", f"{HOST}:80"])
def test_a_name_that_is_like_amazons_is_not(host: str) -> None:
    assert Ecr.at(host) is None


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1"])
def test_a_host_leads_back_to_its_account(region: str) -> None:
    ecr = Ecr(account="123456789012", region=region)
    assert Ecr.at(ecr.host) == ecr
