"""What people watch a cluster with: the dashboard, metrics, the state API."""

from __future__ import annotations

import http.client
import json
import os
import time
import uuid
from pathlib import Path

import ray
from ray.util import state

from ..protocol import Expected
from .cluster import alive, expect, here

_DASHBOARD = "127.0.0.1:8265"
_WAIT_SECONDS = 60.0
_DISCOVERY_FILE = Path("/tmp/ray/prom_metrics_service_discovery.json")  # noqa: S108  # Ray's own


def dashboard(expected: Expected) -> None:
    """It answers, and knows which Ray this is."""
    status, body = _get(_DASHBOARD, "/api/version")
    expect(status == 200, f"/api/version answers {status}")
    found = json.loads(body).get("ray_version")
    wanted = expected.ray or ray.__version__
    expect(found == wanted, f"the dashboard says Ray {found}, not {wanted}")


def metrics(_: Expected) -> None:
    """Every node exports metrics, and Prometheus is told of every node."""
    deadline = time.monotonic() + _WAIT_SECONDS
    for place in _exporters():
        while "\nray_" not in (body := _metrics(place)):
            expect(time.monotonic() < deadline, f"{place}/metrics has none of Ray's: {body[:80]!r}")
            time.sleep(0.5)
    while missing := _missing(told := _discovered()):
        where = ", ".join(missing)
        expect(time.monotonic() < deadline, f"Prometheus is not told of {where}, only of {told}")
        time.sleep(0.5)


def _exporters() -> list[str]:
    """Where the nodes that are alive say that their metrics are."""
    return [
        f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}"
        for node in ray.nodes()
        if node["Alive"]
    ]


def _missing(told: list[str]) -> list[str]:
    """The addresses of nodes that service discovery does not name."""
    named = {place.rpartition(":")[0] for place in told}
    return [node.address for node in alive() if node.address not in named]


def state_api(expected: Expected) -> None:
    """It lists the nodes, and a task that ran, with where it ran and how it ended."""
    name = f"seen-{uuid.uuid4().hex[:8]}"
    ran_on = ray.get(ray.remote(num_cpus=1)(here).options(name=name).remote())[0]
    deadline = time.monotonic() + _WAIT_SECONDS
    while not (rows := _finished(name)):
        expect(time.monotonic() < deadline, f"the state API does not list the task {name}")
        time.sleep(0.5)
    expect(rows == [ran_on], f"the state API says that {name} ran on {rows}, not on {ran_on}")
    nodes = state.list_nodes(filters=[("state", "=", "ALIVE")])
    expect(
        len(nodes) == expected.nodes, f"the state API lists {len(nodes)} of {expected.nodes} nodes"
    )


def _finished(name: str) -> list[str]:
    tasks = state.list_tasks(filters=[("name", "=", name)], detail=True)
    return [str(task.node_id) for task in tasks if task.state == "FINISHED"]


def _metrics(place: str) -> str:
    try:
        return _get(place, "/metrics")[1]
    except (OSError, http.client.HTTPException) as error:
        return str(error)


def _discovered() -> list[str]:
    """The addresses that service discovery names: over HTTP, or, of an older Ray, in a file."""
    status, body = _get(_DASHBOARD, "/api/prometheus/sd")
    text = body if status == 200 else _DISCOVERY_FILE.read_text("utf-8")
    return [str(target) for group in json.loads(text) for target in group["targets"]]


def _get(place: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(place, timeout=10)
    token = os.environ.get("RAY_AUTH_TOKEN")
    headers = {"User-Agent": "smoke"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
