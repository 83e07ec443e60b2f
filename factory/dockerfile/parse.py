"""Dockerfile text → instructions, as BuildKit's own frontend reads it.

No library for Python reads heredocs and mounts, so this is ours. The grammar:
https://docs.docker.com/reference/dockerfile/, and where that is silent, BuildKit's parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from factory.dockerfile.words import BLANKS, Delimiter, fields, flags, heredocs, json_words
from factory.errors import ConfigError

SYNTAX = "SYNTAX"
"""What stands for the directive ``# syntax=``: it names an image, so it is an input."""

KEYWORDS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}

_DIRECTIVE = re.compile(r"\s*(?:#|//)\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*)", re.ASCII)
_BLANK = " \t\n\r\f\v"
_DIRECTIVES = {"syntax", "escape", "check"}
_IGNORE = re.compile(r"#\s*factory\s+ignore=([\w,-]+).*", re.ASCII)
_WITH_HEREDOCS = {"ADD", "COPY", "RUN"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heredoc:
    """A file inside a Dockerfile.

    Attributes:
        name: its delimiter, with quotes if it has any: then nothing in it is expanded.
        text: its lines, each with its end, without the tabs that ``<<-`` takes away.
    """

    name: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """One instruction with its continuation lines joined, and comments taken out.

    Attributes:
        keyword: in capitals; ``SYNTAX`` is the directive.
        flags: ``--name=value`` before the arguments, in order; a name may come several times.
        arguments: all that follows on the logical line.
        heredocs: in order.
        first: number of its first line, from 1.
        last: number of its last line, heredocs included.
        ignored: rules that a comment above it, ``# factory ignore=RULE``, puts aside.
        escape: the character that escapes others here; the directive of that name changes it.
    """

    keyword: str
    flags: tuple[tuple[str, str], ...]
    arguments: str
    heredocs: tuple[Heredoc, ...]
    first: int
    last: int
    ignored: frozenset[str] = frozenset()
    escape: str = "\\"

    def values(self, flag: str) -> list[str]:
        """What a flag is given as, each time."""
        return [value for name, value in self.flags if name == flag]

    @property
    def trigger(self) -> Instruction | None:
        """The instruction that an ONBUILD keeps for images that are built on this one."""
        if self.keyword != "ONBUILD" or not self.arguments:
            return None
        keyword, given, arguments = _split(self.arguments)
        return replace(self, keyword=keyword, flags=given, arguments=arguments)


def parse(text: str, *, where: str = "Dockerfile") -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, in order.

    What BuildKit refuses may pass here, since the build will say it better; not so what would
    leave open what is read.

    Raises:
        ConfigError: an instruction is none that BuildKit knows, a heredoc has no end, a FROM has no
            image, or the escape directive names another character than a backslash or a backtick.
    """
    return tuple(_Reader(text, where).instructions())


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self._lines = text.removeprefix("\ufeff").split("\n")
        self._where = where
        self._at = 0
        self._escape = "\\"

    def instructions(self) -> Iterator[Instruction]:
        yield from self._directives()
        ignored: frozenset[str] = frozenset()
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if line.startswith("#"):
                found = _IGNORE.fullmatch(line)
                ignored |= frozenset(found[1].split(",")) if found else frozenset()
                self._at += 1
            elif not line:
                self._at += 1
            else:
                yield self._instruction(ignored)
                ignored = frozenset()

    def _directives(self) -> Iterator[Instruction]:
        """Read those that the text begins with; an unknown one is a comment, and the last."""
        self._at += self._lines[0].startswith("#!")  # frontends are looked for below it, too
        seen: set[str] = set()
        for number, line in enumerate(self._lines[self._at :], self._at + 1):
            found = _DIRECTIVE.fullmatch(line)
            name = found[1].lower() if found else ""
            value = found[2].rstrip(_BLANK) if found else ""
            if not found or name not in _DIRECTIVES - seen:
                break
            seen.add(name)
            if name == "syntax":
                yield Instruction(
                    keyword=SYNTAX,
                    flags=(),
                    arguments=value,
                    heredocs=(),
                    first=number,
                    last=number,
                )
            elif name == "escape":
                self._escape = value
            self._at = number
        if self._escape not in ("\\", "`"):
            raise self._error(self._at, f"{self._escape} cannot be the escape", "take \\ or `")

    def _instruction(self, ignored: frozenset[str]) -> Instruction:
        first = self._at + 1
        line = self._logical_line()
        keyword, given, arguments = _split(line)
        self._check(keyword, arguments, first)
        inner, _, rest = _split(arguments) if keyword == "ONBUILD" else (keyword, (), arguments)
        found: tuple[Heredoc, ...] = ()
        if inner in _WITH_HEREDOCS and "<<" in line and json_words(rest) is None:
            found = tuple(self._heredoc(delimiter, first) for delimiter in heredocs(line))
        return Instruction(
            keyword=keyword,
            flags=given,
            arguments=arguments,
            heredocs=found,
            first=first,
            last=self._at,
            ignored=ignored,
            escape=self._escape,
        )

    def _check(self, keyword: str, arguments: str, line: int) -> None:
        if keyword not in KEYWORDS:
            raise self._error(line, f"{keyword} is no instruction", "mend it, or the line before")
        if keyword == "FROM" and not _is_from(arguments):
            raise self._error(line, "FROM wants an image, or an image AS a name", "name it")

    def _logical_line(self) -> str:
        """The line here with its continuations, among which comments and empty lines count for
        nothing; stops after it. An escape that is itself escaped continues nothing."""
        escape = re.escape(self._escape)
        continued = re.compile(rf"(.*[^{escape}])?{escape}[ \t]*", re.DOTALL)
        joined = ""
        first = self._at
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip("\r")
            self._at += 1
            bare = line.lstrip()
            if self._at > first + 1 and (not bare or bare.startswith("#")):
                continue
            line = line if self._at > first + 1 else bare
            more = continued.fullmatch(line)
            if not more:
                return joined + line
            joined += more[1] or ""
        return joined

    def _heredoc(self, delimiter: Delimiter, first: int) -> Heredoc:
        lines: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            line = line.lstrip("\t") if delimiter.chomp else line
            if line.rstrip("\r") == delimiter.end:
                text = "".join(f"{kept}\n" for kept in lines)
                return Heredoc(name=delimiter.written, text=text)
            lines.append(line)
        raise self._error(
            first,
            f"the heredoc <<{delimiter.written} has no end",
            f"add a line with nothing but {delimiter.end}",
        )

    def _error(self, line: int, what: str, todo: str) -> ConfigError:
        return ConfigError(what, where=f"{self._where} (line {line} of what it renders)", todo=todo)


def _split(line: str) -> tuple[str, tuple[tuple[str, str], ...], str]:
    keyword, *rest = BLANKS.split(line.strip(), maxsplit=1)
    return (keyword.upper(), *flags("".join(rest)))


def _is_from(arguments: str) -> bool:
    names = fields(arguments)
    return len(names) == 1 or (len(names) == 3 and names[1].upper() == "AS")
