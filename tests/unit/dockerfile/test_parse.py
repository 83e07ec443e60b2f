"""The grammar: what is an instruction, where it ends, and what belongs to it."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.dockerfile import Instruction, canonical, derive, parse
from factory.dockerfile.parse import KEYWORDS
from factory.dockerfile.words import fields, flags, quoted_words
from factory.errors import ConfigError


def one(text: str) -> Instruction:
    found = parse(text)
    assert len(found) == 1
    return found[0]


def short(text: str) -> list[tuple[str, str]]:
    return [(each.keyword, each.arguments) for each in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from a\n", [("FROM", "a")]),
        ("FROM\ta\tas\tb\n", [("FROM", "a\tas\tb")]),
        ("  FROM a", [("FROM", "a")]),
        ("\ufeffFROM a", [("FROM", "a")]),
        ("FROM a\r\nRUN b \\\r\n  c\r\n", [("FROM", "a"), ("RUN", "b   c")]),
        ("RUN a \\\n\n# no\n   # no\n b", [("RUN", "a  b")]),
        ("RUN a \\ \t\nb", [("RUN", "a b")]),
        ("RUN \\\na", [("RUN", "a")]),
        ("RUN a\\\\\nRUN b", [("RUN", "a\\\\"), ("RUN", "b")]),
        ("RUN a \\", [("RUN", "a")]),
        ("\\\nRUN a", [("RUN", "a")]),
        ("RUN a # b\n# c\nRUN d", [("RUN", "a # b"), ("RUN", "d")]),
        ("RUN a\x0bb\u2028c\x1dd", [("RUN", "a\x0bb\u2028c\x1dd")]),
        ("CMD", [("CMD", "")]),
    ],
)
def test_a_logical_line_is_joined_and_split_at_its_keyword(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert short(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# escape=`\nRUN a `\n b \\\nRUN c", [("RUN", "a  b \\"), ("RUN", "c")]),
        ("# Escape = `\nRUN a`\nb", [("RUN", "ab")]),
        ("#escape=`\nRUN a`\nb", [("RUN", "ab")]),
        ("# check=skip=all\n# escape=`\nRUN a`\nb", [("RUN", "ab")]),
        ("# a comment\n# escape=`\nRUN a\\\nb", [("RUN", "ab")]),
        ("\n# escape=`\nRUN a\\\nb", [("RUN", "ab")]),
        ("# unknown=x\n# escape=`\nRUN a\\\nb", [("RUN", "ab")]),
    ],
)
def test_the_escape_directive_counts_at_the_top_only(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert short(text) == expected


@pytest.mark.parametrize("head", ["", "#!/usr/bin/env x\n", "# escape=`\n", "# check=skip=all\n"])
def test_a_frontend_is_an_instruction_of_its_own(head: str) -> None:
    found = parse(f"{head}# syntax=docker/dockerfile:1.7\nFROM a")
    assert [(each.keyword, each.arguments) for each in found] == [
        ("SYNTAX", "docker/dockerfile:1.7"),
        ("FROM", "a"),
    ]


def test_a_frontend_below_an_instruction_is_a_comment() -> None:
    assert short("FROM a\n# syntax=docker/dockerfile:1\n") == [("FROM", "a")]


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        ("--from=a b c", [("from", "a")], "b c"),
        ("--link --chown=1:2 b c", [("link", ""), ("chown", "1:2")], "b c"),
        ("--mount=a --mount=b c", [("mount", "a"), ("mount", "b")], "c"),
        ('--mount=type=bind,source="a b" c', [("mount", "type=bind,source=a b")], "c"),
        ("--from='a b' c", [("from", "a b")], "c"),
        ("--from=a\\ b c", [("from", "a b")], "c"),
        ("--interval=5s CMD a --b", [("interval", "5s")], "CMD a --b"),
        ("-- --from=a", [], "--from=a"),
        ("a --from=b", [], "a --from=b"),
        ("", [], ""),
    ],
)
def test_flags_come_first_and_lose_their_quotes(
    text: str, expected: list[tuple[str, str]], rest: str
) -> None:
    assert flags(text) == (tuple(expected), rest)


def test_a_health_check_has_flags() -> None:
    found = one("HEALTHCHECK --interval=5s --retries=2 CMD curl --fail x")
    assert found.flags == (("interval", "5s"), ("retries", "2"))
    assert found.arguments == "CMD curl --fail x"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ('"a b" c', ['"a', 'b"', "c"]),
        ("a\\ b", ["a\\", "b"]),
        ('["a b", "c"]', ["a b", "c"]),
        ('["a\\tb\\u0041", "c"]', ["a\tbA", "c"]),
        ("[a b", ["[a", "b"]),
        ('["a", 1]', ['["a",', "1]"]),
        ("[" * 100_000, ["[" * 100_000]),
        ("", []),
    ],
)
def test_copy_knows_json_but_no_quotes(arguments: str, expected: list[str]) -> None:
    assert fields(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("a=b c=d", ["a=b", "c=d"]),
        ("a='b c' d", ["a='b c'", "d"]),
        ('a="b \\" c" d', ['a="b \\" c"', "d"]),
        ("a=b\\ c d", ["a=b\\ c", "d"]),
        ("a='b c", ["a='b c"]),
        ("a=b\\", ["a=b\\"]),
    ],
)
def test_variables_keep_their_quotes_together(arguments: str, expected: list[str]) -> None:
    assert quoted_words(arguments, "\\") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN <<EOF\na\nEOF\n", ["a\n"]),
        ("RUN <<EOF\nEOF\n", [""]),
        ("RUN <<EOF\nFROM b\n# c\n\nCOPY d e \\\nEOF\n", ["FROM b\n# c\n\nCOPY d e \\\n"]),
        ("RUN <<-EOF\n\ta\n\t\tEOF\n", ["a\n"]),
        ("RUN <<EOF\n\tEOF\n EOF\nEOF\n", ["\tEOF\n EOF\n"]),
        ("RUN <<'EOF'\n$a\nEOF\n", ["$a\n"]),
        ('RUN <<"E O"\na\nE O\n', ["a\n"]),
        ("RUN <<E'O'F\na\nEOF\n", ["a\n"]),
        ("RUN <<\\EOF\na\nEOF\n", ["a\n"]),
        ("RUN <<A cat > b <<B\n1\nA\n2\nB\n", ["1\n", "2\n"]),
        ("RUN 3<<EOF cat\na\nEOF\n", ["a\n"]),
        ("RUN cat <<EOF > /a && b\na\nEOF\n", ["a\n"]),
        ("RUN a \\\n  <<EOF\na\nEOF\n", ["a\n"]),
        ("RUN --mount=type=cache,target=/c <<EOF\na\nEOF\n", ["a\n"]),
        ("RUN <<EOF\r\na\r\nEOF\r\n", ["a\r\n"]),
        ("RUN cat << EOF\na\nEOF\n", ["a\n"]),
        ("COPY <<A <<B c/\n1\nA\n2\nB\n", ["1\n", "2\n"]),
        ("ADD <<A b\n1\nA\n", ["1\n"]),
        ("ONBUILD RUN <<A\n1\nA\n", ["1\n"]),
        ("RUN <<$A\n1\n$A\n", ["1\n"]),
    ],
)
def test_heredocs_belong_to_their_instruction(text: str, expected: list[str]) -> None:
    found = one(text)
    assert [heredoc.text for heredoc in found.heredocs] == expected
    assert found.last == len(text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        'RUN "<<EOF"',
        "RUN '<<EOF'",
        "RUN cat <<<EOF",
        "RUN cat<<EOF",
        "RUN echo it's <<EOF",
        'RUN ["cat", "<<EOF"]',
        "CMD <<EOF",
        "ENV a=<<EOF",
        "RUN a << ",
        "RUN $((1<<2))",
    ],
)
def test_what_only_looks_like_a_heredoc_is_none(text: str) -> None:
    assert one(text).heredocs == ()


def test_an_onbuild_keeps_an_instruction() -> None:
    trigger = one("onbuild copy --from=a b c").trigger
    assert trigger
    assert (trigger.keyword, trigger.flags, trigger.arguments) == ("COPY", (("from", "a"),), "b c")
    assert one("ONBUILD").trigger is None
    assert one("RUN ONBUILD a").trigger is None


def test_lines_are_counted_from_one() -> None:
    text = "# a\n\nFROM b\nRUN c \\\n# d\n  e\n\nRUN <<F\ng\nF\n"
    assert [(each.first, each.last) for each in parse(text)] == [(3, 3), (4, 6), (8, 10)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM a\nRUN <<EOF\nb\n", "Dockerfile (line 2 of what it renders): the heredoc <<EOF has"),
        ("FROM a\nCOPPY b c\n", "(line 2 of what it renders): COPPY is no instruction"),
        ('{"syntax": "x"}', "is no instruction"),
        ("FROM\n", "FROM wants an image"),
        ("FROM a b\n", "FROM wants an image"),
        ("FROM a IS b\n", "FROM wants an image"),
        ("# escape=x\nFROM a", "x cannot be the escape"),
    ],
)
def test_what_would_leave_open_what_is_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert says in str(caught.value)
    assert caught.value.todo


# ------------------------------------------------------------------ any text

PIECES = st.sampled_from(
    [
        *sorted(KEYWORDS),
        *(" ", "\t", "\n", "\r\n", "\\\n", "`\n", "\\", "`", '"', "'", "$", "${", "}", ":-", "#"),
        *("<<", "<<-", "EOF", "\nEOF\n", "--from=", "--mount=", "from=", "type=cache", ",", "="),
        *('["', '"]', "/./", "*", "..", "a", "AS", "https://", ".git", "# escape=`\n", "\x00"),
        *("# syntax=a\n", "# factory ignore=", "--parents", "\u2028", "é", "0", "\ufeff"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60)


@given(TEXTS)
def test_any_text_is_taken_or_refused_with_an_explanation(text: str) -> None:
    with contextlib.suppress(ConfigError):
        derive(text, {"a"})


@given(TEXTS, TEXTS)
def test_so_is_one_that_begins_well(start: str, end: str) -> None:
    with contextlib.suppress(ConfigError):
        derive(f"FROM scratch AS s\nENV A={start}\nCOPY --from=s {end}\nRUN {start}\nFROM s\n")


# ------------------------------------------------------------------ canonical form

TEXT = """\
FROM a AS b
ARG C=d
COPY --from=e f \\
    g /
RUN --mount=type=bind,target=/h i <<J
k
J
"""
BASIS = list(canonical(parse(TEXT)))


@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n{TEXT}",
        TEXT.replace("ARG", "\n# one\n\nARG"),
        TEXT.replace("    g /", "# one\n\n    g /"),
        TEXT.replace("COPY", "copy").replace("FROM", "From"),
        TEXT.replace("COPY ", "  COPY\t"),
        TEXT.replace("\\\n", "\\  \n"),
        TEXT + "\n\n# the end",
        f"# escape=\\\n{TEXT}",
    ],
)
def test_the_canonical_form_is_that_of_what_is_built(text: str) -> None:
    assert text != TEXT
    assert list(canonical(parse(text))) == BASIS


LETTERS = [
    (word.start(), letter)
    for word in re.finditer(r"\S+", TEXT)
    if word[0] not in KEYWORDS
    for letter in range(len(word[0]))
]


@pytest.mark.parametrize(("word", "letter"), LETTERS)
def test_any_other_change_of_a_letter_changes_it(word: int, letter: int) -> None:
    at = word + letter
    try:
        changed = list(canonical(parse(f"{TEXT[:at]}z{TEXT[at + 1 :]}")))
    except ConfigError:
        return  # it is no Dockerfile any more
    assert changed != BASIS


@pytest.mark.parametrize("head", ["# escape=`\n", "# syntax=docker/dockerfile:1\n"])
def test_directives_are_part_of_it(head: str) -> None:
    text = "FROM a\nRUN b\n"
    assert list(canonical(parse(head + text))) != list(canonical(parse(text)))


@given(st.text(alphabet="ab \\`\"'$<", max_size=12), st.text(alphabet="ab \\`\"'$<", max_size=12))
def test_commands_share_a_canonical_form_only_if_they_are_the_same(one: str, other: str) -> None:
    def form(command: str) -> list[tuple[object, ...]]:
        return list(canonical(parse(f"FROM a\nCMD {command}.\n")))

    assert (form(one) == form(other)) == (one.lstrip() == other.lstrip())


def test_a_directive_of_blanks_is_read_in_a_moment() -> None:
    began = time.process_time()
    [found, _] = parse("# syntax=a" + " " * 50_000 + "b  \nFROM c\n")
    assert found.arguments.split() == ["a", "b"]
    assert time.process_time() - began < 2
