"""What is remembered of a tree between commands: the state of each file, and its digest then.

A digest is believed only while size, mtime, ctime, inode and mode are what they were, and only if
the file had been left alone for a while when it was hashed. A write in the same tick of the file
system's clock would leave no trace in its times. Ticks are 2 s on the coarsest file systems (FAT)
and 10 ms on most; ``MARGIN`` is above both, with what a step of the clock may take.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from factory.context.walk import FIELDS

MARGIN = 3_000_000_000
DIGEST = 32
NOT_TRUSTED = -1
"""In place of a size: no file has it, so that the file is read the next time."""

_FORMAT = b"ray-image-factory digests 1 " + sys.byteorder.encode() + b"\n"
_COUNT = struct.Struct("<Q")
_BODY = len(_FORMAT) + DIGEST
"""After the version and a checksum: which tree, its digest, how many names, their states, their
digests, the names."""

_STATES = _BODY + 2 * DIGEST + _COUNT.size


@dataclass(frozen=True, slots=True)
class Known:
    """A tree as it was.

    Attributes:
        names: of everything in it, in the order of the walk.
        states: ``walk.FIELDS`` numbers for each.
        digests: ``DIGEST`` bytes for each, zeros for a folder.
        tree: the digest of the whole.
    """

    names: list[str]
    states: array[int]
    digests: bytes
    tree: bytes

    def digest(self, at: int) -> bytes:
        """The digest of the entry at an index."""
        return self.digests[DIGEST * at : DIGEST * (at + 1)]


def identity(*parts: object) -> bytes:
    """What tells a tree from all others."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A file of the cache, of which only what is asked for is unpacked: for a tree that did not
    change that is next to nothing."""

    _content: bytes
    _count: int

    @classmethod
    def load(cls, file: Path, tree: bytes) -> Remembered | None:
        """What is remembered of a tree; nothing if the file is missing, damaged, of another
        version, or of another tree."""
        try:
            content = file.read_bytes()
        except OSError:
            return None
        checksum = hashlib.sha256(memoryview(content)[_BODY:]).digest()
        if not content.startswith(_FORMAT + checksum + tree):
            return None
        return cls(content, *_COUNT.unpack_from(content, _BODY + 2 * DIGEST))

    def is_of(self, names: list[str], states: array[int]) -> bool:
        """Whether everything is where it was, and as it was."""
        return (
            len(names) == self._count
            and self._content.startswith(states.tobytes(), _STATES)
            and self._content[self._names :] == _joined(names)
        )

    @property
    def tree(self) -> bytes:
        """The digest of the whole."""
        return self._content[_BODY + DIGEST : _BODY + 2 * DIGEST]

    @property
    def digests(self) -> bytes:
        """Those of ``Known``."""
        return self._content[self._names - DIGEST * self._count : self._names]

    def known(self) -> Known:
        """All of it."""
        end = _STATES + 8 * FIELDS * self._count
        text = self._content[self._names :].decode("utf-8", "surrogateescape")
        return Known(
            names=text.split("\0") if self._count else [],
            states=array("q", self._content[_STATES:end]),
            digests=self.digests,
            tree=self.tree,
        )

    @property
    def _names(self) -> int:
        return _STATES + (8 * FIELDS + DIGEST) * self._count


def save(file: Path, tree: bytes, known: Known) -> None:
    """Replace a file, all at once; where that cannot be done, there is nothing to remember."""
    names = _joined(known.names)
    count = _COUNT.pack(len(known.names))
    body = b"".join((tree, known.tree, count, known.states.tobytes(), known.digests, names))
    with contextlib.suppress(OSError):
        _replace(file, _FORMAT + hashlib.sha256(body).digest() + body)


def settled(states: array[int], moment: int) -> array[int]:
    """States to be remembered, without those of files that were not left alone before a moment (ns)
    at which they had not been read yet."""
    kept = array("q", states)
    for at in range(0, len(kept), FIELDS):
        if max(kept[at + 1], kept[at + 2]) >= moment - MARGIN:
            kept[at] = NOT_TRUSTED
    return kept


def moment(file: Path | None) -> int:
    """Now, in nanoseconds, by the earlier of this machine's clock and that of the file system that
    a file is to be on, which may be another machine's."""
    now = time.time_ns()
    if file:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=file.parent) as probe:
                return min(now, os.fstat(probe.fileno()).st_mtime_ns)
    return now


def _joined(names: list[str]) -> bytes:
    return "\0".join(names).encode("utf-8", "surrogateescape")


def _replace(file: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(content)
            new.close()
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
