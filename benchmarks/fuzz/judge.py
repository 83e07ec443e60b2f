"""One example held against what is promised of every input.

It is accepted, or refused with the factory's own error, which says what and what next on one
screen; within a few seconds; and no file beside the tree is read.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from factory.errors import ConfigErrors, FactoryError

CPU_SECONDS = 2.0
"""What an example may take of a core's time, by which a busy machine makes no difference."""

_HANGS = 30
"""Seconds by the clock after which one is broken off."""

_SCREEN = (25, 6_000)
"""Lines and characters of a message at most."""

_UNPRINTABLE = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]|[\u202a-\u202e]")


class EscapedError(Exception):
    """A promise was broken; the message says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where examples are tried.

    Attributes:
        root: a project, which an example may spoil.
        beside: a folder next to it, of which nothing may be read.
    """

    root: Path
    beside: Path


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads.

    Attributes:
        name: by which it is chosen.
        data: what it is given.
        take: has it read; it returns where that was accepted, and raises where it was refused.
        share: examples of a hundred.
    """

    name: str
    data: SearchStrategy[Any]
    take: Callable[[Any, Ground], None]
    share: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an example."""

    accepted: bool
    seconds: float


def tried(target: Target, data: object, ground: Ground) -> Tried:
    """Try one.

    Raises:
        EscapedError: a promise was broken.
    """
    began = time.process_time()
    refused: FactoryError | None = None
    try:
        with _alarm(), _watched(ground.beside):
            target.take(data, ground)
    except FactoryError as error:
        refused = error
    except EscapedError:
        raise
    except Exception as error:
        raise EscapedError(f"{target.name}: {type(error).__name__}: {error}") from error
    seconds = time.process_time() - began
    if seconds > CPU_SECONDS:
        raise EscapedError(f"{target.name}: it took {seconds:.1f} s of CPU")
    if refused:
        _hold(refused, target.name)
    return Tried(accepted=refused is None, seconds=seconds)


def _hold(error: FactoryError, name: str) -> None:
    """See that an error is one for people."""
    said = str(error)
    for one in error.errors if isinstance(error, ConfigErrors) else [error]:
        if not one.what or not one.todo:
            raise EscapedError(f"{name}: an error without what or what next: {said!r}")
    if len(said.splitlines()) > _SCREEN[0] or len(said) > _SCREEN[1]:
        raise EscapedError(f"{name}: an error longer than a screen: {said[:200]!r}")
    if found := _UNPRINTABLE.search(said):
        raise EscapedError(f"{name}: {found[0]!r} in an error: {said[:200]!r}")


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise EscapedError(f"it did not end within {_HANGS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(_HANGS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


_OPENING = frozenset({"open", "os.listdir", "os.scandir"})
_watching: list[tuple[str, list[str]]] = []
_hooked: list[bool] = []


@contextmanager
def _watched(beside: Path) -> Iterator[None]:
    """See that nothing in a folder is opened meanwhile, by whatever way it is reached."""
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked.append(True)
    opened: list[str] = []
    _watching.append((str(beside), opened))
    try:
        yield
    finally:
        _watching.clear()
        if opened:
            raise EscapedError(f"a file outside the tree was read: {opened[0]}")


def _audit(event: str, args: tuple[object, ...]) -> None:
    """Hooks stay for as long as the process does; this one looks only while an example is tried."""
    if event in _OPENING and _watching and isinstance(args[0], str | bytes | os.PathLike):
        [(folder, opened)] = _watching
        real = os.path.realpath(os.fsdecode(args[0]))
        if real == folder or real.startswith(f"{folder}/"):
            opened.append(real)
