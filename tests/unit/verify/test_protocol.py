"""What the checks raise, and what they tell the factory."""

from __future__ import annotations

import json

import pytest

from factory.verify.smoke.protocol import CheckFailed, Voice, expect


def test_what_holds_is_expected_in_silence() -> None:
    expect(True, "not said")


def test_what_does_not_hold_fails_the_check_with_its_words() -> None:
    with pytest.raises(CheckFailed, match=r"^2 of 3 nodes$"):
        expect(False, "2 of 3 nodes")


def test_a_failed_check_is_told_from_an_error_of_python() -> None:
    assert not issubclass(CheckFailed, AssertionError)


def test_an_event_is_one_line_with_the_word_of_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    Voice("7f3a").say("end", check="nodes", reason="two\nlines")
    line = capsys.readouterr().out
    assert line.startswith("@smoke 7f3a {")
    assert line.count("\n") == 1
    assert json.loads(line.partition(" 7f3a ")[2])["reason"] == "two\nlines"
