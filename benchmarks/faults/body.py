"""The body of a request that somebody else is to have, or not all of it."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from benchmarks.faults.rules import spoilt

_PIECE = 1 << 16


class Struck(Exception):
    """The connection is to be broken here."""


class Body:
    """A body, whichever way its length is told; read once."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file, headers = handler.rfile, handler.headers
        self.chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self._length = int(headers.get("Content-Length") or 0)
        self.size = 0
        self._limit: int | None = None
        self._spoil = False

    @property
    def there(self) -> bool:
        return self.chunked or self._length > 0

    def stop_after(self, size: int) -> None:
        self._limit = size

    def spoil(self) -> None:
        self._spoil = True

    def drain(self) -> None:
        for _ in self:
            pass

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._chunks() if self.chunked else self._plain():
            self.size += len(piece)
            if self._limit is not None and self.size > self._limit:
                raise Struck
            yield spoilt(piece) if self._spoil else piece
            self._spoil = False
        if self._limit is not None:
            raise Struck

    def _plain(self) -> Iterator[bytes]:
        left = self._length
        while left:
            piece = self._file.read(min(left, _PIECE))
            if not piece:
                raise Struck
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._file.readline().split(b";")[0], 16):
            yield self._file.read(size)
            self._file.readline()
        self._file.readline()
