"""Wildcards of COPY, which are those of Go's ``filepath.Match``."""

from __future__ import annotations

import contextlib
import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.context import patterns
from factory.context.patterns import BadPattern, copy_pattern, has_wildcards, ignore_pattern

MATCHES = [
    ("abc", "abc", True),
    ("*", "abc", True),
    ("*c", "abc", True),
    ("a*", "ab/c", False),
    ("a*/b", "a/c/b", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True),
    ("a*b?c*x", "abxbbxdbxebxczzy", False),
    ("**/a", "x/a", True),
    ("**/a", "a", False),
    ("ab[c]", "abc", True),
    ("ab[e-g]", "abc", False),
    ("ab[^e-g]", "abc", True),
    ("a[^b]c", "a/c", True),
    ("[!a]", "!", True),
    ("[^]a]", None, True),
    ("a?b", "a☺b", True),
    ("a???b", "a☺b", False),
    ("a?b", "a/b", False),
    ("[a-ζ]*", "α", True),
    ("*[a-ζ]", "A", False),
    ("[\\]a]", "]", True),
    ("[\\-x]", "-", True),
    ("[x\\-]", "z", False),
    ("[*]", "*", True),
    ("\\a", "a", True),
    ("a\\*b", "axb", False),
    ("[z-a]", "m", False),
    ("[^z-a]", "m", True),
    ("a.c", "abc", False),
    ("[", None, True),
    ("[^", None, True),
    ("[^bc", None, True),
    ("[]a]", None, True),
    ("[-]", None, True),
    ("[x-]", None, True),
    ("[a-b-c]", None, True),
    ("a[", None, True),
    ("a\\", None, True),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES)
def test_patterns_of_copy(pattern: str, path: str | None, matches: bool) -> None:
    if path is None:
        with pytest.raises(BadPattern):
            copy_pattern(pattern)
    else:
        assert bool(copy_pattern(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize(
    ("path", "wild"), [("a", False), ("a\\*", False), ("a*", True), ("\\\\*", True), ("[", True)]
)
def test_an_escaped_wildcard_is_none(path: str, wild: bool) -> None:
    assert has_wildcards(path) is wild


@given(st.text(st.sampled_from("ab/*?[]^-\\!.+|&~#\n"), max_size=12))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    for make in (copy_pattern, ignore_pattern):
        with contextlib.suppress(BadPattern):  # anything else would be a defect
            make(text)


@given(st.text(st.characters(exclude_characters="*?[]\\^", codec="utf-8"), min_size=1, max_size=9))
def test_a_text_without_wildcards_matches_itself_alone(text: str) -> None:
    for pattern in (copy_pattern(text), ignore_pattern(text)):
        assert pattern.fullmatch(text)
        assert not pattern.fullmatch(f"{text}x")
        assert not pattern.fullmatch(text[1:])


@given(
    st.lists(
        st.sampled_from(("a", "b", "/", "*", "**", "**/", "?", "[^a]", "^", "\n")), max_size=9
    ),
    st.text("ab/\n", max_size=9),
)
def test_a_guarded_pattern_matches_as_its_expression_does(parts: list[str], path: str) -> None:
    for make in (copy_pattern, ignore_pattern):
        with mock.patch.object(patterns, "_FEW", 99):
            plain = make("".join(parts))
        with mock.patch.object(patterns, "_FEW", 0):
            guarded = make("".join(parts))
        assert bool(guarded.fullmatch(path)) is bool(plain.fullmatch(path))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a" * 25 + "b", "a" * 250), ("x/" + "**/a*/" * 25 + "b", "x/" + "a/" * 1_000 + "c")],
)
def test_many_wildcards_take_no_longer_than_few(pattern: str, path: str) -> None:
    began = time.process_time()
    for make in (copy_pattern, ignore_pattern):
        assert not make(pattern).fullmatch(path)
    assert time.process_time() - began < 2
