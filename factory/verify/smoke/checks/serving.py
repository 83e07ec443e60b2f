"""Whether Ray Serve answers HTTP, with its replicas where a cluster has room for them."""

from __future__ import annotations

import http.client
import importlib
import time
from typing import Any

from ..protocol import Expected
from .cluster import expect, here, workers

_ROUTE = "/smoke"
_PLACE = ("127.0.0.1", 8000)
_ANSWER_SECONDS = 60.0


class _Replica:
    async def __call__(self, _request: object) -> str:
        return here()[0]


def serve(_: Expected) -> None:
    """A replica with a CPU on every worker, reached through the proxy on the head."""
    library: Any = importlib.import_module("ray.serve")
    members = {node.id: node.address for node in workers()}
    options = {"num_cpus": 1}
    deployment = library.deployment(
        name="smoke", num_replicas=len(members), ray_actor_options=options
    )(_Replica)
    try:
        library.run(deployment.bind(), name="smoke", route_prefix=_ROUTE)
        _reach_all(members)
    finally:
        library.shutdown()


def _reach_all(members: dict[str, str]) -> None:
    """Ask until every worker has answered: which replica takes a request is Serve's to choose."""
    deadline, seen = time.monotonic() + _ANSWER_SECONDS, set[str]()
    while missing := [address for node, address in members.items() if node not in seen]:
        status, body = _ask()
        expect(status == 200, f"{_ROUTE} answers {status}: {body[:200]}")
        expect(body in members, f"a replica answered that is on no worker: {body[:200]!r}")
        seen.add(body)
        expect(time.monotonic() < deadline, f"no replica on {', '.join(missing)} answered")


def _ask() -> tuple[int, str]:
    connection = http.client.HTTPConnection(*_PLACE, timeout=10)
    try:
        connection.request("GET", _ROUTE)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
