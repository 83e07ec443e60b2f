"""Explanation, wired: the plan and the files beside what the ledger remembers. Neither an engine
nor the network is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from factory.context import Contents
from factory.errors import ConfigError, MachineError
from factory.explain import (
    UNKNOWN,
    awaiting,
    build_foreseen,
    differences,
    verdict_foreseen,
)
from factory.history import History
from factory.judging import possible_pair_parts, possible_parts, standing
from factory.ledger import Ledger
from factory.matrix import near, select
from factory.model import (
    LAST,
    PUBLISHED,
    REQUIRED,
    Action,
    Build,
    Built,
    Chain,
    Explanation,
    Foreseen,
    Gate,
    Pair,
    PairExplanation,
    Plan,
    PlannedBuild,
    Project,
    Publication,
    Selection,
    pair_digest,
)
from factory.project import all_builds
from factory.report import verdict_words
from factory.settings import Settings


def reasons(
    settings: Settings, plan: Plan, contents: Contents, kept: Collection[str] = ()
) -> dict[str, str]:
    """Why a build would make each step that is not kept, by key: what it records with it. Empty
    where nothing was ever built.

    Raises:
        MachineError: the ledger is damaged.
    """
    path = settings.state / "ledger.sqlite"
    if not path.exists():
        return {}
    with Ledger.open(path) as ledger:
        history = History(plan=plan, contents=contents, ledger=ledger)
        missing = (step for key, step in plan.steps.items() if key not in kept)
        return {step.key: history.reason(step) for step in missing}


def meant(project: Project, name: str) -> tuple[tuple[Build, ...], tuple[Pair, ...]]:
    """What somebody asks about: builds, and of the pairs those of which both builds are among them,
    as a release verifies them.

    Args:
        name: a cell, a build or a pair, or a glob of either; or a cohort.

    Raises:
        ConfigError: there is nothing of that name, or it is a cohort that is refused.
    """
    builds = all_builds(project)
    try:
        found = select(builds, Selection(only=(name,)))
    except ConfigError as error:
        pairs = _pairs_named(project, name)
        if pairs:
            return tuple(dict.fromkeys(one for pair in pairs for one in pair.builds)), pairs
        of_pairs = near(name, _names_of_pairs(project, name))
        todo = of_pairs if of_pairs.startswith("did") else error.todo
        raise ConfigError(f"{error.what}, no pair and no cohort", todo=todo) from None
    return found, tuple(pair for pair in project.pairs if {*pair.builds} <= {*found})


def _names_of_pairs(project: Project, name: str) -> list[str]:
    """Those among which a name may be mistyped: a pair's begins as that of a build."""
    cohorts = [cohort.name for cohort in project.matrix.cohorts]
    return [pair.id for pair in project.pairs] if "+" in name else cohorts


def _pairs_named(project: Project, name: str) -> tuple[Pair, ...]:
    for cohort in project.refused_cohorts:
        if cohort.name == name:
            raise ConfigError(
                f"{cohort.subject} is refused: {cohort.refused}",
                where=cohort.where,
                todo=cohort.todo,
            )
    asked = (pair for pair in project.pairs if name == pair.cohort or fnmatchcase(pair.id, name))
    return tuple(asked)


def explain_pairs(
    settings: Settings,
    project: Project,
    plan: Plan,
    contents: Contents,
    pairs: Sequence[Pair],
) -> tuple[PairExplanation, ...]:
    """Why pairs would (not) be verified anew.

    Args:
        plan: of both builds of each.

    Raises:
        MachineError: the ledger is damaged.
    """
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        history = History(plan=plan, contents=contents, ledger=ledger)
        explainer = _Explainer(settings=settings, project=project, history=history)
        return tuple(explainer.pair(pair) for pair in pairs)


def explain(
    settings: Settings,
    project: Project,
    plan: Plan,
    contents: Contents,
    *,
    builds: Sequence[str],
    against: str | None = None,
) -> tuple[Explanation, ...]:
    """Why builds would (not) be made and judged anew, or how they differ from something else.

    Args:
        plan: of these builds, and of what they are compared with.
        builds: their ids.
        against: ``published``, a cell's or a build's id; ``None`` is what was last made.

    Raises:
        ConfigError: ``against`` has no counterpart of a build.
        MachineError: the ledger is damaged.
    """
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        history = History(plan=plan, contents=contents, ledger=ledger)
        explainer = _Explainer(settings=settings, project=project, history=history)
        wanted = [one for one in plan.builds if one.build.id in builds]
        return tuple(
            found
            for planned in wanted
            for found in (
                [explainer.last(planned)]
                if against is None
                else explainer.published(planned)
                if against == PUBLISHED
                else [explainer.other(planned, against)]
            )
        )


@dataclass(kw_only=True)
class _Explainer:
    settings: Settings
    project: Project
    history: History

    def last(self, planned: PlannedBuild) -> Explanation:
        """A build beside its last image, and what each gate would do with it."""
        ledger = self.history.ledger
        key = self.history.last_key(planned)
        found = self._compared(planned, LAST, key, self.history.last(planned) or ())
        built = ledger.built(planned.key)
        gates = (self._build(planned, found, built), *self._gates(planned, built))
        return replace(found, gates=gates)

    def published(self, planned: PlannedBuild) -> Iterator[Explanation]:
        """A build beside what each target has of it."""
        ledger = self.history.ledger
        places = [one for one in self._published if one.build_id == planned.build.id]
        if not places:
            yield self._compared(planned, PUBLISHED, None, ())
        for one in places:
            chain = ledger.chain(one.key)
            yield self._compared(planned, f"{PUBLISHED} at {one.target}", one.key, chain)

    def other(self, planned: PlannedBuild, against: str) -> Explanation:
        """A build beside another one as that is planned now.

        Raises:
            ConfigError: a cell is named that this build's image is not made for.
        """
        builds = {one.build.id: one for one in self.history.plan.builds}
        other = builds.get(against) or builds.get(f"{planned.build.image}:{against}")
        if other is None:
            raise ConfigError(
                f"there is no {against} to compare {planned.build.id} with",
                todo=near(against, builds),
            )
        return self._compared(planned, other.build.id, other.key, self.history.chain(other))

    def pair(self, pair: Pair) -> PairExplanation:
        """What ``verify`` would do with two builds together."""
        return PairExplanation(pair_id=pair.id, cohort=pair.cohort, gate=self._together(pair))

    def _together(self, pair: Pair) -> Foreseen:
        gate = Gate.VERIFY
        if pair.refused:
            why = f"refused: {pair.refused}"
            return Foreseen(gate=gate.value, action=Action.AGAIN, why=why)
        ledger, builds = self.history.ledger, {one.build: one for one in self.history.plan.builds}
        head, workers = (ledger.built(builds[one].key) for one in pair.builds)
        if head is None or workers is None:
            both = zip(pair.builds, (head, workers), strict=True)
            return awaiting(gate, *(build.id for build, built in both if built is None))
        planned, images = builds[pair.head], (head, workers)
        possible = possible_pair_parts(self.settings, self.project, pair, planned, images)
        both_images = pair_digest(head.config_digest, workers.config_digest)
        return self._foreseen(gate, both_images, dict(possible))

    @cached_property
    def _published(self) -> tuple[Publication, ...]:
        return tuple(self.history.ledger.publications().values())

    def _compared(
        self, planned: PlannedBuild, against: str, key: str | None, chain: Chain
    ) -> Explanation:
        new, look = self.history.chain(planned), self.history.text
        return Explanation(
            build_id=planned.build.id,
            key=planned.key,
            against=against,
            other=key,
            known=bool(chain) or key in (None, planned.key),
            differences=differences(new, chain, look) if chain else (),
        )

    def _build(self, planned: PlannedBuild, found: Explanation, built: Built | None) -> Foreseen:
        names = ", ".join(self.history.plan.steps[planned.key].unresolved)
        if names:
            why = f"a build looks up {names} first"
            return Foreseen(gate="build", action=Action.UNKNOWN, why=why)
        return build_foreseen(
            at=built.at if built else None,
            first=found.other is None,
            found=found.differences,
            fallback=UNKNOWN,
        )

    def _gates(self, planned: PlannedBuild, built: Built | None) -> Iterator[Foreseen]:
        for gate in REQUIRED:
            try:
                yield self._judged(gate, planned, built)
            except MachineError as error:
                yield Foreseen(gate=gate.value, action=Action.UNKNOWN, why=error.what)

    def _judged(self, gate: Gate, planned: PlannedBuild, built: Built | None) -> Foreseen:
        if built is None:
            return awaiting(gate)
        possible = dict(possible_parts(self.settings, self.project, planned, built, gate))
        return self._foreseen(gate, built.config_digest, possible)

    def _foreseen(
        self, gate: Gate, image: str, possible: Mapping[str, Mapping[str, Any]]
    ) -> Foreseen:
        """What a gate would do with an image, on each basis that there may be today."""
        ledger = self.history.ledger
        latest = ledger.latest_verdict(gate, image)
        then = ledger.parts(latest.basis) if latest else None
        # Whether there is a GPU only the engine knows: where it may be as it was, it is taken so.
        bases = sorted(possible, key=lambda basis: not latest or basis != latest.basis)
        found = (standing(ledger, gate, image, basis) for basis in bases)
        stands = next((verdict for verdict in found if verdict), None)
        alike = [now for now in possible.values() if then and now.get("gpus") == then.get("gpus")]
        return verdict_foreseen(
            gate,
            stands=stands,
            words=verdict_words(stands) if stands else "",
            latest=latest,
            now=(alike or [possible[bases[0]]])[0],
            then=then,
        )
