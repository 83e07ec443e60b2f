"""Plain lines: stable, one for each start and end, easy to search."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from factory.console.layout import ended_line
from factory.model import Outcome
from factory.text import clean, one_line

if TYPE_CHECKING:
    from factory.scheduler import Work


class Plain(AbstractContextManager["Plain"]):
    """One line for each start and end; each piece of work's full output goes to a file."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._begun: set[Path] = set()
        self._lock = threading.Lock()

    def __exit__(self, *_error: object) -> None:
        """Nothing is open."""

    def begin(self, works: Sequence[Work]) -> None:
        """Each line speaks for itself: nothing has to be known before."""

    def note(self, text: str) -> None:
        """Something that the user should know and that stops nothing."""
        self._say(f"! {one_line(text)}")

    def started(self, work: Work) -> None:
        self._say(f"… {work.verb:<8}{work.subject}")

    def line(self, work: Work, text: str) -> None:
        path = log_path(self._logs, work.verb, work.subject)
        with self._lock, suppress(OSError):  # a full disk ends what writes to it, not what watches
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if path in self._begun else "w"  # it tells of the last run that had any
            with path.open(mode, encoding="utf-8") as file:
                self._begun.add(path)
                file.write(clean(text) + "\n")

    def ended(self, outcome: Outcome) -> None:
        self._say(ended_line(outcome))

    def log_of(self, outcome: Outcome) -> str:
        """The file with the full output of a piece of work, as the user would name it; empty if it
        said nothing in this run."""
        path = log_path(self._logs, outcome.verb, outcome.subject)
        if path not in self._begun:
            return ""
        here = Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def _say(self, text: str) -> None:
        with self._lock, suppress(OSError):  # nobody reads any more, which is no failure of work
            print(text, file=sys.stderr, flush=True)


def log_path(logs: Path, verb: str, subject: str) -> Path:
    """Where the full output of a piece of work is."""
    return logs / f"{verb}-{re.sub(r'[^A-Za-z0-9.-]+', '_', subject)}.log"
