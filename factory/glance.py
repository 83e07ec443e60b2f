"""A look at the engine that is begun before anybody knows what to look for.

A run that finds nothing to do spends half of its time making the plan, and the other half asking
the engine for what the plan came to: which is what it came to the last time. So that is asked for
at once, and the answer counts if the plan turns out to be the same.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from factory.errors import FactoryError
from factory.settings import Settings


class Glance:
    """A question to the engine that is being answered.

    Attributes:
        images: what is asked for, reference to id: all builds as they were planned last.
    """

    def __init__(self, settings: Settings) -> None:
        """Ask. Where there is no ledger, or no engine, nothing is confirmed."""
        self.images: Mapping[str, str] = {}
        self._there = False
        self._asking = threading.Thread(target=self._ask, daemon=True)
        try:
            self.images = _expected(settings)
        except FactoryError:
            return  # whoever opens the ledger to work with it will say what is wrong
        if self.images:
            self._asking.start()

    def confirms(self, images: Mapping[str, str]) -> bool:
        """Whether the engine has these images; waits for the answer."""
        if not images or not images.items() <= self.images.items():
            return False
        self._asking.join()
        return self._there

    def _ask(self) -> None:
        from factory.engine import Engine

        try:
            self._there = Engine.connect().holds(self.images)
        except FactoryError:
            return  # the run itself will connect, and say so


def _expected(settings: Settings) -> dict[str, str]:
    from factory.ledger import Ledger

    path = settings.state / "ledger.sqlite"
    if not path.exists():
        return {}
    with Ledger.open(path) as ledger:
        return ledger.expected()
