"""A worker from its start until it ran a task. The factory starts it, and has the clock: it is told
of the end as soon as it is reached."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from ..asking import ask_host
from ..protocol import Expected
from .cluster import CheckFailed, Node, alive, expect, here, on_node

BEGIN, RAN = "begin", "ran"
"""What the factory is asked for: to start a worker, and to stop the clock and end it."""

FULL, THROTTLED = "worker", "throttled"
"""The services of ``compose/cold-start.yaml``, which are also the workers' names in the network."""

_HEAD = "head"

_FULL_SECONDS, _THROTTLED_SECONDS = 120.0, 600.0
_GONE_SECONDS = 60.0
_QUIET_SECONDS = 3.0
"""In which what began with the head, or ended with the last worker, comes to rest."""

_POLL_SECONDS = 0.02
_LOOK_SECONDS = 2.0
_LOOKS = 3
_STARTED_SECONDS = 65.0
"""The engine has started a container by then, or the factory gives up on the engine."""


def full(_: Expected) -> None:
    """Workers that may use all cores, one after the other."""
    for _number in range(3):
        _start(FULL, _FULL_SECONDS)


def throttled(_: Expected) -> None:
    """A worker with a fifth of a core."""
    _start(THROTTLED, _THROTTLED_SECONDS)


def _start(service: str, seconds: float) -> None:
    """Have a worker started, give it a task, and see it go."""
    time.sleep(_QUIET_SECONDS)
    known = {str(node["NodeID"]) for node in ray.nodes()}
    ask_host(BEGIN, service)
    deadline = time.monotonic() + seconds
    node = _joined(known, service, deadline)
    where = _result(node, deadline)
    ask_host(RAN, service)
    expect(where == node.id, f"the task for {node.address} ran on node {where}")
    _left(node)


def _joined(known: set[str], service: str, deadline: float) -> Node:
    """The node that was not there before."""
    began, watch = time.monotonic(), _Watch(service)
    try:
        while not (new := [node for node in alive() if node.id not in known]):
            within = f"no worker joined within {deadline - began:.0f} s"
            expect(time.monotonic() < deadline, within)
            expect(not watch.ended, "the worker ended before it joined")
            time.sleep(_POLL_SECONDS)
    finally:
        watch.over = True
    return new[0]


class _Watch:
    """Looks now and then whether the container is still there whose join is waited for, beside the
    wait, since a name that is not known may take long. On a busy machine the engine may take long
    to start it, too, or to answer at all."""

    def __init__(self, service: str) -> None:
        self.ended = self.over = False
        threading.Thread(target=self._look, args=(service,), daemon=True).start()

    def _look(self, service: str) -> None:
        began, seen, missed = time.monotonic(), False, 0
        while missed < _LOOKS and not self.over:
            time.sleep(_LOOK_SECONDS)
            there = _resolves(service)
            seen = seen or there
            late = seen or time.monotonic() - began > _STARTED_SECONDS
            missed = missed + 1 if late and not there and _resolves(_HEAD) else 0
        self.ended = not self.over


def _result(node: Node, deadline: float) -> Any:
    left = max(deadline - time.monotonic(), 1.0)
    try:
        return ray.get(on_node(here, node).remote(), timeout=left)[0]
    except GetTimeoutError:
        raise CheckFailed("the worker joined, and ran no task in time") from None
    except RayError as error:
        first = str(error).strip().partition("\n")[0]
        raise CheckFailed(f"the worker joined, and ran no task: {first}") from None


def _left(node: Node) -> None:
    """Wait until nobody reckons with it any more: how soon that is, is not the question here."""
    deadline = time.monotonic() + _GONE_SECONDS
    while node.id in {one.id for one in alive()} and time.monotonic() < deadline:
        time.sleep(0.25)


def _resolves(name: str) -> bool:
    """Whether a container of this service runs: the names of others lead nowhere."""
    try:
        socket.gethostbyname(name)
    except OSError:
        return False
    return True
