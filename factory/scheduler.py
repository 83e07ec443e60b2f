"""Runs work that depends on other work, several at once, each kind in a lane of bounded width.

Failures are values: work that depends on a failure is blocked, the rest goes on. Ctrl-C cancels
what runs (``process.cancel_all``), waits for it to clean up, and starts nothing more.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Protocol

from factory import process
from factory.errors import FactoryError, Interrupted, machine_error
from factory.model import Outcome, State
from factory.text import clean

Log = Callable[[str], None]
_TAIL_LINES = 20


@dataclass(frozen=True, kw_only=True)
class Work:
    """One piece of work.

    Attributes:
        verb, subject: what it does, to what; together its id, unique in a run.
        run: does it; gets a function that takes log lines; returns (state, reason).
        needs: ids of work that must have succeeded before.
        lane: limits how many of a kind run at once.
    """

    verb: str
    subject: str
    run: Callable[[Log], tuple[State, str]]
    needs: tuple[str, ...] = ()
    lane: str = ""

    @property
    def id(self) -> str:
        return f"{self.verb} {self.subject}"


class Observer(Protocol):
    """Told what happens, from several threads.

    ``begin`` comes first, with all that is to be done; a run may have several such parts, one after
    the other.
    """

    def begin(self, works: Sequence[Work]) -> None: ...
    def note(self, text: str) -> None: ...
    def started(self, work: Work) -> None: ...
    def line(self, work: Work, text: str) -> None: ...
    def ended(self, outcome: Outcome) -> None: ...


_GOOD = (State.DONE, State.CACHED)


def execute(
    works: Iterable[Work], lanes: Mapping[str, int], observer: Observer
) -> tuple[Outcome, ...]:
    """Run everything that can be run; outcomes come in the order of ``works``.

    Args:
        works: needs may only name ids among them, in no circle.
        lanes: lane to width; a lane that is not named has width 1.
        observer: told of all work at first, then of every start, line and end.
    """
    everything = tuple(works)
    pending = {work.id: work for work in everything}
    assert len(pending) == len(everything), "two pieces of work with one id"
    order = list(pending)
    assert {need for work in pending.values() for need in work.needs} <= pending.keys()
    TopologicalSorter({name: work.needs for name, work in pending.items()}).prepare()
    observer.begin(everything)
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[Outcome], Work] = {}
    with ThreadPoolExecutor(max_workers=max(sum(lanes.values()), 1) + 4) as pool:
        while pending or running:
            try:
                _settle(pending, outcomes, observer)
                for work in _startable(pending, outcomes, running.values(), lanes):
                    running[pool.submit(_perform, work, observer)] = work
                    del pending[work.id]  # after it: Ctrl-C in between must lose no outcome
                if running:
                    done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in done:
                        outcomes[running[future].id] = future.result()
                        del running[future]
            except KeyboardInterrupt:
                process.cancel_all()
    return tuple(outcomes[name] for name in order)


def _settle(pending: dict[str, Work], outcomes: dict[str, Outcome], observer: Observer) -> None:
    """Give an outcome to what can no longer run."""
    for work in list(pending.values()):
        bad = [
            outcomes[need]
            for need in work.needs
            if need in outcomes and outcomes[need].state not in _GOOD
        ]
        if not bad and not process.is_cancelled():
            continue
        blocked = bad and bad[0].state in (State.FAILED, State.BLOCKED)
        state = State.BLOCKED if blocked else State.CANCELLED
        reason = _blame(bad[0]) if blocked else "interrupted"
        code = 0 if blocked else Interrupted.exit_code
        outcomes[work.id] = Outcome(
            verb=work.verb, subject=work.subject, state=state, reason=reason, code=code
        )
        del pending[work.id]
        observer.ended(outcomes[work.id])


def _blame(need: Outcome) -> str:
    """What failed in the first place, however many blocked ones are in between."""
    return need.reason if need.state is State.BLOCKED else f"{need.id} failed"


def _startable(
    pending: Mapping[str, Work],
    outcomes: Mapping[str, Outcome],
    running: Iterable[Work],
    lanes: Mapping[str, int],
) -> list[Work]:
    busy = Counter(work.lane for work in running)
    chosen = []
    for work in pending.values():
        ready = all(need in outcomes and outcomes[need].state in _GOOD for need in work.needs)
        if ready and busy[work.lane] < lanes.get(work.lane, 1):
            busy[work.lane] += 1
            chosen.append(work)
    return chosen


def _perform(work: Work, observer: Observer) -> Outcome:
    observer.started(work)
    started = time.monotonic()
    outcome = replace(_attempt(work, observer), seconds=round(time.monotonic() - started, 2))
    observer.ended(outcome)
    return outcome


def _attempt(work: Work, observer: Observer) -> Outcome:
    base = Outcome(verb=work.verb, subject=work.subject, state=State.FAILED)
    said: deque[str] = deque(maxlen=_TAIL_LINES)

    def log(text: str) -> None:
        said.append(text)
        observer.line(work, text)

    try:
        state, reason = work.run(log)
        return replace(base, state=state, reason=reason)
    except Interrupted as error:
        return replace(base, state=State.CANCELLED, reason=error.what, code=error.exit_code)
    except FactoryError as error:
        error.detail = error.detail or tuple(clean(text) for text in tuple(said))
        lines = tuple(str(error).splitlines())
        return replace(base, reason=error.what, detail=lines, code=error.exit_code)
    except Exception as error:  # a defect of ours: the other work goes on, and the trace is shown
        if process.is_cancelled():
            return replace(base, state=State.CANCELLED, reason="interrupted", code=130)
        if isinstance(error, OSError):  # a full disk, a folder that cannot be written to
            refused = machine_error(error)
            lines = tuple(str(refused).splitlines())
            return replace(base, reason=refused.what, detail=lines, code=refused.exit_code)
        trace = tuple(traceback.format_exc().splitlines())
        return replace(base, reason=f"defect in the factory: {error!r}", detail=trace, code=1)
