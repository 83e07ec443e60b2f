"""The second phase, wired to the ledger: the floating tags of a group move, or none of them does.

Publishing and promotion both come to this; what is to be named then, each of them knows by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.errors import FactoryError, PublishError
from factory.ledger import Ledger
from factory.model import (
    REQUIRED,
    Build,
    Group,
    Journal,
    Move,
    Publication,
    Stage,
    State,
    Status,
    Target,
)
from factory.publish import Mover, Tags, each
from factory.registry import Manifest, Registry

Log = Callable[[str], None]
Result = tuple[State, str]
Published = Callable[[Build, Target], Publication | str]
"""What a build is at a target; why it is not there, if it isn't."""

MOVES = 4
"""How many groups move at once, most of which find that nothing is to move: that is waiting for
answers."""


@dataclass(frozen=True, kw_only=True)
class Moving:
    """How floating tags move, for one run. Threads may share it.

    Attributes:
        registry: the client for all targets.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        run_id: whose journals these are.
    """

    ledger: Ledger
    registry: Callable[[], Registry]
    locks: Path
    run_id: str

    def move(
        self,
        group: str,
        publications: Sequence[Publication],
        log: Log,
        manifests: Mapping[str, Manifest] | None = None,
    ) -> Result:
        """Have the floating tags of a group name what is published.

        Args:
            group: its name.
            publications: all of it, at all targets.
            manifests: those that were read already, by their full names.

        Raises:
            PublishError: others moved these tags, or what was pushed is gone.
            RegistryError: a registry failed.
        """
        tags = Tags(registry=self.registry(), locks=self.locks, manifests=dict(manifests or {}))
        moves = tags.moves(publications)
        if any(move.pending for move in moves):
            with tags.turn(moves, log):
                self._finish(tags, moves, log)
                moves = tags.moves(publications)  # others may have moved them meanwhile
                if any(move.pending for move in moves):
                    journal = Journal(
                        run=self.run_id,
                        group=group,
                        publications=tuple(publications),
                        moves=moves,
                        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                    )
                    return State.DONE, moved(Mover(tags=tags, book=self.ledger).begin(journal))
        news = [one for one in publications if not self._is_recorded(one)]
        if news or self.ledger.unfinished():
            self.ledger.record_publications(news, [move.place for move in moves])
        return State.CACHED, "every tag is where it should be"

    def _finish(self, tags: Tags, moves: Iterable[Move], log: Log) -> None:
        """Finish what a dead run began with these tags, as far as that can be done: else what they
        name now, which a rollback would put back, is a mixture."""
        ours = {move.repository for move in moves}
        mover = Mover(tags=tags, book=self.ledger)
        for journal in self.ledger.unfinished():
            if not ours.issuperset(move.repository for move in journal.moves):
                continue
            try:
                if journal.stage is not Stage.RETURNING:
                    require_none_failed(self.ledger, journal)
                mover.finish(
                    journal,
                    lambda move: bool(self.ledger.known(move.repository, move.before, move.target)),
                )
            except FactoryError as error:
                log(f"what run {journal.run} began is not finished: {error.what}")

    def _is_recorded(self, one: Publication) -> bool:
        known = self.ledger.publication(one.build_id, one.target)
        return known is not None and replace(known, at=one.at) == one


def required(group: Group, targets: Iterable[Target], published: Published) -> list[Publication]:
    """What every build of a group is published as at every target.

    Raises:
        PublishError: one is not.
    """
    places = tuple(targets)
    wanted = [(build, target) for build in group.builds for target in places]
    found = each(lambda at: published(*at), wanted)
    missing = [one for one in found if isinstance(one, str)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise PublishError(
            f"{group.name} does not move: {missing[0]}{more}",
            todo=f"its tags move together or not at all: {_whole(places)}",
            detail=missing,
        )
    return [one for one in found if isinstance(one, Publication)]


def _whole(targets: Iterable[Target]) -> str:
    """How all of a group gets to some targets: by a release not where only promotions go."""
    again = "select all of it, such as with no selection flag"
    if any(target.promote_only for target in targets):
        return f"{again}; `invoke release` publishes what the source lacks"
    return f"{again}; `invoke release` makes and publishes what is missing"


def failed_since(ledger: Ledger, publications: Iterable[Publication]) -> list[str]:
    """Which of some images failed a gate when it judged them last, in words: what passed when it
    was pushed may have been judged by a newer vulnerability database since."""
    found = []
    for one in publications:
        for gate in REQUIRED:
            by_all = ledger.latest_verdict(gate, one.config_digest)
            verdict = ledger.latest_verdict(gate, one.config_digest, one.target) or by_all
            if verdict and verdict.status is Status.FAIL:
                checks = ", ".join(check.name for check in verdict.failures)
                found.append(f"{one.build_id} failed {gate} ({checks}) on {verdict.at[:10]}")
    return list(dict.fromkeys(found))


def require_none_failed(ledger: Ledger, journal: Journal) -> None:
    """See that nothing that a journal is about to publish failed since it was pushed.

    Raises:
        PublishError: something did.
    """
    failed = failed_since(ledger, journal.moving)
    if failed:
        raise PublishError(
            f"what was begun is not finished: {failed[0]}",
            where=f"{journal.group} of run {journal.run}",
            todo=f"`invoke rollback --run {journal.run}` puts the tags back; `invoke release` "
            "publishes what passes",
            detail=failed,
        )


def moved(journal: Journal) -> str:
    """What a journal that is done came to, in a line."""
    count = len(journal.pending)
    tags = f"{count} tag{'' if count == 1 else 's'} moved"
    within = f" within {journal.window:.2f} s" if journal.window is not None and count > 1 else ""
    race = "; another publisher's set was replaced, whole" if journal.contested else ""
    return tags + within + race
