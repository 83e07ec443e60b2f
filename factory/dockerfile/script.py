"""A shell's script as the shell reads it: which of its characters give it its structure.

No full parser: what is compared with it is a script that differs in values alone. Where two scripts
have the same outline, a shell splits them into the same words, commands, strings and expansions.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

_RESERVED = frozenset(
    {
        *("if", "then", "else", "elif", "fi", "case", "esac", "while", "until", "for", "in"),
        *("do", "done", "select", "function", "time", "coproc"),
    }
)
_BARE = re.compile(
    r"""
    (?P<blank>[ \t\r\v\f]+) | (?P<escaped>\\.?) | (?P<ansi>\$'(?:[^'\\]|\\.)*'?)
    | (?P<single>'[^']*'?) | (?P<double>") | (?P<call>\$\(|`) | (?P<brace>\$\{)
    | (?P<operator>[;&|<>()\n]) | (?P<special>[{}*?\[\]!$])
    | (?P<word>[^ \t\r\v\f\n\\'"`;&|<>(){}*?\[\]!$]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_DOUBLE = re.compile(
    r"""
    (?P<escaped>\\.?) | (?P<end>") | (?P<call>\$\(|`) | (?P<brace>\$\{) | (?P<special>[$'}])
    | (?P<text>[^\\"`$'}]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_PARAMETER = re.compile(r"[#!]?(?:\w+|[@*#?$!-])?(?::?[-+=?]|##?|%%?|//?|\^\^?|,,?|@)?")
_HOME = re.compile(r"(?:^|[=:])~")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_IN_SINGLE = re.compile(r"[^\"\\$`]+")
_STRICT = re.compile(r"[\w%+,./:@^-]+")
SCRIPT_NEXT = re.compile(r"-[A-Za-z]*c")
"""An option such as ``-c``, after which a script comes as one word."""

APOSTROPHE = "'in\""
"""An apostrophe in a double-quoted string: for the shell it is text, for what is run with the
string maybe not."""


@lru_cache(maxsize=4096)
def outline(script: str) -> tuple[str, ...]:
    """What a script is made of, its words and the contents of its strings left out.

    A string after an option such as ``-c`` is taken for a script, too. If a quote has no end,
    nothing is known of what is within quotes, and all that is no part of a word counts.
    """
    reader = _Reader(script)
    try:
        reader.script("")
    except RecursionError:
        reader.torn = True
    return ("torn", *_STRICT.split(script)) if reader.torn else tuple(reader.found)


@cache
def _brace() -> re.Pattern[str]:
    """Compiled where one is met, which is seldom."""
    return re.compile(
        r"""
        (?P<escaped>\\.?) | (?P<end>\}) | (?P<single>'[^']*'?) | (?P<double>") | (?P<call>\$\(|`)
        | (?P<brace>\$\{) | (?P<special>[$*?\[\]{]) | (?P<blank>\s+)
        | (?P<text>[^\\"'`$*?\[\]{}\s]+)
        """,
        re.DOTALL | re.VERBOSE,
    )


class _Reader:
    """Walks over a script once.

    Attributes:
        found: so far.
        torn: whether something has no end.
    """

    def __init__(self, script: str) -> None:
        self.found: list[str] = []
        self.torn = False
        self._script = script
        self._at = 0
        self._begins = True  # a word, here
        self._commands = True  # that word is a command
        self._last = ""  # the word before
        self._quoted = False

    def script(self, end: str) -> None:
        """Commands, up to what ends a substitution, or to the end."""
        self._begins = self._commands = True
        depth = 0
        while match := self._next(_BARE):
            kind, text = match.lastgroup or "", match[0]
            if text == end and not depth:
                self._add(text)
                return
            depth += (text == "(") - (text == ")")
            if kind == "blank" or kind == "operator":
                self._apart(kind, text)
            elif kind == "word":
                self._word(text)
            else:
                self._special(kind, text)
                # What is quoted is no command word, but may be the value of an assignment.
                self._commands &= not self._begins or text in ("{", "!")
                self._begins = False
        self.torn |= bool(end)

    def _next(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._script, self._at)
        self._at = match.end() if match else self._at
        return match

    def _add(self, token: str) -> None:
        self.found.append(token)

    def _apart(self, kind: str, text: str) -> None:
        if kind == "operator":
            self._commands = text not in "<>"
            self._last = ""
        self._add(" " if kind == "blank" else text)
        self._begins = True

    def _word(self, text: str) -> None:
        if not self._begins:
            self._add("~" if _HOME.search(text, 1) else "word")
            return
        if text.startswith("#"):
            end = self._script.find("\n", self._at)
            self._at = len(self._script) if end < 0 else end
            self._add("#")
            return
        self._last = text
        describes = text.isdigit() and self._script[self._at : self._at + 1] in ("<", ">")
        assigns = self._commands and _ASSIGNMENT.match(text) is not None
        reserved = self._commands and text in _RESERVED
        self._add("-" if text.startswith("-") else "word")
        if describes or reserved:
            self._add(text)
        if assigns:
            self._add("=")
        if _HOME.search(text):
            self._add("~")
        self._begins = False
        self._commands = assigns or reserved

    def _special(self, kind: str, text: str) -> None:
        runs = self._begins and SCRIPT_NEXT.fullmatch(self._last) is not None
        if kind in ("single", "ansi"):
            self._single(text, runs)
        elif kind == "double":
            self._double(runs)
        elif kind == "call":
            self._call(text)
        elif kind == "brace":
            self._brace()
        else:
            self._add(text[0])

    def _single(self, text: str, runs: bool) -> None:
        start = text.index("'") + 1
        self.torn |= len(text) == start or not text.endswith("'")
        content = text[start:-1]
        self._add("'-" if self._begins and content.startswith("-") else "'")
        self._add(_IN_SINGLE.sub("", content))
        self.found += outline(content) if runs else ()
        self._last = ""

    def _double(self, runs: bool) -> None:
        self._last = ""
        start, expands = self._at, False
        outside, self._quoted = self._quoted, True
        self._add('"-' if self._begins and self._script.startswith("-", start) else '"')
        while match := self._next(_DOUBLE):
            kind = match.lastgroup or ""
            if kind == "end":
                self._add('"')
                self._quoted = outside
                content = re.sub(r'\\(["$`\\])', r"\1", self._script[start : match.start()])
                self.found += outline(content) if runs else ()
                return
            if match[0] == "'":
                self._add(APOSTROPHE)
            elif kind != "text" and (match[0] != "}" or expands):
                self._special(kind, match[0])
                expands = expands or kind == "brace"
        self.torn = True

    def _call(self, text: str) -> None:
        self._add(text)
        before = self._begins, self._commands, self._quoted
        self._quoted = False
        self.script(")" if text == "$(" else text)
        self._begins, self._commands, self._quoted = before

    def _brace(self) -> None:
        name = self._next(_PARAMETER)
        self._add("${" + re.sub(r"\w", "", name[0] if name else ""))
        while match := self._next(_brace()):
            kind = match.lastgroup or ""
            if kind == "end":
                self._add("}")
                return
            if kind == "blank" and not self._quoted:
                self._add(" ")
            elif kind not in ("blank", "text"):
                self._special(kind, match[0])
        self.torn = True
