"""From one target to another, by digest: what was judged and published there, and nothing else.

The order is that of publishing. The immutable tag comes first and is read back, then what is
attached to the image, and the floating tags last; each is read before it is written. What is moved
is the manifest that the source holds, byte for byte: nothing is built, and no engine has a part in
it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.errors import PublishError
from factory.model import (
    REVISION,
    Built,
    Joint,
    Names,
    PlannedBuild,
    Publication,
    Target,
    Verdict,
)
from factory.publish.gate import refusals, remedy
from factory.publish.keys import labels_of
from factory.publish.manifest import config_digest
from factory.publish.turns import taking_turns
from factory.registry import Brought, Copier, Manifest, Registry, copy_attached, place

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A build that is to be promoted, with all that decides whether it may be.

    Attributes:
        planned: the build, of the key that is published at the source.
        built: its image, as far as it is known here: an engine need not have it.
        published: what the ledger knows of it at the source.
        verdicts: what was said of exactly that image.
        joints: what it has to have passed together with other builds.
    """

    planned: PlannedBuild
    built: Built
    published: Publication
    verdicts: tuple[Verdict, ...]
    joints: tuple[Joint, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Promoter:
    """Promotes from one target to another. Threads may share it.

    Attributes:
        registry: the client for both.
        copier: moves what is not there, and counts it.
        source, target: the two.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        ready: is called with the target's repository before something is copied there: some
            registries want it made.
    """

    registry: Registry
    copier: Copier
    source: Target
    target: Target
    locks: Path
    ready: Callable[[str], object] = lambda _repository: None

    def place(self, candidate: Candidate, log: Log) -> tuple[bool, Brought]:
        """Have an image at the target under its immutable tag, with what is attached to it.

        Returns:
            Whether the image had to be copied; what came of that which is attached.

        Raises:
            PublishError: a gate or the target's policy refuses; the source does not hold what was
                judged; the target holds something else under the immutable tag.
            RegistryError: a registry failed. After either no floating tag was touched.
        """
        self._require_source(candidate)
        self._refuse(candidate)
        names, published = self.target.names(candidate.planned), candidate.published
        with taking_turns(self.locks, self.target, candidate.planned.build.id, log):
            copied = self._immutable(names, candidate)
            brought = copy_attached(
                self.registry,
                self.copier,
                published.repository,
                names.repository,
                published.manifest_digest,
            )
        return copied, brought

    def _refuse(self, candidate: Candidate) -> None:
        unclean = self._unclean(candidate) if self.target.require_clean else ""
        reasons = refusals(
            candidate.planned,
            candidate.built,
            candidate.verdicts,
            self.target,
            joints=candidate.joints,
            unclean=unclean,
        )
        if reasons:
            names = self.target.names(candidate.planned)
            raise PublishError(
                f"{candidate.planned.build.id} may not be published at `{self.target.name}`: "
                f"{reasons[0]}",
                where=place(names.repository, names.immutable),
                todo=remedy(
                    reasons,
                    unclean=unclean,
                    commit=f"commit the working tree before it is built and published at "
                    f"`{self.source.name}`: what was built before says of no commit until its key "
                    "changes",
                    judge="`invoke status` shows the verdicts; what may be missing there, the "
                    "target's `accept` names (docs/matrix.md)",
                ),
                detail=reasons,
            )

    def _unclean(self, candidate: Candidate) -> str:
        """Why an image does not come from a clean git checkout, by what it says itself: only what
        was built in one says of which commit. What is in the working tree by now is not asked."""
        one = candidate.published
        labels = labels_of(self.registry.blob(one.repository, one.config_digest))
        return "" if labels.get(REVISION) else "the image says of no commit that it was built from"

    def _require_source(self, candidate: Candidate) -> None:
        """See that the source's tags name what is promoted."""
        published, source = candidate.published, self.source.name
        there = self.source.names(candidate.planned).repository
        if there != published.repository:
            raise PublishError(
                f"`{source}` is at {there} by now, where nothing was published from here",
                where=published.repository,
                todo="run `invoke release`, which publishes there, and promote that",
            )
        for tag in (published.immutable, *published.floating[:1]):
            found = self.registry.head(published.repository, tag)
            if found != published.manifest_digest:
                says = "is not there any more" if found is None else "names another image by now"
                raise PublishError(
                    f"this tag {says}, so what `{source}` holds is not what was published from "
                    "here",
                    where=place(published.repository, tag),
                    todo=f"run `invoke release`, which judges what `{source}` holds, and promote "
                    "that",
                )

    def _at_source(self, candidate: Candidate) -> Manifest:
        """The manifest that is promoted, which is of the image that was judged."""
        published = candidate.published
        manifest = self.registry.require(published.repository, published.manifest_digest)
        at = place(published.repository, manifest.digest)
        config = config_digest(manifest, at)
        if config != candidate.built.config_digest:
            raise PublishError(
                f"this image is not the one that was judged: {config} in place of "
                f"{candidate.built.config_digest}",
                where=at,
                todo="run `invoke release`, which judges what is there",
            )
        return manifest

    def _immutable(self, names: Names, candidate: Candidate) -> bool:
        """Have the image there; whether it had to be copied. Nothing is read that need not be:
        Docker Hub counts that as a pull."""
        source, digest = candidate.published.repository, candidate.published.manifest_digest
        found = self.registry.head(names.repository, names.immutable)
        if found is None:
            manifest = self._at_source(candidate)
            self.ready(names.repository)
            self.copier.image(source, names.repository, manifest, names.immutable)
            found = self.registry.head(names.repository, names.immutable)
            if found == digest:
                return True
        if found != digest:
            raise PublishError(
                f"this tag names another image ({found}), and it is never overwritten",
                where=place(names.repository, names.immutable),
                todo="find out who pushed it and remove the tag from the registry, or choose "
                "another repository for the target, then run again; no floating tag was moved",
            )
        return False

    def publication(self, candidate: Candidate) -> Publication:
        """What it comes to once the floating tags have moved."""
        names = self.target.names(candidate.planned)
        return replace(
            candidate.published,
            target=self.target.name,
            repository=names.repository,
            immutable=names.immutable,
            floating=names.floating,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
