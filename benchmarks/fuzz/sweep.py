"""Many examples of one target, counted; what comes of a seed is always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import HypothesisException

from benchmarks.fuzz.judge import EscapedError, Ground, Target, tried

CHUNK = 500
"""Examples of a seed: what it takes to find one again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What came of some examples.

    Attributes:
        escaped: what broke a promise, with the least input that does.
    """

    target: str
    examples: int = 0
    accepted: int = 0
    slowest: float = 0.0
    escaped: tuple[str, ...] = ()

    @property
    def refused(self) -> int:
        return self.examples - self.accepted

    def __add__(self, other: Counted) -> Counted:
        return replace(
            self,
            examples=self.examples + other.examples,
            accepted=self.accepted + other.accepted,
            slowest=max(self.slowest, other.slowest),
            escaped=self.escaped + other.escaped,
        )


def sweep(target: Target, seed: int, count: int, ground: Ground) -> Counted:
    """Try so many; one that escapes ends it, and is made as small as can be."""
    found = Counted(target=target.name)
    last: object = None

    def example(data: object) -> None:
        nonlocal found, last
        last = data
        came = tried(target, data, ground)
        found += Counted(
            target=target.name, examples=1, accepted=came.accepted, slowest=came.seconds
        )

    steady = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        hypothesis.seed(seed)(steady(hypothesis.given(target.data)(example)))()
    except (EscapedError, HypothesisException) as error:  # the latter where it does not repeat
        told = f"{error} (seed {seed}): {last!r}"
        found += Counted(target=target.name, examples=1, escaped=(told[:2_000],))
    return found
