from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks import machine, quiet


def test_what_is_timed_next_waits_for_cores_that_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 3.0, 3.0, 5.0, 5.0, 5.01])
    pauses: list[float] = []
    monkeypatch.setattr(quiet, "take_memory", lambda: None)
    monkeypatch.setattr(machine, "busy_seconds", lambda: next(readings))
    monkeypatch.setattr(time, "sleep", pauses.append)
    quiet.settle()
    assert len(pauses) == 3
    assert not list(readings)


def test_it_waits_no_longer_than_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, busy = iter([0.0, 1.0, 3.0]), iter(range(100))
    monkeypatch.setattr(quiet, "take_memory", lambda: None)
    monkeypatch.setattr(machine, "busy_seconds", lambda: float(next(busy)))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    quiet.settle(2.0)
    assert not list(clock)


def test_all_memory_that_is_free_is_taken_but_a_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_free_bytes", lambda: 2**30 + 40 * 2**20)
    quiet._hole.cache_clear()
    for times in (1, 2):  # anew: what was read once is remembered
        quiet.take_memory()
        assert os.lseek(quiet._hole(), 0, os.SEEK_CUR) == times * 40 * 2**20


def test_where_little_is_free_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.lseek(quiet._hole(), 0, os.SEEK_CUR)
    monkeypatch.setattr(quiet, "_free_bytes", lambda: 2**29)
    quiet.take_memory()
    assert os.lseek(quiet._hole(), 0, os.SEEK_CUR) == before


def test_free_memory_is_read_in_bytes() -> None:
    assert 0 < quiet._free_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_deleted_files_are_forgotten_as_far_as_one_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(quiet, "_DROP_CACHES", tmp_path / "drop_caches")
    quiet.forget_deleted()
    assert (tmp_path / "drop_caches").read_text("ascii") == "1"
    monkeypatch.setattr(quiet, "_DROP_CACHES", tmp_path)  # as if it were another's: not writable
    quiet.forget_deleted()
