"""Places for the clusters of one run, and work that nobody waits for until its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Places:
    """So many clusters may stand at once. They are taken down beside everything else; whoever owns
    the places waits for all of that at the end."""

    def __init__(self, count: int) -> None:
        self._places = threading.Semaphore(count)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @contextmanager
    def place(self) -> Iterator[None]:
        """For a ``with`` block; waits until there is one. Where a run is cancelled, those that
        stand are ended, so that nobody waits for long."""
        with self._places:
            yield

    def aside(self, do: Callable[[], object]) -> None:
        """Begin something. It must raise nothing: nobody would hear of it."""
        thread = threading.Thread(target=do)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Until all has ended that was begun."""
        with self._lock:
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()
