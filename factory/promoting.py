"""What is promoted from one target to another: what the ledger knows, wired to the room that does
it. No engine is asked for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from factory import scan as scan_room
from factory.attesting import labels_of
from factory.errors import ConfigError, PublishError
from factory.evidence import ABOUT, Cosign, Evidence, about_verdict, attach_evidence
from factory.judging import at_target
from factory.ledger import Ledger
from factory.matrix import near, select
from factory.model import (
    REQUIRED,
    REVISION,
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
    Status,
    Subject,
    Target,
    Verdict,
    pair_digest,
)
from factory.plan import floating_tags, immutable_tag, release_groups
from factory.project import all_builds, load
from factory.publish import Candidate, Promoter, local, outranking
from factory.publishing import moved
from factory.registry import Copier, Registry, list_referrers
from factory.remotes import Remotes
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
        closing(Remotes(settings=settings, project=project, note=observer.note)) as abroad,
    ):
        desk = _Desk(
            settings=settings,
            project=project,
            ledger=ledger,
            registry=abroad.client(),
            source=ends[0],
            to=ends[1],
        )
        there = _published(ledger, builds, source)
        for end in ends:
            if end.registry == settings.registry:
                local.ensure(settings)
        promoter = Promoter(
            registry=desk.registry,
            copier=Copier(desk.registry),
            source=ends[0],
            target=ends[1],
            locks=settings.cache / "publishing",
            ready=partial(abroad.ready, ends[1]),
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


def _published(ledger: Ledger, builds: Sequence[Build], source: str) -> list[Build]:
    """Those that are published at the source.

    Raises:
        PublishError: none is.
    """
    there = [build for build in builds if ledger.publication(build.id, source)]
    if not there:
        raise PublishError(
            f"nothing of what is selected was published at `{source}` from here",
            todo=f"run `invoke release` first, which publishes at `{source}` too",
        )
    return there


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
    registry: Registry
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
            unclean=self._unclean(published) if self.to.require_clean else "",
        )
        return candidate

    def beside(self, group: Group, build: Build) -> Publication:
        """What a build of a group is at the target, which is not part of this promotion: it has to
        be there as it is at the source.

        Raises:
            PublishError: it is not.
            RegistryError: the registry failed.
        """
        here = self.ledger.publication(build.id, self.source.name)
        there = self.ledger.publication(build.id, self.to.name)
        if here and there and here.manifest_digest == there.manifest_digest:
            # The target may have another address or other names by now.
            names = self.to.names(_planned(self.project.matrix, build, there.key))
            if self.registry.head(names.repository, names.immutable) == there.manifest_digest:
                return replace(
                    there,
                    repository=names.repository,
                    immutable=names.immutable,
                    floating=names.floating,
                )
        raise PublishError(
            f"{group.name} does not move: {build.id} is not at `{self.to.name}` as it is at "
            f"`{self.source.name}`",
            todo="its tags move together or not at all: publish and select all of it",
        )

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

    def attest(self, candidate: Candidate, now: Publication) -> None:
        """Attach what the target's own policy makes of an image, beside what came along with it,
        where it was not attached before.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
            PublishError, ConfigError, MachineError: it cannot be signed.
        """
        own = [one for one in candidate.verdicts if one.target == self.to.name]
        listed = list_referrers(self.registry, now.repository, now.manifest_digest) if own else ()
        there = {one.annotations.get(ABOUT) for one in listed}
        evidence = Evidence(verdicts=[one for one in own if about_verdict(one) not in there])
        if evidence.verdicts:
            subject = Subject(
                name=now.build_id, digest=now.manifest_digest, config_digest=now.config_digest
            )
            key = self.project.matrix.evidence.key
            signer = Cosign(key, self.settings.root) if key else None
            attach_evidence(self.registry, now.repository, subject, evidence, signer)

    def _unclean(self, published: Publication) -> str:
        """Why an image is of no clean git checkout; empty if it is. What the tree is by now says
        nothing of that: the image names the commit that it was made from."""
        configuration = self.registry.blob(published.repository, published.config_digest)
        named = labels_of(configuration).get(REVISION)
        return "" if named else "the image names no commit that it was made from"

    def _verdicts(self, build: Build, digest: str) -> Iterator[Verdict]:
        """What was said last of an image, and what the target's own policy makes of it now."""
        for gate in REQUIRED:
            said = [one for one in self.ledger.verdicts_of(gate, digest) if self._counts(one)]
            if said:
                yield outranking(said[-1], said)
        if self.to.scan is not None:
            yield self._by_target(build, digest)

    def _counts(self, verdict: Verdict) -> bool:
        """Whether a verdict is on the image as the project declares it: `verify --ref` asks less of
        one that nobody declared, so that only its failures count."""
        expected = (self.ledger.parts(verdict.basis) or {}).get("expected")
        declared = not isinstance(expected, dict) or expected.get("declared") is not False
        return declared or verdict.status is Status.FAIL

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
    desk.attest(candidate, now)
    for tag in left:
        log(f"{now.repository}:{tag} is not that of `{desk.source.name}`, and was left as it is")
    if copied:
        return State.DONE, f"{now.repository}:{now.immutable}"
    return State.CACHED, f"{desk.to.name} has it"


def _move(
    desk: _Desk, promoter: Promoter, group: Group, builds: Sequence[Build], run: str, log: Log
) -> tuple[State, str]:
    publications = [
        promoter.publication(desk.placed(one)) if one in builds else desk.beside(group, one)
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
