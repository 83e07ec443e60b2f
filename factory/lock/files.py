"""Lock files on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from factory.errors import ConfigError
from factory.model import Lock, parse_lock


def read_locks(root: Path, paths: Iterable[str]) -> dict[str, Lock]:
    """The locks at some paths relative to the root.

    Raises:
        ConfigError: one is no whole lock.
    """
    return {path: parse_lock((root / path).read_text(encoding="utf-8"), path) for path in paths}


def write_files(root: Path, files: Mapping[str, str], gone: Iterable[str] = ()) -> None:
    """Write some files and remove others. All are written elsewhere first: what fails,
    such as a full disk, fails before anything is changed.

    Raises:
        ConfigError: a symlink among the folders leads out of the root.
        OSError: the folders cannot be written to.
    """
    for path in (*files, *gone):
        if not (root / path).parent.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"{path} leads outside the project",
                where=path,
                todo="make its folder one of the project's own; locks are written nowhere else",
            )
    halves: dict[Path, Path] = {}
    # Out of the way of builds and of version control, should a kill leave them behind.
    work = root / ".factory" / f"locks-{os.getpid()}"
    work.mkdir(parents=True, exist_ok=True)
    try:
        for path, text in files.items():
            file = root / path
            if file.is_file() and file.read_text(encoding="utf-8") == text:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            half = work / f"{len(halves)}"
            halves[half] = file
            half.write_text(text, encoding="utf-8")
        for half, file in halves.items():
            half.replace(file)
        for path in gone:
            (root / path).unlink(missing_ok=True)
            with suppress(OSError):  # another lock is in there
                (root / path).parent.rmdir()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def changes(old: Mapping[str, Lock], new: Mapping[str, Lock]) -> Iterator[str]:
    """What is different, a line each."""
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before is None and after:
            yield f"{path} is new: {_count(after)}"
        elif after is None:
            yield f"{path} is gone: no cell uses it"
        elif before and after and before != after:
            yield from _inside(path, before, after)


def _inside(path: str, before: Lock, after: Lock) -> Iterator[str]:
    was, now = before.versions, after.versions
    for name in sorted(was.keys() | now.keys()):
        if name not in was:
            yield f"{name} {now[name]} is new in {path}"
        elif name not in now:
            yield f"{name} {was[name]} is gone from {path}"
        elif was[name] != now[name]:
            yield f"{name} {was[name]} → {now[name]} in {path}"
        elif before.pins[name] != after.pins[name]:
            yield f"{name} {now[name]} has other hashes in {path}"
    if was == now and before.made_for != after.made_for:
        yield f"{path} is for other requirements, with the same versions"


def _count(lock: Lock) -> str:
    return f"{len(lock.pins)} package{'' if len(lock.pins) == 1 else 's'}"
