"""Giving up what can never be finished: no registry is asked, and the tags are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory import console
from factory.errors import ConfigError
from factory.ledger import Ledger
from factory.model import Journal, Move, Publication, Stage, State
from factory.resuming import rollback
from factory.settings import Settings

MOVE = Move(
    target="gone", repository="gone.example/app", tag="latest", before=None, after="sha256:new"
)
PUBLICATION = Publication(
    build_id="app:cell",
    key="b" * 64,
    target="gone",
    repository=MOVE.repository,
    immutable="cell-bbbbbbbbbbbb",
    floating=("latest",),
    manifest_digest="sha256:new",
    config_digest="sha256:1",
    at="2026-01-01T00:00:00+00:00",
)
JOURNAL = Journal(
    run="1234", group="app:cell", publications=(PUBLICATION,), moves=(MOVE,), at="now"
)


@pytest.fixture
def settings(tree: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree.parent)})


def test_what_is_given_up_is_closed_and_its_tags_are_named(
    settings: Settings, tmp_path: Path
) -> None:
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        ledger.begin_journal(JOURNAL)
    with console.observer(tmp_path / "logs") as observer:
        [first], [second] = (
            rollback(settings, "1234", observer, forget=True).outcomes for _ in range(2)
        )
    assert (first.state, second.state) == (State.DONE, State.CACHED)
    assert first.reason == "given up; look after these tags yourself: gone.example/app:latest"
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        assert not ledger.unfinished()
        assert [one.stage for one in ledger.journals()] == [Stage.OVERTAKEN]
        assert ledger.publications() == {}


def test_a_run_has_to_be_named_to_be_given_up(settings: Settings, tmp_path: Path) -> None:
    with console.observer(tmp_path / "logs") as observer, pytest.raises(ConfigError, match="wants"):
        rollback(settings, None, observer, forget=True)
