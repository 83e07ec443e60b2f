"""Giving up what can never be finished, where no registry is asked and the tags are named; and the
order in which runs are rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import console
from factory.errors import ConfigError
from factory.ledger import Ledger
from factory.model import Journal, Move, Publication, Stage, State
from factory.resuming import rollback
from factory.settings import Settings
from tests.unit.publish.moved import Moved, moved_at

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


@pytest.fixture
def moved(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    with moved_at(tree, monkeypatch) as made:
        yield made


def test_what_came_later_is_rolled_back_first_and_named(moved: Moved) -> None:
    for version in ("v1", "v2", "v3"):
        moved.publish(version, "prod")
    refused = moved.roll_back("v1")
    assert (refused.state, refused.code) == (State.FAILED, 6)
    assert "run run-v3 moved floating tags of this group since" in refused.reason
    steps = "`invoke rollback --run run-v3`, then `invoke rollback --run run-v2`, then "
    assert any(f"{steps}`invoke rollback --run run-v1`" in line for line in refused.detail)
    assert moved.floats("prod") == moved.held.version("v3")
    assert "run run-v3 moved" in moved.roll_back("v2").reason
    for version, before in (("v3", "v2"), ("v2", "v1")):
        assert moved.roll_back(version).state is State.DONE
        assert moved.floats("prod") == moved.held.version(before)


def test_of_many_runs_that_came_later_the_newest_are_named(moved: Moved) -> None:
    for number in range(6):
        moved.publish(f"v{number}", "prod")
    refused = moved.roll_back("v0")
    [todo] = [line for line in refused.detail if "run run-v3" in line or "--run run-v5" in line]
    assert "--run run-v3`, then the older ones that `invoke runs` lists, then" in todo
    assert "run-v2" not in todo


def test_what_others_moved_since_is_said_to_be_theirs(moved: Moved) -> None:
    first = moved.publish("v1", "prod").moves[0]
    moved.publish("v2", "prod")
    moved.held.put(first.repository, first.tag, moved.held.version("theirs"))
    assert "somebody else moved floating tags of this group" in moved.roll_back("v1").reason
    assert moved.floats("prod") == moved.held.version("theirs")


def test_a_run_at_another_target_alone_is_no_later_one(moved: Moved) -> None:
    moved.publish("v1", "prod")
    moved.publish("v2", "prod")
    moved.publish("v3", "local")
    assert moved.roll_back("v2").state is State.DONE
    assert moved.floats("prod") == moved.held.version("v1")
