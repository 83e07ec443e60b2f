"""Text from elsewhere is harmless where it is shown, and fits while it stays distinguishable."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.text import clean, distinct, gist, hide_logins, one_line, shorten


@given(st.text())
def test_cleaned_text_cannot_touch_a_terminal(text: str) -> None:
    cleaned = clean(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cleaned)
    cleaned.encode()
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2K\x1b[1Gstep 1/3", "step 1/3"),
        ("\x1b[38;5;196mx\x1b[?25l", "x"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("50 %\r100 %", "50 %100 %"),
        ("a\tb\x9b2J", "a\tb2J"),
        ("über · ✓ 日本", "über · ✓ 日本"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_sequences_go_whole_and_letters_stay(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "from https://me:pw@index.example/simple to x",
            "from https://***@index.example/simple to x",
        ),
        ("https://token@index.example", "https://***@index.example"),
        ("https://me:p@w@index.example", "https://***@index.example"),
        ("https://me:p/w@index.example", "https://***@index.example"),
        ("me:pw@mirror.example:5000/hub", "***@mirror.example:5000/hub"),
        ('url = "http://a:b@x" and http://c@y', 'url = "http://***@x" and http://***@y'),
        ("https://index.example:8443/simple", "https://index.example:8443/simple"),
        ("git@code.example:app.git", "git@code.example:app.git"),
        ("cause: mail me@example.org", "cause: mail me@example.org"),
    ],
)
def test_logins_are_not_shown(text: str, shown: str) -> None:
    assert hide_logins(text) == shown


def test_one_line_is_one_line() -> None:
    assert one_line("  a\n\tb\x1b[0m \r\n") == "a b"


def test_a_long_text_loses_its_middle() -> None:
    assert shorten("ray-app:2.60.0-py311-cpu", 13) == "ray-ap…11-cpu"
    assert shorten("short", 5) == "short"
    assert shorten("shorter", 0) == ""


def test_the_cut_moves_to_where_it_hides_no_difference() -> None:
    assert distinct(["ab1cdefgh", "ab2cdefgh"], 5) == ["ab1…h", "ab2…h"]


def test_what_no_single_cut_tells_apart_is_numbered() -> None:
    assert distinct(["aaaa1zzzz", "aaaa2zzzz", "b"], 5) == ["aaa…1", "aaa…2", "b"]


@given(
    st.lists(st.text("ab-", max_size=30), max_size=12),
    st.integers(4, 40),
)
def test_different_texts_stay_different_and_fit(texts: list[str], width: int) -> None:
    shown = distinct(texts, width)
    assert len(shown) == len(texts)
    assert len(set(shown)) == len(set(texts))
    for text, short in zip(texts, shown, strict=True):
        assert len(short) <= width
        assert short == text or len(text) > width


def test_a_text_that_could_be_all_logins_is_read_in_a_moment() -> None:
    began = time.process_time()
    assert hide_logins("://a:" * 40_000) == "://a:" * 40_000
    assert hide_logins("://a:" * 40_000 + "@h") == "://***@h"
    assert time.process_time() - began < 2


def test_the_gist_is_the_last_lines() -> None:
    lines = [f"line {number}" for number in range(9)]
    assert gist(lines, 20) == lines
    assert gist(lines, 4) == lines[-4:]


@pytest.mark.parametrize(
    "first",
    ["  × No solution found", "ERROR: no such package", "error: x", "1.412 E: Unable to locate x"],
)
def test_the_gist_has_the_first_word_of_an_error_however_much_follows(first: str) -> None:
    lines = ["noise"] * 5 + [first] + [f"because {number}" for number in range(30)]
    shown = gist(lines, 6)
    assert shown[:3] == [first, "because 0", "because 1"]
    assert shown[3] == "… 25 more lines …"
    assert shown[4:] == ["because 27", "because 28", "because 29"]
    assert "noise" not in shown


def test_the_gist_keeps_both_ends_of_a_line_that_lists_everything() -> None:
    [shown] = gist([f"ERROR: none fits (from versions: {'1.0, ' * 999}2.0)"], 6)
    assert shown.startswith("ERROR: none fits")
    assert shown.endswith("2.0)")
    assert len(shown) <= 600
