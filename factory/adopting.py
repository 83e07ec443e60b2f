"""An image that somebody made by hand, as a cell's: judged as that, and published apart from it.

Its tags show where it comes from, and its verdict is partial for that reason, so that it goes only
where a target accepts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial

from factory import scan as scan_room
from factory import verify as verify_room
from factory.adopted import Outlet
from factory.engine import Engine
from factory.errors import ConfigError, FactoryError, PublishError, ScanError, VerifyError
from factory.foreign import REF, Asked, engine_image
from factory.handmade import Couple, compared, summary
from factory.judging import request_of, standing
from factory.ledger import Ledger
from factory.model import (
    ADOPTED,
    BY_HAND,
    Adoption,
    Build,
    Built,
    Check,
    CheckStatus,
    Gate,
    Plan,
    PlannedBuild,
    Project,
    Publication,
    State,
    Status,
    Target,
    Verdict,
)
from factory.publish import outranking
from factory.registry import place
from factory.remotes import Remotes
from factory.report import failure_lines, verdict_words
from factory.runs import Run, reap
from factory.scheduler import Log, Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable

Result = tuple[State, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be adopted.

    Attributes:
        ref: the image, as the engine takes it.
        planned: the build whose image it is to stand for.
        targets: where it is published; nowhere, if there are none.
    """

    ref: str
    planned: PlannedBuild
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """What came of it.

    Attributes:
        verdicts: of both gates; fewer, if one could not judge.
        publications: where it is published now.
        error: what went wrong first, if something did.
    """

    adoption: Adoption | None
    verdicts: tuple[Verdict, ...]
    publications: tuple[Publication, ...]
    error: FactoryError | None


def adopt(
    settings: Settings,
    project: Project,
    plans: tuple[Plan, Plan],
    wanted: Wanted,
    observer: Observer,
) -> Adopted:
    """Have an image judged as a build's own, note what differs, and publish it where that is asked.

    Args:
        project: with ``base.source`` settled.
        plans: of the build, and of those that cohorts pair it with.

    Raises:
        PublishError: a target does not accept what is made by hand: nothing was done then.
        ConfigError: there is no such image, it is the cell's own, or there is none of the cell to
            compare it with.
        VerifyError: it is for another architecture.
        MachineError: there is no usable engine.
    """
    _require_possible(wanted)
    engine = Engine.connect()
    with (
        terminable(),
        Run.begin(settings) as run,
        Ledger.open(settings.state / "ledger.sqlite") as ledger,
        closing(Remotes(settings=settings, project=project, note=observer.note)) as remotes,
    ):
        reap(engine, settings)
        couple = _couple(engine, ledger, wanted, observer.note)
        bench = _Bench(
            settings=settings,
            project=project,
            plans=plans,
            ledger=ledger,
            engine=engine,
            run_id=run.id,
            wanted=wanted,
            couple=couple,
            remotes=remotes,
        )
        return bench.adopted(observer)


def _require_possible(wanted: Wanted) -> None:
    """See what can be seen before anything is asked."""
    for target in wanted.targets:
        if BY_HAND not in target.accept:
            raise PublishError(
                f"`{target.name}` does not accept images that are {BY_HAND}",
                where=f"targets.{target.name}.accept",
                todo=f"add `{BY_HAND}` there, in matrix.yaml, if it should; or adopt it without "
                "--publish",
            )
    if not REF.fullmatch(wanted.ref):
        raise ConfigError(
            f"{wanted.ref!r} is no image's name", todo="write it as `docker run` takes it"
        )


def _couple(engine: Engine, ledger: Ledger, wanted: Wanted, note: Log) -> Couple:
    """The image, as one that was built, beside the cell's own."""
    _require_there(engine, wanted.ref)
    image = engine_image(engine, Asked(ref=wanted.ref), note)
    digest = engine.config_digest(image.id)
    own = _another(wanted, ledger.built(wanted.planned.key), digest)
    made = replace(
        own, ref=wanted.ref, image_id=image.id, config_digest=digest, reason=BY_HAND, ours=False
    )
    return Couple(build_id=wanted.planned.build.id, own=own, made=made)


def _require_there(engine: Engine, ref: str) -> None:
    if engine.image(ref) is None:
        raise ConfigError(
            f"the engine has no image {ref}",
            todo="`docker images` lists what there is; `docker commit CONTAINER NAME` makes one",
        )


def _another(wanted: Wanted, own: Built | None, digest: str) -> Built:
    """The cell's own image, which is there, and is not this one."""
    build = wanted.planned.build
    if own is None:
        raise ConfigError(
            f"{build.id} has not been built as it is now, so that nothing can be compared with it",
            todo=f"`invoke build --image {build.image} --only {build.cell.id}`",
        )
    if own.config_digest == digest:
        raise ConfigError(
            f"{wanted.ref} is the image of {build.id} itself: there is nothing to adopt",
            todo="`docker commit CONTAINER NAME` makes an image of a container; adopt that",
        )
    return own


@dataclass(kw_only=True)
class _Bench:
    """Where one image is judged, and published from."""

    settings: Settings
    project: Project
    plans: tuple[Plan, Plan]
    ledger: Ledger
    engine: Engine
    run_id: str
    wanted: Wanted
    couple: Couple
    remotes: Remotes

    def __post_init__(self) -> None:
        self._verdicts: dict[Gate, Verdict] = {}
        self._adoption: Adoption | None = None
        self._publications: list[Publication] = []
        self._error: FactoryError | None = None

    @property
    def build(self) -> Build:
        return self.wanted.planned.build

    @property
    def built(self) -> Built:
        return self.couple.made

    def adopted(self, observer: Observer) -> Adopted:
        execute(self._works(), {}, observer)
        return Adopted(
            adoption=self._adoption,
            verdicts=tuple(self._verdicts.values()),
            publications=tuple(self._publications),
            error=self._error,
        )

    def _works(self) -> Iterator[Work]:
        """One after the other: each waits for the one before."""
        subject = f"{self.build.id} as {self.wanted.ref}"
        before: tuple[str, ...] = ()
        for verb, run in (
            ("scan", self._scan),
            ("compare", self._compare),
            ("verify", self._verify),
        ):
            yield self._work(verb, subject, run, before)
            before = (f"{verb} {subject}",)
        for pair in self.project.pairs if self.wanted.targets else ():
            if self.build in pair.builds:
                run = partial(self._outlet.pairs.verify, pair)
                yield self._work("verify", pair.id, run, before)
                before = (f"verify {pair.id}",)
        for target in self.wanted.targets:
            at = f"{subject} → {target.name}"
            yield self._work("publish", at, partial(self._publish, target), before)

    def _work(
        self, verb: str, subject: str, run: Callable[[Log], Result], needs: Sequence[str]
    ) -> Work:
        def guarded(log: Log) -> Result:
            try:
                return run(log)
            except FactoryError as error:
                self._error = self._error or error  # an outcome has it as text only
                raise

        return Work(verb=verb, subject=subject, run=guarded, needs=tuple(needs))

    @cached_property
    def _outlet(self) -> Outlet:
        return Outlet(
            settings=self.settings,
            project=self.project,
            plans=self.plans,
            ledger=self.ledger,
            engine=self.engine,
            run_id=self.run_id,
            planned=self.wanted.planned,
            built=self.built,
            verdicts=self._verdicts,
            remotes=self.remotes,
        )

    def _publish(self, target: Target, log: Log) -> Result:
        now = self._outlet.publish(target, log)
        self._publications.append(now)
        return State.DONE, place(now.repository, now.immutable)

    def _scan(self, log: Log) -> Result:
        policy = self.project.matrix.scan_policy(self.build)
        verdict = scan_room.scan(
            self.built.image_id,
            config_digest=self.built.config_digest,
            policy=policy,
            cache=self.settings.cache,
            log=log,
        )
        return self._judged(verdict, ScanError, State.DONE)

    def _verify(self, log: Log) -> Result:
        gpus = self.build.cell.device == "gpu" and verify_room.nvidia_runtime()
        planned = self.wanted.planned
        request = request_of(self.settings, self.project, planned, self.built, gpus=gpus)
        digest = self.built.config_digest
        known = standing(self.ledger, Gate.VERIFY, digest, verify_room.basis(request))
        if known and known.status is not Status.FAIL and BY_HAND in known.partial:
            return self._judged(known, VerifyError, State.CACHED)
        name = f"{self.build.id.replace(':', '_')}-{ADOPTED}"
        verdict = verify_room.verify(
            request, run_id=self.run_id, log=log, logs=self.settings.state / "logs" / name
        )
        return self._judged(by_hand(verdict), VerifyError, State.DONE)

    def _judged(self, verdict: Verdict, error: type[FactoryError], state: State) -> Result:
        """Keep a verdict, and go by what outranks it."""
        from factory.report.junit import write_junit  # with XML, which is long to load

        self.ledger.record_verdict(verdict)
        others = self.ledger.verdicts_of(verdict.gate, verdict.config_digest)
        verdict = outranking(verdict, others)
        self._verdicts[verdict.gate] = verdict
        found = tuple(self._verdicts.values())
        write_junit(self.settings.state / "reports", f"{self.build.id}-{ADOPTED}", found)
        if verdict.status is Status.FAIL:
            raise error(
                f"{self.wanted.ref}, as {self.build.id}: {verdict_words(verdict)}",
                detail=failure_lines(verdict),
                todo="mend the container and commit it again, or put the change into the image's "
                "own definition",
            )
        return state, verdict_words(verdict)

    def _compare(self, log: Log) -> Result:
        """What differs from the cell's own image, for good."""
        policy = self.project.matrix.scan_policy(self.build)
        self._adoption = compared(self.settings, self.engine, policy, self.couple, log)
        self.ledger.record_adoption(self._adoption)
        return State.DONE, summary(self._adoption)


def by_hand(verdict: Verdict) -> Verdict:
    """A verdict on an image that nobody declared: never more than partial."""
    if verdict.status is Status.FAIL:
        return verdict
    check = Check(name=ADOPTED, status=CheckStatus.SKIPPED, reason=BY_HAND)
    return replace(
        verdict,
        status=Status.PARTIAL,
        partial=tuple(dict.fromkeys((*verdict.partial, BY_HAND))),
        checks=(*verdict.checks, check),
    )
