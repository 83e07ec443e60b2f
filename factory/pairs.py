"""How pairs of builds are verified in one run, and what of that a build needs to be published."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from factory import verify as verify_room
from factory.aside import Aside
from factory.borrowing import Borrower
from factory.errors import ConfigError, FactoryError, PublishError, VerifyError
from factory.judging import pair_request, require_gpu_runtime, standing
from factory.ledger import Ledger
from factory.model import (
    Build,
    Built,
    Cohort,
    Gate,
    Joint,
    Pair,
    Plan,
    PlannedBuild,
    Project,
    State,
    Status,
    Verdict,
    pair_digest,
)
from factory.publish import outranking
from factory.remotes import Remotes
from factory.report import failure_lines, verdict_words
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.verify import ClusterRequest

Log = Callable[[str], None]
Result = tuple[State, str]
_MISSING = "there is no verify verdict"
_MENDING = (
    "mend what the check says (docs/verify.md tells what each proves), or take the pair out of its "
    "cohort in matrix.yaml, then run again"
)


@dataclass(kw_only=True)
class Pairs:
    """What pairs need, for one run.

    Attributes:
        plan: of the builds of this run.
        beside: of those that they are paired with and that are not part of it.
        built: the image of a build, or an error of a kind.
        require: sees that an image is still in the engine.
        run_id: labels what the run makes in the engine.
        insists: whether a partial verdict is tried anew.
        require_gpu: whether a pair for GPUs that could not be tried on one has failed.
        aside: takes clusters down beside other work; ``None`` where the next one waits for that.
        borrower: takes verdicts that others reached; one of its own without.
    """

    settings: Settings
    project: Project
    plan: Plan
    beside: Plan
    ledger: Ledger
    built: Callable[[PlannedBuild, type[FactoryError]], Built]
    require: Callable[[Built, PlannedBuild, type[FactoryError]], None]
    run_id: str
    insists: bool
    require_gpu: bool = False
    aside: Aside | None = None
    borrower: Borrower | None = None
    _judged: dict[str, Verdict] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, cohort: Cohort, _log: Log) -> Result:
        """Say why a cohort pairs nothing.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"{cohort.subject} is refused: {cohort.refused}", where=cohort.where, todo=cohort.todo
        )

    def verify(self, pair: Pair, log: Log) -> Result:
        """Judge two images as one cluster, unless a verdict on exactly these stands.

        Raises:
            VerifyError: it failed, or the pair must not work by what its cells say.
        """
        if pair.refused:
            cohorts = {cohort.name: cohort for cohort in self.project.matrix.cohorts}
            raise VerifyError(
                f"{pair.id}: refused: {pair.refused}",
                where=cohorts[pair.cohort].where,
                todo="pair cells of one Ray and one Python in this cohort",
            )
        images = self._images(pair, VerifyError)
        request = self._request(pair, images)
        known = self._verdict(request, pair, images)
        again = (Status.FAIL, Status.PARTIAL) if self.insists else (Status.FAIL,)
        if known and known.status not in again:
            self._require_gpu(known, pair)
            return State.CACHED, verdict_words(known)
        for build, image in zip(pair.builds, images, strict=True):
            self.require(image, self._planned(build), VerifyError)
        return self._conclude(pair, self._booted(pair, request, log), log)

    def joints(self, planned: PlannedBuild, digest: str) -> Iterator[Joint]:
        """What a build has to have passed together with others, with what there is of it.

        Args:
            digest: of the build's image: ours, or one that a target holds.
        """
        for cohort in self.project.refused_cohorts:
            if cohort.names(planned.build):
                yield Joint(subject=cohort.subject, why=f"it is refused: {cohort.refused}")
        for pair in self.project.pairs:
            if planned.build in pair.builds:
                yield self._joint(pair, planned, digest)

    def _joint(self, pair: Pair, planned: PlannedBuild, digest: str) -> Joint:
        if pair.refused:
            return Joint(subject=pair.id, why=f"it is refused: {pair.refused}")
        try:
            head, workers = self._images(pair, PublishError)
        except FactoryError as error:
            both = " and ".join(one.id for one in dict.fromkeys(pair.builds))
            why = f"{_MISSING}: {error.what}; a cohort is released whole: select {both}"
            return Joint(subject=pair.id, why=why)
        if planned.build == pair.head:
            head = replace(head, config_digest=digest)
        else:
            workers = replace(workers, config_digest=digest)
        images = (head, workers)
        verdict = self._verdict(self._request(pair, images), pair, images)
        away = {one.build.id for one in self.beside.builds} & {one.id for one in pair.builds}
        return Joint(
            subject=pair.id,
            images=(head.config_digest, workers.config_digest),
            verdict=verdict,
            why="" if verdict else "; select ".join([_MISSING, *(f"{it} too" for it in away)]),
        )

    def _planned(self, build: Build) -> PlannedBuild:
        plans = (*self.plan.builds, *self.beside.builds)
        found = next((one for one in plans if one.build == build), None)
        if found is None:
            raise PublishError(f"{build.id} cannot be planned")
        return found

    def _images(self, pair: Pair, error: type[FactoryError]) -> tuple[Built, Built]:
        head, workers = (self.built(self._planned(build), error) for build in pair.builds)
        return head, workers

    def _request(self, pair: Pair, images: tuple[Built, Built]) -> ClusterRequest:
        devices = {build.cell.device for build in pair.builds}
        gpus = "gpu" in devices and verify_room.nvidia_runtime()
        head = self._planned(pair.head)
        return pair_request(self.settings, self.project, pair, head, images, gpus=gpus)

    def _verdict(
        self, request: ClusterRequest, pair: Pair, images: tuple[Built, Built]
    ) -> Verdict | None:
        """What was found of exactly these two images on today's basis, by us or others."""
        assert request.mixed, "a pair is a mixed cluster"
        both = pair_digest(request.config_digest, request.mixed.config_digest)
        made_now = self._judged.get(both)
        if made_now:
            return made_now
        basis = verify_room.basis(request)
        found = standing(self.ledger, Gate.VERIFY, both, basis)
        if found:
            return found
        sides = zip(map(self._planned, pair.builds), images, strict=True)
        others = self._borrower.together(sides, both, basis)
        if others is None:
            return None
        self._record(others, request)
        return standing(self.ledger, Gate.VERIFY, both, basis)

    @cached_property
    def _borrower(self) -> Borrower:
        remotes = Remotes(settings=self.settings, project=self.project)
        return self.borrower or Borrower(
            settings=self.settings, project=self.project, registry=remotes.client()
        )

    def _booted(self, pair: Pair, request: ClusterRequest, log: Log) -> Verdict:
        verdict = verify_room.verify(
            request,
            run_id=self.run_id,
            log=log,
            logs=self.settings.state / "logs" / pair.id.replace(":", "_"),
            inventories=self.settings.state / "inventories",
            aside=self.aside,
        )
        self._record(verdict, request)
        return verdict

    def _record(self, verdict: Verdict, request: ClusterRequest) -> None:
        """Keep a new verdict with what it rests on, unless that has changed meanwhile."""
        parts = verify_room.parts(request)
        same = verify_room.basis_of(parts) == verdict.basis
        self.ledger.record_verdict(verdict, parts if same else None)

    def _conclude(self, pair: Pair, found: Verdict, log: Log) -> Result:
        from factory.report.junit import write_junit  # with XML, which is long to load

        others = self.ledger.verdicts_of(Gate.VERIFY, found.config_digest)
        verdict = outranking(found, others)
        with self._lock:
            self._judged[verdict.config_digest] = verdict
        write_junit(self.settings.state / "reports", pair.id, [verdict])
        if verdict.status is Status.FAIL:
            for line in failure_lines(verdict):
                log(line)
            raise VerifyError(
                f"{pair.id}: {_failure(verdict)}", detail=failure_lines(verdict), todo=_MENDING
            )
        self._require_gpu(verdict, pair)
        return State.DONE, verdict_words(verdict)

    def _require_gpu(self, verdict: Verdict, pair: Pair) -> None:
        if self.require_gpu:
            require_gpu_runtime(verdict, pair.id)


def _failure(verdict: Verdict) -> str:
    """A pair whose images contradict each other was refused, and not tried."""
    refused = [check for check in verdict.failures if check.name.startswith("pair-")]
    if refused:
        return "refused: " + "; ".join(check.reason for check in refused)
    return verdict_words(verdict)
