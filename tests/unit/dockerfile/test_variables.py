"""Variables: exact where the text says it all, unknown where an image or the host has a say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.dockerfile.parse import parse
from factory.dockerfile.variables import GLOBAL, OF_SCRATCH, Scope, assigned, declared, expand

KNOWN = Scope({"a": "1", "empty": "", "dim": None}, complete=True)
OPEN = Scope({"a": "1", "empty": "", "dim": None})


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("x", "x"),
        ("$a/$a", "1/1"),
        ("${a}b", "1b"),
        ("$ab", ""),
        ("$gone", ""),
        ("${gone}x", "x"),
        ("${gone:-d}", "d"),
        ("${gone-d}", "d"),
        ("${empty:-d}", "d"),
        ("${empty-d}", ""),
        ("${a:-d}", "1"),
        ("${a:+d}", "d"),
        ("${gone:+d}", ""),
        ("${empty:+d}", ""),
        ("${empty+d}", "d"),
        ("${a:?no}", "1"),
        ("${gone:-${a}$a}", "11"),
        ("${gone:-'}'}", "}"),
        ("\\$a", "$a"),
        ("'$a'", "$a"),
        ('"$a b"', "1 b"),
        ('"\\$a\\"\\x"', '$a"\\x'),
        ("a\\ b", "a b"),
        ("a\\", "a"),
        ("$", "$"),
        ("a$/b", "a$/b"),
        ("$1$@", ""),
    ],
)
def test_a_word_is_expanded_as_buildkit_does(word: str, expected: str) -> None:
    assert expand(word, KNOWN) == expected


@pytest.mark.parametrize(
    "word",
    [
        *("$dim", "x/${dim}", "${dim:-d}", "${dim:+d}", '"$dim"'),
        *("${gone:?no}", "${a#1}", "${a%1}", "${a/1/2}", "${a^}"),
        *("${a", "${", "${}", "${:-a}", "${a:", "'a", '"a', '"$'),
        "${a:-" * 2000 + "}" * 2000,
    ],
)
def test_what_nobody_can_say_is_unknown(word: str) -> None:
    assert expand(word, KNOWN) is None


@pytest.mark.parametrize("word", ["$b", "${b:-d}", "${b:+d}", "x$b"])
def test_an_image_may_set_what_the_text_does_not(word: str) -> None:
    assert expand(word, OPEN) is None
    assert expand("$a", OPEN) == "1"


def test_the_escape_directive_holds_for_words() -> None:
    assert expand("a\\`$b", KNOWN, "`") == "a\\$b"


@given(st.text(alphabet="a\\`\"'${}:-+?x", max_size=16), st.sampled_from("\\`"))
def test_any_word_expands_to_something_or_is_unknown(word: str, escape: str) -> None:
    found = expand(word, KNOWN, escape)
    assert found is None or "${a}" not in found or escape in word or "'" in word


@given(st.text(alphabet="ab1./_-*[]?", max_size=16))
def test_a_plain_word_stays_as_it_is(word: str) -> None:
    assert expand(word, KNOWN) == word


def scope_after(text: str, scope: Scope, given: Scope | None = None) -> Scope:
    for each in parse(text):
        scope = assigned(each, scope) if each.keyword == "ENV" else declared(each, scope, given)
    return scope


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENV a=1 b=$a", {"a": "1", "b": ""}),
        ("ENV a=1\nENV b=$a", {"a": "1", "b": "1"}),
        ("ENV a 1 2 $b", {"a": "1 2 "}),
        ('ENV a "1 2"', {"a": "1 2"}),
        ("ENV a='1 2' b=\"3\"", {"a": "1 2", "b": "3"}),
        ("ENV a=1 \\\n  b=2", {"a": "1", "b": "2"}),
        ("ENV a=1\\ 2", {"a": "1 2"}),
        ("ENV a=$PATH", {"a": None}),
        ("ENV a", {}),
        ("ENV", {}),
        ("ARG a=1", {"a": "1"}),
        ("ARG a=1 b=2", {"a": "1", "b": "2"}),
        ("ARG a=1 b=$a", {"a": "1", "b": None}),
        ("ARG a=1\nARG b=$a", {"a": "1", "b": "1"}),
        ("ARG a=1\nARG a", {"a": "1"}),
        ("ARG a=1\nENV a=2\nARG a=3", {"a": "3"}),
        ("ARG http_proxy=1", {"http_proxy": None}),
        ("ARG SOURCE_DATE_EPOCH", {"SOURCE_DATE_EPOCH": None}),
        ("ARG", {}),
    ],
)
def test_arg_and_env_set_variables(text: str, expected: dict[str, str | None]) -> None:
    assert scope_after(text, OF_SCRATCH, GLOBAL) == OF_SCRATCH.with_(expected)


def test_a_stage_sees_of_the_global_scope_what_it_declares() -> None:
    given_ = scope_after("ARG a=1\nARG b=$a\nARG c", GLOBAL)
    assert expand("$a$b$c", given_) == "11"
    assert expand("$a", OF_SCRATCH) == ""
    assert expand("$a$b", scope_after("ARG a", OF_SCRATCH, given_)) == "1"
    assert expand("$a", scope_after("ARG a=2", OF_SCRATCH, given_)) == "2"


def test_the_platform_that_is_built_for_is_known() -> None:
    assert expand("$TARGETOS-$TARGETARCH", GLOBAL) == "linux-amd64"
    assert expand("$BUILDARCH", GLOBAL) is None
    assert expand("$TARGETARCH", scope_after("ARG TARGETARCH", Scope(), GLOBAL)) == "amd64"
