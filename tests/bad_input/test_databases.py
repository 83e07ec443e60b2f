"""A database that is no use, and a Trivy that must not be started: through the real commands."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import trivy_database
from factory.settings import APP
from tests.conftest import ROOT

NOW = datetime.now(UTC)


def invoke(tree: Path, *args: str, path: str = "") -> tuple[int, str]:
    env = {"FACTORY_ROOT": str(tree), "XDG_CACHE_HOME": str(tree.parent / "cache")}
    env |= {"XDG_DATA_HOME": str(tree.parent / "data")}
    env |= {"PATH": f"{path}:{os.environ['PATH']}"} if path else {}
    argv = [sys.executable, "-m", "invoke", *args]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert not re.search("Traceback|defect", done.stderr)
    assert "\n  → " in done.stderr, "the next step is missing"
    return done.returncode, done.stderr


def metadata(folder: Path, **values: object) -> None:
    file = folder / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda db: metadata(db, Version=3), "it is no vulnerability database of schema 2"),
        (lambda db: metadata(db, UpdatedAt="soon"), "it is no vulnerability database of schema 2"),
        (lambda db: (db / "metadata.json").write_text("{"), "it is no vulnerability database"),
        (lambda db: (db / "trivy.db").unlink(), "there is no database in it"),
        (
            lambda db: metadata(db, UpdatedAt=(NOW - timedelta(days=30)).isoformat()),
            "older than the one that is here",
        ),
    ],
    ids=["of another schema", "of no moment", "with broken metadata", "half of one", "older"],
)
def test_a_database_that_is_no_use_is_refused_and_the_one_at_hand_stays(
    tree: Path, spoil: object, says: str
) -> None:
    home = tree.parent / "cache" / APP / "trivy"
    trivy_database.write(home, {"vulnerability": {"CVE-1": {"": {}}}}, NOW)
    before = (home / "db" / "metadata.json").read_text()
    trivy_database.write(tree.parent / "brought", {"vulnerability": {"CVE-1": {"": {}}}})
    db = tree.parent / "brought" / "db"
    assert callable(spoil)
    spoil(db)
    code, said = invoke(tree, "db", "load", "--source", str(db))
    assert (code, str(db) in said, says in said) == (7, True, True), said
    assert (home / "db" / "metadata.json").read_text() == before


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"cut off", mtime=0)[:-4]])
def test_a_file_that_was_damaged_on_its_way_is_refused(tree: Path, content: bytes) -> None:
    file = tree.parent / "db.tar.gz"
    file.write_bytes(content)
    code, said = invoke(tree, "db", "load", "--source", str(file))
    assert (code, f"{file}: there is no database in it" in said) == (7, True), said


def test_a_trojaned_trivy_is_named_and_not_started(tree: Path) -> None:
    ran, program = tree.parent / "ran", tree.parent / "bin" / "trivy"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {ran}\n# pkg/version/app.ver=0.69.5\n")
    program.chmod(0o755)
    code, said = invoke(tree, "db", "fetch", path=str(program.parent))
    assert (code, "0.69.5" in said, "renew every credential" in said) == (7, True, True), said
    assert not ran.exists()
