"""Digests of files that nobody writes to meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO

from factory.context.walk import State, state_of

TRIES = 3
_SMALL = 1 << 16
_BATCH = 16
_WORTH_THREADS = 4 << 20  # bytes; below, threads take longer to start than they save
_MOST_THREADS = 8
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)

Hashed = tuple[State, bytes]
"""A file's state while it was read, and the SHA-256 of its content."""


class Changed(Exception):
    """A file does not stay as it is; ``args`` has its path."""


def hash_files(paths: Sequence[str], size: int) -> list[Hashed]:
    """Read files, several at a time where that pays; memory is bounded, however large they are.

    Args:
        paths: absolute.
        size: of all together, in bytes, by and large.

    Raises:
        Changed: one is written to again and again, or is no file any more.
        OSError: one cannot be read.
    """
    if size < _WORTH_THREADS or len(paths) < 2:
        return [hash_file(path) for path in paths]
    batches = [paths[at : at + _BATCH] for at in range(0, len(paths), _BATCH)]
    if len(paths) < _BATCH * _MOST_THREADS:
        batches = [[path] for path in paths]
    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS, len(batches))
    with ThreadPoolExecutor(threads, thread_name_prefix="hash") as pool:
        return [one for batch in pool.map(_hash_batch, batches) for one in batch]


def hash_file(path: str) -> Hashed:
    """Read one, again if it is written to meanwhile.

    Raises:
        Changed: each time.
        OSError: it cannot be read.
    """
    for _ in range(TRIES):
        try:
            before, digest, after = _read(path)
        except OSError as error:
            error.filename = path  # a read that fails does not know of what
            raise
        if before == after:
            return after, digest
    raise Changed(path)


def _hash_batch(paths: Sequence[str]) -> list[Hashed]:
    return [hash_file(path) for path in paths]


def _read(path: str) -> tuple[State, bytes, State]:
    with opened(path) as file:
        before = state_of(os.fstat(file.fileno()))
        if not stat.S_ISREG(before[-1]):
            raise Changed(path)
        if before[0] < _SMALL:
            digest = hashlib.sha256(b"".join(_blocks(file, before[0] + 1)))
        else:
            digest = hashlib.file_digest(file, hashlib.sha256)
        return before, digest.digest(), state_of(os.fstat(file.fileno()))


def _blocks(file: FileIO, size: int) -> Iterator[bytes]:
    while block := file.read(size):
        yield block


def opened(path: str) -> FileIO:
    """A file as it is: no link that has taken its place, nor a pipe that would be waited for.

    Raises:
        Changed: it is gone, or a folder or link now.
        OSError: it cannot be read.
    """
    try:
        return FileIO(path, opener=_open)
    except OSError as error:
        if error.errno in _GONE:
            raise Changed(path) from None
        raise


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
