"""Publishing to Amazon's registry and to a hub with a token service, as a run does it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmarks.both_phases import BothPhases
from factory.engine import Engine
from factory.errors import PublishError, RegistryError
from factory.model import Built, Project, Publication, Target
from factory.publish import Publisher, existing, move
from factory.registry import Registry
from factory.remotes import Remotes
from factory.settings import Settings
from tests.conftest import IMAGE, MATRIX
from tests.integration.abroad import (
    ACCOUNT,
    AMAZON,
    AMAZONS_TOKEN,
    REGION,
    Hub,
    amazon,
    hub,
)
from tests.integration.process_list import watched
from tests.integration.registries import (
    PASSWORD,
    Workshop,
    passed,
    settings_at,
)
from tests.unit.plan.projects import project_of

pytestmark = pytest.mark.engine
CONTENT = secrets.token_hex(8)
"""Of no other image: the engine asks to mount a layer from wherever it has seen it here, and
fails where the login may not read there."""

ECR = f"  prod: {{kind: ecr, account: '{ACCOUNT}', region: {REGION}, prefix: ray%s}}\n"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    engine = Engine.connect()
    found = Workshop(folder=tmp_path, engine=engine, name=f"app-{secrets.token_hex(4)}")
    yield found
    found.clean()


@dataclass
class Run:
    """What a run of the factory knows of a target."""

    settings: Settings
    project: Project
    workshop: Workshop
    said: list[str]

    def __post_init__(self) -> None:
        self.remotes = Remotes(settings=self.settings, project=self.project, note=self.said.append)
        self.registry = self.remotes.client()

    @property
    def target(self) -> Target:
        return self.project.matrix.targets[0]

    @property
    def logins(self) -> list[Path]:
        """What there is of credentials on the disk."""
        return sorted((self.settings.cache / "logins").rglob("*"))

    def publish(self, built: Built, known: Publication | None = None) -> Publication:
        planned = self.workshop.planned(built.key[0])
        publisher = Publisher(
            engine=self.workshop.engine,
            registry=self.registry,
            target=self.target,
            locks=self.settings.cache / "locks",
            verdicts_of=lambda digest: (),
            joints_of=lambda digest: (),
            ready=partial(self.remotes.ready, self.target),
        )
        self.settings.state.mkdir(parents=True, exist_ok=True)
        both = BothPhases(publisher=publisher, ledger=self.settings.state / "ledger.sqlite")
        now = both.publish(planned, built, passed(built), known)
        self.remotes.warn_of_limits(self.registry, self.target, now.repository)
        return now


def a_run(workshop: Workshop, folder: Path, targets: str) -> Run:
    text = MATRIX.replace("  local: {kind: local}\n", targets)
    project = project_of(text, {workshop.name: IMAGE})
    return Run(settings=settings_at(folder), project=project, workshop=workshop, said=[])


# ---------------------------------------------------------------------- Amazon


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client that looks at what is in Amazon's API."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with amazon(tmp_path / "amazon", monkeypatch):
        yield boto3.client("ecr", region_name=REGION)


def test_an_image_goes_to_amazon_into_a_repository_that_is_made_for_it(
    aws: Any, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, ECR % "")
    built = workshop.built(CONTENT)
    needles = (AMAZONS_TOKEN.encode(), base64.b64encode(f"AWS:{AMAZONS_TOKEN}".encode()))
    with watched(needles) as processes:
        publication = run.publish(built)
    assert publication.repository == f"{AMAZON}/ray/{workshop.name}"
    assert publication.floating == ("2.60.0-py311-cpu", "latest")
    for tag in (publication.immutable, *publication.floating):
        assert run.registry.head(publication.repository, tag) == publication.manifest_digest
    (made,) = aws.describe_repositories(repositoryNames=[f"ray/{workshop.name}"])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    filters = [one["filter"] for one in made["imageTagMutabilityExclusionFilters"]]
    assert filters == ["2.55.1-py311-cpu", "2.60.0-py311-cpu", "latest", "sha256-*"]
    assert run.said == [f"made the repository {publication.repository}"]
    assert processes.programs > 1
    assert processes.found == set(), "a token was in somebody's arguments"
    assert run.logins, "docker went by a configuration of the run's own"
    run.remotes.close()
    assert run.logins == []
    assert run.publish(built, publication) == publication
    run.remotes.close()


def test_what_a_gate_refuses_makes_no_repository(
    aws: Any, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, ECR % "")
    built = replace(workshop.built(CONTENT), substituted_base=True)
    with pytest.raises(PublishError, match="does not accept: substituted base"):
        run.publish(built)
    assert aws.describe_repositories()["repositories"] == []
    assert run.logins == []


def test_an_image_at_amazon_is_pulled_with_the_runs_own_login(
    aws: Any, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, ECR % "")
    built, planned = workshop.built(CONTENT), workshop.planned()
    run.publish(built)
    workshop.clean()
    found = existing(
        workshop.engine,
        run.registry,
        planned,
        run.target,
        ref=built.ref,
        substituted_base=False,
        environment=partial(run.remotes.environment, run.target),
    )
    assert found
    assert found.config_digest == built.config_digest
    run.remotes.close()
    assert run.logins == []


def test_a_login_that_amazon_does_not_know_is_explained_and_leaves_nothing(
    aws: Any, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    run = a_run(workshop, tmp_path, ECR % "")
    with pytest.raises(RegistryError, match="there are no AWS credentials") as caught:
        run.publish(workshop.built(CONTENT))
    assert caught.value.exit_code == 6
    run.remotes.close()
    assert run.logins == []


def test_the_ledgers_builds_are_looked_for_at_amazon_in_one_question(
    aws: Any, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, ECR % "")
    builds = [workshop.planned(key) for key in "abc"]
    assert run.remotes.absent(run.target, builds) == {one.key for one in builds}
    aws.create_repository(repositoryName=f"ray/{workshop.name}")
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:" + "1" * 64, "size": 1}}
    manifest |= {"mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    aws.put_image(
        repositoryName=f"ray/{workshop.name}",
        imageTag=builds[1].immutable,
        imageManifest=json.dumps(manifest),
    )
    assert run.remotes.absent(run.target, builds) == {builds[0].key, builds[2].key}


# ------------------------------------------------------------------------- hub


@pytest.fixture
def docker_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that Docker is logged in to, as ``me``."""
    with hub(tmp_path / "hub") as found:
        auth = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        (tmp_path / "docker").mkdir()
        document = {"auths": {found.host: {"auth": auth}}}
        (tmp_path / "docker" / "config.json").write_text(json.dumps(document))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        yield found


def target(host: str) -> str:
    return f"  hub: {{kind: registry, address: '{host}/acme', aliases: [omit-python, latest]}}\n"


def test_an_image_goes_to_a_hub_by_what_docker_keeps_for_it(
    docker_hub: Hub, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, target(docker_hub.host))
    built = workshop.built(CONTENT)
    needles = (PASSWORD.encode(), base64.b64encode(f"me:{PASSWORD}".encode()))
    with watched(needles) as processes:
        publication = run.publish(built)
    assert publication.floating == ("2.60.0-py311-cpu", "2.60.0-cpu", "latest")
    for tag in (publication.immutable, *publication.floating):
        assert run.registry.head(publication.repository, tag) == publication.manifest_digest
    assert processes.found == set(), "a password was in somebody's arguments"
    assert docker_hub.tokens, "nobody was asked for a token"
    assert not any(token in str(publication) for token in docker_hub.tokens)
    run.remotes.close()
    assert run.logins == []


def test_checks_cost_no_pull(docker_hub: Hub, workshop: Workshop, tmp_path: Path) -> None:
    run = a_run(workshop, tmp_path, target(docker_hub.host))
    built = workshop.built(CONTENT)
    publication = run.publish(built)
    docker_hub.asked.clear()
    assert run.publish(built, publication) == publication
    assert docker_hub.pulls == []
    heads = [one for one in docker_hub.asked if one.startswith("HEAD") and "/manifests/" in one]
    assert len(heads) == 1 + len(publication.floating)
    run.remotes.close()


def test_a_limit_is_told_of_once_before_it_bites(
    docker_hub: Hub, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, target(docker_hub.host))
    first = run.publish(workshop.built(CONTENT))
    assert run.said == []
    docker_hub.remaining = 11
    for _ in range(2):
        run.publish(workshop.built(CONTENT), first)
    assert run.said == [
        "`hub`: 11 of 100 pulls in 6 h are left; a paid login has more, or none to count"
    ]
    run.remotes.close()


def test_a_wrong_password_is_refused_and_nowhere_to_be_seen(
    docker_hub: Hub, workshop: Workshop, tmp_path: Path
) -> None:
    auth = base64.b64encode(b"me:wrong-but-secret").decode()
    document = {"auths": {docker_hub.host: {"auth": auth}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(document))
    run = a_run(workshop, tmp_path, target(docker_hub.host))
    with pytest.raises(RegistryError, match="refused the credentials") as caught:
        run.publish(workshop.built(CONTENT))
    assert "wrong-but-secret" not in str(caught.value)
    assert auth not in str(caught.value)
    run.remotes.close()
    assert run.logins == []


def test_a_push_that_failed_after_its_manifest_arrived_has_arrived(
    docker_hub: Hub, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a registry that lets nobody rewrite a tag refuses it to the second of two publishers."""
    run = a_run(workshop, tmp_path, target(docker_hub.host))
    built, push = workshop.built(CONTENT), move.docker

    def answer_lost(verb: str, name: str, **more: Any) -> None:
        push(verb, name, **more)
        raise PublishError("the tag is immutable")

    monkeypatch.setattr(move, "docker", answer_lost)
    publication = run.publish(built)
    assert publication.config_digest == built.config_digest
    other = workshop.built(CONTENT + "2", "b")

    def never_sent(verb: str, name: str, **more: Any) -> None:
        raise PublishError("no room")

    monkeypatch.setattr(move, "docker", never_sent)
    with pytest.raises(PublishError, match="no room"):
        run.publish(other)
    run.remotes.close()


def test_a_namespace_of_somebody_elses_is_refused(
    docker_hub: Hub, workshop: Workshop, tmp_path: Path
) -> None:
    run = a_run(workshop, tmp_path, target(docker_hub.host).replace("/acme", "/others"))
    with pytest.raises(RegistryError, match="HTTP 401"):
        run.publish(workshop.built(CONTENT))
    run.remotes.close()
    assert Registry(lambda key: None).hasty().allowance(f"{docker_hub.host}/acme/x") is None
