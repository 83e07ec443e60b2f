"""Reading out of archives while an engine streams them: one document, or the ends of files."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from factory.errors import MachineError

_BUFFER = 2**20
_DOCUMENT_BYTES = 4 * 2**20  # the ceiling that registries put on a manifest

END_BYTES = 256 * 2**10
"""What is kept of a file at most."""

KEPT_BYTES = 16 * 2**20
"""What is kept of an archive at most."""

_READ_BYTES = 256 * 2**20
_MOST_FILES = 500
_READS_BEYOND = 64

UNREADABLE = (
    *(tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError),
    *(RecursionError, MemoryError),
)
"""What ``tarfile`` raises on an archive that is damaged, or made to harm: it reads the headers of
long names one within the other, and takes numbers as they come."""


_ANEW = "see that the engine's disk is sound, and build the image again"


def document(chunks: Iterable[bytes], digest: str) -> dict[str, Any]:
    """The JSON document with this digest; nothing after it is read.

    Raises:
        MachineError: the archive does not hold it.
    """
    name = f"blobs/sha256/{digest.removeprefix('sha256:')}"
    stream = io.BufferedReader(_Chunks(chunks), _BUFFER)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER) as archive:
            for member in archive:
                blob = archive.extractfile(member) if member.name == name else None
                if blob and member.size <= _DOCUMENT_BYTES:
                    found: dict[str, Any] = json.load(blob)
                    return found
    except UNREADABLE as error:
        raise MachineError(
            f"the archive of {digest} cannot be read: {error}", todo=_ANEW
        ) from error
    raise MachineError(f"the archive of {digest} does not hold its own manifest", todo=_ANEW)


def ends(chunks: Iterable[bytes]) -> dict[str, bytes]:
    """The last bytes of each file of an archive of one folder, by their paths in that folder. Who
    made the files is not trusted: their number and size are bounded, links are left out, and no
    path leads out of the folder. What comes after a bound, or is damaged, is left out.
    """
    found: dict[str, bytes] = {}
    stream = io.BufferedReader(_Chunks(_first(chunks, _READ_BYTES)), _BUFFER)
    left = KEPT_BYTES
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER) as archive:
            for member in archive:
                name = _inside(member.name)
                fits = member.isreg() and member.size <= _READ_BYTES  # of holes, some say exabytes
                file = archive.extractfile(member) if fits and name else None
                if file is None:
                    continue
                found[name] = _end(file, min(END_BYTES, left))
                left -= len(found[name])
                if len(found) == _MOST_FILES or left <= 0:
                    break
    except UNREADABLE:
        return found
    return found


def _first(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        if size <= 0:
            return
        size -= len(chunk)
        yield chunk


def _inside(name: str) -> str:
    """A member's path below the archive's one folder; empty if it is not there."""
    path = PurePosixPath(name)
    below = path.parts[1:]
    odd = path.is_absolute() or ".." in path.parts or not name.isprintable()
    return "" if odd else "/".join(below)


def _end(file: IO[bytes], size: int) -> bytes:
    kept = b""
    while chunk := file.read(_BUFFER):
        kept = (kept + chunk)[-size:]
    return kept


class _Chunks(io.RawIOBase):
    """An iterable of bytes as a raw stream."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self._beyond = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any writable buffer: typed as such only from 3.12
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._beyond += 1
                if self._beyond > _READS_BEYOND:  # a header may promise more than any disk holds
                    raise EOFError("it ends too early")
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
