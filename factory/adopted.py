"""How an image that was made by hand is published: apart from the build whose image it stands for,
through the same gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial

from factory import git
from factory import scan as scan_room
from factory.attesting import Attester
from factory.engine import Engine
from factory.errors import FactoryError, PublishError
from factory.evidence import Cosign
from factory.judging import at_target
from factory.ledger import Ledger
from factory.model import (
    AdoptingTarget,
    Built,
    Gate,
    Journal,
    Plan,
    PlannedBuild,
    Project,
    Publication,
    Target,
    Verdict,
    adopted_id,
)
from factory.pairs import Pairs
from factory.publish import Mover, Publisher, Tags, local
from factory.registry import Registry, place
from factory.remotes import Remotes
from factory.settings import Settings

Log = Callable[[str], None]


@dataclass(kw_only=True)
class Outlet:
    """Where one adopted image goes out.

    Attributes:
        plans: of the build that it stands for, and of those that cohorts pair it with.
        planned: that build.
        built: the image.
        verdicts: what the gates said of it; they are asked when it is published.
        remotes: who we are at the targets.
    """

    settings: Settings
    project: Project
    plans: tuple[Plan, Plan]
    ledger: Ledger
    engine: Engine
    run_id: str
    planned: PlannedBuild
    built: Built
    verdicts: Mapping[Gate, Verdict]
    remotes: Remotes

    @cached_property
    def pairs(self) -> Pairs:
        """How it is judged together with others."""
        plan, beside = self.plans
        return Pairs(
            settings=self.settings,
            project=self.project,
            plan=plan,
            beside=beside,
            ledger=self.ledger,
            built=self._image_of,
            require=self._require_in_engine,
            run_id=self.run_id,
            insists=False,
        )

    def _image_of(self, planned: PlannedBuild, error: type[FactoryError]) -> Built:
        """The adopted one for its build, and of the others their own."""
        built = (
            self.built if planned.build == self.planned.build else self.ledger.built(planned.key)
        )
        if built is None:
            raise error(
                f"{planned.build.id}, which a cohort pairs with it, has not been built",
                todo=f"`invoke build --image {planned.build.image} --only {planned.build.cell.id}`",
            )
        return built

    def _require_in_engine(
        self, built: Built, planned: PlannedBuild, error: type[FactoryError]
    ) -> None:
        if self.engine.image(built.image_id) is None:
            raise error(f"the image of {planned.build.id} is gone from the engine", where=built.ref)

    def _verdicts_at(self, _planned: PlannedBuild, digest: str, target: Target) -> list[Verdict]:
        if digest != self.built.config_digest:
            return []
        found = list(self.verdicts.values())
        if target.scan is None:
            return found
        policy = self.project.matrix.scan_policy(self.planned.build, target)
        verdict = scan_room.scan_again(
            config_digest=digest, policy=policy, cache=self.settings.cache, log=lambda _: None
        )
        return [*found, at_target(verdict, target.name)] if verdict else []

    def publish(self, target: Target, log: Log) -> Publication:
        """Push it under its immutable tag, attach what is known of it, and move its floating tag,
        by a journal as that of any other.

        Raises:
            PublishError: a gate or the target's policy refuses, or another image holds its tag.
            RegistryError: the registry failed.
        """
        planned = self.planned
        here = AdoptingTarget.of(target, self.built.config_digest)
        if target.registry == self.settings.registry:
            local.ensure(self.settings)
        registry, locks = self.remotes.client(), self.settings.cache / "publishing"
        verdicts = partial(self._verdicts_at, planned, target=target)
        joints = partial(self.pairs.joints, planned)
        publisher = Publisher(
            engine=self.engine,
            registry=registry,
            target=here,
            locks=locks,
            verdicts_of=verdicts,
            joints_of=joints,
            ready=partial(self.remotes.ready, target),
            unclean=git.unclean(self.settings.root) if target.require_clean else "",
        )
        pushed = publisher.push(planned, self.built, verdicts(self.built.config_digest), log=log)
        now = replace(pushed.publication, build_id=adopted_id(self.planned.build.id))
        self._require_itself(now)
        self._attester(registry)(planned, target, now, log, anew=pushed.manifest is not None)
        self.ledger.record_pushed(now)
        tags = Tags(registry=registry, locks=locks)
        with tags.turn(tags.moves([now]), log):
            moves = tags.moves([now])
            if any(move.pending for move in moves):
                journal = Journal(
                    run=self.run_id,
                    group=now.build_id,
                    publications=(now,),
                    moves=moves,
                    at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                )
                Mover(tags=tags, book=self.ledger).begin(journal)
            else:
                self.ledger.record_publications([now], [move.place for move in moves])
        return now

    def _require_itself(self, now: Publication) -> None:
        """Twelve digits could be another image's, which is never overwritten."""
        if now.config_digest != self.built.config_digest:
            raise PublishError(
                f"this tag holds another image: {now.config_digest}",
                where=place(now.repository, now.immutable),
                todo="find out who pushed it, and remove the tag from the registry",
            )

    def _attester(self, registry: Registry) -> Attester:
        key = self.project.matrix.evidence.key
        return Attester(
            settings=self.settings,
            plan=self.plans[0],
            registry=lambda: registry,
            signer=Cosign(key, self.settings.root) if key else None,
            built=self._image_of,
            verdicts=self._verdicts_at,
            joints=self.pairs.joints,
        )
