"""No more requests in a second than a registry takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A bucket of tokens: ``burst`` requests at once, and ``rate`` a second after that. Threads may
    share it; who comes first goes first.

    Args:
        clock: seconds that only go up.
        sleep: waits so many of them.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / rate
        self._burst = burst
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = -float("inf")

    def wait(self) -> None:
        """Come back when a request may be sent."""
        with self._lock:
            now = self._clock()
            # When this one would be due if all before it had been sent evenly.
            self._next = max(self._next + self._gap, now - (self._burst - 1) * self._gap)
            delay = self._next - now
        if delay > 0:
            self._sleep(delay)
