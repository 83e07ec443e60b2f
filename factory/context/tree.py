"""What is in the files that builds read: found, checked, and digested.

The digest of a folder covers every name, whether a file may be executed, content and symlink target
in it, and nothing that differs between two checkouts of the same commit: times, owners, and what
the umask makes of modes. Builds see the same (``stage``).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from factory import refused
from factory.context import cache
from factory.context.cache import DIGEST, Known, Remembered
from factory.context.hashing import Changed, hash_files
from factory.context.ignore import Ignore
from factory.context.patterns import BadPattern, has_wildcards
from factory.context.walk import FIELDS, MODE, Listing, matching, packed, walk
from factory.refused import IGNORE_FILE, contained

FILE, EXECUTABLE, LINK, FOLDER = "file", "executable", "link", "folder"
_WORTH_NAMES = 64
_WORTH_BYTES = 1 << 20
"""Trees below both are read in less time than it takes to remember them."""


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


@dataclass(frozen=True)
class Tree:
    """What a path or a pattern stands for.

    Attributes:
        digest: SHA-256, in hex.
    """

    digest: str
    _known: Known = field(repr=False, compare=False)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All that is in it, sorted by path. Made when asked for: most commands want no more than
        the digest."""
        return _entries(self._known.names, self._known.states, self._known.digests)


@dataclass(frozen=True)
class Contents:
    """The files of a project.

    Attributes:
        root: the project's root, with symlinks resolved.
        remembered: a folder for what is known of trees from earlier commands, so that only what
            changed is read; ``None`` to read all.
    """

    root: Path
    remembered: Path | None = None
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
            ConfigError: it is missing, unreadable, left out, a symlink, a special file, changes
                while it is read, or its real path leaves the project; or a symlink in it does, or
                leads to nothing.
        """
        place = (folder, path)
        if place not in self._trees:
            try:
                self._trees[place] = self._look(folder, path, where)
            except FileNotFoundError as error:  # it was there a moment ago
                raise refused.changed(self._relative(error.filename), where) from error
            except Changed as error:
                raise refused.changed(self._relative(error.args[0]), where) from error
            except OSError as error:
                raise refused.unreadable(error, self.root, where) from error
        return self._trees[place]

    def _look(self, folder: str, path: str, where: str) -> Tree:
        context = contained(self.root, folder, where=where)
        listing = self._listing(folder, context, path, where)
        identity = cache.identity(str(self.root), context.stat().st_dev, folder, path)
        file = self.remembered / identity.hex()[:32] if self.remembered else None
        remembered = Remembered.load(file, identity) if file else None
        states = packed(listing.states)
        if remembered and remembered.is_of(listing.names, states):
            self._links(context, listing.names, states, where)
            digests, tree = remembered.digests, remembered.tree
            return Tree(tree.hex(), Known(listing.names, states, digests, tree))
        keeps = file if _is_worth_remembering(states) else None
        now = cache.moment(keeps)  # before anything is read
        known = remembered.known() if remembered else None
        read = self._read(context, listing.names, states, known, where)
        if keeps:
            cache.save(keeps, identity, replace(read, states=cache.settled(states, now)))
        return Tree(read.tree.hex(), read)

    def _listing(self, folder: str, context: Path, path: str, where: str) -> Listing:
        ignore = self._ignore(folder, context, where)
        found = Listing()
        tops = self._tops(folder, context, path, where)
        for top in tops:
            reached = contained(self.root, posixpath.normpath(f"{folder}/{top}"), where=where)
            before = len(found.names)
            walk(str(context), top, ignore, found)
            if len(found.names) > before and reached.is_symlink():
                raise refused.symlink(self._relative(reached), where)
        if not found.names and path != ".":
            raise refused.nothing(folder, path, where, left_out=bool(tops))
        return found

    def _tops(self, folder: str, context: Path, path: str, where: str) -> list[str]:
        """What a path names: itself, or where a part of it has wildcards, what matches."""
        parts = path.split("/")
        plain = next((at for at, part in enumerate(parts) if has_wildcards(part)), None)
        if plain is None:
            return [path]
        base = "/".join(parts[:plain]) or "."
        contained(self.root, posixpath.normpath(f"{folder}/{base}"), where=where)
        try:
            return sorted(matching(str(context), base, "/".join(parts[plain:])))
        except NotADirectoryError:
            return []
        except BadPattern as error:
            raise refused.nothing(folder, path, where, left_out=False) from error

    def _ignore(self, folder: str, context: Path, where: str) -> Ignore:
        if folder not in self._ignores:
            name = posixpath.normpath(f"{folder}/{IGNORE_FILE}")
            self._ignores[folder] = Ignore.of(self._ignore_text(context, name, where), where=name)
        return self._ignores[folder]

    def _ignore_text(self, context: Path, name: str, where: str) -> str:
        file = context / IGNORE_FILE
        if not os.path.lexists(file):
            return ""
        try:
            reached = contained(self.root, name, where=where)
            if not (reached.is_file() or reached.is_dir()):  # a pipe would be waited for
                raise refused.special(name, where)
            return reached.read_bytes().decode("utf-8")
        except OSError as error:
            raise refused.unreadable(error, self.root, where) from error
        except UnicodeDecodeError as error:
            raise refused.not_utf8(name, where) from error

    def _read(
        self,
        context: Path,
        names: list[str],
        states: array[int],
        known: Known | None,
        where: str,
    ) -> Known:
        """Digest what is not known; ``states`` becomes what they were then."""
        digests = [bytes(DIGEST)] * len(names)
        for at, digest in self._links(context, names, states, where).items():
            digests[at] = digest
        before = {name: at for at, name in enumerate(known.names)} if known else {}
        unread = []
        for at in _files(names, states):
            old = before.get(names[at])
            if known and old is not None and _state(states, at) == _state(known.states, old):
                digests[at] = known.digest(old)
            else:
                unread.append(at)
        size = sum(states[at * FIELDS] for at in unread)
        for at, (state, digest) in zip(
            unread, hash_files([f"{context}/{names[at]}" for at in unread], size), strict=True
        ):
            states[at * FIELDS : (at + 1) * FIELDS] = packed(state)
            digests[at] = digest
        joined = b"".join(digests)
        tree = _digest(_entries(names, states, joined))
        return Known(names, states, joined, tree)

    def _links(
        self, context: Path, names: list[str], states: array[int], where: str
    ) -> dict[int, bytes]:
        """Digests of all symlinks, by index. Whether they lead somewhere is never remembered: it
        depends on other files. Nothing special is among the rest."""
        links: dict[int, bytes] = {}
        modes = states[MODE::FIELDS]
        if all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in set(modes)):
            return links
        for at, mode in enumerate(modes):
            if stat.S_ISLNK(mode):
                target = refused.link_target(context / names[at], self.root, where=where)
                links[at] = hashlib.sha256(target).digest()
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise refused.special(self._relative(context / names[at]), where)
        return links

    def _relative(self, path: str | Path) -> str:
        return os.path.relpath(path, self.root)


def _is_worth_remembering(states: array[int]) -> bool:
    return len(states) >= _WORTH_NAMES * FIELDS or sum(states[::FIELDS]) >= _WORTH_BYTES


def _files(names: list[str], states: array[int]) -> Iterator[int]:
    return (at for at in range(len(names)) if stat.S_ISREG(states[at * FIELDS + MODE]))


def _state(states: array[int], at: int) -> array[int]:
    return states[at * FIELDS : (at + 1) * FIELDS]


def _entries(names: list[str], states: array[int], digests: bytes) -> tuple[Entry, ...]:
    found = {}
    for at, name in enumerate(names):
        kind = _kind(states[at * FIELDS + MODE])
        digest = "" if kind == FOLDER else digests[at * DIGEST : (at + 1) * DIGEST].hex()
        found[name] = Entry(path=name, kind=kind, digest=digest)
    return tuple(found[name] for name in sorted(found))


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return FOLDER
    if stat.S_ISLNK(mode):
        return LINK
    return EXECUTABLE if mode & stat.S_IXUSR else FILE


def _digest(entries: tuple[Entry, ...]) -> bytes:
    lines = (f"{it.kind} {it.digest} {it.path!r}\n" for it in entries)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).digest()
