"""A publisher that kills itself: ``python -m benchmarks.faults.doomed SPEC VERB STEP``.

VERB is ``publish``, or ``resume`` for what a next run does: finish what was begun, then publish.
SIGKILL comes before the STEP-th step: a call to the registry or the engine, a push, or a write to
the ledger. Between two steps nothing happens that could be seen from outside, so that killing
before each of them, and not at all (0), is killing at every boundary. The names of the steps that
it came past are printed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from benchmarks.faults import family
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import Target
from factory.publish import move
from factory.registry import Registry
from factory.resuming import Resuming
from factory.settings import Settings

REGISTRY = ("head", "get", "put", "blob", "untag")
ENGINE = ("image", "tag", "remove_image")
LEDGER = ("record_pushed", "record_publications", "begin_journal", "mark_moved", "end_journal")


class Doom:
    """Counts the steps, and ends the process before one of them."""

    def __init__(self, fatal: int) -> None:
        self._fatal = fatal
        self._lock = threading.Lock()
        self.steps: list[str] = []

    def wrap(self, thing: object, names: tuple[str, ...]) -> Any:
        """The same object, whose methods of these names are steps."""
        for name in names:
            setattr(thing, name, self.step(name, getattr(thing, name)))
        return thing

    def step(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call that is a step."""

        def stepping(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self.steps.append(name)
                if len(self.steps) == self._fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return stepping


def main(spec: str, verb: str, fatal: str) -> None:
    """Publish what a file says, as far as that goes."""
    said = json.loads(Path(spec).read_text())
    doom = Doom(int(fatal))
    folder = Path(said["folder"])
    registry = cast(Registry, doom.wrap(Registry(), REGISTRY))
    move.docker = doom.step("push", move.docker)
    with Ledger.open(folder / "ledger.sqlite") as ledger:
        doom.wrap(ledger, LEDGER)
        shop = family.publishing(
            family.read(said["version"]),
            engine=doom.wrap(Engine.connect(), ENGINE),
            registry=registry,
            ledger=ledger,
            target=Target(name="there", registry=said["registry"]),
            locks=folder / "cache" / "publishing",
            run_id=verb,
        )
        if verb == "resume":
            settings = Settings(
                root=folder,
                cache=folder / "cache",
                data=folder / "data",
                jobs=1,
                registry="127.0.0.1:1",
            )
            for work in Resuming(settings=settings, ledger=ledger, registry=shop.registry).works():
                work.run(lambda _: None)
        family.publish(shop)
    print(json.dumps(doom.steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
