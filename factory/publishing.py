"""How what has passed is published, in two phases: the publish room, wired to the ledger.

First every build is pushed to every target under its immutable tag, and evidence is attached to it.
Then, group by group, the floating tags move: if all that the group needs is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from factory.engine import Engine
from factory.errors import FactoryError, PublishError
from factory.ledger import Ledger
from factory.model import (
    Build,
    Built,
    Group,
    Joint,
    Journal,
    Move,
    Plan,
    PlannedBuild,
    Publication,
    State,
    Target,
    Verdict,
)
from factory.publish import Evidence, Mover, Publisher, Pushed, Tags, each
from factory.registry import Manifest, Registry, place

Log = Callable[[str], None]
Result = tuple[State, str]


@dataclass(kw_only=True)
class Publishing:
    """What publishing needs, for one run.

    Attributes:
        targets: where to.
        plan: of the builds of this run, with their groups.
        beside: of the other builds of these groups.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        run_id: whose journals these are.
        registry: the client for all targets.
        ensure: has a target answer, if it is one that may have to be started.
        built: the image of a build, or an error of a kind.
        verdicts: what counts at a target of an image (by config digest) of a build.
        joints: what such an image has to have passed together with others.
        evidence: what is attached between the two phases.
        ready: has a repository of a target ready for a push; gives variables for ``docker push``.
        unclean: why the project is no clean git checkout, where a target minds; else empty.
        answered: called when a target has answered about a repository.
    """

    targets: tuple[Target, ...]
    plan: Plan
    beside: Plan
    ledger: Ledger
    engine: Engine
    locks: Path
    run_id: str
    registry: Callable[[], Registry]
    ensure: Callable[[Target], None]
    built: Callable[[PlannedBuild, type[FactoryError]], Built]
    verdicts: Callable[[PlannedBuild, str, Target], Iterable[Verdict]]
    joints: Callable[[PlannedBuild, str], Iterable[Joint]]
    evidence: Evidence | None = None
    ready: Callable[[Target, str], Mapping[str, str]] = lambda _target, _repository: {}
    unclean: Callable[[Target], str] = lambda _target: ""
    answered: Callable[[Target, str], None] = lambda _target, _repository: None
    _pushed: dict[tuple[Build, str], Pushed] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, planned: PlannedBuild, target: Target, log: Log) -> Result:
        """The first phase, of one build at one target."""
        built = self.built(planned, PublishError)
        self.ensure(target)
        publisher = Publisher(
            engine=self.engine,
            registry=self.registry(),
            target=target,
            locks=self.locks,
            verdicts_of=lambda digest: self.verdicts(planned, digest, target),
            joints_of=partial(self.joints, planned),
            ready=partial(self.ready, target),
            unclean=self.unclean(target),
        )
        verdicts = self.verdicts(planned, built.config_digest, target)
        known = self.ledger.pushed(planned.build.id, target.name)
        pushed = publisher.push(planned, built, verdicts, known=known, log=log)
        now = pushed.publication
        self.answered(target, now.repository)
        if self.evidence:
            self.evidence(planned, target, now, log)
        if now != known:
            self.ledger.record_pushed(now)
        with self._lock:
            self._pushed[planned.build, target.name] = pushed
        if now == known:
            return State.CACHED, f"{target.name} has it"
        return State.DONE, place(now.repository, now.immutable)

    def move(self, group: Group, log: Log) -> Result:
        """The second phase, of one group at all targets.

        Raises:
            PublishError: something that the group needs is not there; or others moved its tags.
            RegistryError: a registry failed.
        """
        publications = self._required(group)
        tags = Tags(registry=self.registry(), locks=self.locks, manifests=self._manifests(group))
        moves = tags.moves(publications)
        if any(move.pending for move in moves):
            with tags.turn(moves, log):
                self._finish(tags, moves, log)
                moves = tags.moves(publications)  # others may have moved them meanwhile
                if any(move.pending for move in moves):
                    journal = Journal(
                        run=self.run_id,
                        group=group.name,
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
                mover.finish(
                    journal,
                    lambda move: self.ledger.knows(move.repository, move.before, move.target),
                )
            except FactoryError as error:
                log(f"what run {journal.run} began is not finished: {error.what}")

    def _is_recorded(self, one: Publication) -> bool:
        known = self.ledger.publication(one.build_id, one.target)
        return known is not None and replace(known, at=one.at) == one

    def _manifests(self, group: Group) -> dict[str, Manifest]:
        """Those that were read back after they were pushed."""
        found = (self._pushed.get((one, to.name)) for one in group.builds for to in self.targets)
        return {
            place(one.publication.repository, one.publication.manifest_digest): one.manifest
            for one in found
            if one and one.manifest
        }

    def _required(self, group: Group) -> list[Publication]:
        """What every build of a group is published as at every target.

        Raises:
            PublishError: one is not.
        """
        wanted = [(build, target) for build in group.builds for target in self.targets]
        found = each(lambda at: self._published(*at), wanted)
        missing = [one for one in found if isinstance(one, str)]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise PublishError(
                f"{group.name} does not move: {missing[0]}{more}",
                todo="its tags move together or not at all: select all of it, such as with "
                "`invoke release` and no flag",
                detail=missing,
            )
        return [one for one in found if isinstance(one, Publication)]

    def _published(self, build: Build, target: Target) -> Publication | str:
        """What a build is at a target with its present key; why it is not there, if it isn't. Of
        this run, it was asked a moment ago."""
        pushed = self._pushed.get((build, target.name))
        if pushed:
            return pushed.publication
        planned = next((one for one in self.beside.builds if one.build == build), None)
        if planned is None:
            return f"{build.id} cannot be planned"
        known = self.ledger.pushed(build.id, target.name)
        names = target.names(planned)
        if known is None or (known.key, known.repository) != (planned.key, names.repository):
            return f"{build.id} is not published at `{target.name}` as it is now"
        self.ensure(target)
        if self.registry().head(names.repository, names.immutable) != known.manifest_digest:
            return f"{place(names.repository, names.immutable)} is gone, or another image"
        return replace(known, immutable=names.immutable, floating=names.floating)


def moved(journal: Journal) -> str:
    """What a journal that is done came to, in a line."""
    count = len(journal.pending)
    tags = f"{count} tag{'' if count == 1 else 's'} moved"
    within = f" within {journal.window:.2f} s" if journal.window is not None and count > 1 else ""
    race = "; another publisher's set was replaced, whole" if journal.contested else ""
    return tags + within + race
