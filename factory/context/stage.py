"""A private copy of what a build reads, where nobody edits it meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from factory.context.hashing import Changed, opened
from factory.context.tree import EXECUTABLE, FOLDER, LINK, Entry, Tree
from factory.errors import BuildError

_BLOCK = 1 << 20
_SECOND = 10**9
_FOLDER_MODE = 0o755
_MODES = {False: 0o644, True: 0o755}


def stage(context: Path, tree: Tree, target: Path) -> None:
    """Copy a tree, as it was when it was digested.

    Modes are those that git keeps: what the umask of a checkout makes of the others is in no key,
    so it must not be in an image either.

    Args:
        context: the folder that the tree is in.
        tree: what was digested.
        target: a folder that gets the same layout; what is there already stays.

    Raises:
        BuildError: something is not what it was when it was digested.
    """
    _folder(target)
    for entry in tree.entries:
        copy = target / entry.path
        _parents(target, entry.path)
        try:
            _copy(context / entry.path, copy, entry)
        except (Changed, FileNotFoundError, NotADirectoryError):
            raise _changed(context / entry.path) from None


def _copy(source: Path, copy: Path, entry: Entry) -> None:
    if entry.kind == FOLDER:
        if not stat.S_ISDIR(source.lstat().st_mode):
            raise Changed
        _folder(copy)
    elif entry.kind == LINK:
        link = _link(source)
        if hashlib.sha256(os.fsencode(link)).hexdigest() != entry.digest:
            raise Changed
        if not copy.is_symlink():
            copy.symlink_to(link)
    else:
        _file(source, copy, entry)


def _file(source: Path, copy: Path, entry: Entry) -> None:
    digest = hashlib.sha256()
    with opened(str(source)) as reader, copy.open("wb") as writer:
        info = os.fstat(reader.fileno())
        is_executable = bool(info.st_mode & stat.S_IXUSR)
        if not stat.S_ISREG(info.st_mode) or is_executable != (entry.kind == EXECUTABLE):
            raise Changed
        while block := reader.read(_BLOCK):
            digest.update(block)
            writer.write(block)
    if digest.hexdigest() != entry.digest:
        raise Changed
    os.utime(copy, ns=(info.st_atime_ns, _time_of(info, entry)))
    copy.chmod(_MODES[is_executable])


def _time_of(info: os.stat_result, entry: Entry) -> int:
    """The source's mtime (ns), but for the part below a second, which is the content's: BuildKit
    takes a file for one that it was sent before, from whatever folder, if path, size, mode and
    mtime are the same. An image keeps whole seconds only."""
    return info.st_mtime_ns // _SECOND * _SECOND + int(entry.digest[:16], 16) % _SECOND


def _link(source: Path) -> str:
    try:
        return str(source.readlink())
    except OSError:  # it is no link any more
        raise Changed from None


def _parents(target: Path, path: str) -> None:
    for parent in reversed(Path(path).parents[:-1]):
        _folder(target / parent)


def _folder(path: Path) -> None:
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(_FOLDER_MODE)


def _changed(path: Path) -> BuildError:
    return BuildError(f"{path} changed after it was read", todo="run the command again")
