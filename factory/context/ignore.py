"""``.dockerignore`` as the Docker engine reads it. Pure.

The rules: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

LEFT_OUT = ("__pycache__", ".git", ".DS_Store", ".mypy_cache", ".pytest_cache", ".ruff_cache")
"""Names that never reach a build, whatever is written: compiled Python, version control, caches."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Which paths of a context are left out.

    Attributes:
        rules: patterns as regular expressions, with whether they bring back what an earlier one
            left out; the last that matches a path, or a folder that it is in, decides.
    """

    rules: tuple[tuple[re.Pattern[str], bool], ...] = ()

    @classmethod
    def of(cls, text: str) -> Ignore:
        """Read a file's text."""
        return cls(tuple(_rules(text.removeprefix("\ufeff").splitlines())))

    @property
    def brings_back(self) -> bool:
        """Whether something in a folder that is left out may be kept all the same."""
        return any(kept for _, kept in self.rules)

    def leaves_out(self, path: str) -> bool:
        """Whether a path, relative to the context, is left out."""
        if not self.rules:
            return False
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        left_out = False
        for pattern, kept in self.rules:
            if kept == left_out and any(map(pattern.fullmatch, above)):
                left_out = not kept
        return left_out


def pattern(text: str) -> re.Pattern[str]:
    """A path pattern of Go's ``filepath.Match``, with ``**`` for any number of folders."""
    expression, at = "", 0
    while at < len(text):
        piece, taken = _piece(text, at)
        expression += piece
        at += taken
    return re.compile(expression, re.DOTALL)


def _rules(lines: Iterable[str]) -> Iterable[tuple[re.Pattern[str], bool]]:
    for line in lines:
        text = line.strip()
        if not text or line.startswith("#"):
            continue
        kept = text.startswith("!")
        cleaned = posixpath.normpath(text.removeprefix("!").strip()).lstrip("/")
        if cleaned not in ("", "."):
            yield pattern(cleaned), kept


def _piece(text: str, at: int) -> tuple[str, int]:
    """The expression for what stands at a place, and how many characters that is."""
    if text.startswith("**/", at):
        return "(?:.*/)?", 3
    if text.startswith("**", at):
        return ".*", 2
    if text[at] == "*":
        return "[^/]*", 1
    if text[at] == "?":
        return "[^/]", 1
    if text[at] == "\\" and at + 1 < len(text):
        return re.escape(text[at + 1]), 2
    closed = text.find("]", at + 2) if text[at] == "[" else -1
    if closed > 0:
        inner = text[at + 1 : closed]
        negated = inner.startswith("^")
        inner = re.sub(r"([\[&~|\\])", r"\\\1", inner.removeprefix("^"))
        return f"(?!/)[{'^' if negated else ''}{inner}]", closed + 1 - at
    return re.escape(text[at]), 1
