"""How images are judged in one run: by what stands, or by a room, and what is kept of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from factory import scan as scan_room
from factory import verify as verify_room
from factory.aside import Aside
from factory.borrowing import Borrower
from factory.coldstarts import cold_start
from factory.errors import FactoryError, PublishError, ScanError, VerifyError
from factory.judging import at_target, possible_parts, request_of, require_gpu_runtime, standing
from factory.ledger import Ledger
from factory.model import (
    COLD_SUITE,
    REQUIRED,
    Built,
    ColdStart,
    Gate,
    Plan,
    PlannedBuild,
    Project,
    State,
    Status,
    Target,
    Verdict,
)
from factory.publish import outranking
from factory.report import cold_start_properties, failure_lines, verdict_words
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.stock import Stock
    from factory.verify import ClusterRequest

Log = Callable[[str], None]
Result = tuple[State, str]
_MENDING = {
    Gate.SCAN: "mend the image; on all but secrets and root, `policy.scan` in matrix.yaml decides "
    "(docs/scan.md)",
    Gate.VERIFY: "mend what the check says (docs/verify.md tells what each proves), then run again",
    Gate.COLD_START: "see what it imports when it starts, or change `verify.cold_start` in "
    "matrix.yaml (docs/cold-start.md)",
}


@dataclass(kw_only=True)
class Judges:
    """What the judging gates need, for one run; attributes are as of ``Workshop``."""

    settings: Settings
    project: Project
    plan: Plan
    ledger: Ledger
    stock: Stock
    run_id: str
    insists: bool
    require_gpu: bool
    aside: Aside | None
    _judged: dict[tuple[Gate, str, str], Verdict] = field(default_factory=dict)
    _turns: dict[tuple[Gate, str], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
        found = standing(self.ledger, gate, built.config_digest, basis)
        if found:
            return found
        others = self.borrower.verdict(planned, built, gate, basis)
        if others is None:
            return None
        self._record(others, planned, built)
        return standing(self.ledger, gate, built.config_digest, basis)

    @cached_property
    def borrower(self) -> Borrower:
        """Takes verdicts that others reached, of what was not built here."""
        return Borrower(
            settings=self.settings, project=self.project, registry=self.stock.registry()
        )

    def _request(self, planned: PlannedBuild, built: Built) -> ClusterRequest:
        gpus = planned.build.cell.device == "gpu" and verify_room.nvidia_runtime()
        return request_of(self.settings, self.project, planned, built, gpus=gpus)

    def _record(self, verdict: Verdict, planned: PlannedBuild, built: Built) -> None:
        """Keep a new verdict with what it rests on, unless that has changed meanwhile."""
        found = possible_parts(self.settings, self.project, planned, built, verdict.gate)
        self.ledger.record_verdict(verdict, dict(found).get(verdict.basis))

    def verdicts(self, planned: PlannedBuild, digest: str, target: Target) -> Iterable[Verdict]:
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
            if gate is Gate.SCAN and not self._findings_of(planned).exists():
                self._write_findings(planned, built)
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

    def _findings_of(self, planned: PlannedBuild) -> Path:
        """Where findings are written for code hosts."""
        return self.settings.state / "reports" / f"{planned.build.id.replace(':', '_')}.sarif"

    def _write_findings(self, planned: PlannedBuild, built: Built) -> None:
        scan_room.write_findings(
            self._findings_of(planned),
            subject=planned.build.id,
            config_digest=built.config_digest,
            policy=self.project.matrix.scan_policy(planned.build),
            cache=self.settings.cache,
        )


def _file_name(planned: PlannedBuild, gate: Gate) -> str:
    """Of what is kept of a verdict: how workers start is reported apart from whether they work."""
    return f"{planned.build.id}.{gate.value}" if gate is Gate.COLD_START else planned.build.id
