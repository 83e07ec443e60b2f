"""What is remembered of images that were made by hand."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

from factory.ledger import Ledger
from factory.model import (
    Adoption,
    ContentDifference,
    FileCounts,
    FileDifference,
    FileLine,
    Layer,
    NotedFile,
)

FOUND = ContentDifference(
    packages={"six": ("1.17.0", None)}, gone=(), new=("f",), sizes={"base": (1, 2)}, judged=True
)
FILES = FileDifference(
    on_own=True,
    shared=2,
    layers=1,
    total=FileCounts(added=2, new_bytes=3),
    lines=(FileLine(path="/a/", counts=FileCounts(added=1, new_bytes=2), rest=True),),
    noise={"caches": FileCounts(added=1, new_bytes=1)},
    noted=(NotedFile(path="/a/.netrc", why="logins", size=2),),
    unread=("layer 1: why",),
)
ADOPTION = Adoption(
    build_id="demo:cell",
    ref="mine:1",
    config_digest="sha256:1",
    own_digest="sha256:0",
    difference=FOUND,
    layers=(Layer(made_by="bash", size=7),),
    at="2026-11-29T14:00:00+00:00",
    files=FILES,
)


def test_an_adoption_is_there_again_with_all_that_differs(tmp_path: Path) -> None:
    other = replace(ADOPTION, config_digest="sha256:2")
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_adoption(ADOPTION)
        ledger.record_adoption(other)
        ledger.record_adoption(replace(ADOPTION, ref="mine:2"))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        found = ledger.adoptions()
    assert sorted(one.config_digest for one in found) == ["sha256:1", "sha256:2"]
    assert replace(ADOPTION, ref="mine:2") in found
    assert other in found


def test_an_adoption_from_before_files_were_noted_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        ledger.record_adoption(ADOPTION)
    with sqlite3.connect(path) as connection:
        [(text,)] = connection.execute("SELECT record FROM adoption")
        record = json.loads(text)
        del record["files"]
        connection.execute("UPDATE adoption SET record = ?", (json.dumps(record),))
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.adoptions() == (replace(ADOPTION, files=None),)
