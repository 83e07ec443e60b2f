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
    except (tarfile.TarError, ValueError) as error:
        raise MachineError(f"the archive of {digest} cannot be read: {error}") from error
    raise MachineError(f"the archive of {digest} does not hold its own manifest")


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
                file = archive.extractfile(member) if member.isreg() and name else None
                if file is None:
                    continue
                found[name] = _end(file, min(END_BYTES, left))
                left -= len(found[name])
                if len(found) == _MOST_FILES or left <= 0:
                    break
    except (tarfile.TarError, OSError):
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

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any writable buffer: typed as such only from 3.12
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
