"""What is about to move is on the disk before it does, and what it comes to, at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import MachineError
from factory.ledger import Ledger
from factory.ledger.store import SCHEMA_VERSION
from factory.model import Journal, Move, Publication, Stage

OLD = Publication(
    build_id="app:cell",
    key="a" * 64,
    target="local",
    repository="r/app",
    immutable="cell-aaaaaaaaaaaa",
    floating=("cell", "latest"),
    manifest_digest="sha256:old",
    config_digest="sha256:1",
    at="2026-01-01T00:00:00+00:00",
)
NEW = replace(OLD, key="b" * 64, immutable="cell-bbbbbbbbbbbb", manifest_digest="sha256:new")
MOVES = tuple(
    Move(target="local", repository="r/app", tag=tag, before="sha256:old", after="sha256:new")
    for tag in NEW.floating
)
JOURNAL = Journal(run="1234", group="app:cell", publications=(NEW,), moves=MOVES, at="now")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as found:
        yield found


def test_a_journal_is_read_back_with_the_tags_that_moved(ledger: Ledger) -> None:
    begun = ledger.begin_journal(JOURNAL)
    ledger.mark_moved(begun.number, "r/app:latest")
    ledger.mark_moved(begun.number, "r/app:latest")
    [found] = ledger.unfinished()
    assert replace(found, moves=MOVES) == begun
    assert [move.moved for move in found.moves] == [False, True]
    assert ledger.journal(begun.number) == found
    assert ledger.publications() == {}, "nothing is published yet"


def test_one_that_is_done_publishes_and_one_that_is_undone_takes_it_back(ledger: Ledger) -> None:
    ledger.record_publication(OLD)
    begun = ledger.begin_journal(JOURNAL)
    ledger.end_journal(replace(begun, stage=Stage.DONE, window=0.5))
    assert ledger.publication("app:cell", "local") == NEW
    assert ledger.unfinished() == ()
    assert ledger.journals("1234")[0].window == 0.5
    assert ledger.journals("another") == ()
    ledger.end_journal(replace(begun, stage=Stage.UNDONE))
    assert ledger.publication("app:cell", "local") == OLD
    *released, again = ledger.releases("app:cell")
    assert released == [OLD, NEW], "it was released all the same"
    assert replace(again, at=OLD.at) == OLD, "and from now on it is the old one that is released"
    assert again.at > OLD.at


def test_nothing_is_published_any_more_where_nothing_was_before(ledger: Ledger) -> None:
    begun = ledger.begin_journal(JOURNAL)
    ledger.end_journal(replace(begun, stage=Stage.DONE))
    ledger.end_journal(replace(begun, stage=Stage.UNDONE))
    assert ledger.publication("app:cell", "local") is None


def test_a_journal_is_overtaken_by_one_about_all_of_its_tags(ledger: Ledger) -> None:
    part = ledger.begin_journal(replace(JOURNAL, moves=MOVES[:1]))
    whole = ledger.begin_journal(JOURNAL)
    assert [one.number for one in ledger.unfinished()] == [whole.number]
    overtaken = ledger.journal(part.number)
    assert overtaken is not None
    assert overtaken.stage is Stage.OVERTAKEN
    ledger.begin_journal(replace(JOURNAL, moves=MOVES[:1]))
    assert len(ledger.unfinished()) == 2, "one about some of its tags leaves the others open"
    ledger.record_publications([NEW], [move.place for move in MOVES])
    assert ledger.unfinished() == ()


def test_what_was_pushed_is_known_before_any_tag_moved(ledger: Ledger) -> None:
    ledger.record_pushed(NEW)
    assert ledger.pushed("app:cell", "local") == NEW
    assert ledger.pushed("app:cell", "hub") is None
    assert ledger.publication("app:cell", "local") is None
    assert ledger.known("r/app", "sha256:new", "local")
    assert not ledger.known("r/other", "sha256:new", "local")
    assert not ledger.known("r/app", "sha256:new", "prod"), "it may have passed by a laxer policy"
    assert not ledger.known("r/app", None, "local")


def test_what_a_ledger_of_schema_4_has_published_was_pushed(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_publication(OLD)
    connection = sqlite3.connect(path)
    tables = "DROP TABLE pushed; DROP TABLE journal; DROP TABLE moved; PRAGMA user_version = 4;"
    connection.executescript(tables)
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.pushed("app:cell", "local") == OLD
        assert ledger.unfinished() == ()
    assert SCHEMA_VERSION == 6


@pytest.mark.parametrize("stage", ["'perhaps'", "7", "x'00'"])
def test_a_journal_that_was_tampered_with_is_damage(path: Path, stage: str) -> None:
    with Ledger.open(path) as ledger:
        ledger.begin_journal(JOURNAL)
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE journal SET stage = {stage}")  # of the test's own
    connection.commit()
    connection.close()
    with Ledger.open(path) as ledger, pytest.raises(MachineError, match="damaged"):
        ledger.journals()
