"""What is promoted from one target to another: what the ledger knows, wired to the room that does
it. No engine is asked for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from factory import scan as scan_room
from factory.errors import ConfigError, PublishError
from factory.judging import at_target
from factory.ledger import Ledger
from factory.matrix import near, select
from factory.model import (
    REQUIRED,
    Build,
    Built,
    Gate,
    Group,
    Joint,
    Matrix,
    Pair,
    PlannedBuild,
    Project,
    Promoted,
    Publication,
    Selection,
    State,
    Target,
    Verdict,
    pair_digest,
)
from factory.plan import floating_tags, immutable_tag, release_groups
from factory.project import all_builds, load
from factory.publish import Candidate, Promoter, local, outranking
from factory.publishing import moved
from factory.registry import Copier, Registry
from factory.runs import Run
from factory.scheduler import Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable

_AT_ONCE = 4
"""Transfers at once: they wait for registries more than they work."""

_MISSING = "there is no verify verdict"
Log = Callable[[str], None]


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
    with (
        terminable(),
        Run.begin(settings) as this_run,
        Ledger.open(settings.state / "ledger.sqlite") as ledger,
    ):
        desk = _Desk(settings=settings, project=project, ledger=ledger, source=ends[0], to=ends[1])
        there = [build for build in builds if ledger.publication(build.id, source)]
        if not there:
            raise PublishError(
                f"nothing of what is selected was published at `{source}` from here",
                todo=f"run `invoke release` first, which publishes at `{source}` too",
            )
        for end in ends:
            if end.registry == settings.registry:
                local.ensure(settings)
        registry = Registry()
        promoter = Promoter(
            registry=registry,
            copier=Copier(registry),
            source=ends[0],
            target=ends[1],
            locks=settings.cache / "publishing",
        )
        works = list(_works(desk, promoter, there, this_run.id))
        outcomes = execute(works, {"promote": _AT_ONCE, "move": 1}, observer)
    moved = promoter.copier.moved
    return Promoted(
        source=source,
        target=target,
        outcomes=outcomes,
        groups={
            one.id: group.name for group in release_groups(project, there) for one in group.builds
        },
        absent=tuple(build.id for build in builds if build not in there),
        mounted=moved.mounted,
        sent=moved.sent,
        sent_bytes=moved.sent_bytes,
    )


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


def _planned(matrix: Matrix, build: Build, key: str) -> PlannedBuild:
    """A build with a key that it was published with: what is planned by now does not matter."""
    return PlannedBuild(
        build=build,
        steps=(key,),
        immutable=immutable_tag(build, key),
        floating=floating_tags(build, matrix.latest),
    )


def _require_apart(matrix: Matrix, source: Target, target: Target, builds: Sequence[Build]) -> None:
    """See that no build has a tag that it would be promoted to itself by.

    Raises:
        ConfigError: one has.
    """
    for build in builds:
        planned = _planned(matrix, build, "0" * 64)
        one, other = source.names(planned), target.names(planned)
        shared = {one.immutable, *one.floating} & {other.immutable, *other.floating}
        if one.repository == other.repository and shared:
            raise ConfigError(
                f"`{source.name}` and `{target.name}` are one and the same place",
                todo="name two targets that differ; matrix.yaml lists them under `targets`",
            )


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """What is known here of what is promoted."""

    settings: Settings
    project: Project
    ledger: Ledger
    source: Target
    to: Target
    _candidates: dict[str, Candidate] = field(default_factory=dict)

    def candidate(self, build: Build) -> Candidate:
        """A build with what is known of it now."""
        published = self.ledger.publication(build.id, self.source.name)
        assert published, "only what is published is asked for"
        self._candidates[build.id] = candidate = Candidate(
            planned=_planned(self.project.matrix, build, published.key),
            built=self._built(published),
            published=published,
            verdicts=tuple(self._verdicts(build, published.config_digest)),
            joints=tuple(self._joints(build)),
        )
        return candidate

    def placed(self, build: Build) -> Candidate:
        """The same as it was when its image was brought to the target."""
        return self._candidates[build.id]

    def _built(self, published: Publication) -> Built:
        """The image that was published under a key, which another than ours may have been."""
        built = self.ledger.built(published.key)
        if built is None:
            raise PublishError(
                f"nothing is known here of the image of {published.build_id} at "
                f"`{self.source.name}`",
                todo="run `invoke release`, which takes it from there and judges it",
            )
        return replace(built, config_digest=published.config_digest)

    def _verdicts(self, build: Build, digest: str) -> Iterator[Verdict]:
        """What was said last of an image, and what the target's own policy makes of it now."""
        for gate in REQUIRED:
            latest = self.ledger.latest_verdict(gate, digest)
            if latest:
                yield outranking(latest, self.ledger.verdicts_of(gate, digest))
        if self.to.scan is not None:
            yield self._by_target(build, digest)

    def _by_target(self, build: Build, digest: str) -> Verdict:
        verdict = scan_room.scan_again(
            config_digest=digest,
            policy=self.project.matrix.scan_policy(build, self.to),
            cache=self.settings.cache,
            log=lambda _: None,
        )
        if verdict is None:
            raise PublishError(
                f"`{self.to.name}` has a policy of its own, by which {build.id} cannot be judged: "
                "its image was not taken apart on this machine",
                todo="pull it, and `invoke scan` it here",
            )
        verdict = at_target(verdict, self.to.name)
        self.ledger.record_verdict(verdict)
        others = self.ledger.verdicts_of(Gate.SCAN, digest, self.to.name)
        return outranking(verdict, others)

    def _joints(self, build: Build) -> Iterator[Joint]:
        for cohort in self.project.refused_cohorts:
            if cohort.names(build):
                yield Joint(subject=cohort.subject, why=f"it is refused: {cohort.refused}")
        for pair in self.project.pairs:
            if build in pair.builds:
                yield self._joint(pair)

    def _joint(self, pair: Pair) -> Joint:
        """What was found of a pair as it is at the source."""
        if pair.refused:
            return Joint(subject=pair.id, why=f"it is refused: {pair.refused}")
        halves = [self.ledger.publication(one.id, self.source.name) for one in pair.builds]
        digests = [half.config_digest for half in halves if half]
        if len(digests) < 2:
            return Joint(subject=pair.id, why=f"one half is not published at `{self.source.name}`")
        head, workers = digests
        both = pair_digest(head, workers)
        known = self.ledger.latest_verdict(Gate.VERIFY, both)
        verdict = known and outranking(known, self.ledger.verdicts_of(Gate.VERIFY, both))
        return Joint(
            subject=pair.id,
            images=(head, workers),
            verdict=verdict,
            why="" if verdict else _MISSING,
        )


def _works(desk: _Desk, promoter: Promoter, builds: Sequence[Build], run: str) -> Iterator[Work]:
    """First all images; then floating tags, those of a group only when all of it is there."""
    for build in builds:
        yield Work(
            verb="promote",
            subject=build.id,
            run=partial(_place, desk, promoter, build),
            lane="promote",
        )
    for group in release_groups(desk.project, builds):
        yield Work(
            verb="move",
            subject=group.name,
            run=partial(_move, desk, promoter, group, builds, run),
            needs=tuple(f"promote {one.id}" for one in group.builds if one in builds),
            lane="move",
        )


def _place(desk: _Desk, promoter: Promoter, build: Build, log: Log) -> tuple[State, str]:
    candidate = desk.candidate(build)
    copied, left = promoter.place(candidate)
    now = promoter.publication(candidate)
    for tag in left:
        log(f"{now.repository}:{tag} is not that of `{desk.source.name}`, and was left as it is")
    if copied:
        return State.DONE, f"{now.repository}:{now.immutable}"
    return State.CACHED, f"{desk.to.name} has it"


def _move(
    desk: _Desk, promoter: Promoter, group: Group, builds: Sequence[Build], run: str, log: Log
) -> tuple[State, str]:
    publications = [
        promoter.publication(desk.placed(one)) if one in builds else _beside(desk, group, one)
        for one in group.builds
    ]
    journal = promoter.move(group.name, publications, book=desk.ledger, run=run, log=log)
    if journal:
        return State.DONE, moved(journal)
    known = [desk.ledger.publication(one.build_id, one.target) for one in publications]
    news = [
        one
        for one, old in zip(publications, known, strict=True)
        if old is None or replace(one, at=old.at) != old
    ]
    desk.ledger.record_publications(news)
    return State.CACHED, f"{desk.to.name} has it"


def _beside(desk: _Desk, group: Group, build: Build) -> Publication:
    """What a build of a group is at the target, which is not part of this promotion: it has to be
    there as it is at the source.

    Raises:
        PublishError: it is not.
    """
    here = desk.ledger.publication(build.id, desk.source.name)
    there = desk.ledger.publication(build.id, desk.to.name)
    if here and there and here.manifest_digest == there.manifest_digest:
        return there
    raise PublishError(
        f"{group.name} does not move: {build.id} is not at `{desk.to.name}` as it is at "
        f"`{desk.source.name}`",
        todo="its tags move together or not at all: publish and select all of it",
    )
