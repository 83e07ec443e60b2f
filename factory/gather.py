"""Work that several threads bring at the same moment, done in one go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
PAUSE = 0.03
"""Seconds within which those come that a scheduler starts at one moment."""


class Gathered(Generic[T, R]):
    """A function of several, for callers that have one each.

    Whoever comes first waits a moment for others, and does the work of all; those who come later
    gather anew: beside it, or, where one piece of work at a time is to run, while they wait.
    """

    def __init__(
        self,
        do: Callable[[Sequence[T]], Sequence[R]],
        *,
        most: int,
        pause: float = PAUSE,
        alone: bool = False,
    ) -> None:
        """Args:
        do: gives the results in order; what it raises, each caller gets.
        most: how many go in one go.
        pause: seconds; nobody else is on the way when nobody came for so long.
        alone: whether it runs once at a time.
        """
        self._pause = pause
        self._do = do
        self._most = most
        self._alone = alone
        self._lock = threading.Lock()
        self._door = threading.Lock()
        self._waiting: list[tuple[T, Future[R]]] = []

    def __call__(self, item: T) -> R:
        """The result for one."""
        mine = (item, Future[R]())
        with self._lock:
            self._waiting.append(mine)
        with self._door:
            taken = self._take(mine)
            if self._alone:
                self._settle(taken)
        if not self._alone:
            self._settle(taken)
        return mine[1].result()

    def _take(self, mine: tuple[T, Future[R]]) -> list[tuple[T, Future[R]]]:
        """Those to do now, mine among them, unless somebody else took mine."""
        if not any(one is mine for one in self._waiting):
            return []
        seen = 0
        while seen < len(self._waiting) < self._most:
            seen = len(self._waiting)
            time.sleep(self._pause)
        with self._lock:
            taken = [mine, *(one for one in self._waiting if one is not mine)][: self._most]
            self._waiting = [one for one in self._waiting if one not in taken]
        return taken

    def _settle(self, taken: Sequence[tuple[T, Future[R]]]) -> None:
        if not taken:
            return
        try:
            results = self._do([item for item, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), result in zip(taken, results, strict=True):
            future.set_result(result)
