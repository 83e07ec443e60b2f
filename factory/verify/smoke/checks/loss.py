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
from .cluster import WORKER, alive, expect, here, on_node, pinned, workers

_DEAD_SECONDS = 60.0
_BACK_SECONDS = 90.0
_TASK_SECONDS = 4.0
_RETRIES: dict[str, Any] = {"max_restarts": 1, "max_task_retries": 3}


class _Board:
    """Lives on the head: what was begun where, told by those who may not live to tell it later."""

    def __init__(self) -> None:
        self._begun: list[str] = []

    def note(self, node: str) -> None:
        self._begun.append(node)

    def begun(self) -> list[str]:
        return list(self._begun)


class _Survivor:
    def where(self) -> str:
        return here()[0]


def _slow(board: Any) -> str:
    ray.get(board.note.remote(here()[0]))
    time.sleep(_TASK_SECONDS)
    return here()[0]


def worker_loss(expected: Expected) -> None:
    """A worker is killed in mid-task: the retry completes elsewhere, an actor comes back, the node
    is reported dead, and the node that takes its place gets work."""
    survivor = ray.remote(num_cpus=0, resources={WORKER: 0.1}, **_RETRIES)(_Survivor).remote()
    lived = ray.get(survivor.where.remote())
    [victim] = [node for node in workers() if node.id == lived]
    host = ray.get(on_node(_host, victim).remote())
    others = _ids() - {victim.id}
    head = next(node for node in alive() if not node.worker)
    board: Any = ray.remote(num_cpus=0, scheduling_strategy=pinned(head))(_Board).remote()
    rather = NodeAffinitySchedulingStrategy(victim.id, soft=True)
    task = ray.remote(num_cpus=1, max_retries=3, scheduling_strategy=rather)(_slow)
    result = task.remote(board)
    _until(lambda: ray.get(board.begun.remote()), _DEAD_SECONDS, "the task did not begin")
    ask_host("kill", host)
    _until(lambda: victim.id not in _ids(), _DEAD_SECONDS, "the node was not reported dead")
    began, ended = ray.get(board.begun.remote())[0], ray.get(result)
    expect(began == victim.id, "the task did not begin on the node that was killed")
    expect(ended != victim.id, "the task ended on the node that was killed")
    expect(ray.get(survivor.where.remote()) != victim.id, "the actor did not move")
    ask_host("start", host)
    _until(lambda: len(alive()) == expected.nodes, _BACK_SECONDS, "no replacement joined")
    [newcomer] = [node for node in alive() if node.id not in others]
    expect(ray.get(on_node(here, newcomer).remote())[0] == newcomer.id, "it ran elsewhere")


def _host() -> str:
    return os.uname().nodename


def _ids() -> set[str]:
    return {node.id for node in alive()}


def _until(condition: Callable[[], Any], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"{otherwise} within {seconds:.0f} s")
        time.sleep(0.25)
