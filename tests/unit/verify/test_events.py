"""The event stream: what is understood, and what a suite that breaks off is taken for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model import CheckStatus
from factory.verify.events import Transcript, printable, tidy
from factory.verify.smoke.protocol import PREFIX


def line(event: str, **fields: object) -> str:
    return PREFIX + json.dumps({"event": event, **fields})


def end(check: str, status: str = "pass", **fields: object) -> str:
    whole = {"status": status, "seconds": 0.5, "reason": "", "detail": []} | fields
    return line("end", check=check, **whole)


def transcript(*lines: str) -> Transcript:
    made = Transcript()
    for each in lines:
        made.read(each)
    return made


def test_a_whole_stream_is_its_checks_in_the_planned_order() -> None:
    whole = transcript(
        line("plan", checks=["nodes", "own"]),
        end("own", "fail", reason="unreadable"),
        line("begin", check="nodes", limit=60),
        end("nodes"),
        line("done"),
    )
    assert whole.done
    assert [(check.name, check.status) for check in whole.checks("")] == [
        ("nodes", CheckStatus.PASS),
        ("own", CheckStatus.FAIL),
    ]


def test_the_end_of_a_check_is_returned_as_it_is_read() -> None:
    made = Transcript()
    assert made.read(line("begin", check="nodes", limit=60)) is None
    check = made.read(end("nodes"))
    assert check is not None
    assert (check.name, check.seconds) == ("nodes", 0.5)


def test_a_stream_that_breaks_off_fails_the_check_that_ran_and_passes_none_after_it() -> None:
    cut = transcript(
        line("plan", checks=["nodes", "square", "spread"]),
        line("begin", check="nodes", limit=60),
        end("nodes"),
        line("begin", check="square", limit=60),
    )
    assert not cut.done
    assert [(check.name, check.status, check.reason) for check in cut.checks("it died")] == [
        ("nodes", CheckStatus.PASS, ""),
        ("square", CheckStatus.FAIL, "it died"),
        ("spread", CheckStatus.SKIPPED, "the suite did not get to it"),
    ]


def test_a_suite_that_breaks_off_between_two_checks_has_failed() -> None:
    cut = transcript(line("plan", checks=["nodes", "square"]), end("nodes"))
    assert [(check.name, check.status) for check in cut.checks("it died")] == [
        ("nodes", CheckStatus.PASS),
        ("square", CheckStatus.SKIPPED),
        ("suite", CheckStatus.FAIL),
    ]


def test_a_suite_that_leaves_a_check_out_has_failed_though_it_says_done() -> None:
    left_out = transcript(line("plan", checks=["nodes", "square"]), end("nodes"), line("done"))
    assert [check.name for check in left_out.checks("?") if check.status is CheckStatus.FAIL] == [
        "suite"
    ]


def test_a_suite_that_never_began_is_one_failed_check() -> None:
    (check,) = transcript("sh: python: not found").checks("there is no Python")
    assert (check.name, check.status) == ("suite", CheckStatus.FAIL)
    assert check.reason == "there is no Python"


@pytest.mark.parametrize(
    "fields",
    [{"status": "splendid"}, {"seconds": "soon"}, {"seconds": None}, {"seconds": []}],
)
def test_an_end_that_cannot_be_read_is_a_failure(fields: dict[str, object]) -> None:
    ended = end("nodes", **fields)  # type: ignore[arg-type]  # wrong on purpose
    (check,) = transcript(line("plan", checks=["nodes"]), ended, line("done")).checks("")
    assert (check.status, check.reason) == (CheckStatus.FAIL, "its result cannot be read")


def test_other_output_is_no_event() -> None:
    made = transcript("hello", PREFIX + "{half", PREFIX + "[]", "x" + line("done"))
    assert made == Transcript()


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    transcript(text, PREFIX + text).checks("cut off")


@given(st.recursive(st.none() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_fields_can_be_read(value: object) -> None:
    for event in ("plan", "begin", "end", "done"):
        transcript(
            line("plan", checks=["nodes"]),
            line(event, check=value, checks=value, status=value, seconds=value, detail=value),
        ).checks("cut off")


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    assert printable(text).isprintable()


def test_colours_leave_no_trace() -> None:
    assert printable("\x1b[2K\x1b[31mred\x1b[0m and plain") == "red and plain"


def test_a_log_is_cut_to_its_end() -> None:
    lines = tidy([*(f"line {number}" for number in range(1000)), "", "x" * 9000])
    assert len(lines) == 60
    assert lines[-2] == "line 999"
    assert len(lines[-1]) == 300
