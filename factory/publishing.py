"""How what has passed is published, in two phases: the publish room, wired to the ledger.

First every build is pushed to every target under its immutable tag, and evidence is attached to it.
Then, group by group, the floating tags move: if all that the group needs is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
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
    Plan,
    PlannedBuild,
    Publication,
    State,
    Target,
    Verdict,
)
from factory.moving import Moving, required
from factory.publish import Evidence, Publisher, Pushed
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
            self.evidence(planned, target, now, log, anew=pushed.manifest is not None)
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
        publications = required(group, self.targets, self._published)
        moving = Moving(
            ledger=self.ledger, registry=self.registry, locks=self.locks, run_id=self.run_id
        )
        return moving.move(group.name, publications, log, self._manifests(group))

    def _manifests(self, group: Group) -> dict[str, Manifest]:
        """Those that were read back after they were pushed."""
        found = (self._pushed.get((one, to.name)) for one in group.builds for to in self.targets)
        return {
            place(one.publication.repository, one.publication.manifest_digest): one.manifest
            for one in found
            if one and one.manifest
        }

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
