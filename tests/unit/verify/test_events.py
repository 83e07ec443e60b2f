"""The event stream: what is understood, and what a suite that breaks off is taken for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model import NO_RUNTIME, CheckStatus
from factory.verify.events import Transcript, printable, tidy
from factory.verify.smoke.protocol import PREFIX

NONCE = "7f3a"
WANTED = ("nodes", "square")


def line(event: str, **fields: object) -> str:
    return f"{PREFIX}{NONCE} " + json.dumps({"event": event, **fields})


def end(check: str, status: str = "pass", **fields: object) -> str:
    whole = {"status": status, "seconds": 0.5, "reason": "", "detail": []} | fields
    return line("end", check=check, **whole)


def transcript(*lines: str, wanted: tuple[str, ...] = WANTED) -> Transcript:
    made = Transcript(wanted, NONCE, {"square": 2})
    for each in lines:
        made.read(each)
    return made


def failures(made: Transcript, why: str = "") -> dict[str, str]:
    return {c.name: c.reason for c in made.checks(why) if c.status is CheckStatus.FAIL}


def test_a_whole_stream_is_its_checks_in_the_wanted_order() -> None:
    whole = transcript(
        line("plan", checks=["nodes", "square"]),
        end("square", "fail", reason="it is round"),
        line("begin", check="nodes", limit=60),
        end("nodes"),
        line("done"),
    )
    assert whole.done
    assert [(check.name, check.status) for check in whole.checks()] == [
        ("nodes", CheckStatus.PASS),
        ("square", CheckStatus.FAIL),
    ]


def test_the_end_of_a_check_is_returned_as_it_is_read() -> None:
    made = transcript()
    assert made.read(line("begin", check="nodes", limit=60)) is None
    check = made.read(end("nodes"))
    assert check is not None
    assert (check.name, check.seconds) == ("nodes", 0.5)


def test_a_stream_that_breaks_off_fails_the_check_that_ran_and_those_after_it() -> None:
    cut = transcript(
        end("nodes"),
        line("begin", check="square", limit=60),
        wanted=("nodes", "square", "spread"),
    )
    assert failures(cut, "it died") == {"square": "it died", "spread": "it did not run"}


def test_a_suite_that_breaks_off_between_two_checks_has_failed() -> None:
    assert failures(transcript(end("nodes")), "it died") == {
        "square": "it did not run",
        "suite": "it died",
    }


def test_a_suite_that_chooses_its_own_checks_has_failed() -> None:
    chosen = transcript(line("plan", checks=["nodes"]), end("nodes"), line("done"))
    assert failures(chosen)["square"] == "it did not run"
    assert "announced" in failures(chosen)["suite"]


def begin(check: str) -> str:
    return line("begin", check=check, limit=60)


KILL = line("ask", what="kill", host="0123456789ab")


def test_what_a_check_asks_for_waits_for_whoever_does_it() -> None:
    start = line("ask", what="start", host="0123456789ab")
    made = transcript(end("nodes"), begin("square"), KILL, start, end("square"), line("done"))
    assert made.requests == [("kill", "0123456789ab"), ("start", "0123456789ab")]
    assert failures(made) == {}


@pytest.mark.parametrize(
    ("before", "asked", "who"),
    [
        ([], 1, "no check"),
        ([begin("nodes")], 1, "nodes"),
        ([begin("square")], 3, "square"),
        ([begin("square"), end("square")], 1, "no check"),
    ],
    ids=["none runs", "another", "too often", "too late"],
)
def test_a_request_of_a_check_that_may_not_make_it_fails_the_suite(
    before: list[str], asked: int, who: str
) -> None:
    made = transcript(*before, *[KILL] * asked)
    allowed = 2 if who == "square" else 0
    assert len(made.requests) == allowed
    assert failures(made)["suite"] == f"{who} asked for what it may not"


def test_requests_are_counted_for_each_check() -> None:
    made = Transcript(WANTED, NONCE, dict.fromkeys(WANTED, 1))
    for each in (begin("nodes"), KILL, end("nodes"), begin("square"), KILL, end("square")):
        made.read(each)
    assert len(made.requests) == 2
    assert made.trouble == ""


def test_a_suite_that_says_nothing_and_ends_well_has_failed() -> None:
    assert set(failures(transcript())) == set(WANTED)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (end("nodes"), "told of nodes twice"),
        (line("begin", check="nodes", limit=1), "told of nodes twice"),
        (end("easy"), "told of easy unasked"),
        (end(["nodes"]), "no check"),  # type: ignore[arg-type]  # wrong on purpose
        (line("plan", checks=list(WANTED)), "announced them twice"),
    ],
)
def test_an_event_that_cannot_be_fails_a_suite_that_else_passed(extra: str, says: str) -> None:
    whole = (line("plan", checks=list(WANTED)), end("nodes"), end("square"), line("done"))
    assert failures(transcript(*whole)) == {}
    assert says in failures(transcript(*whole, extra))["suite"]


def test_the_first_end_of_a_check_counts() -> None:
    made = transcript(end("nodes", "fail", reason="2 of 3"), end("nodes"), end("square"))
    assert failures(made)["nodes"] == "2 of 3"


def test_a_suite_that_fails_after_it_said_done_has_failed() -> None:
    made = transcript(end("nodes"), end("square"), line("done"))
    assert failures(made, "exit code 1") == {"suite": "exit code 1"}


def test_a_suite_that_passes_everything_but_never_says_done_has_failed() -> None:
    assert set(failures(transcript(end("nodes"), end("square")))) == {"suite"}


def test_a_skip_without_a_failure_is_no_way_around_a_check() -> None:
    made = transcript(end("nodes"), end("square", "skipped"), line("done"))
    assert set(failures(made)) == {"suite"}


def test_a_skip_with_a_reason_that_targets_accept_is_none_either() -> None:
    forged = end("square", "skipped", reason=NO_RUNTIME)
    made = transcript(end("nodes"), forged, line("done"))
    assert failures(made) == {"suite": "it skipped checks, though none failed"}


def test_a_suite_that_never_began_has_passed_nothing() -> None:
    made = transcript("sh: python: not found")
    assert failures(made, "there is no Python")["suite"] == "there is no Python"
    assert set(failures(made, "there is no Python")) == {*WANTED, "suite"}


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "splendid"},
        {"seconds": "soon"},
        {"seconds": None},
        {"seconds": []},
        {"seconds": 10**400},
    ],
    ids=["status", "word", "null", "list", "huge"],
)
def test_an_end_that_cannot_be_read_is_a_failure(fields: dict[str, object]) -> None:
    ended = end("nodes", **fields)  # type: ignore[arg-type]  # wrong on purpose
    made = transcript(ended, line("done"), wanted=("nodes",))
    assert failures(made) == {"nodes": "its result cannot be read"}


@pytest.mark.parametrize(
    ("said", "read"),
    [(float("nan"), 0.0), (float("inf"), 0.0), (-5, 0.0), (1e300, 1e6), (2, 2.0)],
)
def test_a_duration_is_one_that_a_record_can_hold(said: float, read: float) -> None:
    (check,) = transcript(end("nodes", seconds=said), wanted=("nodes",)).checks()[:1]
    assert check.seconds == read


def test_other_output_is_no_event() -> None:
    start = f"{PREFIX}{NONCE} "
    others = ("hello", start + "{half", start + "[]", "x" + line("done"), start + "[" * 100_000)
    assert transcript(*others) == transcript()


def test_an_event_of_another_run_is_none() -> None:
    assert transcript(line("done").replace(NONCE, "0000"), PREFIX + '{"event": "done"}') == (
        transcript()
    )


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    transcript(text, f"{PREFIX}{NONCE} {text}").checks("cut off")


@given(st.recursive(st.none() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_fields_can_be_read(value: object) -> None:
    for event in ("plan", "begin", "end", "ask", "done"):
        transcript(
            line(event, check=value, checks=value, status=value, what=value, host=value),
            line(event, check="nodes", status=value, reason=value, seconds=value, detail=value),
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
