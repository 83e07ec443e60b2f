"""What a person sees while work runs: a live table on a terminal, plain lines elsewhere.

Everything goes to standard error; standard output belongs to results.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from factory.model import Outcome, State
from factory.scheduler import Work
from factory.text import clean

if TYPE_CHECKING:
    from rich.table import Table

_MARKS = {
    State.DONE: "✓",
    State.CACHED: "=",
    State.FAILED: "✗",
    State.BLOCKED: "–",
    State.CANCELLED: "–",
}


class Plain(AbstractContextManager["Plain"]):
    """One line for each start and end; each piece of work's full output goes to a file."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._begun: set[Path] = set()
        self._lock = threading.Lock()

    def __exit__(self, *_error: object) -> None:
        """Nothing is open."""

    def note(self, text: str) -> None:
        """Something that the user should know and that stops nothing."""
        self._say(f"! {text}")

    def started(self, work: Work) -> None:
        self._say(f"… {work.verb:<8}{work.subject}")

    def line(self, work: Work, text: str) -> None:
        path = log_path(self._logs, work.verb, work.subject)
        with self._lock, suppress(OSError):  # a full disk ends what writes to it, not what watches
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if path in self._begun else "w"  # it tells of the last run that had any
            self._begun.add(path)
            with path.open(mode, encoding="utf-8") as file:
                file.write(clean(text) + "\n")

    def ended(self, outcome: Outcome) -> None:
        took = f" ({outcome.seconds:.1f} s)" if outcome.seconds >= 0.1 else ""
        why = f": {outcome.reason}" if outcome.reason else ""
        mark = _MARKS[outcome.state]
        self._say(f"{mark} {outcome.verb:<8}{outcome.subject}  {outcome.state.value}{why}{took}")

    def _say(self, text: str) -> None:
        with self._lock, suppress(OSError):  # nobody reads any more, which is no failure of work
            print(text, file=sys.stderr, flush=True)


class Live(Plain):
    """The same on a terminal: ends scroll by, what runs stays at the bottom with its last line."""

    def __init__(self, logs: Path) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        super().__init__(logs)
        self._running: dict[str, tuple[Work, float, str]] = {}
        self._console = Console(stderr=True)
        self._display = Display(
            get_renderable=self._table, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._display.stop()

    def started(self, work: Work) -> None:
        with self._lock:
            self._running[work.id] = (work, time.monotonic(), "")

    def line(self, work: Work, text: str) -> None:
        super().line(work, text)
        with self._lock:
            if work.id in self._running and text.strip():
                started = self._running[work.id][1]
                self._running[work.id] = (work, started, clean(text).strip())

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._running.pop(outcome.id, None)
        super().ended(outcome)

    def _say(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone, and the work goes on
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        width = self._console.width
        table.add_column(no_wrap=True, width=9)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width - 50, 24))
        table.add_column(no_wrap=True, width=6, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        with self._lock:
            rows = list(self._running.values())
        for work, started, last in rows:
            seconds = f"{time.monotonic() - started:.0f} s"
            table.add_row(*map(Text, (f"… {work.verb}", work.subject, seconds, last)))
        return table


def log_path(logs: Path, verb: str, subject: str) -> Path:
    """Where the full output of a piece of work is."""
    return logs / f"{verb}-{re.sub(r'[^A-Za-z0-9.-]+', '_', subject)}.log"


def observer(logs: Path) -> Plain:
    """The right one for where standard error goes."""
    dumb = os.environ.get("TERM") == "dumb" or os.environ.get("CI")
    return Live(logs) if sys.stderr.isatty() and not dumb else Plain(logs)
