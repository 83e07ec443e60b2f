"""A Compose file that needs nothing but an engine: head, workers, and a token between them.

https://docs.docker.com/reference/compose-file/
"""

from __future__ import annotations

from typing import Any

from factory.export.launch import Launch, Pinned, heading, written
from factory.export.probe import probe

_PORTS = "--dashboard-agent-grpc-port=8078 --runtime-env-agent-port=8079 --metrics-export-port=8080"
"""Newer Rays wait 15 s and no longer for a node's agents to find ports: so they are given some."""

_FILES = 'ulimit -Sn "$$(ulimit -Hn)"; '
"""As many open files as the engine lets it have: the soft limit may be 1024, and Ray wants more."""

_ADDRESS = '--node-ip-address="$$(hostname -i)"'


def compose_file(launch: Launch) -> str:
    """The text of a Compose file."""
    services = {"head": _head(launch)}
    services |= {launch.worker_name(one): _worker(launch, one) for one in launch.workers}
    first = launch.worker_name(launch.workers[0])
    up = f"docker compose -f FILE up --detach --wait --scale {first}={launch.count}"
    comment = [
        *heading(launch, "A Ray cluster on one engine (Docker Engine 25, Compose 2.20 or newer)."),
        '  export RAY_AUTH_TOKEN="$(openssl rand -hex 16)"',
        f"  {up}",
        "  docker compose -f FILE exec head ray status",
        "  docker compose -f FILE exec head ray job submit -- python -c 'import ray; ray.init()'",
        "  docker compose -f FILE down --volumes",
        "",
        "The dashboard is at http://127.0.0.1:8265 (RAY_DASHBOARD_PORT), for this machine alone.",
    ]
    return written(comment, {"name": launch.name, "services": services})


def _head(launch: Launch) -> dict[str, Any]:
    start = (
        "exec ray start --head --block --disable-usage-stats --port=6379 --dashboard-host=0.0.0.0 "
        f"{_ADDRESS} {_PORTS} --num-cpus={launch.cpus}"
    )
    ports = ["127.0.0.1:${RAY_DASHBOARD_PORT:-8265}:8265"]
    return _node(launch, launch.head, start, gcs=True) | {"ports": ports}


def _worker(launch: Launch, image: Pinned) -> dict[str, Any]:
    start = (
        "exec ray start --address=head:6379 --block --disable-usage-stats "
        f"{_ADDRESS} {_PORTS} --num-cpus={launch.cpus}"
    )
    node = _node(launch, image, start, gcs=False)
    needs = {"head": {"condition": "service_healthy"}}
    return {**node, "depends_on": needs, "scale": launch.count}


def _node(launch: Launch, image: Pinned, start: str, *, gcs: bool) -> dict[str, Any]:
    gpus = {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    devices = {"resources": {"reservations": {"devices": [gpus]}}}
    test = probe(gcs=gcs)
    return {
        "image": image.ref,
        "command": ["bash", "-c", _FILES + start + (" --num-gpus=1" if image.gpu else "")],
        "environment": {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "${RAY_AUTH_TOKEN:?a secret of this cluster}",
        },
        "init": True,
        "shm_size": f"{launch.shm_bytes >> 20}m",
        "mem_limit": f"{launch.memory}g",
        "stop_grace_period": "15s",
        **({"deploy": devices} if image.gpu else {}),
        "healthcheck": {
            "test": ["CMD", *(part.replace("$", "$$") for part in test)],
            "start_period": "120s",
            "start_interval": "1s",
            "interval": "10s",
            "timeout": "10s",
            "retries": 3,
        },
    }
