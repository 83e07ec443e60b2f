"""The scheduler: what depends on a failure is blocked, the rest goes on, and widths hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory import process
from factory.errors import BuildError, Interrupted
from factory.model import Outcome, State
from factory.scheduler import Log, Work, execute

Body = Callable[[Log], tuple[State, str]]


class Watcher:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.starts: list[str] = []
        self.ends: list[str] = []
        self.lines: list[str] = []

    def begin(self, works: Sequence[Work]) -> None:
        assert not self.starts
        self.begun.append([work.id for work in works])

    def started(self, work: Work) -> None:
        self.starts.append(work.id)

    def line(self, work: Work, text: str) -> None:
        self.lines.append(f"{work.id}: {text}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def ended(self, outcome: Outcome) -> None:
        self.ends.append(outcome.id)


def fine(log: Log) -> tuple[State, str]:
    log("hello")
    return State.DONE, "new"


def broken(_log: Log) -> tuple[State, str]:
    raise BuildError("no such package", where="a:1", todo="mend it", detail=["last line"])


def defective(_log: Log) -> tuple[State, str]:
    raise KeyError("surprise")


def work(name: str, run: Body = fine, needs: Sequence[str] = (), lane: str = "") -> Work:
    return Work(
        verb="do", subject=name, run=run, needs=tuple(f"do {need}" for need in needs), lane=lane
    )


def states(
    works: Sequence[Work], lanes: Mapping[str, int] | None = None
) -> tuple[dict[str, str], Watcher]:
    watcher = Watcher()
    outcomes = execute(works, lanes or {}, watcher)
    assert [outcome.id for outcome in outcomes] == [one.id for one in works], "in the order given"
    assert watcher.begun == [[one.id for one in works]], "all of it is told before it begins"
    assert sorted(watcher.ends) == sorted(one.id for one in works), "each end is told once"
    return {outcome.subject: outcome.state.value for outcome in outcomes}, watcher


def test_everything_runs_after_what_it_needs() -> None:
    found, watcher = states([work("c", needs="b"), work("b", needs="a"), work("a")])
    assert set(found.values()) == {"done"}
    assert watcher.starts == ["do a", "do b", "do c"]
    assert "do a: hello" in watcher.lines


@pytest.mark.parametrize("order", ["abcd", "dcba", "cbda"])
def test_a_failure_blocks_what_depends_on_it_and_nothing_else(order: str) -> None:
    works = {
        "a": work("a", broken),
        "b": work("b", needs="a"),
        "c": work("c", needs="b"),
        "d": work("d"),
    }
    found, watcher = states([works[name] for name in order])
    assert found == {name: found[name] for name in order}
    assert {name: found[name] for name in "abcd"} == {
        "a": "failed",
        "b": "blocked",
        "c": "blocked",
        "d": "done",
    }
    assert sorted(watcher.starts) == ["do a", "do d"], "nothing blocked was begun"


def test_a_failure_is_a_value_with_code_reason_and_detail() -> None:
    failed, blocked = execute([work("a", broken), work("b", needs="a")], {}, Watcher())
    assert (failed.code, failed.reason) == (3, "no such package")
    assert failed.detail == ("a:1: no such package", "  | last line", "  → mend it")
    assert (blocked.code, blocked.reason) == (0, "do a failed")


def test_what_is_blocked_names_what_failed_in_the_first_place() -> None:
    works = [work("d", needs="c"), work("c", needs="b"), work("b", needs="a"), work("a", broken)]
    outcomes = execute(works, {}, Watcher())
    assert [one.reason for one in outcomes] == ["do a failed"] * 3 + ["no such package"]


def test_a_failure_that_brings_no_lines_has_the_last_that_were_said() -> None:
    def silent(log: Log) -> tuple[State, str]:
        for number in range(30):
            log(f"line {number}\x1b[0m")
        raise BuildError("it broke", todo="mend it")

    (failed,) = execute([work("a", silent)], {}, Watcher())
    said = [f"  | line {number}" for number in range(10, 30)]
    assert failed.detail == ("it broke", *said, "  → mend it")


def test_a_defect_of_ours_stops_nothing_else_and_is_shown() -> None:
    outcomes = execute([work("a", defective), work("b"), work("c", needs="a")], {}, Watcher())
    assert [one.state for one in outcomes] == [State.FAILED, State.DONE, State.BLOCKED]
    assert outcomes[0].code == 1
    assert "surprise" in outcomes[0].reason
    assert any("defective" in line for line in outcomes[0].detail)


def test_cached_work_counts_as_done() -> None:
    found, _ = states([work("a", lambda _log: (State.CACHED, "")), work("b", needs="a")])
    assert found == {"a": "cached", "b": "done"}


def test_no_lane_ever_runs_more_than_its_width() -> None:
    lock = threading.Lock()
    busy: dict[str, int] = {"two": 0, "one": 0, "unnamed": 0}
    most = dict(busy)

    def body(lane: str) -> Body:
        def run(_log: Log) -> tuple[State, str]:
            with lock:
                busy[lane] += 1
                most[lane] = max(most[lane], busy[lane])
            time.sleep(0.02)
            with lock:
                busy[lane] -= 1
            return State.DONE, ""

        return run

    works = [work(f"{lane}{number}", body(lane), lane=lane) for number in range(8) for lane in busy]
    states(works, {"two": 2, "one": 1})
    assert most == {"two": 2, "one": 1, "unnamed": 1}


def test_lanes_do_not_wait_for_each_other() -> None:
    met = threading.Barrier(2, timeout=60)

    def meet(_log: Log) -> tuple[State, str]:
        met.wait()
        return State.DONE, ""

    found, _ = states([work("a", meet, lane="x"), work("b", meet, lane="y")])
    assert set(found.values()) == {"done"}


@given(st.data())
def test_whatever_fails_each_outcome_follows_from_what_it_needs(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 8))
    works = []
    for at in range(size):
        needs = data.draw(st.lists(st.integers(0, at - 1), unique=True, max_size=3)) if at else []
        run = data.draw(st.sampled_from([fine, fine, broken, defective]))
        works.append(work(str(at), run, [str(need) for need in needs]))
    found, watcher = states(data.draw(st.permutations(works)), {"": 3})
    for one in works:
        bad = [need for need in one.needs if found[need.removeprefix("do ")] != "done"]
        expected = "blocked" if bad else "done" if one.run is fine else "failed"
        assert found[one.subject] == expected
        assert (one.id in watcher.starts) == (expected != "blocked")


@pytest.mark.usefixtures("cancellable")
def test_after_an_interrupt_nothing_more_is_begun_and_all_has_an_outcome() -> None:
    def interrupted(_log: Log) -> tuple[State, str]:
        process.cancel_all()
        raise Interrupted("interrupted")

    outcomes = execute(
        [work("a", interrupted), work("b", needs="a"), work("c"), work("d", needs="c")],
        {},
        watcher := Watcher(),
    )
    assert {one.state for one in outcomes} == {State.CANCELLED}
    assert {one.code for one in outcomes} == {130}
    assert watcher.starts == ["do a"]


@pytest.mark.usefixtures("cancellable")
def test_what_breaks_because_of_an_interrupt_is_cancelled_and_no_defect() -> None:
    def torn(_log: Log) -> tuple[State, str]:
        process.cancel_all()
        raise ConnectionResetError("the engine went away")

    (outcome,) = execute([work("a", torn)], {}, Watcher())
    assert (outcome.state, outcome.code) == (State.CANCELLED, 130)


@pytest.mark.usefixtures("cancellable")
def test_ctrl_c_ends_children_waits_for_clean_up_and_returns_outcomes() -> None:
    import os
    import signal

    cleaned: list[str] = []

    def slow(_log: Log) -> tuple[State, str]:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            process.run(["sleep", "60"])
        finally:
            cleaned.append(process.run(["echo", "clean"], shielded=True).stdout)
        return State.DONE, ""

    started = time.monotonic()
    outcomes = execute([work("a", slow), work("b", needs="a")], {}, Watcher())
    assert [one.state for one in outcomes] == [State.CANCELLED, State.CANCELLED]
    assert cleaned == ["clean\n"]
    assert time.monotonic() - started < 50


@pytest.mark.parametrize("needs", [["nowhere"], ["b"]])
def test_needs_that_can_never_be_met_are_told_at_once(needs: list[str]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        execute([work("a", needs=needs), work("b", needs="a")], {}, Watcher())
