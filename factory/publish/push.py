"""From a judged image to tags at a target: the immutable one first, then the floating ones.

A registry has no compare-and-swap. So each tag is read before it is written and read back after,
publishers on this machine take turns, and what is moved is only ever the manifest that was read
back and found to be of the image that was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from factory.engine import Engine
from factory.errors import PublishError
from factory.model import Built, Joint, Names, PlannedBuild, Publication, Target, Verdict
from factory.publish import move
from factory.publish.gate import refusals
from factory.publish.keys import is_known, require_key
from factory.publish.manifest import config_digest
from factory.registry import Manifest, Registry, place


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """What the immutable tag names; the manifest is there only if it had to be read."""

    digest: str
    config_digest: str
    manifest: Manifest | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Publishes at one target. Threads may share it.

    Attributes:
        engine: where the images are.
        registry: the client for the target's registry.
        target: where to, and what it accepts.
        locks: the folder, machine-wide, of the locks by which publishers take turns.
        verdicts_of: the verdicts for a config digest: they decide on an image that is found under
            the immutable tag in place of ours.
        joints_of: likewise, what it has to have passed together with other builds.
        attach: has what is known of the image refer to it at the target, before any floating tag
            names it.
        environment: variables for ``docker push``; the seam for credentials.
    """

    engine: Engine
    registry: Registry
    target: Target
    locks: Path
    verdicts_of: Callable[[str], Iterable[Verdict]]
    joints_of: Callable[[str], Iterable[Joint]]
    attach: Callable[[Publication], None] = lambda _: None
    environment: Mapping[str, str] = field(default_factory=dict)

    def publish(
        self,
        planned: PlannedBuild,
        built: Built,
        verdicts: Iterable[Verdict],
        known: Publication | None = None,
    ) -> Publication:
        """Publish one build, doing only what is not done: one HEAD a tag where all of it is.

        Args:
            planned: the build and its tags.
            built: its image in the engine.
            verdicts: what the gates said of exactly that image.
            known: the last publication of this build here, from the ledger; it spares reading a
                manifest whose digest is the same as then.

        Raises:
            PublishError: a gate or the target's policy refuses; another image, or one of another
                key, holds the immutable tag; somebody else moved a tag meanwhile.
            RegistryError: the registry failed. After either, no floating tag has moved to anything
                that did not pass.
        """
        self._refuse(
            planned,
            built,
            verdicts,
            todo="pass the gates first: `invoke status` shows which verdicts there are",
        )
        names = self.target.names(planned)
        with self._turn(planned):
            placed = self._immutable(names, planned, built, known)
            now = self._publication(names, planned, placed)
            self.attach(now)
            moved = [self._float(names.repository, tag, placed) for tag in names.floating]
        unchanged = known is not None and replace(now, at=known.at) == known and not any(moved)
        return known if known is not None and unchanged else now

    def _publication(self, names: Names, planned: PlannedBuild, placed: _Placed) -> Publication:
        return Publication(
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

    def _refuse(
        self, planned: PlannedBuild, built: Built, verdicts: Iterable[Verdict], todo: str
    ) -> None:
        names = self.target.names(planned)
        joints = self.joints_of(built.config_digest)
        reasons = refusals(planned, built, verdicts, self.target, joints=joints)
        if reasons:
            raise PublishError(
                f"{planned.build.id} may not be published at `{self.target.name}`: {reasons[0]}",
                where=place(names.repository, names.immutable),
                todo=todo,
                detail=reasons,
            )

    @contextmanager
    def _turn(self, planned: PlannedBuild) -> Iterator[None]:
        self.locks.mkdir(parents=True, exist_ok=True)
        name = quote(f"{self.target.registry} {planned.build.id}", safe="")
        with FileLock(self.locks / f"{name}.lock"):
            yield

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
        self.engine.tag(built.image_id, name)
        try:
            move.docker(
                "push",
                name,
                failed=f"{planned.build.id} could not be pushed",
                todo="see that the registry runs and has room, then run `invoke publish` again",
                env=self.environment,
            )
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

    def _float(self, repository: str, tag: str, placed: _Placed) -> bool:
        """Make a floating tag name the same manifest, byte for byte; whether it had to move."""
        if self.registry.head(repository, tag) == placed.digest:
            return False
        manifest = placed.manifest or self.registry.require(repository, placed.digest)
        self.registry.put(repository, tag, manifest)
        if self.registry.head(repository, tag) != placed.digest:
            raise PublishError(
                "somebody else moved this tag at the same time",
                where=place(repository, tag),
                todo="let one publisher at a time move it, then run `invoke publish` again",
            )
        return True
