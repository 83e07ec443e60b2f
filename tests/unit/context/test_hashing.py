"""Digests are those of the contents, however many files there are and however large."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from factory.context import hashing
from factory.context.hashing import Changed, hash_file, hash_files


@pytest.mark.parametrize("size", [0, 1, hashing._SMALL - 1, hashing._SMALL, 3 << 20])
def test_a_file_of_any_size(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    state, digest = hash_file(str(tmp_path / "file"))
    assert digest == hashlib.sha256(content).digest()
    assert state[0] == size


@pytest.mark.parametrize("count", [1, 2, 17, 200])
@pytest.mark.parametrize("size", [0, hashing._WORTH_THREADS])
def test_digests_are_in_the_order_of_the_files(tmp_path: Path, count: int, size: int) -> None:
    paths = [str(tmp_path / str(at)) for at in range(count)]
    for at, path in enumerate(paths):
        Path(path).write_bytes(b"x" * at)
    found = [digest for _, digest in hash_files(paths, size)]
    assert found == [hashlib.sha256(b"x" * at).digest() for at in range(count)]


def test_small_trees_start_no_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "ThreadPoolExecutor", None)  # it would fail
    (tmp_path / "a").write_text("a")
    assert len(hash_files([str(tmp_path / "a")] * 3, 3)) == 3


def test_large_ones_are_read_by_several_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    both = threading.Barrier(2, timeout=60)  # which one thread alone would never pass
    real = hashing.hash_file
    monkeypatch.setattr(hashing, "hash_file", lambda path: (both.wait(), real(path))[1])
    assert len(hash_files([str(tmp_path / "a")] * 2, hashing._WORTH_THREADS)) == 2


def test_the_first_failure_ends_the_rest(tmp_path: Path) -> None:
    with pytest.raises(Changed, match="none"):
        hash_files([str(tmp_path / "none")] * 100, hashing._WORTH_THREADS)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Changed):
        hash_file(str(tmp_path / "pipe"))


def test_a_read_that_fails_says_of_which_file() -> None:
    """As on a broken disk: a process has no memory at address 0."""
    with pytest.raises(OSError, match="Input/output error") as failed:
        hash_file("/proc/self/mem")
    assert failed.value.filename == "/proc/self/mem"
