"""The words of an instruction: where they end, and which of them are flags or heredocs.

BuildKit has four ways to split a line, and none of them is a shell's: COPY, ADD and FROM know no
quotes, ARG and ENV keep them for later, flags lose them, and heredocs are looked for in the whole
line. Each is a function here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

BLANKS = re.compile(r"[\t\v\f\r ]+")

OPTION = re.compile(r'(?:"(?:[^"]|"")*"|[^,])+')
"""One of several values in a flag, which commas part."""

_HEREDOC = re.compile(r"\d*<<(?P<chomp>-?)\s*(?P<name>[^<]+)")
_SPACE_AFTER = re.compile(r"(?<=<<)(?P<chomp>-?)[ \t]+(?=\S)")
_SHELL_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_QUOTED = re.compile(r""""(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|\\(?P<escaped>.)""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Delimiter:
    """What a heredoc is announced with.

    Attributes:
        written: as it is written; a quote in it says that nothing in the text is expanded.
        end: the line that ends it.
        chomp: whether tabs at the start of its lines count for nothing.
    """

    written: str
    end: str
    chomp: bool


def fields(arguments: str) -> list[str]:
    """The words of COPY, ADD and FROM: of a JSON array, or split at white space, quotes or not."""
    found = json_words(arguments)
    return [word for word in BLANKS.split(arguments) if word] if found is None else found


def json_words(arguments: str) -> list[str] | None:
    """The strings of a JSON array, or nothing if it is not just that."""
    if not arguments.startswith("["):
        return None
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(word, str) for word in found) else None


def quoted_words(arguments: str, escape: str) -> list[str]:
    """The words of ARG and ENV, which keep their quotes and escapes; a quote that is left open
    lasts to the end."""
    end = re.escape(escape)
    word = rf"""(?:[^\s"'{end}]|{end}(?:.|$)|"(?:[^"{end}]|{end}.)*(?:"|{end}?$)|'[^']*(?:'|$))+"""
    return re.findall(word, arguments, re.DOTALL)


def flags(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Flags at the start of a text, and what follows them. Quotes and backslashes in a flag do
    what they do in a shell; the escape directive does not hold for them."""
    found = []
    at = _past_blanks(text, 0)
    while text.startswith("--", at):
        word, at = _flag(text, at)
        at = _past_blanks(text, at)
        if word == "--":
            break
        name, _, value = word[2:].partition("=")
        found.append((name, value))
    return tuple(found), text[at:].strip()


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _flag(text: str, at: int) -> tuple[str, int]:
    """A word from there on, unquoted, and where it ends."""
    word, quote = "", ""
    while at < len(text) and (quote or not text[at].isspace()):
        char = text[at]
        if char == "\\":
            at += 1
            word += text[at : at + 1]
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            word += char
        at += 1
    return word, at


def heredocs(line: str) -> Iterator[Delimiter]:
    """The heredocs that a whole line announces.

    A line with a quote that is left open has none. White space after ``<<`` is taken as newer
    BuildKits take it: older ones refuse the lines that follow.
    """
    joined = _SPACE_AFTER.sub(r"\g<chomp>", line)
    if _SHELL_WORD.sub("", joined).strip():
        return
    for word in _SHELL_WORD.findall(joined):
        if delimiter := heredoc(word):
            yield delimiter


def heredoc(word: str) -> Delimiter | None:
    """The heredoc that a word announces."""
    found = _HEREDOC.fullmatch(word)
    if not found:
        return None
    end = _QUOTED.sub(_plain, found["name"])
    return Delimiter(written=found["name"], end=end, chomp=bool(found["chomp"])) if end else None


def _plain(found: re.Match[str]) -> str:
    if found["double"] is not None:
        return re.sub(r'\\(["$\\])', r"\1", found["double"])
    return found["single"] if found["single"] is not None else found["escaped"]
