"""Runs of the factory, and the removal of what dead ones left in the engine.

A run holds a lock on a file of its own for as long as it lives; the kernel lets go of the lock when
the process ends, however it ends. What a run makes bears a label with its id. So what bears the id
of a lock that can be had belongs to nobody, whatever its age, and what bears an id without a file
here belongs to another user or host, and is left alone.

What a killed run had started may go on for a while making things: so its file is kept until nothing
of it was found some minutes after it was first seen dead.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from factory.engine import Engine, Resource
from factory.errors import MachineError
from factory.settings import Settings

LABEL = "io.ray-image-factory.run"
_SUFFIX = ".lock"
_MARK = ".dead"
_GRACE_SECONDS = 10 * 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run that is alive: its id, and the label for all that it makes in the engine."""

    id: str

    @property
    def label(self) -> str:
        return f"{LABEL}={self.id}"

    @classmethod
    @contextmanager
    def begin(cls, settings: Settings) -> Iterator[Run]:
        """Hold a new run's lock for a ``with`` block.

        The file stays behind: should the run's own clean-up have failed, the next one sees to it.

        Raises:
            MachineError: the folder of the locks cannot be written to.
        """
        run = cls(id=secrets.token_hex(8))
        with _turn(settings):
            lock = _lock(settings.runs / (run.id + _SUFFIX))
            lock.acquire(blocking=False)
        try:
            yield run
        finally:
            lock.release()


def reap(engine: Engine, settings: Settings) -> tuple[str, ...]:
    """Remove the containers, networks and volumes of dead runs.

    Returns:
        What was removed, as ``container NAME``. What could not be removed is left to the next run.
    """
    with _dead(settings) as locks:
        if not locks:
            return ()
        left = engine.resources(LABEL)
        removed: list[str] = []
        for run, path in locks.items():
            theirs = [one for one in left if one.labels.get(LABEL) == run]
            removed += _remove(engine, theirs)
            if _long_dead(path) and not theirs:
                _forget(path)
    return tuple(removed)


def _remove(engine: Engine, resources: Iterable[Resource]) -> Iterator[str]:
    for resource in resources:
        with suppress(MachineError):
            engine.remove(resource)
            yield f"{resource.kind} {resource.name}"


def _long_dead(path: Path) -> bool:
    """Whether a run was first seen dead some minutes ago; if it is seen so now, that is noted."""
    mark = path.with_suffix(_MARK)  # its own file: taking a lock changes the time of the lock's
    if not mark.exists():
        mark.touch()
    return time.time() - mark.stat().st_mtime >= _GRACE_SECONDS


def _forget(path: Path) -> None:
    path.with_suffix(_MARK).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@contextmanager
def _dead(settings: Settings) -> Iterator[dict[str, Path]]:
    """The lock files of runs that ended, by run id, with their locks held meanwhile."""
    held: list[FileLock] = []
    found: dict[str, Path] = {}
    with _turn(settings):
        for path in sorted(settings.runs.glob("*" + _SUFFIX)):
            lock = _lock(path)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            held.append(lock)
            found[path.stem] = path
    try:
        yield found
    finally:
        for lock in held:
            lock.release()


@contextmanager
def _turn(settings: Settings) -> Iterator[None]:
    """One at a time: between making a run's file and locking it nobody may take it for dead."""
    try:
        settings.runs.mkdir(parents=True, exist_ok=True)
        with _lock(settings.runs / "turn"):
            yield
    except OSError as error:
        raise MachineError(
            f"the folder of the runs' locks cannot be used: {error.strerror}",
            where=str(settings.runs),
            todo="make it writable for you, or set XDG_CACHE_HOME to a folder that is",
        ) from error


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)  # begun in one thread, it may be ended in another
