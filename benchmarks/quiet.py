"""A machine at rest, before something is timed: disks written, memory at hand, cores idle."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from benchmarks import machine

_WATCHED_SECONDS = 2.0
_IDLE_SHARE = 0.05
_MEMINFO = Path("/proc/meminfo")
_PIECE_BYTES = 8 * 2**20
_SPARE_BYTES = 2**30
_HOLE_BYTES = 2**40
"""More than any bench reads of it."""

_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def settle(most: float = 60.0) -> None:
    """Have disks written, cores idle, and memory at hand: what an engine removes in the background
    would else be paid for by what is timed next. For the cores it waits ``most`` seconds at most.
    """
    os.sync()
    await_idle(most)
    take_memory()


def await_idle(most: float = 60.0) -> None:
    """Wait until the cores are nearly idle, ``most`` seconds at most."""
    deadline = time.monotonic() + most
    while time.monotonic() < deadline:
        before = machine.busy_seconds()
        time.sleep(_WATCHED_SECONDS)
        if machine.busy_seconds() - before < _IDLE_SHARE * machine.cores() * _WATCHED_SECONDS:
            return


def forget_deleted() -> None:
    """Have the file system forget what was deleted, as far as one may: as root, on Linux.

    ext4 does not give out the inode of a file that was deleted within the last minute, or the last
    six where its neighbours are not written yet (``recently_deleted`` in ``fs/ext4/ialloc.c``), and
    looks at each of them anew for every file that is made. After a bench has removed a hundred
    thousand files, a pull takes twice as long, which no new node would see. What is no longer in
    the cache is not looked at; so the cache is dropped, and pages of files with it.
    """
    os.sync()
    with suppress(OSError):
        _DROP_CACHES.write_text("1", "ascii")


def take_memory() -> None:
    """Have the host give this machine what memory is free, and keep it.

    Where the kernel reports free pages to its hypervisor (Linux's free page reporting), the host
    takes them, and each costs time when it is used again: `docs/benchmarks.md` has what that did to
    a `docker pull`. How much that is depends on how long the machine was idle before, so
    it must be no part of a figure. Memory is filled with pages of a file that is nothing but a
    hole, read once: the kernel drops them first, and at once, when somebody wants memory.
    """
    buffer = bytearray(_PIECE_BYTES)
    hole = _hole()
    for _ in range((_free_bytes() - _SPARE_BYTES) // _PIECE_BYTES):
        os.readv(hole, [buffer])


@cache
def _hole() -> int:
    """Open until this process ends, since the kernel frees what it remembers of a file that is
    gone."""
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    os.truncate(descriptor, _HOLE_BYTES)
    return descriptor


def _free_bytes() -> int:
    lines = _MEMINFO.read_text("ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemFree:"))
