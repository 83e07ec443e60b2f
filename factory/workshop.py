"""How each gate is performed for one step or build: the rooms, wired to the ledger.

Each method does one piece of work, records it, and returns its state with a reason; what went
wrong is raised. Work that is done already is found in the ledger and not done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from factory import base
from factory import scan as scan_room
from factory import verify as verify_room
from factory.aside import Aside
from factory.build import Builder
from factory.coldstarts import cold_start
from factory.errors import BuildError, FactoryError, PublishError, ScanError, VerifyError
from factory.judging import at_target, possible_parts, request_of, require_gpu_runtime, standing
from factory.ledger import Ledger
from factory.locks import hold
from factory.model import (
    COLD_SUITE,
    CREATED,
    REQUIRED,
    Begun,
    Built,
    ColdStart,
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
from factory.pairs import Pairs
from factory.plan import is_present
from factory.publish import Publisher, outranking
from factory.report import cold_start_properties, failure_lines, verdict_words
from factory.settings import Settings
from factory.stock import Stock

if TYPE_CHECKING:
    from factory.verify import ClusterRequest

Log = Callable[[str], None]
Result = tuple[State, str]
_MENDING = {
    Gate.SCAN: "take it out of the image, or change `policy.scan` in matrix.yaml (docs/scan.md)",
    Gate.VERIFY: "mend what the check says (docs/verify.md tells what each proves), then run again",
    Gate.COLD_START: "see what it imports when it starts, or change `verify.cold_start` in "
    "matrix.yaml (docs/cold-start.md)",
}


@dataclass(kw_only=True)
class Workshop:
    """What the gates need, for one run.

    Attributes:
        make_builder: called when something has to be built; asking the host for its package
            sources takes longer than finding that nothing has to be.
        run_id: labels what the run makes in the engine.
        insists: whether a partial verdict is tried anew: what was missing may be here now.
        beside: the plan of builds that are not part of this run, and paired with some that are.
        adopts: whether an image that a target holds goes before the one that is here.
        require_gpu: whether an image for GPUs that could not be tried on one has failed.
        aside: takes clusters down beside other work; ``None`` where the next one waits for that.
    """

    settings: Settings
    project: Project
    plan: Plan
    ledger: Ledger
    stock: Stock
    make_builder: Callable[[], Builder]
    run_id: str
    adopts: bool
    insists: bool
    beside: Plan = field(default_factory=lambda: Plan(steps={}, builds=()))
    require_gpu: bool = False
    aside: Aside | None = None
    _judged: dict[tuple[Gate, str, str], Verdict] = field(default_factory=dict)
    _turns: dict[tuple[Gate, str], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _builder: Builder | None = None

    @cached_property
    def pairs(self) -> Pairs:
        """How builds are judged together."""
        return Pairs(
            settings=self.settings,
            project=self.project,
            plan=self.plan,
            beside=self.beside,
            ledger=self.ledger,
            built=self.stock.built,
            require=self.stock.require_in_engine,
            run_id=self.run_id,
            insists=self.insists,
            require_gpu=self.require_gpu,
            aside=self.aside,
        )

    def build(self, step: Step, owner: PlannedBuild | None, log: Log) -> Result:
        """Have a step in the engine; ``owner`` is the build whose last step it is, if it is one."""
        ours = self.stock.in_engine(step)
        adopted = self._adopted(owner, step, ours, log) if owner else None
        if adopted:
            self.stock.record(step, adopted)
            return State.DONE, adopted.reason
        if ours:
            return State.CACHED, "in the engine"
        with hold(self.settings.cache / "building" / f"{step.key}.lock"):
            self.stock.look_again(step)  # another run may have built it while this one waited
            if self.stock.in_engine(step):
                return State.CACHED, "built by another run meanwhile"
            self._require_parent(step)
            reason = self.stock.history.reason(step)
            rootfs = self._rootfs(step, log) if step.rootfs else None
            builder = self.builder()
            self.ledger.record_begun(
                Begun(key=step.key, ref=step.ref, reason=reason, created=builder.labels[CREATED])
            )
            built = builder.build(step, rootfs=rootfs, reason=reason, log=log)
            self.stock.record(step, built)
        return State.DONE, reason

    def _adopted(
        self, owner: PlannedBuild, step: Step, ours: Built | None, log: Log
    ) -> Built | None:
        """The image that a target holds under the step's key, unless what is here will do."""
        if ours and not self.adopts:
            return None
        try:
            return self.stock.adopt(owner, step, ours)
        except FactoryError as error:
            if self.adopts:
                raise
            log(f"not taken from a target, so it is built: {error.what}")
            return None

    def _require_parent(self, step: Step) -> None:
        """What a step stands on was not made in this run if a target seemed to hold the step."""
        parent = self.plan.steps[step.parent] if step.parent else None
        if parent is None or is_present(parent, self.stock.present):
            return
        if not self.stock.engine.image(parent.ref):
            raise BuildError(
                f"{step.label} was to be taken from a target, which cannot be done any more",
                where=step.label,
                todo="run the command again: what is not to be had there is built",
            )

    def scan(self, planned: PlannedBuild, log: Log) -> Result:
        """Judge an image's content."""

        def examine(built: Built) -> Verdict:
            return self._scanned(planned, built, None, log)

        return self._judge(Gate.SCAN, planned, ScanError, examine, log)

    def _scanned(
        self, planned: PlannedBuild, built: Built, target: Target | None, log: Log
    ) -> Verdict:
        return scan_room.scan(
            built.image_id,
            config_digest=built.config_digest,
            policy=self.project.matrix.scan_policy(planned.build, target),
            cache=self.settings.cache,
            log=log,
        )

    def verify(self, planned: PlannedBuild, log: Log) -> Result:
        """Judge an image as a cluster."""
        gate = verify_room.gate_of(self.project.matrix.suite)

        def boot(built: Built) -> Verdict:
            return verify_room.verify(
                self._request(planned, built),
                run_id=self.run_id,
                log=log,
                logs=self.settings.state / "logs" / _file_name(planned, gate).replace(":", "_"),
                aside=self.aside,
            )

        return self._judge(gate, planned, VerifyError, boot, log)

    def cold_starts(self) -> tuple[ColdStart, ...]:
        """What is known of how the workers of builds start, where that was asked."""
        found = []
        for planned in self.plan.builds if self.cold else ():
            built = self.ledger.built(planned.key)
            # An engine that went away, or Ctrl-C, must not cost what was done.
            with suppress(FactoryError):
                verdict = built and self.verdict(Gate.COLD_START, planned, built)
                if verdict:
                    found.append(cold_start(self.stock.history, planned, verdict))
        return tuple(found)

    @property
    def cold(self) -> bool:
        """Whether it is timed how workers start, which the machine has to be left alone for."""
        return self.project.matrix.suite == COLD_SUITE

    def publish(self, planned: PlannedBuild, target: Target) -> Result:
        """Move an image that passed to a target."""
        built = self.stock.built(planned, PublishError)
        self.stock.ensure(target)
        known = self.ledger.publication(planned.build.id, target.name)
        publisher = Publisher(
            engine=self.stock.engine,
            registry=self.stock.registry(),
            target=target,
            locks=self.settings.cache / "publishing",
            verdicts_of=lambda digest: self._verdicts(planned, digest, target),
            joints_of=lambda digest: self.pairs.joints(planned, digest),
        )
        now = publisher.publish(
            planned, built, self._verdicts(planned, built.config_digest, target), known=known
        )
        if now == known:
            return State.CACHED, f"{target.name} has it"
        self.ledger.record_publication(now)
        return State.DONE, f"{now.repository}:{now.floating[0]}"

    def builder(self) -> Builder:
        """What builds, made when first needed."""
        with self._lock:
            self._builder = self._builder or self.make_builder()
            return self._builder

    def verdict(self, gate: Gate, planned: PlannedBuild, built: Built) -> Verdict | None:
        """What a gate says of an image on today's basis, if it was asked."""
        made_now = self._judged.get((gate, built.config_digest, planned.build.id))
        if made_now:
            return made_now
        basis = (
            scan_room.current_basis(
                self.project.matrix.scan_policy(planned.build), self.settings.cache
            )
            if gate is Gate.SCAN
            else verify_room.basis(self._request(planned, built))
        )
        return standing(self.ledger, gate, built.config_digest, basis)

    def _rootfs(self, step: Step, log: Log) -> Path:
        assert step.rootfs
        sources = self.builder().sources.apt_sources(step.rootfs.suite)
        return base.ensure_rootfs(step.rootfs, cache=self.settings.cache, sources=sources, log=log)

    def _request(self, planned: PlannedBuild, built: Built) -> ClusterRequest:
        gpus = planned.build.cell.device == "gpu" and verify_room.nvidia_runtime()
        return request_of(self.settings, self.project, planned, built, gpus=gpus)

    def _record(self, verdict: Verdict, planned: PlannedBuild, built: Built) -> None:
        """Keep a new verdict with what it rests on, unless that has changed meanwhile."""
        found = possible_parts(self.settings, self.project, planned, built, verdict.gate)
        self.ledger.record_verdict(verdict, dict(found).get(verdict.basis))

    def _verdicts(self, planned: PlannedBuild, digest: str, target: Target) -> Iterable[Verdict]:
        """What the gates say of an image of this build, ours or one that a target holds; where the
        target has a policy of its own, what that makes of what is in the image, too."""
        built = replace(self.stock.built(planned, PublishError), config_digest=digest)
        found = [self.verdict(gate, planned, built) for gate in REQUIRED]
        return [one for one in (*found, self._by_target(planned, built, target)) if one]

    def _by_target(self, planned: PlannedBuild, built: Built, target: Target) -> Verdict | None:
        """What a target's own policy makes of an image, if it has one. It is recorded as that
        target's: a day without a database must not undo it either."""
        if target.scan is None:
            return None
        try:
            verdict = scan_room.scan_again(
                config_digest=built.config_digest,
                policy=self.project.matrix.scan_policy(planned.build, target),
                cache=self.settings.cache,
                log=lambda _: None,
            ) or self._taken_apart(planned, built, target)
        except ScanError as error:
            raise PublishError(
                f"{target.name} has a policy of its own, by which the image cannot be judged: "
                f"{error.what}",
                where=error.where,
                todo=error.todo,
            ) from error
        verdict = at_target(verdict, target.name)
        self.ledger.record_verdict(verdict)
        others = self.ledger.verdicts_of(Gate.SCAN, built.config_digest, target.name)
        return outranking(verdict, others)

    def _taken_apart(self, planned: PlannedBuild, built: Built, target: Target) -> Verdict:
        ours = self.stock.built(planned, PublishError)
        if built.config_digest != ours.config_digest:
            raise PublishError(
                f"{target.name} holds another image, of which nothing is known here",
                todo="run `invoke release`, which takes it from there and judges it",
            )
        return self._scanned(planned, built, target, lambda _: None)

    def _judge(
        self,
        gate: Gate,
        planned: PlannedBuild,
        error: type[FactoryError],
        examine: Callable[[Built], Verdict],
        log: Log,
    ) -> Result:
        """Take the verdict that stands, or have one made; a failure is always tried anew. What is
        one image for several builds is judged once, though clusters run at once."""
        built = self.stock.built(planned, error)
        with self._one_by_one(gate, built):
            return self._judge_one(gate, planned, built, error, examine, log)

    def _one_by_one(self, gate: Gate, built: Built) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault((gate, built.config_digest), threading.Lock())

    def _judge_one(
        self,
        gate: Gate,
        planned: PlannedBuild,
        built: Built,
        error: type[FactoryError],
        examine: Callable[[Built], Verdict],
        log: Log,
    ) -> Result:
        known = self.verdict(gate, planned, built)
        again = (Status.FAIL, Status.PARTIAL) if self.insists else (Status.FAIL,)
        if known and known.status not in again:
            if known != self.ledger.latest_verdict(gate, built.config_digest):
                self.ledger.record_verdict(known)  # it stands again: the latest for `status` too
            self._require_gpu(known, planned)
            return State.CACHED, verdict_words(known)
        self.stock.require_in_engine(built, planned, error)
        verdict = examine(built)
        self._record(verdict, planned, built)
        verdict = outranking(verdict, self.ledger.verdicts_of(gate, built.config_digest))
        self._report(planned, built, verdict)
        if verdict.status is Status.FAIL:
            for line in failure_lines(verdict):
                log(line)
            raise error(
                f"{planned.build.id}: {verdict_words(verdict)}",
                detail=failure_lines(verdict),
                todo=_MENDING[gate],
            )
        self._require_gpu(verdict, planned)
        return State.DONE, verdict_words(verdict)

    def _require_gpu(self, verdict: Verdict, planned: PlannedBuild) -> None:
        if self.require_gpu:
            require_gpu_runtime(verdict, planned.build.id)

    def _report(self, planned: PlannedBuild, built: Built, verdict: Verdict) -> None:
        """Write what is known of an image so far; the gates end in any order."""
        from factory.report.junit import write_junit  # with XML, which is long to load

        with self._lock:
            self._judged[verdict.gate, verdict.config_digest, planned.build.id] = verdict
            cold = verdict.gate is Gate.COLD_START
            known = [self.verdict(gate, planned, built) for gate in ([] if cold else REQUIRED)]
            verdicts = [verdict] if cold else [one for one in known if one]
            notes = (
                cold_start_properties(cold_start(self.stock.history, planned, verdict))
                if cold
                else {}
            )
            write_junit(
                self.settings.state / "reports",
                planned.build.id,
                verdicts,
                notes,
                name=_file_name(planned, verdict.gate),
            )
        if verdict.gate is Gate.SCAN:
            self._write_findings(planned, built)

    def _write_findings(self, planned: PlannedBuild, built: Built) -> None:
        scan_room.write_findings(
            self.settings.state / "reports",
            planned.build.id.replace(":", "_"),
            subject=planned.build.id,
            config_digest=built.config_digest,
            policy=self.project.matrix.scan_policy(planned.build),
            cache=self.settings.cache,
        )


def _file_name(planned: PlannedBuild, gate: Gate) -> str:
    """Of what is kept of a verdict: how workers start is reported apart from whether they work."""
    return f"{planned.build.id}.{gate.value}" if gate is Gate.COLD_START else planned.build.id
