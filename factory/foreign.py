"""An image from anywhere, judged as the project's own are: no cell, no build, no key.

Its verdict is bound to its config digest and kept like any other. What it rests on says that nobody
declared the image, so that it never stands in for one that publishing wants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from factory import verify as verify_room
from factory.coldstarts import measured
from factory.engine import Engine, EngineImage
from factory.errors import ConfigError, FactoryError, VerifyError
from factory.fetching import pull, require_platform
from factory.judging import COMPOSE_FILE, known_suite, require_gpu_runtime, standing
from factory.ledger import Ledger
from factory.model import COLD_SUITE, NEEDS, Budget, Cell, Facts, Judged, State, Status
from factory.project import matrix_of
from factory.publish import outranking
from factory.report import cold_start_properties, failure_lines, verdict_words
from factory.report.junit import write_junit
from factory.runs import Run, reap
from factory.scheduler import Log, Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable
from factory.verify import ClusterRequest

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", re.ASCII)
_WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the user wants of an image.

    Attributes:
        ref: a name, an id or a digest, as the engine takes it.
        suite: how much is asked, or ``None`` for what ``matrix.yaml`` says.
        pull: whether the image is fetched first.
        require_gpu: whether an image for GPUs that could not be tried on one has failed.
    """

    ref: str
    suite: str | None = None
    pull: bool = False
    require_gpu: bool = False


def judge(settings: Settings, asked: Asked, observer: Observer) -> tuple[Judged, int]:
    """Have an image judged, or find what was said of it; returns that, and an exit code.

    Raises:
        ConfigError: the reference, the suite or the project's ``matrix.yaml`` is wrong.
        VerifyError: the image is not there, is none of Ray's, or could not be judged.
        MachineError: there is no usable engine.
        Interrupted: the run was cancelled.
    """
    if not REF.fullmatch(asked.ref):
        raise ConfigError(
            f"--ref {asked.ref!r} is no image's name",
            todo="write it as `docker run` takes it, such as rayproject/ray:2.60.0",
        )
    matrix = matrix_of(settings)
    suite = known_suite(asked.suite or (matrix.suite if matrix else verify_room.QUICK))
    engine = Engine.connect()
    with (
        terminable(),
        Run.begin(settings) as run,
        Ledger.open(settings.state / "ledger.sqlite") as ledger,
    ):
        reap(engine, settings)
        image = engine_image(engine, asked, observer.note)
        request = ClusterRequest(
            subject=asked.ref,
            config_digest=engine.config_digest(image.id),
            head_ref=image.id,
            worker_ref=image.id,
            cell=Cell(python="", ray="", device="cpu"),
            compose_file=COMPOSE_FILE,
            workers=matrix.workers if matrix else _WORKERS,
            suite=suite,
            budget=matrix.cold_start if matrix else Budget(),
            declared=False,
        )
        facts = verify_room.facts_of(image, request, run_id=run.id)
        bench = _Bench(settings, ledger, run.id, _described(request, facts), facts, asked)
        return bench.judged(observer)


def engine_image(engine: Engine, asked: Asked, note: Log) -> EngineImage:
    """The image, which this engine can run.

    Raises:
        VerifyError: it is not there, cannot be pulled, or is for another platform.
    """
    if asked.pull:
        pull(asked.ref, note, VerifyError)
    image = engine.image(asked.ref)
    if image is None:
        raise VerifyError(
            "there is no such image in the engine",
            where=asked.ref,
            todo=f"`docker pull {asked.ref}`, or say --pull",
        )
    require_platform(engine, image, asked.ref, VerifyError)
    return image


def _described(request: ClusterRequest, facts: Facts) -> ClusterRequest:
    """The request for an image of which these things are known."""
    gpus = facts.device == "gpu" and verify_room.nvidia_runtime()
    return replace(
        request,
        cell=Cell(python=facts.python, ray=facts.ray, device=facts.device, rllib=facts.rllib),
        cuda=facts.cuda,
        torch=facts.torch,
        needs=tuple(need for need in NEEDS if need in facts.extras),
        nvidia_runtime=gpus,
    )


@dataclass
class _Bench:
    """Where one image is judged."""

    settings: Settings
    ledger: Ledger
    run_id: str
    request: ClusterRequest
    facts: Facts
    asked: Asked
    _found: Judged | None = None
    _error: FactoryError | None = None

    def judged(self, observer: Observer) -> tuple[Judged, int]:
        """The verdict, reached under the eyes of an observer, and the exit code."""
        work = Work(verb="verify", subject=self.asked.ref, run=self._verify)
        (outcome,) = execute([work], {}, observer)
        if self._found:
            return self._found, outcome.code
        raise self._error or VerifyError(outcome.reason or outcome.state.value)

    def _verify(self, log: Log) -> tuple[State, str]:
        try:
            self._found = self._judge(log)
            return self._concluded(self._found)
        except FactoryError as error:
            self._error = error  # an outcome has it as text only
            raise

    def _judge(self, log: Log) -> Judged:
        """Take the verdict that stands, or have one made; all but a pass is always tried anew."""
        parts = verify_room.parts(self.request)
        basis = verify_room.basis_of(parts)
        gate = verify_room.gate_of(self.request.suite)
        known = standing(self.ledger, gate, self.request.config_digest, basis)
        cached = known is not None and known.status is Status.PASS
        if known is None or not cached:
            verdict = verify_room.verify(
                self.request, run_id=self.run_id, log=log, logs=self._folder("logs") / self._name
            )
            self.ledger.record_verdict(verdict, {basis: parts}.get(verdict.basis))
            others = self.ledger.verdicts_of(gate, self.request.config_digest)
            known = outranking(verdict, others)
        return Judged(
            ref=self.asked.ref,
            facts=self.facts,
            suite=self.request.suite,
            workers=self.request.workers,
            verdict=known,
            cached=cached,
        )

    def _concluded(self, found: Judged) -> tuple[State, str]:
        """What a verdict means for the run that asked for it."""
        verdict, words = found.verdict, verdict_words(found.verdict)
        notes = cold_start_properties(measured(found.ref, verdict))
        write_junit(self._folder("reports"), self._name, [verdict], notes)
        if verdict.status is Status.FAIL:
            raise VerifyError(
                f"{found.ref}: {words}",
                detail=failure_lines(verdict),
                todo="docs/verify.md tells what each check proves",
            )
        if self.asked.require_gpu:
            require_gpu_runtime(verdict, found.ref)
        return (State.CACHED if found.cached else State.DONE), words

    def _folder(self, name: str) -> Path:
        return self.settings.state / name

    @property
    def _name(self) -> str:
        """Such as ``ref-rayproject_ray_2.60.0``: no build's, since these begin with an image's. A
        cold start has one of its own, lest it take the place of what verify found."""
        cold = f".{COLD_SUITE}" if self.request.suite == COLD_SUITE else ""
        return f"ref-{re.sub(r'[^A-Za-z0-9._-]', '_', self.asked.ref)}{cold}"
