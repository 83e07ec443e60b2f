"""``.dockerignore`` as BuildKit reads it. Pure.

The rules: https://docs.docker.com/build/concepts/context/#dockerignore-files. Where a walk of
BuildKit's differs from them, this follows the walk.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from factory.context.patterns import BadPattern, Pattern, ignore_pattern
from factory.errors import ConfigError

LEFT_OUT = ("__pycache__", ".git", ".DS_Store", ".mypy_cache", ".pytest_cache", ".ruff_cache")
"""Names that never reach a build, whatever is written: compiled Python, version control, caches."""

_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""White space by Go's ``unicode.IsSpace``; Python's has four control characters more."""

Matches = tuple[bool, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A line.

    Attributes:
        text: the pattern, cleaned.
        pattern: the same as an expression for a whole path.
        kept: whether it brings back what an earlier one left out.
    """

    text: str
    pattern: Pattern
    kept: bool


@dataclass(frozen=True, slots=True)
class Ignore:
    """Which paths of a context are left out.

    Attributes:
        rules: in order; the last that matches a path, or a folder that it is in, decides.
    """

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, text: str, *, where: str = ".dockerignore") -> Ignore:
        """Read a file's text.

        Raises:
            ConfigError: a line is no pattern.
        """
        return cls(tuple(_rules(text.removeprefix("\ufeff"), where)))

    def judge(self, path: str, above: Matches = ()) -> tuple[bool, Matches]:
        """Whether a path is left out, on a walk from the context down.

        Args:
            path: relative to the context.
            above: what the folder that it is in was told; empty at the context itself.

        Returns:
            the verdict, and which rules match the path: ``above`` of what is in it.
        """
        left_out = False
        matches = []
        for at, rule in enumerate(self.rules):
            # A rule that could change nothing is not tried: so BuildKit forgets that it matched.
            matched = bool(above and above[at]) or (
                rule.kept == left_out and rule.pattern.fullmatch(path) is not None
            )
            if matched:
                left_out = not rule.kept
            matches.append(matched)
        return left_out, tuple(matches)

    def enters(self, folder: str) -> bool:
        """Whether a walk looks into a folder that is left out, for what may be brought back."""
        exceptions = [_stem(rule.text) for rule in self.rules if rule.kept]
        if any(set(text) & set("*[]?^\\") for text in exceptions):
            return True
        return any(f"{text}/".startswith(f"{folder}/") for text in exceptions)

    def reach(self, path: str) -> tuple[bool, Matches, bool]:
        """``judge`` for any path, by way of the folders that lead to it; and whether a walk gets to
        what is in it."""
        matches: Matches = ()
        left_out, entered = False, True
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            if not entered:
                return True, matches, False
            folder = "/".join(parts[:count])
            left_out, matches = self.judge(folder, matches)
            entered = not left_out or self.enters(folder)
        return left_out, matches, entered

    def leaves_out(self, path: str) -> bool:
        """Whether a path, relative to the context, is left out."""
        return self.reach(path)[0]


def _rules(text: str, where: str) -> Iterator[Rule]:
    for number, line in enumerate(text.split("\n"), 1):
        written = line.strip(_BLANKS)
        if not written or line.startswith("#"):
            continue
        kept = written.startswith("!")
        cleaned = _clean(written.removeprefix("!").strip(_BLANKS) if kept else written)
        try:
            if kept and cleaned in ("", "/"):
                raise BadPattern("nothing follows its `!`")
            yield Rule(text=cleaned, pattern=ignore_pattern(cleaned), kept=kept)
        except BadPattern as error:
            raise ConfigError(
                f"{written!r} is no pattern: {error}",
                where=f"{where}:{number}",
                todo="mend it; with `\\` before it, a special character stands for itself",
            ) from None


def _clean(text: str) -> str:
    """The path as Go's ``filepath.Clean`` gives it, from the context, and stripped once more."""
    if not text:
        return ""
    path = posixpath.normpath(text)
    path = path.lstrip("/") or "/"
    return path.strip(_BLANKS)


def _stem(text: str) -> str:
    return text.removesuffix("/**").removesuffix("/*")
