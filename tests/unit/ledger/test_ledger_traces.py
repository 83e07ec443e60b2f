"""What images were made of and verdicts rest on is kept, and an older ledger is brought up to
date with all that is in it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from factory.errors import MachineError
from factory.ledger import Ledger
from factory.ledger.store import APPLICATION_ID, SCHEMA_VERSION
from factory.model import (
    Begun,
    Built,
    Gate,
    Publication,
    Record,
    Status,
    StepRecord,
    Trace,
    Verdict,
)

SCHEMA_1 = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS planned (build_id TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS built (key TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdict (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    config_digest TEXT NOT NULL, gate TEXT NOT NULL, basis TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (config_digest, gate, basis)
);
CREATE TABLE IF NOT EXISTS publication (
    build_id TEXT NOT NULL, target TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (build_id, target)
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
COMMIT;
"""
BUILT = Built(
    key="b",
    ref="r",
    image_id="sha256:1",
    config_digest="sha256:1",
    substituted_base=False,
    reason="new key",
    at="2026-11-21T08:29:00+00:00",
    seconds=1.0,
)
VERDICT = Verdict(gate=Gate.SCAN, config_digest="sha256:1", basis="x", status=Status.PASS)
PUBLISHED = Publication(
    build_id="demo:cell",
    key="b",
    target="local",
    repository="127.0.0.1:5000/demo",
    immutable="cell-b",
    floating=("cell",),
    manifest_digest="sha256:2",
    config_digest="sha256:1",
    at="2026-11-21T08:30:00+00:00",
)
BASE = StepRecord(key="a", kind="base", name="base", parent=None, inputs=(("epoch", "2026-11"),))
APP = StepRecord(
    key="b",
    kind="app",
    name="demo",
    parent="a",
    inputs=(("file images/demo/app", "1" * 64), ("dockerfile", "2" * 64), ("parent", "a")),
    folders=(("file images/demo/app", "images/demo"),),
)
TRACE = Trace(
    steps=(BASE, APP),
    contents={"1" * 64: '[["app","folder",""]]', "2" * 64: "FROM base\nRUN echo “é”\n"},
    made={"demo:cell": "b", "demo:twin": "b"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def old(path: Path) -> Path:
    """A file as schema 1 had it, with a record of each sort."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SCHEMA_1)
    rows: dict[str, list[tuple[str, ...]]] = {
        "planned (build_id, key)": [("demo:cell", "b"), ("demo:never", "c")],
        "built (key, record)": [("b", json.dumps(asdict(BUILT)))],
        "verdict (config_digest, gate, basis, record)": [
            ("sha256:1", "scan", "x", json.dumps(asdict(VERDICT)))
        ],
        "publication (build_id, target, record)": [
            ("demo:cell", "local", json.dumps(asdict(PUBLISHED)))
        ],
    }
    for into, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        connection.executemany(f"INSERT INTO {into} VALUES ({marks})", values)
    connection.close()
    return path


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return int(found)


def test_a_ledger_of_schema_1_is_brought_up_to_date_with_all_its_records(old: Path) -> None:
    for _ in range(2):
        with Ledger.open(old) as ledger:
            assert ledger.records() == (
                Record(
                    build_id="demo:cell",
                    key="b",
                    built=BUILT,
                    verdicts=(VERDICT,),
                    publications=(PUBLISHED,),
                ),
                Record(build_id="demo:never", key="c"),
            )
            assert ledger.made() == {"demo:cell": "b"}, "planned and built, so it was made"
            assert ledger.chain("b") == (), "of what, nobody wrote down"
            assert ledger.parts("x") is None
            assert ledger.releases("demo:cell") == (PUBLISHED,), "once, however often it is opened"
        assert version(old) == SCHEMA_VERSION == 6


def test_a_ledger_of_schema_2_is_brought_up_to_date(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_built(BUILT, TRACE)
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE begun; DROP TABLE released; PRAGMA user_version = 2;")
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.chain("b") == (BASE, APP)
        assert ledger.begun("b") is None
    assert version(path) == SCHEMA_VERSION


def test_all_that_was_published_of_a_build_is_known_in_its_order(path: Path) -> None:
    newer = replace(PUBLISHED, key="c", config_digest="sha256:2")
    with Ledger.open(path) as ledger:
        ledger.record_publication(PUBLISHED)
        ledger.record_publication(newer)
        ledger.record_publication(replace(PUBLISHED, build_id="demo:other"))
        assert ledger.releases("demo:cell") == (PUBLISHED, newer)
        assert ledger.publication("demo:cell", PUBLISHED.target) == newer
        assert ledger.releases("demo:never") == ()


def test_what_was_begun_is_known_until_it_is_made(path: Path) -> None:
    begun = Begun(key="b", ref="factory.invalid/demo:b", reason="main.py changed", created="now")
    with Ledger.open(path) as ledger:
        ledger.record_begun(begun)
    with Ledger.open(path) as ledger:
        assert ledger.begun("b") == begun
        assert ledger.begun("c") is None
        assert ledger.all_begun() == (begun,)
        ledger.record_built(BUILT, TRACE)
        assert ledger.begun("b") is None
        assert ledger.all_begun() == ()


def test_what_was_made_since_is_not_undone_by_another_upgrade(old: Path) -> None:
    """Two processes may both have seen schema 1."""
    with Ledger.open(old) as ledger:
        ledger.record_made(Trace(made={"demo:cell": "z"}))
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Ledger.open(old) as ledger:
        assert ledger.made() == {"demo:cell": "z"}


def test_an_upgrade_that_fails_leaves_the_old_ledger(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("DROP TABLE planned")
    connection.close()
    with pytest.raises(MachineError), Ledger.open(old):
        pass
    assert version(old) == 1


def test_what_an_image_was_made_of_comes_back_base_first(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_built(BUILT, TRACE)
    with Ledger.open(path) as ledger:
        assert ledger.chain("b") == (BASE, APP)
        assert ledger.chain("a") == (BASE,)
        assert ledger.chain("z") == ()
        assert {key: ledger.content(key) for key in TRACE.contents} == TRACE.contents
        assert ledger.content("z") is None
        assert ledger.made() == TRACE.made
        assert ledger.traced() == {"a", "b"}
        assert ledger.built("b") == BUILT


def test_a_chain_without_its_base_is_not_known(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_made(replace(TRACE, steps=(APP,)))
        assert ledger.chain("b") == ()


def test_what_is_planned_is_not_what_was_made(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_built(BUILT, TRACE)
        ledger.record_planned({"demo:cell": "c"})
        assert ledger.made()["demo:cell"] == "b"
        ledger.record_made(Trace(made={"demo:cell": "c"}))
        assert ledger.made() == {"demo:cell": "c", "demo:twin": "b"}


def test_each_content_is_stored_once_and_packed(path: Path) -> None:
    text = "FROM base\n" * 10_000
    with Ledger.open(path) as ledger:
        for _ in range(2):
            ledger.record_made(Trace(contents={"d": text}))
        assert ledger.content("d") == text
    connection = sqlite3.connect(path)
    [size] = connection.execute("SELECT length(text) FROM content").fetchone()
    connection.close()
    assert size < len(text) / 10


def test_an_image_and_what_it_is_made_of_are_recorded_together_or_not_at_all(path: Path) -> None:
    broken = replace(TRACE, contents={"d": None})  # type: ignore[dict-item]  # fails halfway
    with Ledger.open(path) as ledger:
        with pytest.raises(AttributeError):
            ledger.record_built(BUILT, broken)
        assert ledger.built("b") is None
        assert ledger.chain("b") == ()
        ledger.record_built(BUILT, TRACE)
        assert ledger.chain("b") == (BASE, APP)


def test_the_parts_of_a_basis_come_back(path: Path) -> None:
    parts = {"suite": "1", "expected": {"nodes": 3}, "gpus": False, "compose": ["1"]}
    with Ledger.open(path) as ledger:
        ledger.record_verdict(VERDICT, parts)
        ledger.record_verdict(replace(VERDICT, basis="y"))
        assert ledger.parts("x") == parts
        assert ledger.parts("y") is None


@pytest.mark.parametrize("blob", [b"no zlib", "text", b"x\x9c"])
def test_a_content_that_cannot_be_read_is_damage(path: Path, blob: bytes | str) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_made(TRACE)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE content SET text = ?", [blob])
    connection.commit()
    connection.close()
    with Ledger.open(path) as ledger, pytest.raises(MachineError, match="damaged"):
        ledger.content("1" * 64)
