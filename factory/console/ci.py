"""Plain lines for a CI that folds: the details of a failure are folded under its line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from factory.console.layout import ended_line, why_of
from factory.console.plain import Plain
from factory.model import Outcome, State
from factory.text import clean

Fold = Callable[[Outcome, list[str], int], list[str]]
"""A failure, its details, and the time in seconds since 1970 → the lines to print."""


def github_fold(failed: Outcome, details: list[str], _now: int) -> list[str]:
    """A group, and an annotation that GitHub shows on the run's page.

    Its runner takes for a command what begins with ``::``, blanks before it or not, and, in an
    older form, ``##[…]`` anywhere in a line: what a tool said must not be one.
    """
    shown = [re.sub(r"^(\s*)::", r"\1: :", line).replace("##[", "## [") for line in details]
    return [
        *([f"::group::{_data(failed.id)}: details", *shown, "::endgroup::"] if shown else []),
        f"::error title={_property(f'{failed.id} failed')}::{_data(why_of(failed))}",
    ]


def gitlab_fold(failed: Outcome, details: list[str], now: int) -> list[str]:
    """A section that is collapsed at first; its name is for GitLab, its title for people."""
    if not details:
        return []
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", failed.id)
    erase = "\x1b[0K"
    return [
        f"{erase}section_start:{now}:{name}[collapsed=true]\r{erase}{failed.id}: details",
        *details,
        f"{erase}section_end:{now}:{name}\r{erase}",
    ]


class Folding(Plain):
    """The plain lines, with each failure's details in a fold under it, printed at once."""

    def __init__(self, logs: Path, fold: Fold) -> None:
        super().__init__(logs)
        self._fold = fold

    def ended(self, outcome: Outcome) -> None:
        lines = [ended_line(outcome)]
        if outcome.state is State.FAILED:
            log = self.log_of(outcome)
            details = [clean(line) for text in outcome.detail for line in text.splitlines()]
            details += [f"full log: {log}"] if log else []
            lines += self._fold(outcome, [f"  {line}" for line in details], int(time.time()))
        self._say("\n".join(lines))


def _data(text: str) -> str:
    """As the runner reads the text of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As the runner reads a value before it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
