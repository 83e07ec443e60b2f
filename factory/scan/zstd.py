"""What is packed with zstd, unpacked by the system's library, which Debian's own packages need:
Python has none before 3.14."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable
from functools import lru_cache
from typing import IO, Any

_NAMES = ("libzstd.so.1", "libzstd.1.dylib")
_CHUNK = 2**20


class _Buffer(ctypes.Structure):
    """zstd's ``ZSTD_inBuffer`` and ``ZSTD_outBuffer``."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("done", ctypes.c_size_t))


class Unpacked(io.RawIOBase):
    """A packed file as what is in it. zstd itself bounds the memory that a file may ask for.

    Raises:
        OSError: there is no library; or, while it is read, the file is damaged.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._stream = ctypes.c_void_p()
        self._library = _library()
        self._stream = ctypes.c_void_p(self._library.ZSTD_createDStream())
        self._given = ctypes.create_string_buffer(_CHUNK)
        self._room = ctypes.create_string_buffer(_CHUNK)
        self._input = _Buffer(ctypes.addressof(self._given), 0, 0)
        self._inside = False  # of a frame

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # Any writable buffer: typed as such only from 3.12
        """Fill a buffer as far as one step does."""
        wanted = min(len(buffer), _CHUNK)
        while True:
            output = _Buffer(ctypes.addressof(self._room), wanted, 0)
            before = self._input.done
            left = self._library.ZSTD_decompressStream(
                self._stream, ctypes.byref(output), ctypes.byref(self._input)
            )
            if self._library.ZSTD_isError(left):
                raise OSError("what is packed with zstd is damaged")
            if output.done:
                self._inside = left != 0
                buffer[: output.done] = ctypes.string_at(self._room, output.done)
                return int(output.done)
            if self._input.done > before or not left:
                self._inside = left != 0
            if self._input.done == self._input.size and not self._refilled():
                return 0

    def _refilled(self) -> bool:
        chunk = self._packed.read(_CHUNK)
        if not chunk and self._inside:
            raise EOFError("what is packed with zstd ends too early")
        ctypes.memmove(self._given, chunk, len(chunk))
        self._input.size, self._input.done = len(chunk), 0
        return bool(chunk)

    def close(self) -> None:
        """Give back what the library holds."""
        if not self.closed and self._stream:
            self._library.ZSTD_freeDStream(self._stream)
        super().close()


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        _declare(found.ZSTD_createDStream, ctypes.c_void_p)
        _declare(found.ZSTD_freeDStream, ctypes.c_size_t, ctypes.c_void_p)
        _declare(found.ZSTD_isError, ctypes.c_uint, ctypes.c_size_t)
        buffers = (ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer))
        _declare(found.ZSTD_decompressStream, ctypes.c_size_t, ctypes.c_void_p, *buffers)
        return found
    raise OSError("it is packed with zstd, and this machine has no libzstd")


def _declare(function: Any, result: Callable[..., Any], *arguments: Any) -> None:
    """Say what a function of the library takes: ctypes would cut addresses to half of them."""
    function.restype, function.argtypes = result, arguments
