"""How each gate is performed for one step or build: the rooms, wired to the ledger.

Each method does one piece of work, records it, and returns its state with a reason; what went
wrong is raised. Work that is done already is found in the ledger and not done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from factory import base
from factory import scan as scan_room
from factory import verify as verify_room
from factory.build import Builder
from factory.engine import Engine
from factory.errors import FactoryError, PublishError, ScanError, VerifyError
from factory.ledger import Ledger
from factory.locks import hold
from factory.model import (
    KEY_LABEL,
    Built,
    CheckStatus,
    Gate,
    Plan,
    PlannedBuild,
    Project,
    State,
    Status,
    Step,
    Target,
    Verdict,
)
from factory.publish import Publisher, existing, local
from factory.registry import Registry
from factory.report import failure_lines, verdict_words, write_junit
from factory.settings import Settings
from factory.verify import ClusterRequest

Log = Callable[[str], None]
Result = tuple[State, str]
COMPOSE_FILE = Path(__file__).parent.parent / "compose" / "cluster.yaml"


@dataclass(kw_only=True)
class Workshop:
    """What the gates need, for one run.

    Attributes:
        make_builder: called when something has to be built; asking the host for its package
            sources takes longer than finding that nothing has to be.
        run_id: labels what the run makes in the engine.
        insists: whether a partial verdict is tried anew: what was missing may be here now.
        present: the engine's images that a factory made: tag to (id, key).
        adopts: whether images that a target holds already are taken from there.
    """

    settings: Settings
    project: Project
    plan: Plan
    engine: Engine
    ledger: Ledger
    make_builder: Callable[[], Builder]
    run_id: str
    adopts: bool
    insists: bool
    present: dict[str, tuple[str, str]]
    _pinned: dict[str, Built] = field(default_factory=dict)
    _judged: dict[tuple[Gate, str], Verdict] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _registry: Registry | None = None
    _builder: Builder | None = None

    def build(self, step: Step, owner: PlannedBuild | None, log: Log) -> Result:
        """Have a step in the engine; ``owner`` is the build whose last step it is, if it is one."""
        ours = self._in_engine(step)
        adopted = self._adopt(owner, step, ours) if owner and self.adopts else None
        if adopted:
            self._record(step, adopted)
            return State.DONE, adopted.reason
        if ours:
            return State.CACHED, "in the engine"
        with hold(self.settings.cache / "building" / f"{step.key}.lock"):
            self._look_again(step)  # another run may have built it while this one waited
            if self._in_engine(step):
                return State.CACHED, "built by another run meanwhile"
            reason = "gone from the engine" if self.ledger.built(step.key) else "new key"
            rootfs = self._rootfs(step, log) if step.rootfs else None
            self._record(step, self.builder().build(step, rootfs=rootfs, reason=reason, log=log))
        return State.DONE, reason

    def scan(self, planned: PlannedBuild, log: Log) -> Result:
        """Judge an image's content."""

        def examine(built: Built) -> Verdict:
            return scan_room.scan(
                built.image_id,
                config_digest=built.config_digest,
                policy=self.project.matrix.scan,
                cache=self.settings.cache,
                log=log,
            )

        return self._judge(Gate.SCAN, planned, ScanError, examine, log)

    def verify(self, planned: PlannedBuild, log: Log) -> Result:
        """Judge an image as a cluster."""

        def boot(built: Built) -> Verdict:
            return verify_room.verify(
                self._request(planned, built),
                run_id=self.run_id,
                log=log,
                logs=self.settings.state / "logs" / planned.build.id.replace(":", "_"),
            )

        return self._judge(Gate.VERIFY, planned, VerifyError, boot, log)

    def publish(self, planned: PlannedBuild, target: Target) -> Result:
        """Move an image that passed to a target."""
        built = self._built(planned, PublishError)
        self._ensure(target)
        known = self.ledger.publication(planned.build.id, target.name)
        publisher = Publisher(
            engine=self.engine,
            registry=self.registry(),
            target=target,
            locks=self.settings.cache / "publishing",
            verdicts_of=lambda digest: self._verdicts(planned, digest),
        )
        now = publisher.publish(
            planned, built, self._verdicts(planned, built.config_digest), known=known
        )
        if now == known:
            return State.CACHED, f"{target.name} has it"
        self.ledger.record_publication(now)
        return State.DONE, f"{now.repository}:{now.floating[0]}"

    def held(self, planned: PlannedBuild) -> bool:
        """Whether a target holds this build's key already; False where that cannot be asked."""
        return any(self._holds(planned, target) for target in self.project.matrix.targets)

    def registry(self) -> Registry:
        """The client for all registries, made when first needed."""
        with self._lock:
            self._registry = self._registry or Registry()
            return self._registry

    def builder(self) -> Builder:
        """What builds, made when first needed."""
        with self._lock:
            self._builder = self._builder or self.make_builder()
            return self._builder

    def verdict(self, gate: Gate, planned: PlannedBuild, built: Built) -> Verdict | None:
        """What a gate says of an image on today's basis, if it was asked."""
        made_now = self._judged.get((gate, built.config_digest))
        if made_now:
            return made_now
        basis = (
            scan_room.current_basis(self.project.matrix.scan, self.settings.cache)
            if gate is Gate.SCAN
            else verify_room.basis(self._request(planned, built))
        )
        known = self.ledger.verdict(gate, built.config_digest, basis)
        if known and known.status is Status.PARTIAL:
            return outranking(known, self.ledger.verdicts_of(gate, built.config_digest))
        return known

    def _holds(self, planned: PlannedBuild, target: Target) -> bool:
        try:
            self._ensure(target)
            repository = target.repository(planned.build.image)
            return self.registry().head(repository, planned.immutable) is not None
        except FactoryError:
            return False  # the publish gate will meet the same failure, and report it

    def _ensure(self, target: Target) -> None:
        if target.registry == self.settings.registry:
            local.ensure(self.settings)

    def _rootfs(self, step: Step, log: Log) -> Path:
        assert step.rootfs
        sources = self.builder().sources.apt_sources(step.rootfs.suite)
        return base.ensure_rootfs(step.rootfs, cache=self.settings.cache, sources=sources, log=log)

    def _adopt(self, owner: PlannedBuild, step: Step, ours: Built | None) -> Built | None:
        for target in self.project.matrix.targets:
            if not self._holds(owner, target):
                continue
            adopted = existing(
                self.engine,
                self.registry(),
                owner,
                target,
                ref=step.ref,
                substituted_base=self.project.matrix.base.substituted,
                ours=ours,
                known=self.ledger.publication(owner.build.id, target.name),
            )
            if adopted:
                return adopted
        return None

    def _record(self, step: Step, built: Built) -> None:
        self.ledger.record_built(built)
        self._pinned[step.key] = built
        self.present[step.ref] = (built.image_id, step.key)

    def _look_again(self, step: Step) -> None:
        image = self.engine.image(step.ref)
        if image:
            self.present[step.ref] = (image.id, image.labels.get(KEY_LABEL, ""))

    def _in_engine(self, step: Step) -> Built | None:
        """The step as the engine has it now, whoever made it: this tree or another one."""
        image_id, key = self.present.get(step.ref, ("", ""))
        if key != step.key:
            return None
        built = self.ledger.built(step.key)
        if built and built.image_id == image_id:
            self._pinned[step.key] = built
            return built
        found = Built(
            key=step.key,
            ref=step.ref,
            image_id=image_id,
            config_digest=self.engine.config_digest(image_id),
            substituted_base=self.project.matrix.base.substituted,
            reason="found in the engine, made by another tree",
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=0.0,
            ours=False,
        )
        self._record(step, found)
        return found

    def _built(self, planned: PlannedBuild, error: type[FactoryError]) -> Built:
        # What this run began with it goes on with, whatever another run records meanwhile.
        built = self._pinned.get(planned.key) or self.ledger.built(planned.key)
        if built is None:
            raise error(
                f"{planned.build.id} has not been built as it is now",
                todo="run `invoke build` first, or `invoke release` for everything",
            )
        return built

    def _require_in_engine(
        self, built: Built, planned: PlannedBuild, error: type[FactoryError]
    ) -> None:
        if self.present.get(built.ref) != (built.image_id, built.key):
            raise error(
                f"the image of {planned.build.id} is gone from the engine",
                where=built.ref,
                todo="run `invoke build`, which makes or fetches it again",
            )

    def _request(self, planned: PlannedBuild, built: Built) -> ClusterRequest:
        cell = planned.build.cell
        cuda = self.project.matrix.devices[cell.device].cuda
        lineage = self.project.lineage(planned.build.image)
        return ClusterRequest(
            subject=planned.build.id,
            config_digest=built.config_digest,
            head_ref=built.image_id,
            worker_ref=built.image_id,
            cell=cell,
            compose_file=COMPOSE_FILE,
            workers=self.project.matrix.workers,
            own_checks=tuple(
                self.settings.root / image.folder / image.checks
                for image in lineage
                if image.checks
            ),
            cuda=cuda.version if cuda else None,
            nvidia_runtime=cell.device == "gpu" and verify_room.nvidia_runtime(),
        )

    def _verdicts(self, planned: PlannedBuild, digest: str) -> Iterable[Verdict]:
        """What the gates say of an image of this build, ours or one that a target holds."""
        built = replace(self._built(planned, PublishError), config_digest=digest)
        return [found for gate in Gate if (found := self.verdict(gate, planned, built))]

    def _judge(
        self,
        gate: Gate,
        planned: PlannedBuild,
        error: type[FactoryError],
        examine: Callable[[Built], Verdict],
        log: Log,
    ) -> Result:
        """Take the verdict that stands, or have one made; a failure is always tried anew."""
        built = self._built(planned, error)
        known = self.verdict(gate, planned, built)
        again = (Status.FAIL, Status.PARTIAL) if self.insists else (Status.FAIL,)
        if known and known.status not in again:
            if known != self.ledger.latest_verdict(gate, built.config_digest):
                self.ledger.record_verdict(known)  # it stands again: the latest for `status` too
            return State.CACHED, verdict_words(known)
        self._require_in_engine(built, planned, error)
        verdict = examine(built)
        self.ledger.record_verdict(verdict)
        verdict = outranking(verdict, self.ledger.verdicts_of(gate, built.config_digest))
        self._report(planned, built, verdict)
        if verdict.status is Status.FAIL:
            for line in failure_lines(verdict):
                log(line)
            raise error(
                f"{planned.build.id}: {verdict_words(verdict)}",
                detail=failure_lines(verdict),
                todo="full logs are in .factory/logs/",
            )
        return State.DONE, verdict_words(verdict)

    def _report(self, planned: PlannedBuild, built: Built, verdict: Verdict) -> None:
        """Write what is known of an image so far; the gates end in any order."""
        with self._lock:
            self._judged[verdict.gate, verdict.config_digest] = verdict
            known = [self.verdict(gate, planned, built) for gate in Gate]
            verdicts = [one for one in known if one]
            write_junit(self.settings.state / "reports", planned.build.id, verdicts)


def outranking(verdict: Verdict, others: Iterable[Verdict]) -> Verdict:
    """The verdict to go by: a partial one does not undo a failure of what it could not look at.

    Without this an image with known vulnerabilities would pass as "not checked" on a day without
    a database.
    """
    skipped = {check.name for check in verdict.checks if check.status is CheckStatus.SKIPPED}
    failures = [
        other
        for other in others
        if other.status is Status.FAIL and skipped & {check.name for check in other.failures}
    ]
    return failures[-1] if verdict.status is Status.PARTIAL and failures else verdict
