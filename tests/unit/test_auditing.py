"""A build's id is no image at Docker Hub: what was published of it is audited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory import auditing
from factory.auditing import Asked, audit
from factory.errors import ConfigError
from factory.ledger import Ledger
from factory.model import Publication
from factory.settings import Settings

BUILD, CELL = "demo:2.60.0-py311-cpu", "2.60.0-py311-cpu"
REPOSITORY, TAG = "127.0.0.1:5000/demo", "2.60.0-py311-cpu-aaaaaaaaaaaa"
LOCAL = Publication(
    build_id=BUILD, key="a" * 64, target="local", repository=REPOSITORY, immutable=TAG, floating=(),
    manifest_digest="sha256:" + "e" * 64, config_digest="sha256:" + "d" * 64, at="2026-11-01",
)  # fmt: skip  # as the ledger has it
PROD = replace(LOCAL, target="prod", repository="example.org/demo")


class Asks(Exception):
    """What a registry would have been asked for."""


@pytest.fixture
def settings(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    def subject_of(_registry: Any, repository: str, reference: str) -> None:
        raise Asks(f"{repository} {reference}")

    monkeypatch.setattr(auditing, "subject_of", subject_of)
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree)})


def published(settings: Settings, *publications: Publication) -> None:
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        for one in publications:
            ledger.record_publication(one)


def asked_for(settings: Settings, ref: str, policy: str | None = None) -> str:
    with pytest.raises(Asks) as raised:
        audit(settings, Asked(ref=ref, policy=policy))
    return str(raised.value)


@pytest.mark.parametrize("ref", [BUILD, CELL])
def test_a_build_or_cell_stands_for_what_was_published_of_it(settings: Settings, ref: str) -> None:
    published(settings, LOCAL)
    assert asked_for(settings, ref) == f"{REPOSITORY} {TAG}"


def test_of_several_targets_that_counts_whose_policy_is_asked_for(settings: Settings) -> None:
    published(settings, LOCAL, PROD)
    assert asked_for(settings, BUILD, policy="local") == f"{REPOSITORY} {TAG}"
    with pytest.raises(ConfigError, match="in 2 places") as raised:
        audit(settings, Asked(ref=BUILD))
    assert f"{REPOSITORY}:{TAG} (local), example.org/demo:{TAG} (prod)" in raised.value.what
    assert f"`invoke audit {REPOSITORY}:{TAG}`" in raised.value.todo


@pytest.mark.parametrize("ref", [BUILD, CELL, "demo:2.1.0-py39-gpu"])
def test_a_build_that_was_not_published_is_looked_for_nowhere(settings: Settings, ref: str) -> None:
    with pytest.raises(ConfigError, match=f"nothing was published of {ref} from here"):
        audit(settings, Asked(ref=ref))
    assert not (settings.state / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        ("debian:12", "debian 12"),
        ("demo:latest", "demo latest"),
        (f"other:{CELL}", f"other {CELL}"),
        (f"docker.io/library/{BUILD}", f"docker.io/library/demo {CELL}"),
        (f"{REPOSITORY}:{CELL}", f"{REPOSITORY} {CELL}"),
    ],
)
def test_any_other_name_is_that_of_an_image(settings: Settings, ref: str, place: str) -> None:
    published(settings, LOCAL)
    assert asked_for(settings, ref) == place
