"""``.dockerignore``, line by line. That BuildKit does the same is asked of it in
``tests/integration/test_dockerignore.py``."""

from __future__ import annotations

import pytest

from factory.context.ignore import Ignore
from factory.errors import ConfigError

LEFT = [  # rules, what they leave out, what they keep
    ("", [], ["a", "a/b"]),
    ("a", ["a", "a/b", "a/b/c"], ["ab", "b/a"]),
    ("/a/", ["a", "a/b"], ["b/a"]),
    ("a//b/./c/../d/", ["a/b/d"], ["a/b", "a/b/c"]),
    ("../a", [], ["a"]),
    (".", [], ["a"]),
    ("*", ["a", "a/b"], []),
    ("*/b", ["a/b", "a/b/c"], ["b", "a/c/b"]),
    ("?", ["a", "ü"], ["ab", "/"]),
    ("*.md\n!README.md", ["a.md"], ["README.md", "sub/a.md"]),
    ("README.md\n!*.md\nREADME.md", ["README.md"], ["a.md"]),
    ("a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"]),
    ("a/b\n!a", ["a/b"], ["a", "a/c"]),  # unlike the rules say, but so BuildKit walks
    ("**", ["a", "a/b"], []),
    ("**/b", ["b", "a/b", "a/a/b", "a/b/c"], ["ab", "a/bc"]),
    ("**b", ["b", "ab", "a/b"], ["bc"]),
    ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
    ("a**", ["a", "ab", "ab/c"], ["ba"]),
    ("a/**/b", ["a/b", "a/c/b", "a/c/d/b"], ["a/c", "b"]),
    ("**/b*", ["b", "bc", "a/bc"], ["ab"]),
    ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
    ("[^a-c]x", ["dx"], ["ax"]),
    ("[!a]x", ["ax", "!x"], ["bx"]),
    ("a[^b]c", ["a/c", "axc"], ["abc"]),
    ("[a\\-z]", ["a", "-", "z"], ["b"]),
    ("[.]x+(y)", [".x+(y)"], ["ax+(y)", ".xx(y)"]),
    ("\\*a", ["*a"], ["ba"]),
    ("\\!a", ["!a"], ["a"]),
    ("\\#a", ["#a"], ["a"]),
    ("*\n!!a", ["a"], ["!a"]),
    ("# a\n#b\n a # b \n", ["a # b"], ["a", "b", "# a"]),
    (" # a", ["# a"], ["a"]),
    ("\ufeffa\n\ufeffb", ["a", "\ufeffb"], ["b"]),
    ("a\r\nb \r\n", ["a", "b"], []),
    ("a\x0bb\nc\u2028d", ["a\x0bb", "c\u2028d"], ["a", "b", "c", "d"]),
    ("a \n!b /.", ["a"], ["b"]),
    ("a^b", ["a^b"], ["ab"]),
    ("a^b*", [], ["a^b", "a^bc"]),
    ("n*", ["n\nl"], []),
    ("n**l", [], ["n\nl"]),
    ("x\udcff*", ["x\udcff1"], ["x"]),
]


@pytest.mark.parametrize(("rules", "left_out", "kept"), LEFT, ids=[repr(it[0]) for it in LEFT])
def test_rules(rules: str, left_out: list[str], kept: list[str]) -> None:
    ignore = Ignore.of(rules)
    assert {it: ignore.leaves_out(it) for it in left_out} == dict.fromkeys(left_out, True)
    assert {it: ignore.leaves_out(it) for it in kept} == dict.fromkeys(kept, False)


def test_a_walk_enters_what_is_left_out_only_for_what_may_be_brought_back() -> None:
    assert not Ignore.of("a\n!b").enters("a")
    assert Ignore.of("*\n!a/b/c").enters("a/b")
    assert not Ignore.of("*\n!a/b/c").enters("a/c")
    assert Ignore.of("*\n!**/c").enters("a/c")


def test_what_no_walk_reaches_is_left_out_whatever_rules_say() -> None:
    """A slip of BuildKit's: it looks no deeper than the star of `a/*/**`."""
    assert Ignore.of("*\n!a/*/**").leaves_out("a/b/c")
    assert not Ignore.of("*\n!a/*/*/**").leaves_out("a/b/c/d")


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ("a\n[", 2),
        ("[]", 1),
        ("[]a]", 1),
        ("[-a]", 1),
        ("[a-]", 1),
        ("# x\n\na\\", 3),
        ("!", 1),
        ("! /", 1),
        ("[z-a]", 1),
        ("\\d", 1),
        ("\\ü", 1),
        ("[*]", 1),
        ("[[:alpha:]]", 1),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_line(rules: str, line: int) -> None:
    with pytest.raises(ConfigError, match="is no pattern") as refused:
        Ignore.of(rules, where="app/.dockerignore")
    assert refused.value.where == f"app/.dockerignore:{line}"
