"""The structure of instructions: all that decides how BuildKit and a shell split them, and nothing
of what their words say.

Two Dockerfiles that differ in values alone have the same shape. Where one has more than the other,
a value has become a flag, an option of a mount, an instruction, a command or an expansion.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import cache, lru_cache
from itertools import zip_longest

from factory.dockerfile.parse import SYNTAX, Heredoc, Instruction
from factory.dockerfile.script import APOSTROPHE, SCRIPT_NEXT, outline
from factory.dockerfile.words import OPTION, fields, json_words, quoted_words

_SHELL = {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL"}
_NAMING = {"ENV", "LABEL", "ARG"}
_BY_BLANKS = {"FROM", "COPY", "ADD", "EXPOSE", "VOLUME"}
_PATHS = {"COPY", "ADD"}
"""Instructions in which some words are patterns of files."""

_EXPANDED = re.compile(r"[^$\\`{}\"]+")
_IN_DOUBLE = re.compile(r"[^$\\`\"]+")
_PLAIN = re.compile(r"[^$\\`\"']+")
_IN_FILES = re.compile(r"[^$\\`\n]+")
_LINES = re.compile(r"[^\n]+")
_WILDCARDS = re.compile(r"[^*?\[]+")


def differing(
    instructions: Sequence[Instruction], allowed: Sequence[Instruction]
) -> Instruction | None:
    """The first instruction that has another shape than is allowed, or the last one where some are
    missing after it; nothing if all are as they may be."""
    for one, other in zip_longest(instructions, allowed):
        if one is None or other is None or not _alike(one, other):
            return one or (instructions[-1] if instructions else other)
    return None


def _alike(one: Instruction, other: Instruction) -> bool:
    if (one.keyword, one.ignored, one.escape) != (other.keyword, other.ignored, other.escape):
        return False
    if one.last - one.first != other.last - other.first:  # a line continued by a value
        return False
    if one.flags != other.flags and _flags(one.flags) != _flags(other.flags):
        return False
    if one.heredocs != other.heredocs and not _alike_heredocs(one, other):
        return False
    return one.arguments == other.arguments or _alike_arguments(one, other)


def _alike_arguments(one: Instruction, other: Instruction) -> bool:
    inner, allowed = one.trigger, other.trigger
    if inner and allowed:
        return _alike(inner, allowed)
    if one.keyword == SYNTAX:  # which frontend reads the rest is never a value's to say
        return False
    if one.keyword not in _SHELL:
        shape = _shape(one.keyword, one.arguments, one.escape)
        if shape != _shape(other.keyword, other.arguments, other.escape):
            return False
        return one.keyword not in _NAMING or _alike_names(one, other)
    return _alike_commands(one, other)


def _alike_names(one: Instruction, other: Instruction) -> bool:
    """A value that is part of a variable's name must not end it; in what is set, `=` is text. Where
    a name has values and what is set has no quotes, nobody can tell which of the two has it."""
    words, others = (quoted_words(each.arguments, each.escape) for each in (one, other))
    return all(
        word.partition("=")[0] == allowed.partition("=")[0]
        or _unquoted(word, one.escape).count("=") == _unquoted(allowed, one.escape).count("=")
        for word, allowed in zip(words, others, strict=True)
    )


def _unquoted(word: str, escape: str) -> str:
    found = _quotes(escape).finditer(word)
    return "".join(match[0] for match in found if match.lastgroup not in ("single", "double"))


def _alike_commands(one: Instruction, other: Instruction) -> bool:
    commands = one.arguments, other.arguments
    if one.keyword == "HEALTHCHECK":
        (what, _, first), (allowed, _, second) = (each.partition(" ") for each in commands)
        if what != allowed:
            return False
        commands = first.strip(), second.strip()
    words, others = map(json_words, commands)
    if words is None or others is None:
        return words == others and _alike_outlines(*map(outline, commands))
    return len(words) == len(others) and all(
        word == other
        or (
            word.startswith("-") == other.startswith("-")
            and (
                not (at and SCRIPT_NEXT.fullmatch(others[at - 1]))
                or _alike_outlines(outline(word), outline(other))
            )
        )
        for at, (word, other) in enumerate(zip(words, others, strict=True))
    )


def _alike_outlines(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """An apostrophe between double quotes is text, unless the template has some there, too: they
    are quotes then, of what is run with that string."""
    if APOSTROPHE not in other:
        one = tuple(token for token in one if token != APOSTROPHE)
    return one == other


def _alike_heredocs(one: Instruction, other: Instruction) -> bool:
    if [each.name for each in one.heredocs] != [each.name for each in other.heredocs]:
        return False
    runs = (one.trigger or one).keyword == "RUN"
    return all(
        _alike_texts(text, allowed, runs)
        for text, allowed in zip(one.heredocs, other.heredocs, strict=True)
    )


def _alike_texts(one: Heredoc, other: Heredoc, runs: bool) -> bool:
    if runs:
        lines = one.text.count("\n") == other.text.count("\n")
        return lines and _alike_outlines(outline(one.text), outline(other.text))
    # In a file of a heredoc without quotes BuildKit expands variables.
    left_out = _LINES if set(one.name) & set("\"'") else _IN_FILES
    return left_out.sub("", one.text) == left_out.sub("", other.text)


def _flags(flags: tuple[tuple[str, str], ...]) -> list[Hashable]:
    return [(name, _value(name, value)) for name, value in flags]


def _value(name: str, value: str) -> Hashable:
    """Of a mount the names of its options and its type, of any flag what would be expanded."""
    if name != "mount":
        return _PLAIN.sub("", value)
    return tuple(_option(part) for part in OPTION.findall(value))


def _option(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return (part if name.lower() == "type" else name, _PLAIN.sub("", value))


@lru_cache(maxsize=4096)
def _shape(keyword: str, arguments: str, escape: str) -> Hashable:
    if keyword in _BY_BLANKS:
        words = fields(arguments)
        named = [word.upper() == "AS" for word in words] if keyword == "FROM" else []
        patterns = [_WILDCARDS.sub("", word) for word in words] if keyword in _PATHS else []
        found = [_word(word, escape) for word in words]
        return json_words(arguments) is None, tuple(found), tuple(named), tuple(patterns)
    pairs = [word.partition("=") for word in quoted_words(arguments, escape)]
    return tuple(
        (_word(name, escape), equals, _word(value, escape)) for name, equals, value in pairs
    )


@cache
def _quotes(escape: str) -> re.Pattern[str]:
    end = re.escape(escape)
    return re.compile(
        rf"""(?P<single>'[^']*'?)|(?P<double>"(?:[^"{end}]|{end}.)*"?)|(?P<special>[$\\`{{}}"])"""
        r"""|[^'"$\\`{}]+""",
        re.DOTALL,
    )


def _word(word: str, escape: str) -> tuple[str, ...]:
    """The quotes and expansions of a word, as instructions other than commands have them."""
    found = []
    for match in _quotes(escape).finditer(word):
        text = match[0]
        if match.lastgroup == "single":
            found.append("''" if text.endswith("'", 1) else "'")
        elif match.lastgroup == "double":
            found.append((_EXPANDED if "${" in text else _IN_DOUBLE).sub("", text))
        else:
            found.append(text if match.lastgroup else "word")
    return tuple(found)
