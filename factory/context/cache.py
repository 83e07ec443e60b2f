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
_COUNTS = struct.Struct("<QQ")
_HEAD = len(_FORMAT) + DIGEST


@dataclass(frozen=True, kw_only=True, slots=True)
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


def load(file: Path, tree: bytes) -> Known | None:
    """What a file remembers of a tree; nothing if it is missing, damaged, of another version, or
    of another tree."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    body = memoryview(content)[_HEAD:]
    if content[:_HEAD] != _FORMAT + hashlib.sha256(body).digest() or body[:DIGEST] != tree:
        return None
    count, length = _COUNTS.unpack_from(body, 2 * DIGEST)
    states = 2 * DIGEST + _COUNTS.size
    digests = states + 8 * FIELDS * count
    names = digests + DIGEST * count
    text = bytes(body[names : names + length]).decode("utf-8", "surrogateescape")
    return Known(
        names=text.split("\0") if count else [],
        states=array("q", bytes(body[states:digests])),
        digests=bytes(body[digests:names]),
        tree=bytes(body[DIGEST : 2 * DIGEST]),
    )


def save(file: Path, tree: bytes, known: Known) -> None:
    """Replace a file, all at once; where that cannot be done, there is nothing to remember."""
    names = "\0".join(known.names).encode("utf-8", "surrogateescape")
    counts = _COUNTS.pack(len(known.names), len(names))
    body = b"".join((tree, known.tree, counts, known.states.tobytes(), known.digests, names))
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


def _replace(file: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(content)
            new.close()
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
