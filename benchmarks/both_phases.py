"""Publishing or promoting one build by itself, in the two phases: what benches and proofs need to
know of how that is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.ledger import Ledger
from factory.model import Built, Group, PlannedBuild, Publication, Verdict
from factory.moving import Moving
from factory.promoting import Promotion
from factory.publish import Candidate, Promoter, Publisher

RUN = "bench"


def publish(
    publisher: Publisher,
    ledger: Ledger,
    planned: PlannedBuild,
    built: Built,
    verdicts: Sequence[Verdict],
    known: Publication | None = None,
) -> Publication:
    """Push a build, and move its floating tags.

    Raises:
        FactoryError: it did not work.
    """
    found = publisher.push(planned, built, verdicts, known).publication
    moving = Moving(
        ledger=ledger, registry=lambda: publisher.registry, locks=publisher.locks, run_id=RUN
    )
    moving.move(planned.build.id, [found], _quiet)
    return found


def promote(promoter: Promoter, ledger: Ledger, candidates: Sequence[Candidate]) -> None:
    """Bring builds to another target, and move their floating tags, each by itself.

    Raises:
        FactoryError: it did not work.
    """
    known = {one.planned.build: one for one in candidates}
    promotion = Promotion(
        promoter=promoter,
        moving=Moving(
            ledger=ledger, registry=lambda: promoter.registry, locks=promoter.locks, run_id=RUN
        ),
        ledger=ledger,
        candidate=known.__getitem__,
        planned=lambda build, _key: known[build].planned,
    )
    for build in known:
        promotion.place(build, _quiet)
    for build in known:
        promotion.move(Group(name=build.id, builds=(build,)), _quiet)


def _quiet(_line: str) -> None:
    """Nobody is there to read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BothPhases:
    """A publisher with a ledger of its own, which is opened for each build."""

    publisher: Publisher
    ledger: Path

    def publish(
        self,
        planned: PlannedBuild,
        built: Built,
        verdicts: Sequence[Verdict],
        known: Publication | None = None,
    ) -> Publication:
        """Push a build, and move its floating tags.

        Raises:
            FactoryError: it did not work.
        """
        with Ledger.open(self.ledger) as ledger:
            return publish(self.publisher, ledger, planned, built, verdicts, known)
