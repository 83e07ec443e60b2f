"""Dockerfile text → instructions, as BuildKit's own frontend reads it.

No library for Python reads heredocs and mounts, so this is ours. The grammar:
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory.errors import ConfigError

_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S.*?)\s*", re.ASCII)
_HEREDOC = re.compile(r"\d*<<(?P<chomp>-?)(?P<name>[^<\s]+)")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)", re.ASCII)
_WITH_FLAGS = {"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"}
_WITH_HEREDOCS = {"ADD", "COPY", "RUN"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heredoc:
    """A file inside a Dockerfile.

    Attributes:
        name: its delimiter, with quotes if it has any: then nothing in it is expanded.
        text: its lines.
    """

    name: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """One instruction with its continuation lines joined, and comments taken out.

    Attributes:
        keyword: in capitals.
        flags: ``--name=value`` before the arguments, in order; a name may come several times.
        arguments: all that follows on the logical line.
        heredocs: in order.
        first: number of its first line, from 1.
        last: number of its last line, heredocs included.
        ignored: rules that a comment right above it, ``# factory ignore=RULE``, puts aside.
    """

    keyword: str
    flags: tuple[tuple[str, str], ...]
    arguments: str
    heredocs: tuple[Heredoc, ...]
    first: int
    last: int
    ignored: frozenset[str] = frozenset()

    def values(self, flag: str) -> list[str]:
        """What a flag is given as, each time."""
        return [value for name, value in self.flags if name == flag]


def parse(text: str, *, where: str = "Dockerfile") -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, in order.

    Raises:
        ConfigError: a heredoc has no end.
    """
    return tuple(_Reader(text, where).instructions())


def words(arguments: str) -> list[str]:
    """The words of an argument list: a JSON array's, or split at white space, quotes kept together
    and removed."""
    if arguments.startswith("["):
        found = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        return [re.sub(r"\\(.)", r"\1", word) for word in found]
    return [_unquoted(word) for word in _split(arguments)]


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self._lines = text.splitlines()
        self._where = where
        self._at = 0
        self._escape = self._directives().get("escape", "\\")

    def instructions(self) -> Iterator[Instruction]:
        ignored: frozenset[str] = frozenset()
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if line.startswith("#"):
                ignored |= _ignores(line)
                self._at += 1
            elif not line:
                self._at += 1
            else:
                yield self._instruction(ignored)
                ignored = frozenset()

    def _directives(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self._lines:
            directive = _DIRECTIVE.fullmatch(line.strip())
            if not directive:
                break
            found[directive[1].lower()] = directive[2]
        return found

    def _instruction(self, ignored: frozenset[str]) -> Instruction:
        first = self._at + 1
        keyword, _, rest = self._logical_line().partition(" ")
        keyword, rest = keyword.upper(), rest.strip()
        flags = []
        while keyword in _WITH_FLAGS and (flag := _FLAG.match(rest)):
            flags.append((flag[1], flag[2] or ""))
            rest = rest[flag.end() :]
        heredocs = tuple(self._heredocs(rest, first)) if keyword in _WITH_HEREDOCS else ()
        return Instruction(
            keyword=keyword,
            flags=tuple(flags),
            arguments=rest,
            heredocs=heredocs,
            first=first,
            last=self._at,
            ignored=ignored,
        )

    def _logical_line(self) -> str:
        """The line here with its continuations, among which comments and empty lines count for
        nothing; stops after it."""
        joined = ""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if joined and (not line.strip() or line.lstrip().startswith("#")):
                continue
            stripped = line.rstrip()
            if not stripped.endswith(self._escape):
                return re.sub(r"^(\S+)\s+", r"\1 ", (joined + line).strip())
            joined += stripped.removesuffix(self._escape)
        return re.sub(r"^(\S+)\s+", r"\1 ", joined.strip())

    def _heredocs(self, arguments: str, first: int) -> Iterator[Heredoc]:
        for word in _split(arguments):
            found = _HEREDOC.fullmatch(word)
            if found:
                yield self._heredoc(found["name"], chomp=bool(found["chomp"]), first=first)

    def _heredoc(self, name: str, *, chomp: bool, first: int) -> Heredoc:
        end, lines = _unquoted(name), []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            line = line.lstrip("\t") if chomp else line
            if line == end:
                return Heredoc(name=name, text="".join(f"{kept}\n" for kept in lines))
            lines.append(line)
        raise ConfigError(
            f"the heredoc <<{name} has no end",
            where=f"{self._where}:{first}",
            todo=f"add a line with nothing but {end}",
        )


def _ignores(comment: str) -> frozenset[str]:
    found = re.fullmatch(r"#\s*factory\s+ignore=([a-z,-]+).*", comment)
    return frozenset(found[1].split(",")) if found else frozenset()


def _split(text: str) -> Sequence[str]:
    """At white space outside quotes; quotes stay."""
    return re.findall(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'])+""", text)


def _unquoted(word: str) -> str:
    def plain(found: re.Match[str]) -> str:
        quoted = found[1] if found[1] is not None else found[2]
        return quoted if quoted is not None else found[3]

    return re.sub(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)""", plain, word)
