"""What a child process prints, taken in line by line."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

_DRAIN_SECONDS = 2.0


class Reader(threading.Thread):
    """Takes in one stream of a child to its end, whatever becomes of ``on_line``: a child whose
    output nobody reads would stand still for ever."""

    def __init__(
        self, pipe: IO[bytes] | None, on_line: Callable[[str], None] | None, keep: int | None
    ) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._on_line = on_line
        self._keep = keep
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._failure: Exception | None = None

    def run(self) -> None:
        for line in _lines(self._pipe, self._keep):
            self._add(line)
            if self._on_line and not self._failure:
                try:
                    self._on_line(line.decode("utf-8", "replace").rstrip("\n"))
                except Exception as error:  # raised again by text(), in the caller's thread
                    self._failure = error

    def _add(self, line: bytes) -> None:
        self._kept.append(line)
        self._size += len(line)
        while self._keep is not None and self._size > self._keep:
            self._size -= len(self._kept.popleft())

    def text(self) -> str:
        """What was read; raises what ``on_line`` raised."""
        self.join(_DRAIN_SECONDS)  # it has ended, unless something outside the group has the pipe
        if self._failure:
            raise self._failure
        return b"".join(self._kept).decode("utf-8", "replace")


def _lines(pipe: IO[bytes], limit: int | None) -> Iterator[bytes]:
    """The lines of a stream; of one that is longer than the limit, in bytes, its beginning."""
    size = -1 if limit is None else limit
    while line := pipe.readline(size):
        yield line
        while limit is not None and line and not line.endswith(b"\n"):
            line = pipe.readline(size)
