"""Trying again what a registry refused for now: a few times, and waiting in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from factory import process
from factory.errors import Interrupted, RegistryError

T = TypeVar("T")
TRIES = 5
_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 60.0
_TRANSIENT = (408, 416, 429, 500, 502, 503, 504)


class Later(RegistryError):
    """What may work in a while.

    Attributes:
        wait: the seconds that the registry asks to be left alone; ``None`` where it does not say.
    """

    wait: float | None = None


def is_transient(error: RegistryError) -> bool:
    """Whether it may pass: there was no whole answer, or one of "not now"."""
    return isinstance(error, Later) or error.status is None or error.status in _TRANSIENT


def persistently(
    work: Callable[[], T], *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep
) -> T:
    """What some work returns, which is tried again where a registry failed for now.

    Raises:
        RegistryError: it failed for good, or each time.
        Interrupted: the run was cancelled meanwhile.
    """
    for attempt in range(1, tries + 1):
        if process.is_cancelled():
            raise Interrupted("interrupted")
        try:
            return work()
        except RegistryError as error:
            if attempt == tries or not is_transient(error):
                raise
            asked = error.wait if isinstance(error, Later) else None
            sleep(pause(attempt, asked))
    raise AssertionError("the last attempt returns or raises")


def pause(attempt: int, asked: float | None = None) -> float:
    """Seconds before the next attempt: what the registry asks for, a minute at most, else a time
    that doubles."""
    doubled = _FIRST_SECONDS * 2.0 ** (attempt - 1)
    return min(asked if asked is not None else doubled, _LONGEST_SECONDS)


def seconds_of(retry_after: str | None) -> float | None:
    """What a ``Retry-After`` asks for; a day in place of seconds is left to the doubling."""
    said = (retry_after or "").strip()
    return float(said) if said.isascii() and said.isdecimal() and len(said) < 7 else None
