"""Publishers that kill themselves: ``python -m benchmarks.faults.doomed``.

Each line of standard input is a JSON list of SPEC, VERB and STEP, and is answered with the exit
code of the process that was forked for it: importing all that is here takes longer than publishing.

VERB is ``publish``, or ``resume`` for what a next run does: finish what was begun, then publish.
SIGKILL comes before the STEP-th step: a request to the registry, a call to the engine, a push, or a
write to the ledger or to the notes of what was attached. Between two steps nothing happens that
could be seen from outside, so that killing before each of them, and not at all (0), is killing at
every boundary. The names of the steps that it came past are in ``steps.json`` beside SPEC, if it
came to its end.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.faults import family, vouched
from factory.attesting import Notes
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import Target
from factory.publish import move
from factory.registry import Registry
from factory.resuming import Resuming

REQUESTS = {
    "HEAD manifests": "head",
    "GET manifests": "get",
    "PUT manifests": "put",
    "DELETE manifests": "untag",
    "GET referrers": "referrers",
    "HEAD blobs": "look",
    "GET blobs": "blob",
    "POST blobs": "begin",
    "PUT blobs": "send",
}
"""What requests are called as steps, by their methods and what they are about."""

ENGINE = ("image", "tag", "remove_image")
LEDGER = ("record_pushed", "record_publications", "begin_journal", "mark_moved", "end_journal")

_SECONDS = 120
"""After which a publisher that hangs ends."""


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

    def step(self, name: str | Callable[..., str], call: Callable[..., Any]) -> Callable[..., Any]:
        """A call that is a step, and its name, which may follow from the call's arguments."""

        def stepping(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self.steps.append(name if isinstance(name, str) else name(*args))
                if len(self.steps) == self._fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return stepping


def serve() -> None:
    """Fork for each line, until there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _publish_and_leave(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _publish_and_leave(spec: str, verb: str, fatal: int) -> NoReturn:
    """Whatever happens, this process does not read the next line too."""
    code = 1
    try:
        signal.alarm(_SECONDS)
        publish(Path(spec), verb, fatal)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def publish(spec: Path, verb: str, fatal: int) -> None:
    """Publish what a file says, as far as that goes."""
    said = json.loads(spec.read_text())
    doom = Doom(fatal)
    folder = Path(said["folder"])
    registry, settings = Registry(), vouched.settings_at(folder)
    # Classes and modules are changed, where objects take nothing: the process is for this alone.
    changed: list[tuple[Any, str, str | Callable[..., str]]] = [
        (registry, "request", _request),
        (move, "docker", "push"),
        (Notes, "write", "note"),
    ]
    for thing, name, called in changed:
        setattr(thing, name, doom.step(called, getattr(thing, name)))
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
            evidence=settings,
        )
        if verb == "resume":
            for work in Resuming(settings=settings, ledger=ledger, registry=shop.registry).works():
                work.run(lambda _: None)
        family.publish(shop)
    spec.with_name("steps.json").write_text(json.dumps(doom.steps))


def _request(method: str, _repository: str, resource: str) -> str:
    [about] = re.findall("(manifests|blobs|referrers)/", resource)[:1]
    return REQUESTS[f"{method} {about}"]


if __name__ == "__main__":
    serve()
