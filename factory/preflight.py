"""What has to be asked of the network before a build can be planned or begun.

A plan's keys rest on what names stand for (a base's tag, a git ref), so these are looked up first.
Whether a step's wheels and secrets can be had is asked before anything is built. A question that
has no good answer stops the builds that depend on it, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from factory import base, git, pins, process
from factory.build import PackageSources, check_wheels
from factory.errors import Interrupted
from factory.model import Build, GitSource, Outcome, Plan, Project, State, Step
from factory.registry import Registry, split_tag
from factory.scheduler import Observer, Work, execute
from factory.settings import Settings

LANE = "check"
WIDTH = 4
"""How many questions before steps are answered at once: uv resolves on all cores by itself."""

_LOOKED_UP = 16
"""How many names are looked up at once: each is one small request, of a registry that may hang."""

Planner = Callable[[Project, Sequence[Build], Mapping[str, str]], Plan]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What came of the questions.

    Attributes:
        project: with ``base.source`` settled.
        pins: name to digest or commit.
        builds: those whose questions were all answered.
        outcomes: of the questions, and of the builds that they stopped.
        plan: of these builds, by these answers.
    """

    project: Project
    pins: Mapping[str, str]
    builds: tuple[Build, ...]
    outcomes: tuple[Outcome, ...]
    plan: Plan


def recalled(
    settings: Settings, project: Project, builds: Sequence[Build]
) -> tuple[Project, dict[str, str]]:
    """The project with its base's source, and the pins, as they were last looked up.

    That ``auto`` once came down to packages does not count for builds that there are none for: it
    may come down to something else now.
    """
    known = pins.load(settings)
    repository = base.upstream_repository(project.matrix.base.mirror)
    found = _with_source(project, known.get(pins.choice(repository), "registry"))
    matrix = found.matrix
    if any(base.unsupported(matrix.base, matrix.devices, build.cell) for build in builds):
        found = _with_source(project, "registry")
    return found, known


def ask(
    settings: Settings,
    project: Project,
    builds: Sequence[Build],
    plan_of: Planner,
    observer: Observer,
) -> Answers:
    """Look up what the plan of some builds rests on, and keep it for later commands.

    Args:
        plan_of: plans some builds of a project by some pins.
    """
    registry = Registry()
    found: dict[str, str] = {}
    settled = _settled(project, registry, observer, found)
    first = plan_of(settled, builds, {})
    questions = _questions(settled, first, registry)
    works = [
        Work(verb="check", subject=name, run=partial(_answer, name, question, found), lane=LANE)
        for name, (question, _) in questions.items()
    ]
    outcomes = execute(works, {LANE: _LOOKED_UP}, observer) if works else ()
    pins.save(settings, found)
    asking = {name: builds for name, (_, builds) in questions.items()}
    stopped = _stopped(builds, outcomes, asking)
    left = [build for build in builds if build not in stopped]
    plan = plan_of(settled, left, found) if stopped or questions else first
    return Answers(
        project=settled,
        pins=found,
        builds=tuple(build for build in left if build not in plan.refused),
        outcomes=(*outcomes, *stopped.values(), *refusals(plan)),
        plan=plan,
    )


def refusals(plan: Plan) -> tuple[Outcome, ...]:
    """What comes of the builds that a plan refuses: what several are refused for fails the first of
    them, which blocks the others."""
    first: dict[str, Outcome] = {}
    outcomes = []
    for build, error in plan.refused.items():
        own = Outcome(verb="build", subject=build.id, state=State.FAILED, reason=error.what)
        cause = first.setdefault(str(error), own)
        if cause is own:
            lines = tuple(str(error).splitlines())
            outcomes.append(replace(own, detail=lines, code=error.exit_code))
        else:
            outcomes.append(replace(own, state=State.BLOCKED, reason=f"{cause.id} failed"))
    return tuple(outcomes)


def _stopped(
    builds: Sequence[Build], outcomes: Sequence[Outcome], asking: Mapping[str, Sequence[Build]]
) -> dict[Build, Outcome]:
    """The builds that go no further, and why: a question of theirs failed, or Ctrl-C."""
    failed: dict[Build, str] = {}
    for outcome in outcomes:
        if outcome.state is State.FAILED:
            for build in asking[outcome.subject]:
                failed.setdefault(build, f"{outcome.id} failed")
    stopped: dict[Build, Outcome] = {}
    for build in builds:
        own = Outcome(verb="build", subject=build.id, state=State.BLOCKED)
        if build in failed:
            stopped[build] = replace(own, reason=failed[build])
        elif process.is_cancelled():
            code = Interrupted.exit_code
            stopped[build] = replace(own, state=State.CANCELLED, reason="interrupted", code=code)
    return stopped


def checks(
    steps: Iterable[Step], sources: Callable[[], PackageSources], settings: Settings
) -> dict[str, Work]:
    """The questions that the work on some steps has to wait for: step key to question; equal ones
    are one piece of work."""
    found: dict[str, Work] = {}
    asked: dict[str, Work] = {}
    for step in steps:
        if step.wheels or step.secrets:
            work = _check(step, sources, settings)
            found[step.key] = asked.setdefault(work.subject, work)
    return found


def _check(step: Step, sources: Callable[[], PackageSources], settings: Settings) -> Work:
    variables = sorted({variable for _, variable in step.secrets})
    names = [*([step.wheels.name] if step.wheels else []), *variables]

    def run(log: Callable[[str], None]) -> tuple[State, str]:
        for variable in variables:
            git.token_of(variable)
        if step.wheels is None:
            return State.DONE, "set"
        return State.DONE, check_wheels(step.wheels, sources(), settings.root, log)

    return Work(verb="check", subject=", ".join(names), run=run, lane=LANE)


def _with_source(project: Project, source: str) -> Project:
    spec = project.matrix.base
    if spec.source != "auto":
        return project
    return replace(project, matrix=replace(project.matrix, base=replace(spec, source=source)))


def _settled(
    project: Project, registry: Registry, observer: Observer, found: dict[str, str]
) -> Project:
    """The project with what ``auto`` comes down to, said so that nobody misses it."""
    spec = project.matrix.base
    if spec.source != "auto":
        return project
    repository = base.upstream_repository(spec.mirror)
    reason = base.answers(registry, repository)
    source = "packages" if reason else "registry"
    observer.note(
        f"base.source auto: {repository} does not answer ({reason}), so bases are stand-ins made "
        "from packages; only a target that accepts `substituted base` takes them"
        if reason
        else f"base.source auto: bases are {repository}, which answers"
    )
    found[pins.choice(repository)] = source
    return _with_source(project, source)


def _answer(
    name: str, question: Callable[[], str], found: dict[str, str], _log: Callable[[str], None]
) -> tuple[State, str]:
    found[name] = question()
    return State.DONE, found[name][:19]


def _questions(
    project: Project, plan: Plan, registry: Registry
) -> dict[str, tuple[Callable[[], str], list[Build]]]:
    """Name of a pin to how it is looked up, and the builds that need it."""
    questions: dict[str, tuple[Callable[[], str], list[Build]]] = {}
    for planned in plan.builds:
        sources = _sources(project, planned.build)
        guarded = [name for name, source in sources.items() if source.token]
        for name in dict.fromkeys((*plan.steps[planned.key].moving, *guarded)):
            if name not in project.bases:
                question = _question(name, sources.get(name), registry)
                questions.setdefault(name, (question, []))[1].append(planned.build)
    return questions


def _question(name: str, source: GitSource | None, registry: Registry) -> Callable[[], str]:
    if source or "#" in name:
        url, _, ref = name.partition("#")
        return partial(git.commit_of, source or GitSource(url=url, ref=ref or "HEAD"))
    return partial(base.resolve, registry, *split_tag(name))


def _sources(project: Project, build: Build) -> dict[str, GitSource]:
    """The git repositories of a build, by name. A token is first shown by git, which follows no
    redirect with it: BuildKit would."""
    found = (image.source for image in project.lineage(build.image))
    return {source.name: source for source in found if isinstance(source, GitSource)}
