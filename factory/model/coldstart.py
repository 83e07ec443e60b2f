"""How long a worker may take to be of use, and how long it took, beside the last release."""

from __future__ import annotations

from dataclasses import dataclass, field

COLD_SUITE = "coldstart"
"""The suite that asks for it, and for nothing else."""

COLD_START, THROTTLED = "cold-start", "cold-start-throttled"
"""Its checks: of a worker with all cores, and of one with a fifth of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The seconds that a worker may take from its start until it ran a task; ``None`` where nobody
    says."""

    full: float | None = None
    throttled: float | None = None

    def of(self, check: str) -> float | None:
        """That of a check of the suite."""
        return {COLD_START: self.full, THROTTLED: self.throttled}.get(check)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What a worker took.

    Attributes:
        seconds: the median of all runs.
        runs: each, in their order.
        budget: what it might have taken then.
    """

    seconds: float
    runs: tuple[float, ...]
    budget: float | None = None

    @property
    def over(self) -> bool:
        """Whether it took too long."""
        return self.budget is not None and self.seconds > self.budget

    @property
    def words(self) -> str:
        """A sentence, such as ``joined and ran a task after 31.2 s, the budget is 20 s``. A figure
        that is over its budget by less than is shown otherwise is shown in full."""
        close = self.over and f"{self.seconds:.1f}" == f"{self.budget:.1f}"
        after = f"joined and ran a task after {self.seconds:{'.3f' if close else '.1f'}} s"
        return after if self.budget is None else f"{after}, the budget is {self.budget:g} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """The last image of a build that was published and is another one than that in question.

    Attributes:
        tag: its immutable tag.
        target: where it was published.
        at: when.
        full, throttled: what its workers took, ``None`` where that was never measured here.
    """

    tag: str
    target: str
    at: str
    full: Timing | None = None
    throttled: Timing | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdStart:
    """What the workers of a build take, beside those of its last release.

    Attributes:
        build_id: the build, or the reference of an image that is none.
        full, throttled: ``None`` where a worker never got so far.
        release: ``None`` where nothing else was ever published of it.
        changed: a sentence for each input that differs from the release's, the first cause first.
        known: whether the inputs of the release are known.
    """

    build_id: str
    full: Timing | None
    throttled: Timing | None
    release: Release | None = None
    changed: tuple[str, ...] = field(default=())
    known: bool = True
