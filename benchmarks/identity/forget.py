"""Removing what BuildKit cached of thousands of small builds, many entries in one call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from benchmarks.buildcache import left_by, read
from factory import process

_AT_ONCE = 50
_PATIENCE_SECONDS = 60.0
_OWN = {"BUILDX_BUILDER": ""}


def forget(marks: Iterable[str], since: datetime) -> int:
    """Remove it, children before parents; how many entries stay, because something uses them or
    because a minute was not enough: the engine removes what nobody uses at its next prune."""
    marks, deadline, before = tuple(marks), time.monotonic() + _PATIENCE_SECONDS, -1
    while ids := _left(marks, since):
        if len(ids) == before or time.monotonic() > deadline:
            break
        before = len(ids)
        for some in _batches(ids):
            if time.monotonic() > deadline:
                break
            # BuildKit takes the value for a pattern; slashes quote it.
            wanted = f"id=/^({'|'.join(some)})$/"
            argv = ["docker", "buildx", "prune", "--force", "--filter", wanted]
            process.run(argv, env=_OWN, check=False, shielded=True)
    return len(ids)


def _left(marks: tuple[str, ...], since: datetime) -> tuple[str, ...]:
    argv = ["docker", "buildx", "du", "--verbose"]
    usage = process.run(argv, env=_OWN, check=False, shielded=True).stdout
    return left_by(read(usage), marks, since)


def _batches(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    left = iter(ids)
    while some := tuple(islice(left, _AT_ONCE)):
        yield some
