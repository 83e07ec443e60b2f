"""How steps are built and images published: the rooms, wired to the ledger. ``judges.py`` judges.

Each method does one piece of work, records it, and returns its state with a reason; what went
wrong is raised. Work that is done already is found in the ledger and not done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from factory import base, git
from factory.aside import Aside
from factory.attesting import Attester
from factory.build import Builder
from factory.errors import BuildError, FactoryError
from factory.evidence import Cosign
from factory.judges import Judges
from factory.ledger import Ledger
from factory.locks import hold
from factory.model import (
    CREATED,
    Begun,
    Built,
    Plan,
    PlannedBuild,
    Project,
    State,
    Step,
)
from factory.pairs import Pairs
from factory.plan import is_present
from factory.publishing import Publishing
from factory.settings import Settings
from factory.stock import Stock

Log = Callable[[str], None]
Result = tuple[State, str]


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

    @cached_property
    def judges(self) -> Judges:
        """How each of them is judged."""
        return Judges(
            settings=self.settings,
            project=self.project,
            plan=self.plan,
            ledger=self.ledger,
            stock=self.stock,
            run_id=self.run_id,
            insists=self.insists,
            require_gpu=self.require_gpu,
            aside=self.aside,
        )

    @cached_property
    def attester(self) -> Attester:
        """What attaches what is known of them where they are published."""
        key = self.project.matrix.evidence.key
        return Attester(
            settings=self.settings,
            plan=self.plan,
            registry=self.stock.registry,
            signer=Cosign(key, self.settings.root) if key else None,
            built=self.stock.built,
            verdicts=self.judges.verdicts,
            joints=self.pairs.joints,
        )

    @cached_property
    def publishing(self) -> Publishing:
        """How they are published."""
        return Publishing(
            targets=self.project.matrix.release_targets,
            plan=self.plan,
            beside=self.beside,
            ledger=self.ledger,
            engine=self.stock.engine,
            locks=self.settings.cache / "publishing",
            run_id=self.run_id,
            registry=self.stock.registry,
            ensure=self.stock.ensure,
            built=self.stock.built,
            verdicts=self.judges.verdicts,
            joints=self.pairs.joints,
            ready=self.stock.abroad.ready,
            unclean=lambda target: self.unclean if target.require_clean else "",
            answered=partial(self.stock.abroad.warn_of_limits, self.stock.registry()),
            evidence=self.attester,
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

    @cached_property
    def unclean(self) -> str:
        """Why the project is no clean git checkout; empty if it is one."""
        return git.unclean(self.settings.root)

    def builder(self) -> Builder:
        """What builds, made when first needed."""
        with self._lock:
            self._builder = self._builder or self.make_builder()
            return self._builder

    def _rootfs(self, step: Step, log: Log) -> Path:
        assert step.rootfs
        sources = self.builder().sources.apt_sources(step.rootfs.suite)
        return base.ensure_rootfs(step.rootfs, cache=self.settings.cache, sources=sources, log=log)
