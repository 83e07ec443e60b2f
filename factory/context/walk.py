"""Names below a folder, with what the system says of each: as cheap as Python can be, since every
command does it."""

from __future__ import annotations

import os
import stat
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from factory.context.ignore import LEFT_OUT, Ignore, Matches
from factory.context.patterns import copy_pattern

State = tuple[int, int, int, int, int]
"""Size, mtime and ctime in nanoseconds, inode, mode: none of them may change unnoticed."""

FIELDS = 5
MODE = 4
FOLDER_STATE: State = (0, 0, 0, 0, stat.S_IFDIR)
"""Of a folder only that it is one: all else that matters is in what it holds."""

_NAMES_LEFT_OUT = frozenset(LEFT_OUT)


@dataclass(slots=True)
class Listing:
    """What a walk found, in its order; folders come before what is in them.

    Attributes:
        names: paths relative to the context.
        states: ``FIELDS`` numbers for each name.
    """

    names: list[str] = field(default_factory=list)
    states: list[int] = field(default_factory=list)

    def add(self, name: str, state: State) -> None:
        """Append one."""
        self.names.append(name)
        self.states.extend(state)


def packed(numbers: Sequence[int]) -> array[int]:
    """States as 64-bit numbers; inodes have no sign, and some file systems use their last bit."""
    try:
        return array("q", struct.pack(f"{len(numbers)}q", *numbers))
    except struct.error:
        return array("q", [(number + 2**63) % 2**64 - 2**63 for number in numbers])


def state_of(info: os.stat_result) -> State:
    """What of a file's state may not change."""
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_mode


def walk(context: str, top: str, ignore: Ignore, found: Listing) -> None:
    """Add everything at and below a path that is not left out.

    Args:
        context: an absolute path.
        top: relative to it; ``.`` is all of it.

    Raises:
        OSError: something cannot be read, or is not there any more.
    """
    left_out = False
    matches: Matches = ()
    if top != ".":
        left_out, matches, entered = ignore.reach(top)
        state = state_of(os.lstat(f"{context}/{top}"))
        is_folder = stat.S_ISDIR(state[MODE])
        if not left_out:
            found.add(top, FOLDER_STATE if is_folder else state)
        if not (is_folder and entered):
            return
    if ignore.rules:
        _below_filtered(context, _Folder(top, left_out, matches), ignore, found)
    else:
        _below(context, top, found)


def _below(context: str, top: str, found: Listing) -> None:
    """A loop of its own for the common case, with nothing in it that could be outside."""
    names, states = found.names, found.states
    pending = [top]
    while pending:
        folder = pending.pop()
        prefix = "" if folder == "." else f"{folder}/"
        with _entries(f"{context}/{folder}") as entries:
            for entry in entries:
                name = entry.name
                if name in _NAMES_LEFT_OUT:
                    continue
                path = prefix + name
                names.append(path)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                    states += FOLDER_STATE
                else:
                    info = entry.stat(follow_symlinks=False)
                    states += (
                        info.st_size,
                        info.st_mtime_ns,
                        info.st_ctime_ns,
                        info.st_ino,
                        info.st_mode,
                    )


class _Folder(NamedTuple):
    path: str
    left_out: bool
    matches: Matches

    @property
    def prefix(self) -> str:
        return "" if self.path == "." else f"{self.path}/"


def _below_filtered(context: str, top: _Folder, ignore: Ignore, found: Listing) -> None:
    pending = [top]
    while pending:
        folder = pending.pop()
        # One that is left out is only searched for what may be brought back.
        with _entries(f"{context}/{folder.path}", may_be_closed=folder.left_out) as entries:
            for entry in entries:
                if entry.name in _NAMES_LEFT_OUT:
                    continue
                path = folder.prefix + entry.name
                left_out, matches = ignore.judge(path, folder.matches)
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and (not left_out or ignore.enters(path)):
                    pending.append(_Folder(path, left_out, matches))
                if not left_out:
                    info = (
                        FOLDER_STATE if is_folder else state_of(entry.stat(follow_symlinks=False))
                    )
                    found.add(path, info)


@contextmanager
def _entries(folder: str, *, may_be_closed: bool = False) -> Iterator[Iterator[os.DirEntry[str]]]:
    """What is in a folder, looked up from there: the way from the root is not gone for each.

    Args:
        may_be_closed: as to BuildKit, it counts as empty if this user may not read it.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        if not may_be_closed:
            raise
        yield iter(())
        return
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else "."
        error.filename = os.path.normpath(f"{folder}/{name}")
        raise
    finally:
        os.close(descriptor)


def matching(context: str, base: str, wildcards: str) -> Iterator[str]:
    """What a pattern of COPY stands for: as BuildKit, the first match on each way down.

    Args:
        base: the folder before the first wildcard, relative to the context.
        wildcards: the rest of the path.

    Raises:
        BadPattern: it is none.
        OSError: a folder cannot be read.
    """
    pattern = copy_pattern(wildcards)
    deepest = None if "[" in wildcards else wildcards.count("/")  # `[^a]` may match a slash
    pending = [""]
    while pending:
        folder = pending.pop()
        with _entries(f"{context}/{base}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.name in _NAMES_LEFT_OUT:
                    continue
                if pattern.fullmatch(path):
                    yield path if base == "." else f"{base}/{path}"
                elif entry.is_dir(follow_symlinks=False) and path.count("/") != deepest:
                    pending.append(f"{path}/")
