"""The first phase: from a judged image to an immutable tag at a target. No floating tag moves.

A registry has no compare-and-swap. So the tag is read before it is written and read back after, and
publishers on this machine take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from factory.engine import Engine
from factory.errors import PublishError
from factory.model import Built, Joint, Names, PlannedBuild, Publication, Target, Verdict
from factory.publish import move
from factory.publish.gate import refusals, remedy
from factory.publish.keys import is_known, require_key
from factory.publish.manifest import config_digest
from factory.publish.turns import taking_turns
from factory.registry import Manifest, Registry, place


class Evidence(Protocol):
    """What is attached to a manifest between the two phases: to show that it was judged."""

    def __call__(
        self,
        planned: PlannedBuild,
        target: Target,
        publication: Publication,
        log: Callable[[str], None],
        *,
        anew: bool = False,
    ) -> None:
        """Attach it, where it is not there yet. Called in each run that publishes a build at a
        target, so that to find nothing to do has to be cheap.

        Args:
            anew: whether the image came there just now, or was read since it is not what was
                remembered: what is remembered of evidence may be wrong as well.

        Raises:
            FactoryError: it could not be attached: then no floating tag of the group moves.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What an immutable tag names, to be published as; the manifest is there only if it had to be
    read."""

    publication: Publication
    manifest: Manifest | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """What the immutable tag names; the manifest is there only if it had to be read."""

    digest: str
    config_digest: str
    manifest: Manifest | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Pushes to one target. Threads may share it.

    Attributes:
        engine: where the images are.
        registry: the client for the target's registry.
        target: where to, and what it accepts.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        verdicts_of: the verdicts for a config digest: they decide on an image that is found under
            the immutable tag in place of ours.
        joints_of: likewise, what it has to have passed together with other builds.
        environment: variables for ``docker push``; the seam for credentials.
        ready: has a repository ready for a push, and gives further variables for that.
        unclean: why the project is no clean git checkout; empty if it is one.
    """

    engine: Engine
    registry: Registry
    target: Target
    locks: Path
    verdicts_of: Callable[[str], Iterable[Verdict]]
    joints_of: Callable[[str], Iterable[Joint]]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[str], Mapping[str, str]] = lambda _repository: {}
    unclean: str = ""

    def push(
        self,
        planned: PlannedBuild,
        built: Built,
        verdicts: Iterable[Verdict],
        known: Publication | None = None,
        log: Callable[[str], None] = lambda _: None,
    ) -> Pushed:
        """Have one build under its immutable tag: pushed, or found there. One HEAD where it is.

        Args:
            planned: the build and its tags.
            built: its image in the engine.
            verdicts: what the gates said of exactly that image.
            known: what was last pushed of this build to here, from the ledger; it spares reading a
                manifest whose digest is the same as then.

        Returns:
            With ``known`` itself, if that is how it is.

        Raises:
            PublishError: a gate or the target's policy refuses; another image, or one of another
                key, holds the immutable tag.
            RegistryError: the registry failed.
        """
        self._refuse(
            planned,
            built,
            verdicts,
            todo="pass the gates first: `invoke status` shows the verdicts; what may be missing is "
            "named in the target's `accept` (docs/matrix.md)",
        )
        names = self.target.names(planned)
        with taking_turns(self.locks, self.target, planned.build.id, log):
            placed = self._immutable(names, planned, built, known)
        now = Publication(
            build_id=planned.build.id,
            key=planned.key,
            target=self.target.name,
            repository=names.repository,
            immutable=names.immutable,
            floating=names.floating,
            manifest_digest=placed.digest,
            config_digest=placed.config_digest,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        same = known is not None and replace(now, at=known.at) == known
        return Pushed(
            publication=known if known is not None and same else now, manifest=placed.manifest
        )

    def _refuse(
        self, planned: PlannedBuild, built: Built, verdicts: Iterable[Verdict], todo: str
    ) -> None:
        names = self.target.names(planned)
        joints = self.joints_of(built.config_digest)
        reasons = refusals(
            planned, built, verdicts, self.target, joints=joints, unclean=self.unclean
        )
        if reasons:
            raise PublishError(
                f"{planned.build.id} may not be published at `{self.target.name}`: {reasons[0]}",
                where=place(names.repository, names.immutable),
                todo=remedy(
                    reasons,
                    unclean=self.unclean if self.target.require_clean else "",
                    commit="publish from a git checkout with nothing uncommitted: commit the "
                    "working tree, and run this again",
                    judge=todo,
                ),
                detail=reasons,
            )

    def _immutable(
        self, names: Names, planned: PlannedBuild, built: Built, known: Publication | None
    ) -> _Placed:
        repository = names.repository
        digest = self.registry.head(repository, names.immutable)
        if digest is None:
            return self._push(names, planned, built)
        if known and is_known(known, planned, repository, digest):
            placed = _Placed(digest=digest, config_digest=known.config_digest)
        else:
            placed = self._read(repository, digest)
            require_key(self.registry, names, planned.key, placed.config_digest)
        if placed.config_digest != built.config_digest:
            self._adopt(planned, built, placed)
        return placed

    def _adopt(self, planned: PlannedBuild, built: Built, placed: _Placed) -> None:
        """Let an image stand that was published under this key before ours, if it passed too."""
        self._refuse(
            planned,
            replace(built, config_digest=placed.config_digest),
            self.verdicts_of(placed.config_digest),
            todo="its immutable tag names another image of the same key, which is never "
            "overwritten: run `invoke release`, which judges that one in place of ours",
        )

    def _push(self, names: Names, planned: PlannedBuild, built: Built) -> _Placed:
        name = place(names.repository, names.immutable)
        if self.engine.image(built.image_id) is None:
            raise PublishError(
                f"the image of {planned.build.id} is gone from the engine",
                where=built.ref,
                todo="run `invoke release`, which makes and judges it again",
            )
        environment = {**self.environment, **self.ready(names.repository)}
        self.engine.tag(built.image_id, name)
        try:
            move.docker(
                "push",
                name,
                failed=f"{planned.build.id} could not be pushed",
                todo="see that the registry runs and has room, then run `invoke publish` again",
                env=environment,
            )
        except PublishError:
            # A registry that lets nobody rewrite a tag refuses what another one has just pushed,
            # and an answer can be lost: what is there is read below, and held to what was judged.
            if self.registry.head(names.repository, names.immutable) is None:
                raise
        finally:
            self.engine.remove_image(name)
        placed = self._read(names.repository, names.immutable)
        if placed.config_digest != built.config_digest:
            raise PublishError(
                f"the image that arrived is not the one that was judged: {placed.config_digest} "
                f"in place of {built.config_digest}",
                where=name,
                todo="somebody else published under this tag, or the engine's image changed: run "
                "`invoke release`, which judges what is there; no floating tag was moved",
            )
        return placed

    def _read(self, repository: str, reference: str) -> _Placed:
        manifest = self.registry.require(repository, reference)
        config = config_digest(manifest, place(repository, reference))
        return _Placed(digest=manifest.digest, config_digest=config, manifest=manifest)
