"""A worker from its start until it ran a task. The factory starts it, and has the clock: it is told
of the end as soon as it is reached."""

from __future__ import annotations

import socket
import time
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from ..asking import ask_host
from ..protocol import Expected
from .cluster import CheckFailed, Node, alive, expect, here, on_node

BEGIN, RAN = "begin", "ran"
"""What the factory is asked for: to start a worker, and to stop the clock and remove it."""

FULL, THROTTLED = "worker", "throttled"
"""The services of ``compose/cold-start.yaml``, which are also the workers' names in the network."""

_FULL_SECONDS, _THROTTLED_SECONDS = 120.0, 600.0
_GONE_SECONDS = 60.0
_QUIET_SECONDS = 3.0
_POLL_SECONDS = 0.02
_LOOK_SECONDS = 5.0
_LOOKS = 3


def full(_: Expected) -> None:
    """Workers that may use all cores, one after the other."""
    for _number in range(3):
        _start(FULL, _FULL_SECONDS)


def throttled(_: Expected) -> None:
    """A worker with a fifth of a core."""
    _start(THROTTLED, _THROTTLED_SECONDS)


def _start(service: str, seconds: float) -> None:
    """Have a worker started, give it a task, and see it go."""
    time.sleep(
        _QUIET_SECONDS
    )  # what began with the head, or ended with the last worker, comes to rest
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
    began, looked, missed = time.monotonic(), time.monotonic(), 0
    while not (new := [node for node in alive() if node.id not in known]):
        now = time.monotonic()
        expect(now < deadline, f"no worker joined within {deadline - began:.0f} s")
        if now - looked > _LOOK_SECONDS:  # seldom, since a name that is not there may take long
            missed = 0 if _runs(service) else missed + 1
            expect(missed < _LOOKS, "the worker ended before it joined")
            looked = time.monotonic()
        time.sleep(_POLL_SECONDS)
    return new[0]


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
    """It is seen to be gone: nobody reckons with it any more when the next one starts."""
    deadline = time.monotonic() + _GONE_SECONDS
    while node.id in {one.id for one in alive()}:
        expect(time.monotonic() < deadline, "the worker was not reported dead after its end")
        time.sleep(0.25)


def _runs(service: str) -> bool:
    """Whether a container of the service does: names of others lead nowhere."""
    try:
        socket.gethostbyname(service)
    except OSError:
        return False
    return True
