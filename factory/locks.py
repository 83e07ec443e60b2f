"""Locks between processes, which vanish with their owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from factory import process
from factory.errors import Interrupted

_MOMENT = 0.5  # seconds


@contextmanager
def hold(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock at ``path``, waiting for as long as it takes; an interrupt ends the wait.

    Args:
        waiting: called once if somebody else holds it for longer than a moment.

    Raises:
        Interrupted: the run was cancelled while waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    with suppress(Timeout):
        lock.acquire(timeout=_MOMENT)
    if not lock.is_locked:
        waiting()
    while not lock.is_locked:
        if process.is_cancelled():
            raise Interrupted("interrupted")
        with suppress(Timeout):
            lock.acquire(timeout=1)
    try:
        yield
    finally:
        lock.release()
