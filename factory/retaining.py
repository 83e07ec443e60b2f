"""Collecting at a target what its policy does not keep: the registry and the ledger, wired to the
decision. It is dry unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from factory.errors import ConfigError, PublishError
from factory.ledger import Ledger
from factory.matrix import select
from factory.model import Collected, Decision, Publication, Retention, Selection, Target, adopted_id
from factory.project import all_builds, load
from factory.promoting import target_of
from factory.publish import Shelf, decide, local, no_moves, taking_turns
from factory.registry import (
    Registry,
    document_of,
    list_referrers,
    remove,
    require_removal,
    subject_of,
)
from factory.registry import tags as tags_of
from factory.remotes import Remotes
from factory.settings import Settings
from factory.signals import terminable

_ASKED_AT_ONCE = 8
Note = Callable[[str], None]


def collect(
    settings: Settings, selection: Selection, target: str, note: Note, *, apply: bool
) -> Collected:
    """Decide on every image at a target, and remove what nothing keeps.

    Args:
        selection: of the matrix's builds; only their images are decided on, and no cell's that left
            the matrix. With none, all are.
        target: its name in ``matrix.yaml``.
        note: is told of each removal.
        apply: whether anything is removed.

    Raises:
        ConfigError: there is no such target, or it has no policy; or the project is wrong.
        RegistryError: the registry refused, failed, or removes nothing.
        MachineError: the ledger cannot be read.
    """
    project = load(settings)
    place = target_of(project.matrix, target, "--target")
    if place.retention is None:
        raise ConfigError(
            f"`{target}` has no retention policy, so all that is there stays",
            todo=f"give it one in matrix.yaml: `targets: {{{target}: {{retention: {{keep_days: "
            "30}}}}` (docs/promote.md)",
        )
    everything = all_builds(project)
    chosen = {build.id for build in select(everything, selection)}
    with terminable(), Ledger.open(settings.state / "ledger.sqlite") as ledger:
        releases = list(_releases(ledger, target))
        if apply and ledger.unfinished():
            raise PublishError(
                "a killed run has left floating tags half moved, and may need what is old there",
                todo="run `invoke publish --resume` or `invoke rollback`, then collect again",
            )
    if place.registry == settings.registry:
        local.ensure(settings)
    desk = _Desk(
        settings=settings,
        registry=Remotes(settings=settings, project=project).client(),
        target=place,
        retention=place.retention,
        releases=releases,
        current=frozenset(
            name for build in everything for name in (build.id, adopted_id(build.id))
        ),
    )
    wanted = None if selection == Selection() else chosen
    with terminable():
        return desk.collect(wanted, note, apply=apply)


def _releases(ledger: Ledger, target: str) -> Iterator[Publication]:
    for build_id in dict.fromkeys(build for build, _ in ledger.publications()):
        yield from (one for one in ledger.releases(build_id) if one.target == target)


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """What is needed to decide, and to do it."""

    settings: Settings
    registry: Registry
    target: Target
    retention: Retention
    releases: Sequence[Publication]
    current: frozenset[str]

    def collect(self, wanted: set[str] | None, note: Note, *, apply: bool) -> Collected:
        repositories = dict.fromkeys(one.repository for one in self.releases)
        decisions: list[Decision] = []
        removed: list[str] = []
        for repository in repositories:
            found = [one for one in self._decisions(repository) if _among(one, wanted)]
            decisions += found
            if apply and not all(one.keep for one in found):
                require_removal(repository)
                removed += self._apply(found, note)
        return Collected(
            target=self.target.name,
            decisions=tuple(decisions),
            removed=tuple(removed),
            applied=apply,
        )

    def _decisions(self, repository: str) -> tuple[Decision, ...]:
        names = tags_of(self.registry, repository)
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            found = pool.map(lambda tag: self.registry.head(repository, tag), names)
            tags = {tag: digest for tag, digest in zip(names, found, strict=True) if digest}
        attached: dict[str, tuple[str, ...]] = {}
        for tag in tags:
            subject = subject_of(tag)
            if subject:
                attached[subject] = (*attached.get(subject, ()), tag)
        plain = {tag: digest for tag, digest in tags.items() if not subject_of(tag)}
        shelf = Shelf(
            repository=repository,
            tags=plain,
            attached=attached,
            within=frozenset(self._within(repository, plain)),
            releases=[one for one in self.releases if one.repository == repository],
            current=self.current,
            now=datetime.now(UTC),
        )
        return decide(shelf, self.retention)

    def _apply(self, decisions: Iterable[Decision], note: Note) -> Iterator[str]:
        """Remove what goes, while nobody publishes that build from this machine; each is decided on
        again then, since a tag may have been moved back to it meanwhile."""
        locks = self.settings.cache / "publishing"
        for one in decisions:
            if one.keep:
                continue
            with (
                taking_turns(locks, self.target, one.build_id),
                no_moves(locks, one.repository),
            ):
                again = {now.digest: now for now in self._decisions(one.repository)}
                now = again.get(one.digest)
                if now is None or now.keep:
                    continue
                kept = {other.digest for other in again.values() if other.keep}
                yield from self._remove(now, kept, note)

    def _remove(self, decision: Decision, kept: Collection[str], note: Note) -> Iterator[str]:
        """What is attached goes first: were this broken off in between, the rest is found again."""
        repository = decision.repository
        attached = [
            *self._referrers(repository, decision.digest),
            *(self.registry.head(repository, tag) for tag in decision.attached),
        ]
        for digest in attached:
            if digest and digest not in kept:
                remove(self.registry, repository, digest)
        if remove(self.registry, repository, decision.digest):
            note(f"removed {repository}: {', '.join(decision.tags)}")
            yield decision.digest

    def _referrers(self, repository: str, digest: str) -> Iterator[str]:
        """What says itself that it refers to an image: anybody who may push writes the list."""
        for one in list_referrers(self.registry, repository, digest):
            manifest = self.registry.get(repository, one.digest)
            subject = document_of(manifest.content).get("subject") if manifest else None
            if isinstance(subject, dict) and subject.get("digest") == digest:
                yield one.digest

    def _within(self, repository: str, tags: Mapping[str, str]) -> Iterator[str]:
        """What indexes list that others have put there: it is in use as they are."""
        ours = {tag for one in self.releases for tag in (one.immutable, *one.floating)}
        for digest in {found for tag, found in tags.items() if tag not in ours}:
            manifest = self.registry.get(repository, digest)
            listed = document_of(manifest.content).get("manifests") if manifest else None
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict):
                    yield str(one.get("digest"))


def _among(decision: Decision, wanted: set[str] | None) -> bool:
    return wanted is None or decision.build_id in wanted
