"""Work that nobody waits for until the end of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Aside:
    """Runs what it is given beside everything else; its owner waits for all of it at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __call__(self, do: Callable[[], object]) -> None:
        """Begin it. It must raise nothing: nobody would hear of it."""
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
