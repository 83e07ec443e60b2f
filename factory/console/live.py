"""The live table of a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live as Display
from rich.text import Text

from factory.console.layout import Row, Scene, ended_line, live_lines, tally
from factory.console.plain import Plain
from factory.model import Outcome, State
from factory.text import one_line

if TYPE_CHECKING:
    from factory.scheduler import Work

_COLOURS = {"✓": "green", "✗": "red", "!": "yellow"}


class Live(Plain):
    """Ends scroll by, what runs stays at the bottom under the totals.

    What was cached or never began is only counted, and told in a line for all at the end: a
    hundred builds with nothing to do are no news.
    """

    def __init__(self, logs: Path) -> None:
        super().__init__(logs)
        self._total = 0
        self._began = time.monotonic()
        self._running: dict[str, tuple[Work, float, str]] = {}
        self._ended: Counter[State] = Counter()
        self._quiet: list[Outcome] = []
        self._console = Console(stderr=True)
        self._display = Display(
            get_renderable=self.table, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._display.stop()
        for text in tally(self._quiet):
            self._say(text)

    def begin(self, works: Sequence[Work]) -> None:
        with self._lock:
            self._total += len(works)

    def started(self, work: Work) -> None:
        with self._lock:
            self._running[work.id] = (work, time.monotonic(), "")
        self.refresh()

    def line(self, work: Work, text: str) -> None:
        super().line(work, text)
        last = one_line(text)
        with self._lock:
            if last and work.id in self._running:
                self._running[work.id] = (work, self._running[work.id][1], last)

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            begun = self._running.pop(outcome.id, None)
            self._ended[outcome.state] += 1
            quiet = begun is None or outcome.state is State.CACHED
            if quiet:
                self._quiet.append(outcome)
        if not quiet:
            self._say(ended_line(outcome, self._console.width))

    def refresh(self) -> None:
        """Draw now, not only at the next quarter of a second."""
        with suppress(OSError):
            if self._display.is_started:
                self._display.refresh()

    def table(self) -> Group:
        """What is drawn now: no wider and no higher than the terminal."""
        now = time.monotonic()
        with self._lock:
            scene = Scene(
                total=self._total,
                ended=Counter(self._ended),
                running=[
                    Row(verb=work.verb, subject=work.subject, seconds=now - since, last=last)
                    for work, since, last in self._running.values()
                ],
                seconds=now - self._began,
            )
        width, height = self._console.size
        first, *rest = live_lines(scene, width=width, height=max(height - 1, 1))
        return Group(
            *(
                Text(text, style, no_wrap=True, overflow="ellipsis")
                for text, style in [(first, "bold"), *((text, "") for text in rest)]
            )
        )

    def _say(self, text: str) -> None:
        shown = Text(text)
        shown.stylize(_COLOURS.get(text[:1], ""), 0, 1)
        with suppress(OSError):  # the terminal may be gone, and the work goes on
            self._console.print(shown)
