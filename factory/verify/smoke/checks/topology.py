"""Who is in the cluster, and whether work reaches every one of them."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ..protocol import Expected
from .cluster import alive, expect, here, on_each, pinned, workers

_JOIN_SECONDS = 60.0
_PLACE_SECONDS = 60.0
_PENDING_SECONDS = 1.0
_EACH = "each"
"""A resource that every node has one of: see ``compose/cluster.yaml``."""


def nodes(expected: Expected) -> None:
    """All nodes are alive, none too many, and no two share an address."""
    deadline = time.monotonic() + _JOIN_SECONDS
    while len(found := alive()) < expected.nodes and time.monotonic() < deadline:
        time.sleep(0.2)
    addresses = [node.address for node in found]
    expect(
        len(found) == expected.nodes,
        f"{len(found)} of {expected.nodes} nodes are alive: {', '.join(addresses)}",
    )
    expect(len(set(addresses)) == len(found), f"nodes share an address: {', '.join(addresses)}")


def _squares(numbers: range) -> tuple[list[int], str]:
    return [number * number for number in numbers], here()[0]


def square(_: Expected) -> None:
    """Each node squares 0 to 3 in a task that may run nowhere else."""
    members = alive()
    for node, (squares, where) in zip(members, on_each(members, _squares, range(4))):
        expect(squares == [0, 1, 4, 9], f"{node.address} returned {squares}, not 0, 1, 4, 9")
        expect(where == node.id, f"the task for {node.address} ran on node {where}")


def spread(expected: Expected) -> None:
    """One bundle on every node, and a task in each bundle; one bundle more has no place."""
    with _spread_over(expected.nodes) as group:
        expect(
            bool(group.wait(_PLACE_SECONDS)),
            f"{expected.nodes} bundles were not placed within {_PLACE_SECONDS:.0f} s",
        )
        where = _in_each_bundle(group, expected.nodes)
    missed = [node.address for node in alive() if node.id not in where]
    expect(not missed, f"no bundle is on {', '.join(missed)}")
    expect(len(set(where)) == expected.nodes, "two bundles share a node")
    with _spread_over(expected.nodes + 1) as group:
        placed = bool(group.wait(_PENDING_SECONDS))
        expect(not placed, f"{expected.nodes + 1} bundles were placed on {expected.nodes} nodes")


@contextmanager
def _spread_over(bundles: int) -> Iterator[PlacementGroup]:
    group = placement_group([{_EACH: 0.1}] * bundles, strategy="STRICT_SPREAD")
    try:
        yield group
    finally:
        remove_placement_group(group)


def _in_each_bundle(group: PlacementGroup, bundles: int) -> list[str]:
    task = ray.remote(num_cpus=0, resources={_EACH: 0.1})(here)
    refs = [
        task.options(
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=index
            )
        ).remote()
        for index in range(bundles)
    ]
    return [node_id for node_id, _ in ray.get(refs)]


class _Reporter:
    def where(self) -> tuple[str, str]:
        return here()


def actors(_: Expected) -> None:
    """The classic test: one actor on each node, and the addresses that they report."""
    members = alive()
    actor: Any = ray.remote(num_cpus=0)(_Reporter)
    reporters = [actor.options(scheduling_strategy=pinned(node)).remote() for node in members]
    try:
        reports = ray.get([reporter.where.remote() for reporter in reporters])
    finally:
        for reporter in reporters:
            ray.kill(reporter)
    for node, report in zip(members, reports):
        truth = report == (node.id, node.address)
        expect(truth, f"the actor on {node.address} reports {report[1]}")


def head_rests(_: Expected) -> None:
    """Where the head has no CPUs, work that asks for one runs on workers, on all of them, and
    waits when all are taken. Tasks, since the processes for them are there already."""
    members = workers()
    task: Any = ray.remote(num_cpus=1, max_retries=0)(_stay)
    with ExitStack() as staying:
        door = staying.enter_context(socket.create_server(("", 0)))
        place = (here()[1], door.getsockname()[1])
        tasks = [task.remote(place) for _ in members]
        where = {_arrived(door, staying, _PLACE_SECONDS) for _ in members}
        expect(where == {node.id for node in members}, _astray(where))
        one_more = task.remote(place)
        early = _arrived(door, staying, _PENDING_SECONDS)
        ray.cancel(one_more)
        expect(not early, "one more found a CPU, though workers have none left and the head none")
    ray.get(tasks)


def _astray(where: set[str]) -> str:
    """Where tasks are that should be on each worker; some that nobody heard of began nowhere."""
    names = [
        node.address if node.worker else f"the head, {node.address}"
        for node in alive()
        if node.id in where
    ]
    late = "" if "" not in where else f", and not all began within {_PLACE_SECONDS:.0f} s"
    return f"tasks with a CPU each are on {', '.join(names) or 'no node'}, not on each worker{late}"


def _stay(place: tuple[str, int]) -> None:
    """Tell where this runs, and stay until the connection ends: waiting for Ray would give the CPU
    back meanwhile."""
    with socket.create_connection(place, timeout=_PLACE_SECONDS) as connection:
        connection.sendall(here()[0].encode())
        connection.settimeout(None)
        connection.recv(1)


def _arrived(door: socket.socket, staying: ExitStack, seconds: float) -> str:
    """The node of the next task to tell, which then stays; empty if none does in time."""
    if not select.select([door], [], [], seconds)[0]:
        return ""
    connection = staying.enter_context(door.accept()[0])
    connection.settimeout(_PLACE_SECONDS)
    return connection.recv(1024).decode()
