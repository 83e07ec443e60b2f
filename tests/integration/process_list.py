"""The list of all processes, in which everybody on this host reads everybody's arguments."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.image_content import hits

_PAUSE = 0.004
_FIRST = 100
"""Looks at a new process, one after the other: it has its parent's arguments until it has become a
program of its own, which in a container takes long."""

_NEXT = 20
"""Looks after which an older one is looked at again: it may have become another program."""


@dataclass
class ProcessList:
    """What was seen in it.

    Attributes:
        found: the arguments that hold a needle, those of one process with spaces between.
        programs: how many lists of arguments were seen, a process's parent's included.
    """

    found: set[str] = field(default_factory=set)
    programs: int = 0


@contextmanager
def watched(needles: Iterable[bytes]) -> Iterator[ProcessList]:
    """Look through all processes for the length of a ``with`` block, every few milliseconds.

    What lives shorter may be missed: what the factory itself starts, ``spied`` sees without fail.
    """
    seen, ended = ProcessList(), threading.Event()
    thread = threading.Thread(target=_watch, args=(seen, tuple(needles), ended), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _watch(seen: ProcessList, needles: tuple[bytes, ...], ended: threading.Event) -> None:
    looks: dict[str, int] = {}
    known: dict[str, bytes] = {}
    while not ended.wait(_PAUSE):
        there = {path.name for path in Path("/proc").iterdir() if path.name.isdecimal()}
        looks = {process: looks.get(process, 0) + 1 for process in there}
        for process, count in looks.items():
            if count > _FIRST and count % _NEXT:
                continue
            told = _arguments(process)
            if told != known.get(process):
                known[process] = told
                seen.programs += 1
                if hits([told], needles):
                    seen.found.add(told.replace(b"\0", b" ").decode("utf-8", "replace").strip())


def _arguments(process: str) -> bytes:
    with suppress(OSError):  # it has ended
        return Path("/proc", process, "cmdline").read_bytes()
    return b""
