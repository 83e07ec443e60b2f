"""What a measurement comes to: values, the targets they are held against, and how both are shown.
Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from factory.report.tables import columns

MISSED = 1
"""The exit code where a target is missed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A value that may be so large, and no larger; both in ``unit``."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A measurement.

    Attributes:
        name: of the bench or soak.
        at: when it ended, in UTC.
        method: what was measured and how, in a few sentences.
        machine: what it ran on, by ``machine.facts``.
        values: the measurements; names end in their unit. Fit for JSON.
        targets: what it is held against; a soak may have none.
    """

    name: str
    at: str
    method: str
    machine: Mapping[str, Any]
    values: Mapping[str, Any]
    targets: Sequence[Target] = field(default=())

    @property
    def exit_code(self) -> int:
        """Of the command: 0 if every target is met."""
        return 0 if all(target.met for target in self.targets) else MISSED

    def json(self) -> str:
        """The document that is committed."""
        document = asdict(self)
        document["targets"] = [{**asdict(target), "met": target.met} for target in self.targets]
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def text(self) -> str:
        """The same for people: plain values first, then the targets."""
        plain = [
            [name, _shown(value)]
            for name, value in self.values.items()
            if not isinstance(value, list | dict)
        ]
        held = [
            [one.name, f"{_shown(one.value)} {one.unit}".strip(), f"≤ {one.limit:g}", _word(one)]
            for one in self.targets
        ]
        tables = [columns(["MEASURED", self.name], plain)] if plain else []
        tables += [columns(["TARGET", "VALUE", "LIMIT", ""], held)] if held else []
        return "\n\n".join(tables)


def ratio(ours: float, theirs: float) -> float:
    """How many times as long ours takes; both in one unit.

    Raises:
        ValueError: the alternative took no time, so that nothing was measured.
    """
    if theirs <= 0:
        raise ValueError("the alternative took no time")
    return round(ours / theirs, 3)


def by_verb(timings: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Seconds of each verb, summed; in the order in which verbs first come."""
    sums: dict[str, float] = {}
    for verb, seconds in timings:
        sums[verb] = sums.get(verb, 0.0) + seconds
    return {verb: round(seconds, 1) for verb, seconds in sums.items()}


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value}"


def _word(target: Target) -> str:
    return "met" if target.met else "MISSED"
