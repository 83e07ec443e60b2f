"""Names below a folder, with what the system says of each: as cheap as Python can be, since every
command does it."""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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
        return array("q", numbers)
    except OverflowError:
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
        _below_filtered(context, top, ignore, matches, found)
    else:
        _below(context, top, found)


def _below(context: str, top: str, found: Listing) -> None:
    """A loop of its own for the common case, with nothing in it that could be outside."""
    names, states = found.names, found.states
    pending = [top]
    while pending:
        folder = pending.pop()
        prefix = "" if folder == "." else f"{folder}/"
        with os.scandir(f"{context}/{folder}") as entries:
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


def _below_filtered(
    context: str, top: str, ignore: Ignore, matches: Matches, found: Listing
) -> None:
    pending = [(top, matches)]
    while pending:
        folder, above = pending.pop()
        prefix = "" if folder == "." else f"{folder}/"
        for entry in _readable(context, folder, ignore):
            path = prefix + entry.name
            left_out, below = ignore.judge(path, above)
            if entry.is_dir(follow_symlinks=False):
                if not left_out:
                    found.add(path, FOLDER_STATE)
                if not left_out or ignore.enters(path):
                    pending.append((path, below))
            elif not left_out:
                found.add(path, state_of(entry.stat(follow_symlinks=False)))


def _readable(context: str, folder: str, ignore: Ignore) -> list[os.DirEntry[str]]:
    """What is in a folder; of one that is left out and may not be read, nothing, as in BuildKit."""
    try:
        with os.scandir(f"{context}/{folder}") as entries:
            return [entry for entry in entries if entry.name not in _NAMES_LEFT_OUT]
    except PermissionError:
        if folder != "." and ignore.leaves_out(folder):
            return []
        raise


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
        with os.scandir(f"{context}/{base}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.name in _NAMES_LEFT_OUT:
                    continue
                if pattern.fullmatch(path):
                    yield path if base == "." else f"{base}/{path}"
                elif entry.is_dir(follow_symlinks=False) and path.count("/") != deepest:
                    pending.append(f"{path}/")
