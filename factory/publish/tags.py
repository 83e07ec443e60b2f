"""Many tags of registries at once: read, held against one another, and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from factory.errors import PublishError
from factory.model import Move, Publication
from factory.publish.manifest import config_digest
from factory.publish.turns import alone_with
from factory.registry import Manifest, Registry, place

AT_ONCE = 8
"""How many requests are under way at once: fewer than a registry takes for an attack (ECR lets ten
manifests be put a second)."""

T = TypeVar("T")
R = TypeVar("R")
Found = Mapping[str, str | None]
"""The digest of what a tag names, or ``None`` where it does not exist, by its full name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """The floating tags of a group. Threads may share it.

    Attributes:
        registry: the client for all of them.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        manifests: those that were read already, by their full names: none is read twice.
    """

    registry: Registry
    locks: Path
    manifests: dict[str, Manifest] = field(default_factory=dict)

    @contextmanager
    def turn(self, moves: Iterable[Move], log: Callable[[str], None]) -> Iterator[None]:
        """Alone on this machine with the repositories of these tags, for a ``with`` block.

        Raises:
            Interrupted: the run was cancelled while it waited for another publisher.
        """
        with alone_with(self.locks, (move.repository for move in moves), log):
            yield

    def moves(self, publications: Sequence[Publication]) -> tuple[Move, ...]:
        """What there is to move so that all floating tags name what is published: a HEAD a tag.

        Raises:
            RegistryError: a registry failed.
        """
        wanted = [
            Move(
                target=one.target,
                repository=one.repository,
                tag=tag,
                before=None,
                after=one.manifest_digest,
            )
            for one in publications
            for tag in one.floating
        ]
        found = self.read(wanted)
        return tuple(replace(move, before=found[move.place]) for move in wanted)

    def read(self, moves: Iterable[Move]) -> Found:
        """What tags name now.

        Raises:
            RegistryError: a registry failed.
        """
        places = {move.place: (move.repository, move.tag) for move in moves}
        digests = each(self._head, places.values())
        return dict(zip(places, digests, strict=True))

    def _head(self, at: tuple[str, str]) -> str | None:
        return self.registry.head(*at)

    def manifest_of(self, move: Move, *, back: bool = False) -> Manifest:
        """What a tag is to name, or, on the way back, what it named.

        Raises:
            RegistryError: it is gone.
        """
        return self.manifest(move.repository, (move.before or "") if back else move.after)

    def manifest(self, repository: str, digest: str) -> Manifest:
        """A manifest that is about to get a tag.

        Raises:
            RegistryError: it is gone.
        """
        at = place(repository, digest)
        if at not in self.manifests:
            self.manifests[at] = self.registry.require(repository, digest)
        return self.manifests[at]

    def require_judged(self, publications: Iterable[Publication]) -> None:
        """See that immutable tags name what was pushed, and that this is what was judged.

        Raises:
            PublishError: one does not.
            RegistryError: a registry failed.
        """
        each(self._require_judged, publications)

    def _require_judged(self, one: Publication) -> None:
        where = place(one.repository, one.immutable)
        if self.registry.head(one.repository, one.immutable) != one.manifest_digest:
            raise PublishError(
                "this tag is gone, or names another image than the one that was pushed",
                where=where,
                todo="see who removes or overwrites tags there; then `invoke rollback` puts the "
                "floating tags back, or `invoke release` publishes anew",
            )
        config = config_digest(self.manifest(one.repository, one.manifest_digest), where)
        if config != one.config_digest:
            raise PublishError(
                f"this is not the image that was judged: {config} in place of {one.config_digest}",
                where=where,
                todo="run `invoke release`, which judges what is there",
            )


def each(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The answers to several questions, some of which are asked at once. One's failure is raised
    when nothing is under way any more."""
    things = list(items)
    if len(things) < 2:
        return [call(thing) for thing in things]
    with ThreadPoolExecutor(min(AT_ONCE, len(things))) as pool:
        return list(pool.map(call, things))
