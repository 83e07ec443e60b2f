"""What is there: containers that we started, by their labels in the engine. Nothing else is a
record of them, so none is lost when a process dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from factory import process
from factory.cluster.plan import CLUSTER, KIND, LOCAL, SPEC, TOKEN, Spec, project_of
from factory.cluster.ports import LOOPBACK
from factory.errors import ClusterError
from factory.process import ProcessFailed

_SECONDS = 60.0
_SERVICE, _NUMBER = "com.docker.compose.service", "com.docker.compose.container-number"
RAY = ("head", "worker")
_DOWN = "nothing runs there: `invoke cluster.down --name {}`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A container of ours.

    Attributes:
        container: its name in the engine.
        node: ours: ``head``, ``worker-1``, ``prometheus``, ``grafana``; empty for what is no
            cluster's.
        state: the engine's word, with that of its health check.
        address: in the cluster's network; empty while it has none.
        since: when it was made.
    """

    container: str
    node: str
    state: str
    running: bool
    address: str
    image: str
    since: datetime
    labels: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)

    @property
    def is_ray(self) -> bool:
        """Whether it is a node of Ray's."""
        return self.node.partition("-")[0] in RAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A local cluster, whole or in parts.

    Attributes:
        spec: what it was started with; ``None`` if no container is there to tell.
        places: its containers, the head first.
    """

    name: str
    spec: Spec | None
    places: tuple[Place, ...]

    @property
    def project(self) -> str:
        return project_of(self.name)

    @property
    def token(self) -> str:
        """Its secret, which every node of Ray's has."""
        return next((place.token for place in self.places if place.token), "")

    @property
    def head(self) -> Place | None:
        """The head, if it runs."""
        return next((one for one in self.places if one.node == "head" and one.running), None)

    @property
    def workers(self) -> int:
        """How many workers run."""
        return sum(one.node.startswith("worker-") and one.running for one in self.places)

    @property
    def memory(self) -> int:
        """What its nodes of Ray's that run may take, in bytes."""
        running = sum(place.is_ray and place.running for place in self.places)
        return running * self.spec.sizes.memory if self.spec else 0

    def place(self, node: str) -> Place:
        """The container of a node.

        Raises:
            ClusterError: there is none of this name, or it does not run.
        """
        found = next((one for one in self.places if one.node == node), None)
        if found is None:
            names = ", ".join(one.node for one in self.places)
            raise ClusterError(
                f"cluster {self.name} has no node {node!r}",
                todo=f"name one of {names}" if names else _DOWN.format(self.name),
            )
        return found


def clusters() -> tuple[Found, ...]:
    """All local clusters of this engine, by name; also those of which a network alone is left.

    Raises:
        ClusterError: the engine does not answer.
        MachineError: there is no Docker client.
    """
    places = _inspected("container", ["ps", "--all"], f"{KIND}={LOCAL}")
    networks = _inspected("network", ["network", "ls"], f"{KIND}={LOCAL}")
    names = {one["Config"]["Labels"].get(CLUSTER, "") for one in places}
    names |= {(one.get("Labels") or {}).get(CLUSTER, "") for one in networks}
    return tuple(_found(name, places) for name in sorted(names - {""}))


def one(name: str | None) -> Found:
    """The cluster of this name, or the only one there is.

    Raises:
        ClusterError: there is none, or several and no name; the engine does not answer.
    """
    there = clusters()
    for found in there:
        if found.name == name or (name is None and len(there) == 1):
            return found
    names = ", ".join(found.name for found in there)
    if name is None and there:
        raise ClusterError(f"there are {len(there)} clusters: {names}", todo="name one: --name")
    raise ClusterError(
        f"there is no cluster {name}" if name else "no cluster runs here",
        todo=f"there is {names}" if there else "`invoke cluster.up --cell CELL` starts one",
    )


def container(name: str) -> Place | None:
    """A container of this name, whosever it is.

    Raises:
        ClusterError: the engine does not answer.
    """
    said = _docker("container", "inspect", name, check=False)
    return _place(said[0]) if said else None


def holding(ports: Iterable[int]) -> dict[int, str]:
    """Of these ports of this machine, those that are taken, and what has them: a container, or
    something else. None of an engine that is elsewhere, whose ports are too."""
    taken: dict[int, str] = {}
    if os.environ.get("DOCKER_HOST", "").startswith(("tcp:", "ssh:", "http")):
        return taken
    for port in ports:
        with socket.socket() as probe:
            if os.name == "posix":  # elsewhere it lets two have one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                taken[port] = _holder(port)
    return taken


def _holder(port: int) -> str:
    form = ["--filter", f"publish={port}", "--format", "{{.Names}}"]
    names = _lines(["ps", *form])
    return f"the container {names[0]}" if names else "another program"


def _found(name: str, containers: Iterable[Any]) -> Found:
    ours = [_place(one) for one in containers if one["Config"]["Labels"].get(CLUSTER) == name]
    specs = (Spec.of(place.labels.get(SPEC, "")) for place in ours)
    return Found(
        name=name,
        spec=next((spec for spec in specs if spec), None),
        places=tuple(sorted(ours, key=_order)),
    )


def _order(place: Place) -> tuple[bool, bool, int, str]:
    number = place.node.rpartition("-")[2]
    return place.node != "head", not place.is_ray, len(number), place.node


def _place(said: Any) -> Place:
    config, state = said["Config"], said["State"]
    labels = config.get("Labels") or {}
    service, number = labels.get(_SERVICE, ""), labels.get(_NUMBER, "1")
    networks = (said.get("NetworkSettings") or {}).get("Networks") or {}
    health = (state.get("Health") or {}).get("Status", "")
    env = dict(line.partition("=")[::2] for line in config.get("Env") or ())
    status = state["Status"]
    if not state["Running"] and status == "exited":
        status = f"exited with {state['ExitCode']}"
    return Place(
        container=said["Name"].lstrip("/"),
        node=f"worker-{number}" if service == "worker" else service,
        state=f"{status}, {health}" if health and state["Running"] else status,
        running=bool(state["Running"]),
        address=next((one["IPAddress"] for one in networks.values() if one["IPAddress"]), ""),
        image=config["Image"],
        since=datetime.fromisoformat(said["Created"][:19] + "+00:00"),
        labels=labels,
        token=env.get(TOKEN, "") if service in RAY else "",
    )


def _inspected(kind: str, listing: list[str], label: str) -> list[Any]:
    ids = _lines([*listing, "--quiet", "--filter", f"label={label}"])
    return _docker(kind, "inspect", *ids, check=False) if ids else []


def _lines(arguments: list[str]) -> list[str]:
    return _run(["docker", *arguments], check=True).split()


def _docker(*arguments: str, check: bool) -> list[Any]:
    """What ``inspect`` says. Of several, some may be gone since: it tells of the others."""
    answer: list[Any] = json.loads(_run(["docker", *arguments], check=check) or "[]")
    return answer


def _run(argv: list[str], *, check: bool) -> str:
    try:
        return process.run(argv, timeout=_SECONDS, check=check).stdout
    except ProcessFailed as failure:
        raise ClusterError(
            "the Docker engine does not say what it runs",
            todo="run `invoke doctor`",
            detail=failure.completed.tail,
        ) from failure
