"""One command of the factory in a tree of a bench's own, and what it took of the machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.figures import Target
from benchmarks.tree import Tree
from factory import process
from factory.errors import FactoryError

CPU_LIMIT = 5.0
MEMORY_LIMIT = 150.0
_CODE = Path(__file__).parents[1]
_MB = 10**6


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What a command did and took.

    Attributes:
        outcomes: of each piece of work, as ``--format json`` prints them.
        seconds: wall time, start-up included.
        own_cpu_seconds: of the factory's own process.
        busy_seconds: CPU of the whole machine meanwhile, the engine and all programs included.
        peak_bytes: the most memory that the factory's own process held.
    """

    outcomes: Sequence[dict[str, Any]]
    seconds: float
    own_cpu_seconds: float
    busy_seconds: float
    peak_bytes: int

    @property
    def own_share(self) -> float:
        """Per cent of the machine's work that was the factory's own."""
        return round(100 * self.own_cpu_seconds / self.busy_seconds, 2)

    @property
    def peak_mb(self) -> float:
        return round(self.peak_bytes / _MB, 1)

    @property
    def timings(self) -> list[tuple[str, str, float]]:
        """Verb, subject, seconds of each piece of work."""
        return [(one["verb"], one["subject"], float(one["seconds"])) for one in self.outcomes]

    @property
    def values(self) -> dict[str, Any]:
        """As figures show it."""
        return {
            "own_cpu_seconds": round(self.own_cpu_seconds, 2),
            "machine_busy_cpu_seconds": round(self.busy_seconds, 1),
            "own_share_percent": self.own_share,
            "peak_mb": self.peak_mb,
        }

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the factory may take for itself."""
        return (
            Target(name="own CPU, of all", value=self.own_share, limit=CPU_LIMIT, unit="%"),
            Target(name="own memory, peak", value=self.peak_mb, limit=MEMORY_LIMIT, unit="MB"),
        )


def factory(tree: Tree, *arguments: str, cold: bool = True) -> Took:
    """Run ``invoke`` with these arguments.

    Args:
        cold: whether nothing of it may be done already.

    Raises:
        FactoryError: it failed, or found something done already: then the tree was not cold.
    """
    usage = tree.folder / "usage.json"
    argv = [sys.executable, "-m", "benchmarks.measured", str(usage), *arguments]
    before = machine.busy_seconds()
    try:
        done = process.run([*argv, "--format", "json"], env=tree.env, cwd=_CODE)
    except process.ProcessFailed as error:
        raise FactoryError(
            f"`invoke {' '.join(arguments)}` ended with {error.completed.code}, so there is nothing"
            " to compare",
            detail=_failures(error.completed.stdout) or error.completed.tail,
        ) from error
    busy = machine.busy_seconds() - before
    outcomes = json.loads(done.stdout)["outcomes"]
    warm = [one for one in outcomes if one["state"] != "done"]
    if warm and cold:
        raise FactoryError(
            f"{len(warm)} pieces of work were not done: {warm[0]['verb']} {warm[0]['subject']}"
        )
    took = json.loads(usage.read_text("utf-8"))
    return Took(
        outcomes=outcomes,
        seconds=done.seconds,
        own_cpu_seconds=took["own_cpu_seconds"],
        busy_seconds=busy,
        peak_bytes=took["peak_bytes"],
    )


def _failures(printed: str) -> list[str]:
    """What went wrong, from the document that a command printed, if it did."""
    try:
        outcomes = json.loads(printed)["outcomes"]
    except (ValueError, KeyError, TypeError):
        return []
    failed = (one for one in outcomes if one["state"] == "failed")
    return [
        line
        for one in failed
        for line in (f"{one['verb']} {one['subject']}: {one['reason']}", *one["detail"])
    ]


def selecting(only: Sequence[str]) -> list[str]:
    """The flags for a selection."""
    return [f"--only={glob}" for glob in only]
