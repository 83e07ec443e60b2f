"""A target that wants a clean git checkout: what is refused there, and what helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from factory.engine import Engine
from factory.errors import PublishError
from factory.model import Publication, Target, Verdict
from factory.publish import Candidate, Promoter, Publisher
from factory.registry import Copier, Registry
from tests.unit.publish.test_gate import BOTH, BUILT, PLANNED

SOURCE = Target(name="staging", registry="h/staging")
CLEAN = Target(name="prod", registry="h/prod", require_clean=True)
NAMES = SOURCE.names(PLANNED)
PUBLISHED = Publication(
    build_id=PLANNED.build.id,
    key=PLANNED.key,
    target="staging",
    repository=NAMES.repository,
    immutable=NAMES.immutable,
    floating=NAMES.floating,
    manifest_digest="sha256:m",
    config_digest=BUILT.config_digest,
    at="2026-01-01T00:00:00+00:00",
)


class Source(Registry):
    """One whose tags all name what was published, of an image with no label."""

    def head(self, repository: str, reference: str) -> str | None:
        return PUBLISHED.manifest_digest

    def blob(self, repository: str, digest: str) -> bytes:
        return b'{"config": {}}'


def push(verdicts: Iterable[Verdict], folder: Path, target: Target = CLEAN) -> str:
    """What is to be done about a refused push."""
    publisher = Publisher(
        engine=cast("Engine", None),
        registry=Registry(),
        target=target,
        locks=folder,
        verdicts_of=lambda _digest: (),
        joints_of=lambda _digest: (),
        unclean="app/main.py is not committed",
    )
    with pytest.raises(PublishError, match="may not be published") as caught:
        publisher.push(PLANNED, BUILT, verdicts)
    return caught.value.todo


def promote(verdicts: tuple[Verdict, ...], folder: Path) -> str:
    """What is to be done about a refused promotion."""
    registry = Source()
    promoter = Promoter(
        registry=registry, copier=Copier(registry), source=SOURCE, target=CLEAN, locks=folder
    )
    candidate = Candidate(planned=PLANNED, built=BUILT, published=PUBLISHED, verdicts=verdicts)
    with pytest.raises(PublishError, match="may not be published") as caught:
        promoter.place(candidate, print)
    return caught.value.todo


def test_what_is_not_committed_is_to_be_committed_before_a_push(tmp_path: Path) -> None:
    todo = push(BOTH, tmp_path)
    assert "commit the working tree, and run this again" in todo
    assert "gates" not in todo
    assert "accept" not in todo


def test_what_was_built_of_no_commit_is_to_be_built_of_one_before_it_is_promoted(
    tmp_path: Path,
) -> None:
    todo = promote(BOTH, tmp_path)
    assert "commit the working tree before it is built and published at `staging`" in todo
    assert "accept" not in todo


def test_what_lacks_more_is_told_that_too(tmp_path: Path) -> None:
    for todo in (push((), tmp_path), promote((), tmp_path)):
        assert "commit the working tree" in todo
        assert "`invoke status` shows the verdicts" in todo


def test_where_no_clean_checkout_is_wanted_nothing_is_said_of_it(tmp_path: Path) -> None:
    todo = push((), tmp_path, replace(CLEAN, require_clean=False))
    assert "pass the gates first" in todo
    assert "commit" not in todo
