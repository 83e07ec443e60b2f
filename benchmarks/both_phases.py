"""Publishing a build by itself, where nothing is planned: for benches, soaks and tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from factory.ledger import Ledger
from factory.model import Built, Journal, PlannedBuild, Publication, Verdict
from factory.publish import Mover, Publisher, Tags


@dataclass(frozen=True, kw_only=True)
class BothPhases:
    """Publishes one build by itself: pushed, and then its floating tags moved."""

    publisher: Publisher
    ledger: Path

    def publish(
        self,
        planned: PlannedBuild,
        built: Built,
        verdicts: Iterable[Verdict],
        known: Publication | None = None,
    ) -> Publication:
        found = self.publisher.push(planned, built, verdicts, known).publication
        tags = Tags(registry=self.publisher.registry, locks=self.publisher.locks)
        moves = tags.moves([found])
        if any(move.pending for move in moves):
            with tags.turn(moves, print), Ledger.open(self.ledger) as ledger:
                Mover(tags=tags, book=ledger).begin(
                    Journal(
                        run="r",
                        group=planned.build.id,
                        publications=(found,),
                        moves=tags.moves([found]),
                        at="2026-11-29T12:00:00+00:00",
                    )
                )
        return found
