"""Collecting at a target what its policy does not keep: the registry and the ledger, wired to the
decision. It is dry unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from factory.attesting import Notes
from factory.errors import ConfigError, RegistryError
from factory.ledger import Ledger
from factory.matrix import select
from factory.model import (
    Build,
    Collected,
    Decision,
    Publication,
    Retention,
    Selection,
    Stage,
    Target,
    adopted_id,
)
from factory.project import all_builds, load
from factory.promoting import target_of
from factory.publish import Shelf, alone_with, decide, is_there, local, taking_turns
from factory.registry import (
    Registry,
    attached_to,
    document_of,
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
            "30}}}` (docs/promote.md)",
        )
    everything = all_builds(project)
    chosen = {build.id for build in select(everything, selection)}
    if place.registry == settings.registry:
        local.ensure(settings)
    remotes = Remotes(settings=settings, project=project, note=note)
    with terminable(), Ledger.open(settings.state / "ledger.sqlite") as ledger:
        desk = _Desk(
            settings=settings,
            ledger=ledger,
            remotes=remotes,
            registry=remotes.client(),
            target=place,
            retention=place.retention,
            current={
                name: build for build in everything for name in (build.id, adopted_id(build.id))
            },
        )
        wanted = None if selection == Selection() else chosen
        found = desk.collect(wanted, note, apply=apply)
        return replace(found, hindrance=hindrance(found.decisions, place))


def hindrance(decisions: Sequence[Decision], target: Target) -> str:
    """Why nothing of what would go can be removed from here, and what removes it; empty where
    nothing would go, or the registry is none of those that are known to remove nothing."""
    for one in decisions:
        if not one.keep and target.ecr is None:
            try:
                require_removal(one.repository)
            except RegistryError as error:
                return f"{error.what}: {error.todo}"
    return ""


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """What is needed to decide, and to do it.

    Attributes:
        current: the builds that the matrix has now, by what they are published as.
    """

    settings: Settings
    ledger: Ledger
    remotes: Remotes
    registry: Registry
    target: Target
    retention: Retention
    current: Mapping[str, Build]

    def collect(self, wanted: set[str] | None, note: Note, *, apply: bool) -> Collected:
        repositories = dict.fromkeys(one.repository for one in self._releases())
        for left in dict.fromkeys(one.repository for one in self._published()):
            if left not in repositories:
                note(f"{left} is not where `{self.target.name}` is now: what it has there is left")
        decisions: list[Decision] = []
        removed: list[str] = []
        for repository in repositories:
            found = [one for one in self._decisions(repository) if _among(one, wanted)]
            decisions += found
            if apply and not all(one.keep for one in found):
                if self.target.ecr is None:
                    require_removal(repository)
                removed += self._apply(found, note)
        return Collected(
            target=self.target.name,
            decisions=tuple(decisions),
            removed=tuple(removed),
            applied=apply,
        )

    def _published(self) -> Iterator[Publication]:
        """All that was ever published at a target of this name, wherever that was then."""
        for build_id in dict.fromkeys(build for build, _ in self.ledger.publications()):
            releases = self.ledger.releases(build_id)
            yield from (one for one in releases if one.target == self.target.name)

    def _releases(self) -> Iterator[Publication]:
        """The same, where the target is now: nothing else is the policy's to remove."""
        for one in self._published():
            if is_there(self.target, one, self.current.get(one.build_id)):
                yield one

    def _decisions(self, repository: str) -> tuple[Decision, ...]:
        """What becomes of each image, with what goes along with it."""
        tags = self._tags(repository)
        plain = {tag: digest for tag, digest in tags.items() if not subject_of(tag)}
        releases = tuple(self._releases())
        shelf = Shelf(
            repository=repository,
            tags=plain,
            within=frozenset(self._within(repository, plain, releases)),
            releases=[one for one in releases if one.repository == repository],
            awaited=frozenset(self._awaited(repository)),
            current=frozenset(self.current),
            now=datetime.now(UTC),
        )
        return tuple(
            one
            if one.keep
            else replace(one, attached=attached_to(self.registry, repository, one.digest, tags))
            for one in decide(shelf, self.retention)
        )

    def _tags(self, repository: str) -> Mapping[str, str]:
        names = tags_of(self.registry, repository)
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            found = pool.map(lambda tag: self.registry.head(repository, tag), names)
            return {tag: digest for tag, digest in zip(names, found, strict=True) if digest}

    def _awaited(self, repository: str) -> Iterator[str]:
        """What a journal that is not finished may have tags name, forward or back, or the last one
        of a group at a target, were it rolled back, whatever moved at others since; and what was
        pushed last of each build: its tags may be about to move."""
        done = (one for one in self.ledger.journals() if one.stage is Stage.DONE)
        last = {(one.group, move.target): one for one in done for move in one.moves}
        for journal in (*self.ledger.unfinished(), *last.values()):
            for move in journal.moves:
                if move.repository == repository:
                    yield from (one for one in (move.before, move.after) if one)
        for build_id in self.current:
            pushed = self.ledger.pushed(build_id, self.target.name)
            if pushed and pushed.repository == repository:
                yield pushed.manifest_digest

    def _apply(self, decisions: Iterable[Decision], note: Note) -> Iterator[str]:
        """Remove what goes, while nobody publishes that build from this machine, or moves tags
        there; each is decided on again then, since a tag may have been moved back to it
        meanwhile."""
        locks = self.settings.cache / "publishing"
        for one in decisions:
            if one.keep:
                continue
            with (
                taking_turns(locks, self.target, one.build_id, note),
                alone_with(locks, [one.repository], note),
            ):
                again = {now.digest: now for now in self._decisions(one.repository)}
                now = again.get(one.digest)
                if now is None or now.keep:
                    continue
                yield from self._remove(now, note)

    def _remove(self, decision: Decision, note: Note) -> Iterator[str]:
        """What is attached goes first, the last of it first: were this broken off in between, the
        rest is found again."""
        repository = decision.repository
        for digest in (*reversed(decision.attached), decision.digest):
            Notes(self.settings).forget(repository, decision.digest)
            there = self.remotes.remove(self.registry, self.target, repository, digest)
        if there:
            note(f"removed {repository}: {', '.join(decision.tags)}")
            yield decision.digest

    def _within(
        self, repository: str, tags: Mapping[str, str], releases: Iterable[Publication]
    ) -> Iterator[str]:
        """What indexes list that others have put there: it is in use as they are."""
        ours = {tag for one in releases for tag in (one.immutable, *one.floating)}
        for digest in {found for tag, found in tags.items() if tag not in ours}:
            manifest = self.registry.get(repository, digest)
            listed = document_of(manifest.content).get("manifests") if manifest else None
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict):
                    yield str(one.get("digest"))


def _among(decision: Decision, wanted: set[str] | None) -> bool:
    return wanted is None or decision.build_id in wanted
