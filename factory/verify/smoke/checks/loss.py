"""Whether the cluster gets over the loss of a worker, and makes use of its replacement."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..asking import ask_host
from ..protocol import Expected
from .cluster import WORKER, Node, alive, expect, here, on_node, pinned, workers

_BEGIN_SECONDS = 60.0
_DEAD_SECONDS = 90.0
_BACK_SECONDS = 180.0
_FOREVER = 3600.0


class _Board:
    """Lives on the head: what was begun where, told by those who may not live to tell it later."""

    def __init__(self) -> None:
        self._begun: list[str] = []

    def note(self, node: str) -> int:
        self._begun.append(node)
        return len(self._begun)

    def begun(self) -> list[str]:
        return list(self._begun)


class _Survivor:
    def where(self) -> str:
        return here()[0]


def _task(board: Any) -> str:
    """The first attempt lasts until it is killed, however long that takes; the next one ends."""
    if ray.get(board.note.remote(here()[0])) == 1:
        time.sleep(_FOREVER)
    return here()[0]


def worker_loss(expected: Expected) -> None:
    """A worker is killed in mid-task: the retry completes elsewhere, an actor comes back, the node
    is reported dead, and the node that takes its place gets work."""
    survivor = _surviving()
    lived = ray.get(survivor.where.remote())
    [victim] = [node for node in workers() if node.id == lived]
    host = ray.get(on_node(_host, victim).remote())
    others = _ids() - {victim.id}
    result = _begun_on(victim)
    ask_host("kill", host)
    try:
        _until(lambda: victim.id not in _ids(), _DEAD_SECONDS, "the node was not reported dead")
        if len(others) > 1:  # else work can only go on where the replacement is
            _went_on(victim, result, survivor)
    finally:  # the checks after this one count on all nodes
        ask_host("start", host)
    _until(lambda: len(alive()) == expected.nodes, _BACK_SECONDS, "no replacement joined")
    _went_on(victim, result, survivor)
    [newcomer] = [node for node in alive() if node.id not in others]
    expect(ray.get(on_node(here, newcomer).remote())[0] == newcomer.id, "it ran elsewhere")


def _surviving() -> Any:
    """An actor on some worker, which may be restarted on another."""
    made: Any = ray.remote(num_cpus=0, resources={WORKER: 0.1}, max_restarts=1, max_task_retries=3)(
        _Survivor
    )
    return made.remote()


def _begun_on(victim: Node) -> Any:
    """The result of a task that has begun on a node, and may be retried on another."""
    head = next(node for node in alive() if not node.worker)
    board: Any = ray.remote(num_cpus=0)(_Board)
    board = board.options(scheduling_strategy=pinned(head)).remote()
    rather = NodeAffinitySchedulingStrategy(victim.id, soft=True)
    task: Any = ray.remote(num_cpus=1, max_retries=3)(_task)
    result = task.options(scheduling_strategy=rather).remote(board)
    _until(lambda: ray.get(board.begun.remote()), _BEGIN_SECONDS, "the task did not begin")
    [began] = ray.get(board.begun.remote())
    expect(began == victim.id, "the task did not begin on the node that is to be killed")
    return result


def _went_on(victim: Node, result: Any, survivor: Any) -> None:
    expect(ray.get(result) != victim.id, "the task ended on the node that was killed")
    expect(ray.get(survivor.where.remote()) != victim.id, "the actor did not move")


def _host() -> str:
    return os.uname().nodename


def _ids() -> set[str]:
    return {node.id for node in alive()}


def _until(condition: Callable[[], Any], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"{otherwise} within {seconds:.0f} s")
        time.sleep(0.25)
