"""What became of a run's work, and of what doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What became of one piece of work in a run."""

    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One piece of work after a run: a value, so that one failure does not stop the others.

    Attributes:
        id: ``<verb> <subject>``, such as ``verify ray-app:2.60.0-py311-cpu``.
        verb, subject: its two halves.
        state: what became of it.
        reason: why, in a line.
        detail: on a failure, the lines that matter.
        code: the exit code that its failure asks for, 0 where there is none.
        seconds: how long it took.
    """

    verb: str
    subject: str
    state: State
    reason: str = ""
    detail: tuple[str, ...] = field(default=())
    code: int = 0
    seconds: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.verb} {self.subject}"


class Health(StrEnum):
    """How something that the factory needs is on this machine."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that ``invoke doctor`` looked at, and how to mend it (empty where it is well)."""

    name: str
    state: Health
    what: str
    remedy: str = ""
