"""What several threads bring at one moment is done in one go, and each gets its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from factory.gather import Gathered

PAUSE = 0.5
"""Seconds: longer than threads take to start on a machine that is busy with other tests."""


class Doubler:
    """Doubles numbers, and remembers which it got together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.slow = threading.Event()
        self.slow.set()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        self.slow.wait(30)
        return [number * 2 for number in numbers]


def at_once(gathered: Gathered[int, int], numbers: Sequence[int]) -> list[int]:
    """What the callers get, who call at the same moment."""
    start = threading.Barrier(len(numbers))

    def call(number: int) -> int:
        start.wait()
        return gathered(number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(call, numbers))


def await_calls(doubler: Doubler, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(doubler.calls) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_those_who_call_at_one_moment_are_served_in_one_go() -> None:
    doubler = Doubler()
    assert at_once(Gathered(doubler, most=8, pause=PAUSE), range(6)) == [0, 2, 4, 6, 8, 10]
    assert [sorted(call) for call in doubler.calls] == [[0, 1, 2, 3, 4, 5]]


def test_as_many_go_together_as_may() -> None:
    doubler = Doubler()
    assert at_once(Gathered(doubler, most=4, pause=PAUSE), range(10)) == [
        2 * number for number in range(10)
    ]
    assert sorted(number for call in doubler.calls for number in call) == list(range(10))
    assert max(map(len, doubler.calls)) == 4


def test_who_comes_later_does_not_wait_for_what_runs() -> None:
    doubler = Doubler()
    doubler.slow.clear()
    gathered = Gathered(doubler, most=8, pause=PAUSE)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gathered, 1)
        await_calls(doubler, 1)
        second = pool.submit(gathered, 2)
        await_calls(doubler, 2)
        assert not first.done()
        doubler.slow.set()
        assert (first.result(30), second.result(30)) == (2, 4)
    assert doubler.calls == [[1], [2]]


def test_where_one_runs_at_a_time_those_who_come_meanwhile_go_together() -> None:
    doubler = Doubler()
    doubler.slow.clear()
    gathered = Gathered(doubler, most=8, pause=PAUSE, alone=True)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathered, 1)
        await_calls(doubler, 1)
        others = [pool.submit(gathered, number) for number in (2, 3)]
        time.sleep(0.1)
        assert doubler.calls == [[1]]
        doubler.slow.set()
        assert [one.result(30) for one in (first, *others)] == [2, 4, 6]
    assert sorted(doubler.calls[1]) == [2, 3]


def test_a_failure_is_everybodys() -> None:
    def fail(numbers: Sequence[int]) -> list[int]:
        raise ValueError(len(numbers))

    gathered = Gathered(fail, most=8, pause=0.0)
    with ThreadPoolExecutor(3) as pool:
        called = [pool.submit(gathered, number) for number in range(3)]
        for one in called:
            with pytest.raises(ValueError):
                one.result(30)
