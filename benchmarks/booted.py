"""What `bench rllib-boot` has taken, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.figures import Target, ratio
from benchmarks.notes import Took

LIMIT = 0.2
MBITS = 500
"""Of a link to a node, where it is slow: two thirds of what AWS names as the baseline of its
m5.large (0.75 Gbit/s, "Amazon EC2 instance network bandwidth")."""

_NAME = "to a job with RLlib, of the notes' time"


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """Ours and the notes' way where every link is slow."""

    ours: Took
    notes: Took

    @property
    def ratio(self) -> float:
        return ratio(self.ours.seconds, self.notes.seconds)

    def values(self) -> dict[str, Any]:
        """For the figure."""
        return {
            "link_mbits": MBITS,
            "link_factory_seconds": round(self.ours.seconds, 1),
            "link_notes_seconds": round(self.notes.seconds, 1),
            "link_ratio": self.ratio,
            "link_factory_parts": _parts([self.ours]),
            "link_notes_parts": _parts([self.notes]),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """All runs.

    Attributes:
        linked: ``None`` where links cannot be made slow.
    """

    ours: Sequence[Took]
    careful: Sequence[Took]
    uv: Took
    at_once: Took
    notes: Took
    linked: Linked | None

    @property
    def seconds(self) -> float:
        return median(one.seconds for one in self.ours)

    @property
    def ratio(self) -> float:
        return ratio(self.seconds, self.notes.seconds)

    def values(self) -> dict[str, Any]:
        """For the figure."""
        ours, careful = self.seconds, median(one.seconds for one in self.careful)
        return {
            "factory_seconds": [round(one.seconds, 1) for one in self.ours],
            "notes_seconds": round(self.notes.seconds, 1),
            "at_once_seconds": round(self.at_once.seconds, 1),
            "careful_seconds": [round(one.seconds, 1) for one in self.careful],
            "factory_median_seconds": round(ours, 1),
            "careful_median_seconds": round(careful, 1),
            "ratio": self.ratio,
            "at_once_ratio": ratio(ours, self.at_once.seconds),
            "careful_ratio": ratio(ours, careful),
            "times_as_fast": round(self.notes.seconds / ours, 2),
            "factory_parts": _parts(self.ours),
            "notes_parts": _parts([self.notes]),
            "at_once_parts": _parts([self.at_once]),
            "careful_parts": _parts(self.careful),
            "uv_seconds": round(self.uv.seconds, 1),
            "uv_parts": _parts([self.uv]),
            **(self.linked.values() if self.linked else {}),
        }

    def targets(self) -> list[Target]:
        """One for the links of this place, one for slow ones."""
        targets = [Target(name=_NAME, value=self.ratio, limit=LIMIT)]
        if self.linked:
            name = f"{_NAME}, by {MBITS} Mbit/s a node"
            targets += [Target(name=name, value=self.linked.ratio, limit=LIMIT)]
        return targets


def told(took: Took) -> str:
    """A run in a line."""
    install = f", {took.install:.0f} s of that to install" if took.install else ""
    parts = f"pull {took.pull:.1f} s, boot {took.boot:.1f} s{install}, job {took.job:.1f} s"
    return f"{took.seconds:.1f} s ({parts})"


def _parts(runs: Sequence[Took]) -> dict[str, float]:
    names = ("pull", "boot", "install", "job")
    found = {name: round(median(getattr(one, name) for one in runs), 1) for name in names}
    return {f"{name}_seconds": value for name, value in found.items() if value}
