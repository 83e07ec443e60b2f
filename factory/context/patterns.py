"""The two languages of patterns that builds know, as regular expressions. Pure.

COPY and ADD take those of Go's ``filepath.Match``; ``.dockerignore`` takes the same and ``**``, but
BuildKit makes regular expressions of Go from them, which shows at the edges.
https://pkg.go.dev/path/filepath#Match and https://github.com/moby/patternmatcher
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

NEVER = re.compile(r"(?!)")


class BadPattern(ValueError):
    """A text that the engine does not take for a pattern; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Class:
    """``[a-c^]``: ranges of characters, each with whether its ends were escaped."""

    negated: bool
    ranges: tuple[tuple[str, str], ...]
    text: str

    @property
    def expression(self) -> str:
        ranges = [f"{re.escape(low)}-{re.escape(high)}" for low, high in self.ranges if low <= high]
        if not ranges:
            return "[^/]|/" if self.negated else NEVER.pattern
        return f"[{'^' if self.negated else ''}{''.join(ranges)}]"


def has_wildcards(text: str) -> bool:
    """Whether BuildKit takes a part of a path that COPY names for a pattern."""
    return re.search(r"[*?[]", re.sub(r"\\.", "", text, flags=re.DOTALL)) is not None


def copy_pattern(text: str) -> re.Pattern[str]:
    """What matches a whole path as ``filepath.Match`` does; a class may match a slash there.

    Raises:
        BadPattern: a class has no end, no character or half a range, or a backslash ends it.
    """
    meanings = {"*": "[^/]*", "?": "[^/]"}
    expression = ""
    for token in _tokens(text):
        if isinstance(token, _Class):
            expression += f"(?:{token.expression})"
        else:
            expression += meanings.get(token) or re.escape(token[-1])
    return re.compile(expression, re.DOTALL)


def ignore_pattern(text: str) -> re.Pattern[str]:
    """What matches a whole path as a line of ``.dockerignore``, cleaned and without its ``!``.

    Raises:
        BadPattern: as for ``copy_pattern``; or it says something else than it seems to, because the
            engine makes a regular expression of it: an escaped letter, ``[*]``, ``[[:alpha:]]``.
    """
    tokens = list(_tokens(text))
    for token in tokens:
        _check_plain(token)
    kind, expression = _translated(tokens)
    if kind is _Kind.EXACT:
        return re.compile(re.escape(text))
    if kind is _Kind.PREFIX:
        return re.compile(f"{re.escape(text[:-2])}.*", re.DOTALL)
    if kind is _Kind.SUFFIX:
        end = text[2:]
        bare = f"|{re.escape(end[1:])}" if end.startswith("/") else ""
        return re.compile(f".*{re.escape(end)}{bare}", re.DOTALL)
    return re.compile(expression)  # where `.` is no newline, as in Go


class _Kind(Enum):
    """How the engine compares: most patterns without wildcards in between need no expression."""

    EXACT = auto()
    PREFIX = auto()
    SUFFIX = auto()
    EXPRESSION = auto()


def _translated(tokens: list[_Class | str]) -> tuple[_Kind, str]:
    """Follows the engine step by step; that ``**x`` is a mere end of a name is of its making."""
    kind, expression, at = _Kind.EXACT, "", 0
    while at < len(tokens):
        token, first = tokens[at], at == 0
        at += 1
        if token == "*" and tokens[at : at + 1] == ["*"]:
            at += 1
            at += tokens[at : at + 1] == ["/"]
            if at < len(tokens):
                kind, expression = _Kind.EXPRESSION, f"{expression}(?:.*/)?"
            elif kind is _Kind.EXACT:
                kind = _Kind.PREFIX
            else:
                kind, expression = _Kind.EXPRESSION, f"{expression}.*"
            kind = _Kind.SUFFIX if first else kind
        else:
            piece, plain = _piece(token)
            expression += piece
            kind = kind if plain else _Kind.EXPRESSION
    return kind, expression


def _piece(token: _Class | str) -> tuple[str, bool]:
    """The expression for a token, and whether it is a plain character."""
    if isinstance(token, _Class):
        return f"(?:{token.expression})", False
    if token in ("*", "?"):
        return "[^/]*" if token == "*" else "[^/]", False
    if token == "^":  # the engine does not escape it: it stands for the beginning
        return "^", True
    return re.escape(token[-1]), token != "]" and len(token) == 1


def _check_plain(token: _Class | str) -> None:
    text = token.text if isinstance(token, _Class) else token
    if re.search(r"\\[^\x00-\x7f]|\\[0-9A-Za-z]", text):
        raise BadPattern("it has a backslash before a letter or a digit")
    if isinstance(token, _Class):
        if re.search(r"[*?]|\[:", re.sub(r"\\.", "", text[1:-1])):
            raise BadPattern("it has `*`, `?` or `[:` in brackets")
        if any(low > high for low, high in token.ranges):
            raise BadPattern("it has a range whose end comes before its beginning")


def _tokens(text: str) -> Iterator[_Class | str]:
    """Characters, escaped ones with their backslash, and classes."""
    at = 0
    while at < len(text):
        if text[at] == "[":
            token: _Class | str = _class(text, at)
            at += len(token.text) if isinstance(token, _Class) else 0
        else:
            token = _character(text, at)
            at += len(token)
        yield token


def _character(text: str, at: int) -> str:
    if text[at] != "\\":
        return text[at]
    if at + 1 == len(text):
        raise BadPattern("nothing follows its last backslash")
    return text[at : at + 2]


def _class(text: str, start: int) -> _Class:
    at = start + 1
    negated = text.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not ranges or not text.startswith("]", at):
        low = _end(text, at)
        at += len(low)
        high = low
        if text.startswith("-", at):
            high = _end(text, at + 1)
            at += 1 + len(high)
        ranges.append((low[-1], high[-1]))
    return _Class(negated=negated, ranges=tuple(ranges), text=text[start : at + 1])


def _end(text: str, at: int) -> str:
    """One end of a range, with its backslash if it has one."""
    if at >= len(text) or text[at] in "-]":
        raise BadPattern("its brackets are not closed, are empty or have half a range")
    return _character(text, at)
