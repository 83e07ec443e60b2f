"""What the checks share: the nodes, and work that is tied to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..protocol import CheckFailed, expect

__all__ = ["CheckFailed", "Node", "alive", "expect", "here", "on_each", "on_node", "pinned"]

WORKER = "worker"
"""What each worker has one of and the head none: see ``compose/cluster.yaml``."""


@dataclass(frozen=True)
class Node:
    """A node that is alive: Ray's id of it, its address, and whether it is no head."""

    id: str
    address: str
    worker: bool


def alive() -> list[Node]:
    """The nodes that are alive now, in a stable order."""
    nodes = [
        Node(str(node["NodeID"]), str(node["NodeManagerAddress"]), WORKER in node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(nodes, key=lambda node: node.address)


def workers() -> list[Node]:
    """Those that are not the head, which has no CPUs for tasks."""
    return [node for node in alive() if node.worker]


def pinned(node: Node) -> NodeAffinitySchedulingStrategy:
    """The strategy that runs something on this node or not at all."""
    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def on_each(nodes: Sequence[Node], function: Callable[..., Any], *args: object) -> list[Any]:
    """Run a function once on every node, at the same time; results in the order of the nodes."""
    return list(ray.get([on_node(function, node).remote(*args) for node in nodes]))


def on_node(function: Callable[..., Any], node: Node, *, returns: int = 1) -> Any:
    """A function as a task that runs on a node or not at all; it takes no CPU on the head."""
    task = ray.remote(num_cpus=1 if node.worker else 0)(function)
    return task.options(scheduling_strategy=pinned(node), num_returns=returns)


def here() -> tuple[str, str]:
    """The id and the address of the node on which this runs."""
    return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()
