"""Publishing one build by itself, in its two phases: what benches and proofs of publishing need to
know of how that is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from factory.ledger import Ledger
from factory.model import Built, Journal, PlannedBuild, Publication, Verdict
from factory.publish import Mover, Publisher, Tags

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
    tags = Tags(registry=publisher.registry, locks=publisher.locks)
    moves = tags.moves([found])
    if any(move.pending for move in moves):
        with tags.turn(moves, lambda _: None):
            journal = Journal(
                run=RUN,
                group=planned.build.id,
                publications=(found,),
                moves=tags.moves([found]),
                at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            Mover(tags=tags, book=ledger).begin(journal)
    return found


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
