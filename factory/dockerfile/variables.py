"""ARG and ENV, as far as they say which images and files a Dockerfile reads.

A variable may be unknown: an image that a stage is FROM can set any, and the host passes some as
build arguments. Whatever an unknown variable is part of is unknown as a whole, and who asks has to
take it for anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.dockerfile.parse import Instruction
from factory.dockerfile.words import BLANKS, quoted_words
from factory.model import PLATFORM

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_OF_THE_HOST = frozenset(
    (*_PROXIES, *(name.upper() for name in _PROXIES), "SOURCE_DATE_EPOCH", "TARGETSTAGE")
)
"""Build arguments whose values are not the Dockerfile's alone, once an ARG declares them."""

_SYSTEM, _, _MACHINE = PLATFORM.partition("/")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_PARAMETER = re.compile(r"\d+|[@*#?\-$!]|\w+")


class _UnknownError(Exception):
    """Nobody can say what a text expands to: for want of a value, or because it is malformed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of variables at a place.

    Attributes:
        values: by name; ``None`` is a value that is set and unknown.
        complete: whether there are no others: what an image sets is not known.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    complete: bool = False

    def value(self, name: str) -> str | None:
        """A variable's value, or nothing if it is not set."""
        if name in self.values:
            found = self.values[name]
            if found is None:
                raise _UnknownError
            return found
        if not self.complete and _IDENTIFIER.fullmatch(name):
            raise _UnknownError
        return None

    def with_(self, values: Mapping[str, str | None]) -> Scope:
        """The scope once some more are set."""
        return Scope({**self.values, **values}, self.complete)


GLOBAL = Scope(
    {
        "TARGETPLATFORM": PLATFORM,
        "TARGETOS": _SYSTEM,
        "TARGETARCH": _MACHINE,
        "TARGETVARIANT": "",
        **dict.fromkeys(("BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"), None),
        **dict.fromkeys(_OF_THE_HOST, None),
    },
    complete=True,
)
"""Before the first FROM. Stages see of it what they declare."""

OF_SCRATCH = Scope({"PATH": None}, complete=True)
"""At the start of a stage from nothing, whose PATH is BuildKit's."""


def expand(word: str, scope: Scope, escape: str = "\\") -> str | None:
    """A word as BuildKit takes it: variables replaced, quotes and escapes gone.

    Pattern substitutions (``${x#…}``, ``${x%…}``, ``${x/…}``) count as unknown: BuildKits differ
    in whether they have them.

    Returns:
        nothing if the result cannot be known.
    """
    try:
        return _Lexer(word, scope, escape).until("")
    except (_UnknownError, RecursionError):  # nested deeper than anybody writes it
        return None


def declared(instruction: Instruction, scope: Scope, given: Scope | None = None) -> Scope:
    """The scope after an ARG.

    Args:
        instruction: the ARG.
        scope: before it.
        given: in a stage, the scope before the first FROM, whose values an ARG without a default
            takes.
    """
    before = scope
    for word in quoted_words(instruction.arguments, instruction.escape):
        written, equals, default = word.partition("=")
        name = expand(written, before, instruction.escape) or written
        if name in _OF_THE_HOST:
            scope = scope.with_({name: None})
        elif equals:
            # Older BuildKits expand all words of an ARG by what was set before it, newer ones by
            # what the words before have set, too: where these differ, the value is unknown.
            values = {expand(default, each, instruction.escape) for each in (before, scope)}
            scope = scope.with_({name: values.pop() if len(values) == 1 else None})
        elif given is not None and name in given.values:
            scope = scope.with_({name: given.values[name]})
        elif given is None:
            scope = scope.with_({name: ""})
    return scope


def assigned(instruction: Instruction, scope: Scope) -> Scope:
    """The scope after an ENV: all its words are expanded by what was set before it."""
    escape = instruction.escape
    pairs = [word.split("=", 1) for word in quoted_words(instruction.arguments, escape)]
    if pairs and len(pairs[0]) == 1:  # the old form: ENV name value
        pairs = [BLANKS.split(instruction.arguments, maxsplit=1)]
    values = {
        expand(pair[0], scope, escape) or pair[0]: expand(pair[1], scope, escape)
        for pair in pairs
        if len(pair) == 2
    }
    return scope.with_(values)


class _Lexer:
    """Walks over a word once."""

    def __init__(self, text: str, scope: Scope, escape: str) -> None:
        self._text = text
        self._scope = scope
        self._escape = escape
        self._at = 0

    def until(self, stop: str) -> str:
        """What is there up to a character, or to the end if it is empty; stops behind it."""
        found = ""
        while (char := self._next()) != stop:
            if not char:
                raise _UnknownError
            if char == "'":
                found += self._single()
            elif char == '"':
                found += self._double()
            elif char == "$":
                found += self._dollar()
            else:
                found += self._next() if char == self._escape else char
        return found

    def _next(self) -> str:
        """The next character, or nothing at the end."""
        char = self._text[self._at : self._at + 1]
        self._at += 1
        return char

    def _single(self) -> str:
        start, end = self._at, self._text.find("'", self._at)
        if end < 0:
            raise _UnknownError
        self._at = end + 1
        return self._text[start:end]

    def _double(self) -> str:
        found = ""
        while (char := self._next()) != '"':
            if not char:
                raise _UnknownError
            if char == "$":
                found += self._dollar()
            elif char == self._escape:
                after = self._next()
                found += after if after in ('"', "$", self._escape) else char + after
            else:
                found += char
        return found

    def _dollar(self) -> str:
        if self._text.startswith("{", self._at):
            self._at += 1
            return self._braced()
        name = self._parameter()
        return (self._scope.value(name) or "") if name else "$"

    def _parameter(self) -> str:
        found = _PARAMETER.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[0]

    def _braced(self) -> str:
        name, how = self._parameter(), self._next()
        value = self._scope.value(name)
        if how == "}" and name:
            return value or ""
        if how == ":":
            value, how = value or None, self._next()
        if not name or how not in ("-", "+", "?"):
            raise _UnknownError
        word = self.until("}")
        if how == "+":
            return "" if value is None else word
        if value is None and how == "?":
            raise _UnknownError
        return word if value is None else value
