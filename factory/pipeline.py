"""The one place that knows the order: matrix → plan → build → scan, verify → publish.

All of it overlaps: one build is verified while another is built. What a gate does is in
``workshop.py``; what waits for what is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from factory import pins, preflight
from factory.build import Builder, Host, check_room, make_builder, write_dockerfile
from factory.context import Contents
from factory.glance import Glance
from factory.history import History
from factory.judging import known_suite
from factory.lanes import aside, lanes
from factory.matrix import select
from factory.model import (
    Build,
    Built,
    ColdStart,
    Journal,
    Outcome,
    Plan,
    Project,
    Selection,
    Step,
)
from factory.plan import is_present, steps_to_build, unlocked
from factory.planning import planned
from factory.project import all_builds, load
from factory.remotes import Remotes
from factory.scheduler import Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable
from factory.stock import Stock, in_engine, seen, told
from factory.works import judging, moving, pairing
from factory.workshop import Workshop

if TYPE_CHECKING:
    from factory.engine import Engine

GATES = ("build", "scan", "verify", "publish")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the user wrote, the builds that were selected, the plan for them as far as it is known
    without asking the network, the files that it read, and whether an image for GPUs that could not
    be tried on one has failed."""

    project: Project
    builds: tuple[Build, ...]
    plan: Plan
    contents: Contents
    require_gpu: bool = False

    def asking(self, suite: str) -> Prepared:
        """The same, with another suite of verify's.

        Raises:
            ConfigError: there is no such suite.
        """
        matrix = replace(self.project.matrix, suite=known_suite(suite))
        return replace(self, project=replace(self.project, matrix=matrix))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run did: by which plan, what came of each piece of work, and, where that was asked,
    what workers take to start; and the floating tags that it moved."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    cold_starts: tuple[ColdStart, ...] = ()
    journals: tuple[Journal, ...] = ()


def prepare(settings: Settings, selection: Selection, written: Project | None = None) -> Prepared:
    """Load, select and plan; needs neither an engine nor the network.

    Args:
        written: the project, where it has been loaded before.

    Raises:
        ConfigError: anything in the project or the selection is wrong.
    """
    prepared = prepare_some(settings, selection, written)
    prepared.plan.whole()
    return prepared


def prepare_some(
    settings: Settings, selection: Selection, written: Project | None = None
) -> Prepared:
    """The same for a run, in which a build that cannot be planned does not stop the others.

    Raises:
        ConfigError: the project or the selection is wrong, or no build is left.
    """
    written = written or load(settings)
    builds = select(all_builds(written), selection)
    project, known = preflight.recalled(settings, written, builds)
    contents = Contents(settings.root, settings.state / "digests")
    plan = planned(project, builds, known, contents)
    if not plan.builds:
        plan.whole()
    return Prepared(project=written, builds=builds, plan=plan, contents=contents)


def run(
    settings: Settings,
    prepared: Prepared,
    gates: Sequence[str],
    observer: Observer,
    glance: Glance | None = None,
) -> Ran:
    """Take the selected builds through some gates, in the order of ``GATES``.

    Args:
        gates: those to pass now; earlier ones must have been passed before, by the ledger.
        observer: told of progress.
        glance: a look at the engine that was begun before.

    Raises:
        MachineError: there is no usable engine, or no room on the disk.
        ConfigError: the ledger is of a newer factory.
    """
    from factory.engine import Engine
    from factory.ledger import Ledger
    from factory.runs import Run, reap

    host = _host(settings, prepared.plan, gates, glance)
    engine = Engine.connect()
    with (
        terminable(),
        Run.begin(settings) as this_run,
        Ledger.open(settings.state / "ledger.sqlite") as ledger,
    ):
        reap(engine, settings)
        project, plan, asked = _settled(settings, prepared, gates, observer)
        ledger.record_planned({planned.build.id: planned.key for planned in plan.builds})
        stock = Stock(
            settings=settings,
            project=project,
            engine=engine,
            ledger=ledger,
            present=in_engine(engine, ledger, plan, glance),
            history=History(plan=plan, contents=prepared.contents, ledger=ledger),
            remotes=Remotes(settings=settings, project=project, note=observer.note),
        )
        widths = {preflight.LANE: preflight.WIDTH, **lanes(settings, project, engine, gates)}
        workshop = Workshop(
            settings=settings,
            project=project,
            plan=plan,
            ledger=ledger,
            stock=stock,
            make_builder=partial(
                _builder, settings, host, prepared.contents, project, engine, observer.note
            ),
            run_id=this_run.id,
            adopts="publish" in gates and "build" in gates,
            insists=len(gates) == 1,
            beside=beside(settings, prepared, project, plan, gates),
            require_gpu=prepared.require_gpu,
            aside=aside(project, widths),
        )
        outcomes = (*asked, *_performed(workshop, gates, widths, observer))
        return _ran(workshop, outcomes)


def _ran(workshop: Workshop, outcomes: tuple[Outcome, ...]) -> Ran:
    return Ran(
        plan=workshop.plan,
        outcomes=outcomes,
        cold_starts=workshop.judges.cold_starts(),
        journals=workshop.ledger.journals(workshop.run_id),
    )


def _performed(
    workshop: Workshop, gates: Sequence[str], widths: Mapping[str, int], observer: Observer
) -> tuple[Outcome, ...]:
    try:
        return execute(_works(workshop, gates), widths, observer)
    finally:
        if workshop.aside:
            workshop.aside.wait()
        workshop.stock.abroad.close()


def _host(settings: Settings, plan: Plan, gates: Sequence[str], glance: Glance | None) -> Host:
    """This host, which is asked at once unless every build was made before: then it may be that
    there is nothing to do, and asking it would take longer than that."""
    host = Host(settings.root)
    refs = {plan.steps[planned.key].ref for planned in plan.builds}
    if "build" in gates and not (glance and refs <= glance.images.keys()):
        host.ask()
    return host


def _builder(
    settings: Settings,
    host: Host,
    contents: Contents,
    project: Project,
    engine: Engine,
    note: Callable[[str], None],
) -> Builder:
    return make_builder(
        settings,
        host,
        contents=contents,
        substituted_base=project.matrix.base.substituted,
        compression=engine.compression,
        note=note,
    )


def _settled(
    settings: Settings, prepared: Prepared, gates: Sequence[str], observer: Observer
) -> tuple[Project, Plan, tuple[Outcome, ...]]:
    """The plan that holds for this run, and the questions asked for it: a run that builds looks
    up anew what the plan rests on."""
    if "build" not in gates:
        project, _ = preflight.recalled(settings, prepared.project, prepared.builds)
        return project, prepared.plan, preflight.refusals(prepared.plan)
    found = preflight.ask(
        settings,
        prepared.project,
        prepared.builds,
        partial(_replanned, prepared),
        observer,
    )
    for line in _unlocked(found.project, found.plan):
        observer.note(line)
    return found.project, found.plan, found.outcomes


def beside(
    settings: Settings, prepared: Prepared, project: Project, plan: Plan, gates: Sequence[str]
) -> Plan:
    """The plan of what this run's builds are paired with, or move together with, and that is not
    part of it: what was found of these pairs, and published, before counts for publishing."""
    if "publish" not in gates:
        return Plan(steps={}, builds=())
    here = {one.build for one in plan.builds}
    pairs = [pair for pair in project.pairs if not here.isdisjoint(pair.builds)]
    sets = (*(pair.builds for pair in pairs), *(group.builds for group in plan.groups))
    others = {build: None for builds in sets for build in builds if build not in here}
    return planned(project, tuple(others), pins.load(settings), prepared.contents)


def _unlocked(project: Project, plan: Plan) -> Iterator[str]:
    """What a user of locks may believe to be locked, and is not."""
    for where, ids in unlocked(project, (one.build for one in plan.builds)).items():
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        yield (
            f"{where}: no lock for what it asks for in {ids[0]}{more}, so these builds take what "
            "is newest now; `invoke lock` pins it"
        )


def _replanned(
    prepared: Prepared, project: Project, builds: Sequence[Build], known: Mapping[str, str]
) -> Plan:
    """The plan by what was looked up: the same, where it rests on nothing that may have moved."""
    asked = project is prepared.project and tuple(builds) == prepared.builds
    if asked and not any(step.moving for step in prepared.plan.steps.values()):
        return prepared.plan
    return planned(project, builds, known, prepared.contents)


def foreseen(settings: Settings, prepared: Prepared, note: Callable[[str], None]) -> dict[str, str]:
    """Key to why it would be kept, of every step that a release would not make: the engine has it,
    a target does by what the ledger knows, or nothing that is to be made stands on it. Where no
    engine answers, the ledger alone tells; no registry is asked.

    Args:
        note: told that no engine answers, if that makes a difference.
    """
    plan = prepared.plan
    built, held = _remembered(settings, prepared)
    present = seen(plan, built)
    if present is None:
        present = {step.ref: ("", key) for key, step in plan.steps.items() if key in built}
        if present:
            note("no engine answers: what is kept is told by the ledger alone")
    needed = {step.key for step in steps_to_build(plan, present, set(held))}

    def why(step: Step) -> str | None:
        known = built.get(step.key)
        there = is_present(step, present)
        if known and (there or step.key not in needed):
            return f"built {known.at[:16]}: {known.reason}"
        if there:
            return "in the engine, made by another tree"
        if step.key in held:
            return f"published at {held[step.key]}: taken from there"
        return None if step.key in needed else "not needed: what stands on it is there"

    reasons = {key: why(step) for key, step in plan.steps.items()}
    return {key: reason for key, reason in reasons.items() if reason}


def _remembered(settings: Settings, prepared: Prepared) -> tuple[dict[str, Built], dict[str, str]]:
    """Which steps were built here, and which a target holds, by key. A dry run begins no ledger."""
    from factory.ledger import Ledger

    path = settings.state / "ledger.sqlite"
    if not path.exists():
        return {}, {}
    with Ledger.open(path) as ledger:
        held = told(settings, prepared.project.matrix, ledger, prepared.plan.builds)
        return ledger.all_built(), held


def render_files(settings: Settings, selection: Selection) -> list[Path]:
    """Write the Dockerfile of every step of the selected builds; returns their paths."""
    prepared = prepare(settings, selection)
    work = settings.state / "render"
    return [write_dockerfile(step, work) for step in prepared.plan.steps.values()]


def _steps(workshop: Workshop) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps that have work, and of these the ones to be built, for which there has to be room:
    the others are in the engine, or at a target."""
    plan, stock = workshop.plan, workshop.stock
    missing = [one for one in plan.builds if not is_present(plan.steps[one.key], stock.present)]
    held = stock.held(missing) if missing else set()
    if missing:
        folders = [workshop.settings.root, workshop.settings.cache, stock.engine.root]
        check_room([folder for folder in folders if folder])
    steps = steps_to_build(plan, stock.present, held)
    made = (one for one in steps if one.key not in held and not is_present(one, stock.present))
    return steps, tuple(made)


def _works(workshop: Workshop, gates: Sequence[str]) -> Iterator[Work]:
    """Everything to do, each with what it waits for."""
    if "build" in gates:
        yield from _building(workshop, *_steps(workshop))
    for build in workshop.plan.builds:
        yield from judging(workshop, build, gates)
    # What a pair's workers take to start, each image's own do.
    if "verify" in gates and not workshop.judges.cold:
        yield from pairing(workshop, gates)
    if "publish" in gates:
        yield from moving(workshop)


def _building(workshop: Workshop, steps: Sequence[Step], made: Sequence[Step]) -> Iterator[Work]:
    owners = {planned.key: planned for planned in workshop.plan.builds}
    there = {step.key for step in steps}
    checks = preflight.checks(made, lambda: workshop.builder().sources, workshop.settings)
    yield from dict.fromkeys(checks.values())
    waited_for = {step.parent for step in steps}
    # Of what is ready, that goes first on which something else stands.
    for step in sorted(steps, key=lambda step: step.key not in waited_for):
        parent = workshop.plan.steps[step.parent] if step.parent in there else None
        needs = [f"build {parent.label}"] if parent else []
        needs += [checks[step.key].id] if step.key in checks else []
        yield Work(
            verb="build",
            subject=step.label,
            run=partial(workshop.build, step, owners.get(step.key)),
            needs=tuple(needs),
            lane="app" if step.kind == "app" else "build",
        )
