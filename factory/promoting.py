"""From one target to another: rooms, wired to the ledger. No engine is asked for anything.

The two phases are those of publishing: images and what is attached to them first, and then, group
by group, the floating tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from factory.attesting import Vouching
from factory.candidates import Candidates, planned_as
from factory.errors import ConfigError, PublishError
from factory.evidence import Cosign, bring, keep_up
from factory.ledger import Ledger
from factory.matrix import near, select
from factory.model import (
    Build,
    Group,
    Matrix,
    PlannedBuild,
    Project,
    Promoted,
    Publication,
    Selection,
    State,
    Target,
)
from factory.moving import MOVES, Moving, required
from factory.plan import release_groups
from factory.project import all_builds, load
from factory.publish import Candidate, Promoter, local
from factory.registry import Copier
from factory.remotes import Remotes
from factory.resuming import Resuming
from factory.runs import Run
from factory.scheduler import Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable

_AT_ONCE = 4
"""Transfers at once: they wait for registries more than they work."""

Log = Callable[[str], None]
Result = tuple[State, str]


def promote(
    settings: Settings, selection: Selection, source: str, target: str, observer: Observer
) -> Promoted:
    """Bring what is published at one target to another.

    Args:
        source, target: their names in ``matrix.yaml``.
        observer: told of progress.

    Raises:
        ConfigError: there is no such target, both are one place, or the project is wrong.
        PublishError: nothing of what was selected is published at the source.
        MachineError: the ledger cannot be read, or the local registry not be started.
    """
    project = load(settings)
    ends = target_of(project.matrix, source, "--from"), target_of(project.matrix, target, "--to")
    builds = select(all_builds(project), selection)
    _require_apart(project.matrix, *ends, builds)
    remotes = Remotes(settings=settings, project=project, note=observer.note)
    with (
        terminable(),
        Run.begin(settings) as this_run,
        Ledger.open(settings.state / "ledger.sqlite") as ledger,
    ):
        there = _there(ledger, builds, source)
        for end in ends:
            if end.registry == settings.registry:
                local.ensure(settings)
        promotion = _promotion(settings, project, ledger, remotes, ends, this_run.id)
        works = [
            *Resuming(settings=settings, ledger=ledger, registry=promotion.moving.registry).works(),
            *_works(promotion, there, release_groups(project, there)),
        ]
        try:
            outcomes = execute(works, {"promote": _AT_ONCE, "move": MOVES}, observer)
        finally:
            remotes.close()
        journals = ledger.journals(this_run.id)
    wire = promotion.promoter.copier.moved
    return Promoted(
        source=source,
        target=target,
        outcomes=outcomes,
        groups=_names(release_groups(project, there)),
        journals=journals,
        absent=tuple(build.id for build in builds if build not in there),
        mounted=wire.mounted,
        sent=wire.sent,
        sent_bytes=wire.sent_bytes,
    )


def _there(ledger: Ledger, builds: Sequence[Build], source: str) -> list[Build]:
    found = [build for build in builds if ledger.publication(build.id, source)]
    if not found:
        raise PublishError(
            f"nothing of what is selected was published at `{source}` from here",
            todo=f"run `invoke release` first, which publishes at `{source}` too",
        )
    return found


def _names(groups: Sequence[Group]) -> dict[str, str]:
    return {build.id: group.name for group in groups for build in group.builds}


def target_of(matrix: Matrix, name: str | None, flag: str) -> Target:
    """The target of a name.

    Raises:
        ConfigError: none is named, or there is no such target.
    """
    names = [one.name for one in matrix.targets]
    if not name:
        raise ConfigError(f"{flag} names no target", todo=f"use one of {', '.join(names)}")
    found = next((one for one in matrix.targets if one.name == name), None)
    if found is None:
        raise ConfigError(
            f"there is no target {name!r}, which {flag} names", todo=near(name, names)
        )
    return found


def _require_apart(matrix: Matrix, source: Target, target: Target, builds: Sequence[Build]) -> None:
    """See that no build has a tag that it would be promoted to itself by.

    Raises:
        ConfigError: one has.
    """
    for build in builds:
        planned = planned_as(matrix, build, "0" * 64)
        one, other = source.names(planned), target.names(planned)
        shared = {one.immutable, *one.floating} & {other.immutable, *other.floating}
        if one.repository == other.repository and shared:
            raise ConfigError(
                f"`{source.name}` and `{target.name}` are one and the same place",
                todo="name two targets that differ; matrix.yaml lists them under `targets`",
            )


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What promoting needs, for one run. Threads may share it.

    Attributes:
        candidate: a build with what is known of it now.
        planned: a build, as it was with a key.
        answered: called when a target has answered about a repository.
        vouch: attaches at the target what counts there alone.
    """

    promoter: Promoter
    moving: Moving
    ledger: Ledger
    candidate: Callable[[Build], Candidate]
    planned: Callable[[Build, str], PlannedBuild]
    answered: Callable[[Target, str], None] = lambda _target, _repository: None
    vouch: Vouching | None = None
    _placed: dict[Build, Publication] = field(default_factory=dict)

    def place(self, build: Build, log: Log) -> Result:
        """The first phase, of one build: its image, under its immutable tag, and its evidence.

        Raises:
            PublishError: the gate refuses, or a tag names something else than it should.
            RegistryError: a registry failed.
        """
        promoter, candidate = self.promoter, self.candidate(build)
        copied, brought = promoter.place(candidate, log)
        now = promoter.publication(candidate)
        known = self.ledger.pushed(build.id, now.target)
        if known is None or replace(known, at=now.at) != now:
            self.ledger.record_pushed(now)
        else:
            now = known
        source = candidate.published
        keep_up(promoter.registry, now.repository, now.manifest_digest, brought, log)
        for tag in brought.left:
            if not bring(promoter.registry, source.repository, now.repository, tag):
                log(f"{now.repository}:{tag} is not that of `{source.target}`, and was left")
        if self.vouch:
            self.vouch(candidate, now, log, anew=copied)
        self.answered(promoter.target, now.repository)
        self._placed[build] = now
        if copied:
            return State.DONE, f"{now.repository}:{now.immutable}"
        return State.CACHED, f"{now.target} has it"

    def move(self, group: Group, log: Log) -> Result:
        """The second phase, of one group.

        Raises:
            PublishError: something of the group is not there; or others moved its tags.
            RegistryError: a registry failed.
        """
        publications = required(group, [self.promoter.target], self._published)
        return self.moving.move(group.name, publications, log)

    def _published(self, build: Build, target: Target) -> Publication | str:
        """What a build is at the target; why it is not there as it is at the source."""
        if build in self._placed:
            return self._placed[build]
        source = self.promoter.source.name
        here = self.ledger.publication(build.id, source)
        if here is None:
            return f"{build.id} is not published at `{source}`"
        known = self.ledger.pushed(build.id, target.name)
        names = target.names(self.planned(build, here.key))
        wanted = (here.manifest_digest, names.repository)
        if known is None or (known.manifest_digest, known.repository) != wanted:
            return f"{build.id} is not at `{target.name}` as it is at `{source}`"
        there = self.moving.registry().head(names.repository, names.immutable)
        if there != here.manifest_digest:
            return f"{names.repository}:{names.immutable} is gone, or another image"
        return replace(known, immutable=names.immutable, floating=names.floating)


def _promotion(
    settings: Settings,
    project: Project,
    ledger: Ledger,
    remotes: Remotes,
    ends: tuple[Target, Target],
    run_id: str,
) -> Promotion:
    registry, (source, target) = remotes.client(), ends
    locks, key = settings.cache / "publishing", project.matrix.evidence.key
    return Promotion(
        promoter=Promoter(
            registry=registry,
            copier=Copier(registry),
            source=source,
            target=target,
            locks=locks,
            ready=partial(remotes.prepare, target),
        ),
        moving=Moving(ledger=ledger, registry=lambda: registry, locks=locks, run_id=run_id),
        ledger=ledger,
        candidate=Candidates(
            settings=settings, project=project, ledger=ledger, source=source, to=target
        ).of,
        planned=partial(planned_as, project.matrix),
        answered=partial(remotes.warn_of_limits, registry),
        vouch=Vouching(
            settings=settings,
            registry=registry,
            signer=Cosign(key, settings.root) if key else None,
        ),
    )


def _works(
    promotion: Promotion, builds: Sequence[Build], groups: Sequence[Group]
) -> Iterator[Work]:
    """First all images; then floating tags, those of a group only when all of it is there."""
    for build in builds:
        yield Work(
            verb="promote",
            subject=build.id,
            run=partial(promotion.place, build),
            lane="promote",
        )
    for group in groups:
        yield Work(
            verb="move",
            subject=group.name,
            run=partial(promotion.move, group),
            needs=tuple(f"promote {one.id}" for one in group.builds if one in builds),
            lane="move",
        )
