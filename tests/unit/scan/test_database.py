"""Which vulnerability database counts as one, and how often the network is asked for it."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.errors import MachineError
from factory.model import ScanPolicy
from factory.scan import database
from factory.trivy import JAVA, VULNERABILITIES, Trivy, cached_database, knows_java

POLICY = ScanPolicy()
NOW = datetime(2026, 5, 8, 12, tzinfo=UTC)


def seed(cache: Path, updated_at: datetime, version: int = 2) -> None:
    folder = cache / "db"
    folder.mkdir(parents=True)
    (folder / "trivy.db").write_bytes(b"data")
    metadata = {"Version": version, "UpdatedAt": updated_at.isoformat().replace("+00:00", "Z")}
    (folder / "metadata.json").write_text(json.dumps(metadata))


def failing_trivy(folder: Path) -> Trivy:
    """A program that counts its calls and fails as one without a network does."""
    program = folder / "trivy"
    program.write_text(
        f"#!/bin/sh\necho x >> {folder}/calls\necho 'dial tcp: no such host' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return Trivy(path=str(program), version="0.76.0")


def test_a_young_database_counts_and_is_named_by_its_moment(tmp_path: Path) -> None:
    seed(tmp_path, NOW - timedelta(days=2))
    found = cached_database(tmp_path, 7, NOW)
    assert found is not None
    assert found.version == "2@2026-05-06T12:00:00+00:00"


def test_nanoseconds_as_trivy_writes_them_are_read(tmp_path: Path) -> None:
    seed(tmp_path, NOW)
    (tmp_path / "db/metadata.json").write_text(
        '{"Version": 2, "UpdatedAt": "2026-05-08T06:28:13.123456789Z"}'
    )
    assert cached_database(tmp_path, 7, NOW) is not None


def test_an_old_database_counts_as_none(tmp_path: Path) -> None:
    seed(tmp_path, NOW - timedelta(days=8))
    assert cached_database(tmp_path, 7, NOW) is None


def test_a_database_of_another_schema_counts_as_none(tmp_path: Path) -> None:
    seed(tmp_path, NOW, version=3)
    assert cached_database(tmp_path, 7, NOW) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Version": 2, "UpdatedAt": "soon"}'])
def test_broken_metadata_counts_as_none(tmp_path: Path, text: str) -> None:
    seed(tmp_path, NOW)
    (tmp_path / "db/metadata.json").write_text(text)
    assert cached_database(tmp_path, 7, NOW) is None


def test_a_fresh_database_is_used_without_asking_the_network(tmp_path: Path) -> None:
    seed(tmp_path / "cache", datetime.now(UTC))
    found, why = database.obtain(
        failing_trivy(tmp_path), tmp_path / "cache", POLICY, lambda _: None
    )
    assert (found is not None, why) == (True, "")
    assert not (tmp_path / "calls").exists()


def test_the_network_is_asked_once_and_its_answer_remembered(tmp_path: Path) -> None:
    tool = failing_trivy(tmp_path)
    for _ in range(3):
        found, why = database.obtain(tool, tmp_path / "cache", POLICY, lambda _: None)
        assert found is None
        assert why == "its registry's name cannot be resolved"
    assert (tmp_path / "calls").read_text().count("x") == 1


def test_a_failed_refresh_falls_back_to_the_database_at_hand(tmp_path: Path) -> None:
    seed(tmp_path / "cache", datetime.now(UTC) - timedelta(days=3))
    found, why = database.obtain(
        failing_trivy(tmp_path), tmp_path / "cache", POLICY, lambda _: None
    )
    assert (found is not None, why) == (True, "")


def seed_java(cache: Path, updated_at: datetime, version: int = 1) -> Path:
    folder = cache / "java-db"
    folder.mkdir(parents=True)
    (folder / "trivy-java.db").write_bytes(b"jars")
    metadata = {"Version": version, "UpdatedAt": updated_at.isoformat()}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def test_a_copy_of_the_one_for_java_is_told_apart_by_its_file(tmp_path: Path) -> None:
    source, cache = seed_java(tmp_path / "copy", NOW), tmp_path / "cache"
    kind, found = database.load(cache, source)
    assert (kind, found.updated_at) == (JAVA, NOW)
    assert (cache / "java-db" / "trivy-java.db").read_bytes() == b"jars"
    assert cached_database(cache) is None


def test_one_for_java_of_another_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no Java database of schema 1") as raised:
        database.load(tmp_path / "cache", seed_java(tmp_path / "copy", NOW, version=2))
    assert "--download-java-db-only" in raised.value.todo


def test_java_archives_are_told_apart_by_one_that_is_young_enough(tmp_path: Path) -> None:
    assert not knows_java(tmp_path)
    seed_java(tmp_path, datetime.now(UTC) - timedelta(days=89))
    assert knows_java(tmp_path)
    (tmp_path / "java-db" / "metadata.json").write_text(
        json.dumps({"Version": 1, "UpdatedAt": (NOW - timedelta(days=91)).isoformat()})
    )
    assert not knows_java(tmp_path)


def packed(folder: Path, *names: str) -> Path:
    file = folder / "db.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name in names:
            archive.add(folder / "db" / name, arcname=name)
    return file


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_copy_is_taken_over(tmp_path: Path, form: str) -> None:
    copy, cache = tmp_path / "copy", tmp_path / "cache"
    seed(copy, NOW)
    seed(cache, NOW - timedelta(days=9))
    source = copy / "db" if form == "folder" else packed(copy, "trivy.db", "metadata.json")
    assert database.load(cache, source)[1].updated_at == NOW
    assert cached_database(cache, 7, NOW) is not None
    assert (cache / "db" / "trivy.db").read_bytes() == b"data"


def test_what_is_no_database_leaves_the_one_at_hand(tmp_path: Path) -> None:
    copy, cache, text = tmp_path / "copy", tmp_path / "cache", tmp_path / "text"
    seed(cache, NOW)
    seed(copy, NOW, version=1)
    text.write_text("no archive")
    wrong = [copy / "db", packed(copy, "trivy.db"), text, tmp_path / "nowhere", tmp_path]
    for source in wrong:
        with pytest.raises(MachineError) as raised:
            database.load(cache, source)
        assert raised.value.where == str(source)
        assert raised.value.todo
    assert cached_database(cache, 7, NOW) is not None
    assert {path.name for path in cache.iterdir()} <= {"db", ".db.lock"}


def test_an_older_copy_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    copy, cache = tmp_path / "copy", tmp_path / "cache"
    seed(cache, NOW)
    seed(copy, NOW - timedelta(days=1))
    with pytest.raises(MachineError, match="older than the one that is here") as raised:
        database.load(cache, copy / "db")
    assert "remove" in raised.value.todo
    assert cached_database(cache, 7, NOW) is not None


def test_what_a_killed_download_left_is_removed(tmp_path: Path) -> None:
    copy, cache = tmp_path / "copy", tmp_path / "cache"
    seed(copy, NOW)
    (cache / "download-x" / "db").mkdir(parents=True)
    database.load(cache, copy / "db")
    assert not (cache / "download-x").exists()


def test_a_download_that_fails_says_what_to_do_and_leaves_the_one_at_hand(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    seed(cache, NOW)
    with pytest.raises(MachineError, match="its registry's name cannot be resolved") as raised:
        database.fetch(failing_trivy(tmp_path), cache, VULNERABILITIES, "mirror.example/trivy-db")
    assert "invoke db load" in raised.value.todo
    assert cached_database(cache, 7, NOW) is not None


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_no_link_of_an_archive_is_followed(tmp_path: Path, kind: bytes) -> None:
    source = tmp_path / "db.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        for name in ("trivy.db", "../metadata.json"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    with pytest.raises(MachineError, match="no database in it"):
        database.load(tmp_path / "cache", source)
    assert not (tmp_path / "cache" / "db").exists()


def test_a_file_that_no_disk_holds_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "db.tar.gz"
    with gzip.open(source, "wb") as file:
        for name in ("metadata.json", "trivy.db"):
            member = tarfile.TarInfo(name)
            member.size = 2**40 if name == "trivy.db" else 0
            file.write(member.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(MachineError, match="no database in it"):
        database.load(tmp_path / "cache", source)


@pytest.mark.parametrize("name", ["trivy.db", "metadata.json", "."])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    seed(copy, NOW)
    source = copy / "db"
    if name == ".":
        source = tmp_path / "pipe"
        os.mkfifo(source)
    else:
        (source / name).unlink()
        os.mkfifo(source / name)
    with pytest.raises(MachineError, match="is no file"):
        database.load(tmp_path / "cache", source)
