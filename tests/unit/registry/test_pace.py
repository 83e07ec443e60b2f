"""No more requests in a second than a registry takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from factory.registry.pace import Pace


@dataclass
class Time:
    """A clock that goes on only while somebody sleeps."""

    at: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def pace(self, rate: float, burst: int) -> Pace:
        now: Callable[[], float] = lambda: self.at  # noqa: E731  # one line says it
        return Pace(rate, burst, clock=now, sleep=self.sleep)


def test_a_burst_goes_at_once_and_the_rest_evenly() -> None:
    time = Time()
    pace = time.pace(10, 3)
    sent = []
    for _ in range(23):
        pace.wait()
        sent.append(time.at)
    assert sent[:3] == [100.0] * 3
    assert 1.95 <= sent[-1] - 100.0 <= 2.05
    assert max(sum(at <= one < at + 1 for one in sent) for at in sent) <= 13


def test_after_a_pause_a_burst_goes_at_once_again_and_no_more() -> None:
    time = Time()
    pace = time.pace(10, 3)
    for _ in range(5):
        pace.wait()
    time.at += 60
    before = list(time.slept)
    for _ in range(3):
        pace.wait()
    assert time.slept == before
    pace.wait()
    assert len(time.slept) == len(before) + 1


def test_threads_wait_together_for_their_turns() -> None:
    slept: list[float] = []
    pace = Pace(10, 1, clock=lambda: 0.0, sleep=slept.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(round(one, 6) for one in slept) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
