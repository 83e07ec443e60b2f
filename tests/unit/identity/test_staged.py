"""What the private copies of a build must be, so that BuildKit sees what keys say."""

from __future__ import annotations

import os
from pathlib import Path

from factory.context import Contents, stage

LONG_AGO = 1_700_000_000


def staged(root: Path, text: str) -> os.stat_result:
    """The copy of a file, whose size and time tell nothing."""
    context = root / "project"
    context.mkdir(parents=True)
    (context / "version.txt").write_text(text)
    os.utime(context / "version.txt", (LONG_AGO, LONG_AGO))
    tree = Contents(root.resolve()).tree("project", "version.txt", where="a test")
    stage(context, tree, root / "copy")
    return (root / "copy" / "version.txt").stat()


def test_files_of_one_size_and_time_do_not_look_alike_to_buildkit(tmp_path: Path) -> None:
    """It keeps what it was sent by path, size, mode and time, whatever folder it was sent from."""
    one, other = staged(tmp_path / "a", "1.0\n"), staged(tmp_path / "b", "2.0\n")
    assert one.st_size == other.st_size
    assert one.st_mtime_ns != other.st_mtime_ns


def test_a_copy_keeps_the_second_of_its_source_and_is_always_the_same(tmp_path: Path) -> None:
    one, other = staged(tmp_path / "a", "1.0\n"), staged(tmp_path / "b", "1.0\n")
    assert int(one.st_mtime) == LONG_AGO
    assert one.st_mtime_ns == other.st_mtime_ns
