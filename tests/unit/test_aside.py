"""What nobody waits for has ended when its owner asks."""

from __future__ import annotations

import threading
from functools import partial

from factory.aside import Aside


def test_it_runs_beside_and_is_waited_for_at_the_end() -> None:
    aside, go, ended = Aside(), threading.Event(), list[int]()

    def work(number: int) -> None:
        go.wait(30)
        ended.append(number)

    for number in (1, 2):
        aside(partial(work, number))
    assert ended == []
    go.set()
    aside.wait()
    assert sorted(ended) == [1, 2]
