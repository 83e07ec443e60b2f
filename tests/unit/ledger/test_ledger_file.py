"""A file that is not a whole ledger is named, with what to do, and never written to."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from factory.errors import ConfigError, FactoryError, MachineError
from factory.ledger import Ledger
from factory.ledger.store import SCHEMA_VERSION
from factory.model import Built, StepRecord

BUILT = Built(
    key="k",
    ref="r",
    image_id="sha256:1",
    config_digest="sha256:1",
    substituted_base=False,
    reason="",
    at="",
    seconds=0.0,
)


def read(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.records()
        ledger.all_built()


def explain(path: Path, kind: type[FactoryError]) -> str:
    """The error that opening and reading gives, which must say where and what next."""
    before = path.read_bytes()
    with pytest.raises(kind) as caught:
        read(path)
    assert caught.value.where == str(path)
    assert caught.value.todo
    assert path.read_bytes() == before
    return caught.value.what


def written(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as opened:
        opened.record_built(BUILT)
    return path


def test_text_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("hello, this is not a database\n" * 100)
    assert "damaged" in explain(path, MachineError)


def test_a_file_cut_short(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:5000])
    assert "damaged" in explain(ledger, MachineError)


def test_pages_overwritten(ledger: Path) -> None:
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert "damaged" in explain(ledger, MachineError)


def test_a_record_that_is_not_what_it_should_be(ledger: Path) -> None:
    written(ledger, """UPDATE built SET record = '{"key": 1}'""")
    assert "damaged" in explain(ledger, MachineError)


def test_a_missing_table(ledger: Path) -> None:
    written(ledger, "DROP TABLE built")
    assert "no such table" in explain(ledger, MachineError)


def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.sqlite", "CREATE TABLE recipes (name TEXT)")
    assert "another program" in explain(path, ConfigError)


def test_a_ledger_of_a_newer_factory(ledger: Path) -> None:
    written(ledger, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert "newer" in explain(ledger, ConfigError)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.mkdir()
    with pytest.raises(MachineError) as caught, Ledger.open(path):
        pass
    assert caught.value.where == str(path)


def test_a_file_where_its_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / ".factory").write_text("")
    with pytest.raises(MachineError), Ledger.open(tmp_path / ".factory" / "ledger.sqlite"):
        pass


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    with Ledger.open(path) as opened:
        assert opened.records() == ()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON made BEGIN DELETE FROM made; END",
    ],
)
def test_what_would_run_where_it_is_read(ledger: Path, statement: str) -> None:
    assert "views or triggers" in explain(written(ledger, statement), MachineError)


def test_bytes_in_place_of_a_text(ledger: Path) -> None:
    written(ledger, "INSERT INTO planned VALUES (x'00ff', 'k')")
    assert "a text is none" in explain(ledger, MachineError)


def test_parents_in_a_circle(ledger: Path) -> None:
    step = StepRecord(key="a", kind="app", name="n", parent="b")
    record = TypeAdapter(StepRecord).dump_json(step).decode()
    for key, parent in ("ab", "ba"):
        written(ledger, f"INSERT INTO step VALUES ('{key}', '{parent}', '{record}')")
    with Ledger.open(ledger) as opened:
        assert opened.chain("a") == ()
