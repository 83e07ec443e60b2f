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
from itertools import groupby

NEVER = re.compile(r"(?!)")

_STAR, _ANY, _FOLDERS = "[^/]*", ".*", "(?:.*/)?"
_MANY = frozenset({_STAR, _ANY, _FOLDERS})
_FEW = 2
"""So many pieces of any length one expression may have: it tries their lengths against each other,
and the time that this takes is a path's length to the power of their number."""


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


@dataclass(frozen=True, slots=True)
class Guarded:
    """A pattern with many wildcards, whose time grows with the path's length alone."""

    pieces: tuple[str, ...]
    flags: int = 0

    def fullmatch(self, path: str) -> bool | None:
        """As of ``re.Pattern``."""
        ends = {0}
        for is_long, pieces in groupby(self.pieces, key=_MANY.__contains__):
            if is_long:
                for piece in pieces:
                    ends = self._further(piece, path, ends)
            else:
                plain = re.compile("".join(pieces), self.flags)
                ends = {found.end() for at in ends if (found := plain.match(path, at))}
        return True if len(path) in ends else None

    def _further(self, piece: str, path: str, ends: set[int]) -> set[int]:
        """Where a piece of any length may end, for each place where it may begin."""
        stop = "/" if piece == _STAR else "" if self.flags & re.DOTALL else "\n"
        found: set[int] = set()
        for at in sorted(ends):
            if at not in found:
                end = path.find(stop, at) if stop else -1
                found.update(range(at, (len(path) if end < 0 else end) + 1))
        if piece != _FOLDERS:
            return found
        return ends | {at + 1 for at in found if path.startswith("/", at)}


Pattern = re.Pattern[str] | Guarded


def _compiled(pieces: list[str], flags: int = 0) -> Pattern:
    if sum(piece in _MANY for piece in pieces) > _FEW:
        return Guarded(tuple(pieces), flags)
    return re.compile("".join(pieces), flags)


def has_wildcards(text: str) -> bool:
    """Whether BuildKit takes a part of a path that COPY names for a pattern."""
    return re.search(r"[*?[]", re.sub(r"\\.", "", text, flags=re.DOTALL)) is not None


def copy_pattern(text: str) -> Pattern:
    """What matches a whole path as ``filepath.Match`` does; a class may match a slash there.

    Raises:
        BadPattern: a class has no end, no character or half a range, or a backslash ends it.
    """
    meanings = {"*": _STAR, "?": "[^/]"}
    pieces = []
    for token in _tokens(text):
        if isinstance(token, _Class):
            pieces.append(f"(?:{token.expression})")
        else:
            pieces.append(meanings.get(token) or re.escape(token[-1]))
    return _compiled(pieces, re.DOTALL)


def ignore_pattern(text: str) -> Pattern:
    """What matches a whole path as a line of ``.dockerignore``, cleaned and without its ``!``.

    Raises:
        BadPattern: as for ``copy_pattern``; or it says something else than it seems to, because the
            engine makes a regular expression of it: an escaped letter, ``[*]``, ``[[:alpha:]]``.
    """
    tokens = list(_tokens(text))
    for token in tokens:
        _check_plain(token)
    kind, pieces = _translated(tokens)
    if kind is _Kind.EXACT:
        return re.compile(re.escape(text))
    if kind is _Kind.PREFIX:
        return re.compile(f"{re.escape(text[:-2])}.*", re.DOTALL)
    if kind is _Kind.SUFFIX:
        end = text[2:]
        bare = f"|{re.escape(end[1:])}" if end.startswith("/") else ""
        return re.compile(f".*{re.escape(end)}{bare}", re.DOTALL)
    return _compiled(pieces)  # where `.` is no newline, as in Go


class _Kind(Enum):
    """How the engine compares: most patterns without wildcards in between need no expression."""

    EXACT = auto()
    PREFIX = auto()
    SUFFIX = auto()
    EXPRESSION = auto()


def _translated(tokens: list[_Class | str]) -> tuple[_Kind, list[str]]:
    """Follows the engine step by step; that ``**x`` is a mere end of a name is of its making."""
    kind, at = _Kind.EXACT, 0
    pieces: list[str] = []
    while at < len(tokens):
        token, first = tokens[at], at == 0
        at += 1
        if token == "*" and tokens[at : at + 1] == ["*"]:
            at += 1
            at += tokens[at : at + 1] == ["/"]
            if at < len(tokens):
                kind = _Kind.EXPRESSION
                pieces.append(_FOLDERS)
            elif kind is _Kind.EXACT:
                kind = _Kind.PREFIX
            else:
                kind = _Kind.EXPRESSION
                pieces.append(_ANY)
            kind = _Kind.SUFFIX if first else kind
        else:
            piece, plain = _piece(token)
            pieces.append(piece)
            kind = kind if plain else _Kind.EXPRESSION
    return kind, pieces


def _piece(token: _Class | str) -> tuple[str, bool]:
    """The expression for a token, and whether it is a plain character."""
    if isinstance(token, _Class):
        return f"(?:{token.expression})", False
    if token in ("*", "?"):
        return _STAR if token == "*" else "[^/]", False
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
