"""The clock of the cold start: which worker is started when, and what it took.

A check inside the head says when to start a worker, and when that has run a task. It can ask for
nothing else, and for that as often as it is measured; which container it is, is decided here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from factory.compose import Container
from factory.model import COLD_START, THROTTLED, Check, CheckStatus, Timing
from factory.verify.compose import Cluster
from factory.verify.events import tidy

BEGIN, RAN = "begin", "ran"
RUNS = {COLD_START: 3, THROTTLED: 1}
"""How often each is measured: one at 0.2 CPU takes as long as all others."""

SCALES = {"worker": RUNS[COLD_START], "throttled": RUNS[THROTTLED]}
"""The containers of ``compose/cold-start.yaml``, of which each is started once."""


@dataclass(kw_only=True)
class Stopwatch:
    """Starts workers as the checks ask for them, and takes their time.

    Attributes:
        retired: the names of those that have done what they were started for.
    """

    cluster: Cluster
    retired: set[str] = field(default_factory=set)
    _running: tuple[Container, float] | None = None
    _taken: list[float] = field(default_factory=list)

    def disturb(self, what: str, service: str) -> None:
        """Start a worker of a service, or stop the clock. Whatever else an image asks for is not
        done.

        Raises:
            VerifyError: the engine does not answer.
        """
        now = time.monotonic()
        if what == RAN and self._running:
            worker, began = self._running
            self._taken.append(round(now - began, 3))
            self._running = None
            self.retired.add(worker.name)
            self.cluster.retire(worker)
        if what == BEGIN and not self._running and service in SCALES:
            waiting = [one for one in self.cluster.containers() if _is_next(one, service)]
            for worker in waiting[:1]:
                self._running = worker, time.monotonic()
                self.cluster.start(worker)

    def settled(self, check: Check) -> Check:
        """A check that has ended, with what was measured, or with the last words of its worker."""
        taken, self._taken, self._running = tuple(self._taken), [], None
        if check.status is CheckStatus.PASS:
            return judged(check, taken, self.cluster.request.budget.of(check.name))
        if check.status is CheckStatus.FAIL:
            return replace(check, detail=tidy([*check.detail, *self._last_words()]))
        return check

    def _last_words(self) -> Sequence[str]:
        """Of the workers that were started, and have not done what for."""
        there = [it for it in self.cluster.containers() if it.name not in self.retired]
        started = [
            it for it in there if it.service in SCALES and (it.broken or it.state == "running")
        ]
        return [line for it in started for line in (it.fate, *self.cluster.log(it))]


def _is_next(container: Container, service: str) -> bool:
    return container.service == service and container.state == "created" and not container.broken


def judged(check: Check, taken: Sequence[float], budget: float | None) -> Check:
    """A check whose workers came to run a task, held to its budget."""
    if len(taken) != RUNS.get(check.name):
        reason = f"it was measured {len(taken)} times, not {RUNS.get(check.name)}"
        return replace(check, status=CheckStatus.FAIL, reason=reason)
    timing = Timing(seconds=round(median(taken), 3), runs=tuple(taken), budget=budget)
    if timing.over:
        return replace(check, status=CheckStatus.FAIL, reason=timing.words, timing=timing)
    return replace(check, timing=timing)
