"""Progress as lines: they fit, what runs is told apart, and the totals add up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.console.layout import Row, Scene, duration, ended_line, header, live_lines, tally
from factory.model import Outcome, State

VARIANTS = [
    f"a-rather-long-image-name:2.{ray}.0-py3{python}-{device}-rllib"
    for ray in (55, 60)
    for python in (10, 11)
    for device in ("cpu", "gpu")
]
LAST = "#12 3.400 Collecting something-with-a-name==1.2.3 (from -r requirements.txt (line 3))"


def scene(subjects: Sequence[str], total: int = 200, **ended: int) -> Scene:
    rows = [
        Row(verb=("build", "publish")[at % 2], subject=subject, seconds=61.5 * at, last=LAST)
        for at, subject in enumerate(subjects)
    ]
    states = {State(name): count for name, count in ended.items()}
    return Scene(total=total, ended=states, running=rows, seconds=247)


def outcome(state: State = State.FAILED, **more: object) -> Outcome:
    fields = {"verb": "verify", "subject": VARIANTS[0], "state": state, **more}
    return Outcome(**fields)  # type: ignore[arg-type]  # a test's own fields


@pytest.mark.parametrize("width", [60, 80, 132])
def test_the_table_fits_and_tells_what_runs_apart(width: int) -> None:
    lines = live_lines(scene(VARIANTS, done=100, failed=2), width=width, height=24)
    assert len(lines) == 1 + len(VARIANTS)
    assert max(map(len, lines)) <= width
    subjects = [line[10:].split()[0] for line in lines[1:]]
    assert len(set(subjects)) == len(VARIANTS)
    assert all("#12" in line for line in lines[1:]), "there is room for what each said last"


@given(
    st.lists(st.text("abc-", min_size=1, max_size=60), max_size=40, unique=True),
    st.integers(1, 200),
    st.integers(1, 60),
)
def test_no_terminal_is_too_small(subjects: list[str], width: int, height: int) -> None:
    lines = live_lines(scene(subjects), width=width, height=height)
    assert 1 <= len(lines) <= height
    assert max(map(len, lines)) <= width


def test_what_there_is_no_row_for_is_counted() -> None:
    lines = live_lines(scene(VARIANTS), width=80, height=5)
    assert len(lines) == 5
    assert lines[-1] == "  and 5 more"
    assert "more" not in live_lines(scene(VARIANTS), width=80, height=9)[-1]


def test_the_header_counts_everything_once() -> None:
    ended = {"done": 5, "cached": 9, "failed": 2, "blocked": 4}
    assert header(scene(VARIANTS[:3], 48, **ended), 80) == (
        "14/48 done · 9 cached · 3 running · 25 waiting · 2 failed · 4 blocked · 4:07"
    )


def test_the_header_leaves_out_what_matters_least() -> None:
    ended = {"done": 5, "cached": 9, "failed": 2, "blocked": 4}
    assert header(scene(VARIANTS[:3], 48, **ended), 60) == (
        "14/48 done · 3 running · 25 waiting · 2 failed · 4:07"
    )
    assert header(scene(VARIANTS[:3], 48, **ended), 34) == "14/48 done · 2 failed · 4:07"


def test_an_end_is_a_line_with_its_reason_and_time() -> None:
    one = outcome(subject="demo:1", reason="demo:1: verify failed: jobs", seconds=34.04)
    assert ended_line(one) == "✗ verify  demo:1  failed: verify failed: jobs (34.0 s)"
    assert ended_line(outcome(State.DONE, subject="demo:1")) == "✓ verify  demo:1  done"


def test_an_end_is_one_line_whatever_its_reason_says() -> None:
    line = ended_line(outcome(reason="two\nlines\x1b[2J"))
    assert line.endswith("failed: two lines")


def test_an_end_that_is_too_long_loses_of_its_reason_before_its_subject() -> None:
    one = outcome(reason="the head did not answer " * 9, seconds=34)
    line = ended_line(one, 80)
    assert len(line) <= 80
    assert line.startswith(f"✗ verify  {VARIANTS[0]}  failed")
    assert line.endswith("(34.0 s)")
    assert "failed: the head did… not answer (34.0 s)" in ended_line(one, 100)
    narrow = ended_line(one, 60)
    assert len(narrow) <= 60
    assert narrow.endswith("failed (34.0 s)")
    assert "…" in narrow


def test_what_was_cached_or_never_began_is_told_in_groups() -> None:
    quiet = [
        *(outcome(State.CACHED, verb=verb) for verb in ("build", "build", "scan")),
        *(outcome(State.BLOCKED, reason="build base@0 failed") for _ in range(7)),
        outcome(State.BLOCKED, reason="build base@1 failed"),
        outcome(State.CANCELLED, reason="interrupted"),
    ]
    assert tally(quiet) == [
        "= 3 cached: 2 build, 1 scan",
        "– 7 blocked: build base@0 failed",
        "– 1 blocked: build base@1 failed",
        "– 1 cancelled: interrupted",
    ]
    assert tally([]) == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.9, "0 s"), (59.9, "59 s"), (60, "1:00"), (247, "4:07"), (3847, "1:04:07")],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
