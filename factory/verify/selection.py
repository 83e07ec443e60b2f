"""What an image is asked, and what it cannot be asked here. Pure, and the factory's to decide: an
image has no say in what it is judged by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from factory.model import NO_RUNTIME, Check, CheckStatus
from factory.verify.smoke.protocol import Expected
from factory.verify.smoke.suite import COLD, CONTRACT, LEVELS, QUICK, SUITE, Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The checks that run, in their order, and those that should have and cannot.

    Attributes:
        contract: of a single container, before a cluster is booted.
        alone: likewise, each of a container to itself.
        names: of the cluster; none if there is to be no cluster.
        skipped: with their reasons.
    """

    contract: tuple[str, ...]
    alone: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[Check, ...]

    @classmethod
    def of(
        cls, expected: Expected, own: Iterable[Spec], *, gpus: bool, suite: str = QUICK
    ) -> Selection:
        """Choose.

        Args:
            expected: what the image is, which decides what it is asked.
            own: the image's own checks.
            gpus: whether the cluster's workers are given GPUs.
            suite: one of ``SUITES``.
        """
        levels = (COLD,) if suite == COLD else LEVELS[: LEVELS.index(suite) + 1]
        mixed = expected.workers is not None
        asked = [
            spec
            for spec in (*SUITE, *own)
            if spec.asked(expected) and (spec.level in levels or (mixed and spec.mixed))
        ]
        if mixed:  # a single container of each of its images was asked for the image's own verdict
            asked = [spec for spec in asked if spec.level != CONTRACT and QUICK in levels]
        run = [spec for spec in asked if gpus or not spec.on_gpu]
        return cls(
            contract=tuple(it.name for it in run if it.level == CONTRACT and not it.alone),
            alone=tuple(spec.name for spec in run if spec.alone),
            names=tuple(spec.name for spec in run if spec.level != CONTRACT),
            skipped=tuple(_skipped(spec) for spec in asked if spec.on_gpu and not gpus),
        )


def _skipped(spec: Spec) -> Check:
    return Check(name=spec.name, status=CheckStatus.SKIPPED, reason=NO_RUNTIME)
