"""Progress as lines of text: values in, lines out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factory.model import Outcome, State
from factory.text import MARKS, distinct, one_line, shorten

_VERB = 8
_TOOK = 8
_LEAST_SUBJECT = 8
_DROPPED_FIRST = ("cached", "cancelled", "blocked", "waiting", "running")
"""What the header does without, one after the other, where it does not fit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What runs now, for how many seconds, and the last line that it said."""

    verb: str
    subject: str
    seconds: float
    last: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A run at one moment.

    Attributes:
        total: how many pieces of work are known of.
        ended: how many of them ended, by what became of them.
        running: what runs now, the longest first.
        seconds: since the run began.
    """

    total: int
    ended: Mapping[State, int]
    running: Sequence[Row]
    seconds: float


def live_lines(scene: Scene, *, width: int, height: int) -> list[str]:
    """The totals, then what runs now: no line longer than ``width``, and ``height`` lines at most.

    What runs is told apart however narrow its column is.
    """
    room = max(height - 1, 1)
    shown = scene.running if len(scene.running) <= room else scene.running[: room - 1]
    lines = [header(scene, width), *_rows(shown, width)]
    if len(shown) < len(scene.running):
        lines.append(f"  and {len(scene.running) - len(shown)} more"[:width])
    return lines[:height]


def header(scene: Scene, width: int) -> str:
    """The totals in one line; what matters least is left out where it does not fit."""
    ended = scene.ended
    good = ended.get(State.DONE, 0) + ended.get(State.CACHED, 0)
    waiting = scene.total - sum(ended.values()) - len(scene.running)
    parts = {
        "done": f"{good}/{scene.total} done",
        "cached": _some(ended, State.CACHED),
        "running": f"{len(scene.running)} running",
        "waiting": f"{waiting} waiting",
        "failed": f"{ended.get(State.FAILED, 0)} failed",
        "blocked": _some(ended, State.BLOCKED),
        "cancelled": _some(ended, State.CANCELLED),
        "elapsed": duration(scene.seconds),
    }
    for name in ("", *_DROPPED_FIRST):
        parts.pop(name, None)
        line = " · ".join(part for part in parts.values() if part)
        if len(line) <= width:
            return line
    return line[:width]


def _some(ended: Mapping[State, int], state: State) -> str:
    return f"{ended[state]} {state.value}" if ended.get(state) else ""


def _rows(running: Sequence[Row], width: int) -> list[str]:
    """Aligned; a quarter of the width at least is for the last line of each."""
    longest = max((len(row.subject) for row in running), default=0)
    room = max(width - 2 - _VERB - _TOOK - 2 - width // 4, _LEAST_SUBJECT)
    room = min(room, longest)
    subjects = distinct([row.subject for row in running], room)
    return [
        f"… {row.verb:<{_VERB}}{subject:<{room}}{duration(row.seconds):>{_TOOK}}  {row.last}"[
            :width
        ].rstrip()
        for row, subject in zip(running, subjects, strict=True)
    ]


def ended_line(outcome: Outcome, width: int | None = None) -> str:
    """What became of a piece of work. Too long for ``width``, its reason is shortened before its
    subject is."""
    head, state = f"{MARKS[outcome.state]} {outcome.verb:<{_VERB}}", outcome.state.value
    took = f" ({outcome.seconds:.1f} s)" if outcome.seconds >= 0.1 else ""
    why = why_of(outcome)
    subject = one_line(outcome.subject)
    if width is not None:
        room = width - len(head) - len(f"  {state}{took}")
        subject = shorten(subject, max(room, _LEAST_SUBJECT))
        why = shorten(why, max(room - len(subject) - len(": "), 0))
    line = f"{head}{subject}  {state}{f': {why}' if why else ''}{took}"
    return line if width is None else line[:width]


def why_of(outcome: Outcome) -> str:
    """The reason in one line, without the subject that is named beside it."""
    return one_line(outcome.reason).removeprefix(f"{outcome.subject}: ")


def tally(quiet: Sequence[Outcome]) -> list[str]:
    """What was not worth a line of its own: a line for all that was cached, and one for each
    reason why something was not begun."""
    groups: dict[tuple[State, str], list[str]] = {}
    for outcome in quiet:
        reason = "" if outcome.state is State.CACHED else why_of(outcome)
        groups.setdefault((outcome.state, reason), []).append(outcome.verb)
    return [
        f"{MARKS[state]} {len(verbs)} {state.value}: "
        + (reason or ", ".join(f"{verbs.count(verb)} {verb}" for verb in dict.fromkeys(verbs)))
        for (state, reason), verbs in groups.items()
    ]


def duration(seconds: float) -> str:
    """``34 s``, ``4:07`` or ``1:04:07``."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
