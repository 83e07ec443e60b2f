"""What is in the files that builds read: found, checked, and digested.

The digest of a folder covers every name, whether a file may be executed, content and symlink target
in it, and nothing that differs between two checkouts of the same commit: times, owners, and what
the umask makes of modes. Builds see the same (``stage``).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from factory.context.ignore import LEFT_OUT, Ignore, pattern
from factory.errors import ConfigError

IGNORE_FILE = ".dockerignore"
FILE, EXECUTABLE, LINK, FOLDER = "file", "executable", "link", "folder"
_SPECIAL = frozenset("*?[\\")
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing in a tree.

    Attributes:
        path: relative to the context.
        kind: ``file``, ``executable``, ``link`` or ``folder``.
        digest: SHA-256, in hex, of a file's content or a link's target; empty for a folder.
    """

    path: str
    kind: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a path or a pattern stands for, sorted by path."""

    entries: tuple[Entry, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex."""
        lines = (f"{it.kind} {it.digest} {it.path!r}\n" for it in self.entries)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Contents:
    """The files of a project.

    Attributes:
        root: the project's root, with symlinks resolved.
    """

    root: Path
    _trees: dict[tuple[str, str], Tree] = field(default_factory=dict)
    _ignores: dict[str, Ignore] = field(default_factory=dict)

    def digest(self, folder: str, path: str, *, where: str) -> str:
        """The digest of ``tree``."""
        return self.tree(folder, path, where=where).digest

    def tree(self, folder: str, path: str, *, where: str) -> Tree:
        """What a Dockerfile reads by a path, which may be a pattern; looked at once.

        Args:
            folder: a context, relative to the root.
            path: in that folder.
            where: who asks for it, for messages.

        Raises:
            ConfigError: it is missing, unreadable, left out, a symlink, a special file, or its
                real path leaves the project; or a symlink in it does, or leads to nothing.
        """
        place = (folder, path)
        if place not in self._trees:
            self._trees[place] = self._look(folder, path, where)
        return self._trees[place]

    def _look(self, folder: str, path: str, where: str) -> Tree:
        context = contained(self.root, folder, where=where)
        ignore = self._ignore(folder, context, where)
        try:
            tops = _matching(context, path) if _SPECIAL & set(path) else [path]
            kept = [top for top in tops if top == "." or not ignore.leaves_out(top)]
            if not kept:
                raise _nothing(folder, path, where, left_out=bool(tops))
            found: dict[str, Entry] = {}
            for top in kept:
                self._check_top(context, top, where)
                for entry in self._entries(context, top, ignore, where):
                    found[entry.path] = entry
        except OSError as error:
            raise _unreadable(error, where) from error
        return Tree(tuple(found[name] for name in sorted(found)))

    def _ignore(self, folder: str, context: Path, where: str) -> Ignore:
        if folder not in self._ignores:
            file = context / IGNORE_FILE
            try:
                text = file.read_text(encoding="utf-8") if file.is_file() else ""
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"cannot read {folder}/{IGNORE_FILE}: {error}",
                    where=where,
                    todo="make it a UTF-8 text that this user may read",
                ) from error
            self._ignores[folder] = Ignore.of(text)
        return self._ignores[folder]

    def _check_top(self, context: Path, top: str, where: str) -> None:
        full = contained(self.root, str((context / top).relative_to(self.root)), where=where)
        if full.is_symlink():  # a digest of the link would miss changes of what it leads to
            raise ConfigError(
                f"{full.relative_to(self.root)} is a symlink",
                where=where,
                todo="name what it leads to, or copy it here",
            )

    def _entries(self, context: Path, top: str, ignore: Ignore, where: str) -> Iterator[Entry]:
        for name, info in _walk(context, top, ignore):
            full = context / name
            if stat.S_ISREG(info.st_mode):
                kind = EXECUTABLE if info.st_mode & stat.S_IXUSR else FILE
                yield Entry(path=name, kind=kind, digest=_of_file(full, self.root, where))
            elif stat.S_ISDIR(info.st_mode):
                yield Entry(path=name, kind=FOLDER)
            elif stat.S_ISLNK(info.st_mode):
                yield Entry(path=name, kind=LINK, digest=_of_link(full, self.root, where))
            else:
                raise ConfigError(
                    f"{full.relative_to(self.root)} is neither a file, a folder nor a symlink",
                    where=where,
                    todo="take it out of the folder, or name it in .dockerignore",
                )


def contained(root: Path, relative: str, *, where: str) -> Path:
    """The path, once it is sure that it exists and that its real path is inside the project.

    Raises:
        ConfigError: it does not, or is not.
    """
    path = root / relative
    try:
        real = path.resolve(strict=True)
    except PermissionError as error:
        raise _unreadable(error, where) from error
    except (OSError, RuntimeError):  # the latter is a circle of symlinks
        raise ConfigError(
            f"there is no {relative}", where=where, todo="create it, or mend the path"
        ) from None
    if not real.is_relative_to(root):
        raise ConfigError(
            f"{relative} leads outside the project",
            where=where,
            todo="copy what is needed into the project; builds read nothing beyond it",
        )
    return path


def _matching(context: Path, path: str) -> list[str]:
    """What a pattern matches, a part at a time."""
    found = [""]
    for part in path.split("/"):
        matcher = pattern(part)
        found = [
            f"{base}/{name}" if base else name
            for base in found
            if (context / base).is_dir()
            for name in sorted(entry.name for entry in (context / base).iterdir())
            if matcher.fullmatch(name) and name not in LEFT_OUT
        ]
    return found


def _walk(context: Path, top: str, ignore: Ignore) -> Iterator[tuple[str, os.stat_result]]:
    """Everything at and below a path that is not left out; folders before what is in them."""
    if top != ".":
        yield top, (context / top).lstat()
    pending = [top] if (context / top).is_dir() else []
    while pending:
        folder = pending.pop()
        with os.scandir(context / folder) as entries:
            for entry in entries:
                name = entry.name if folder == "." else f"{folder}/{entry.name}"
                if entry.name in LEFT_OUT:
                    continue
                left_out = ignore.leaves_out(name)
                if not left_out:
                    yield name, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False) and (not left_out or ignore.brings_back):
                    pending.append(name)


def _of_file(path: Path, root: Path, where: str) -> str:
    """The digest of a file that nobody wrote to meanwhile."""
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
        after = os.fstat(file.fileno())
    if _state(before) != _state(after):
        raise ConfigError(
            f"{path.relative_to(root)} changed while it was read",
            where=where,
            todo="run the command again once nothing writes to it",
        )
    return digest.hexdigest()


def _state(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _of_link(path: Path, root: Path, where: str) -> str:
    target = path.readlink()
    what = None
    try:
        real = path.resolve(strict=True)
        what = None if real.is_relative_to(root) else "leaves the project"
    except FileNotFoundError:
        there = path.resolve().is_relative_to(root)
        what = "leads to nothing" if there else "leaves the project"
    except (OSError, RuntimeError):
        what = "leads to itself"
    if what:
        raise ConfigError(
            f"the symlink {path.relative_to(root)} {what}",
            where=where,
            todo="copy what it should lead to into the project, or take it away",
        )
    return hashlib.sha256(os.fsencode(target)).hexdigest()


def _nothing(folder: str, path: str, where: str, *, left_out: bool) -> ConfigError:
    place = path if folder == "." else folder if path == "." else f"{folder}/{path}"
    if left_out:
        return ConfigError(
            f"{place} is left out by {folder}/{IGNORE_FILE}",
            where=where,
            todo="bring it back there with a line that begins with `!`",
        )
    return ConfigError(
        f"nothing matches {place}", where=where, todo="create it, or mend the pattern"
    )


def _unreadable(error: OSError, where: str) -> ConfigError:
    return ConfigError(
        f"cannot read {error.filename}: {error.strerror}",
        where=where,
        todo="give this user the right to read it, or take it out of the folder",
    )


def paths(entries: Iterable[Entry]) -> list[str]:
    """Of entries, in order."""
    return [entry.path for entry in entries]
