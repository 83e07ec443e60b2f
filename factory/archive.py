"""Reading one document out of an OCI archive while an engine streams it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

from factory.errors import MachineError

_BUFFER = 2**20
_DOCUMENT_BYTES = 4 * 2**20  # the ceiling that registries put on a manifest


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
