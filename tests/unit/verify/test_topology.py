"""How the check of a head without CPUs hears of tasks, and what it says of those astray."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack

import pytest

from factory.verify.smoke.checks import topology
from factory.verify.smoke.checks.cluster import Node

HEAD = Node("a", "10.0.0.1", worker=False)
WORKER = Node("b", "10.0.0.2", worker=True)


def test_a_task_stays_until_it_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "here", lambda: ("b", "10.0.0.2"))
    with ExitStack() as staying:
        door = staying.enter_context(socket.create_server(("127.0.0.1", 0)))
        task = threading.Thread(target=topology._stay, args=[door.getsockname()], daemon=True)
        task.start()
        assert topology._arrived(door, staying, 30) == "b"
        task.join(0.1)
        assert task.is_alive()
    task.join(30)
    assert not task.is_alive()


def test_a_task_that_does_not_begin_is_nowhere() -> None:
    with ExitStack() as staying:
        door = staying.enter_context(socket.create_server(("127.0.0.1", 0)))
        assert topology._arrived(door, staying, 0.01) == ""


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"a", "b"}, "are on the head, 10.0.0.1, 10.0.0.2, not on each worker"),
        ({"b", ""}, "are on 10.0.0.2, not on each worker, and not all began within 60 s"),
        ({""}, "are on no node, not on each worker, and not all began within 60 s"),
    ],
)
def test_it_is_said_where_tasks_are_astray(
    monkeypatch: pytest.MonkeyPatch, where: set[str], says: str
) -> None:
    monkeypatch.setattr(topology, "alive", lambda: [HEAD, WORKER])
    assert topology._astray(where) == f"tasks with a CPU each {says}"
