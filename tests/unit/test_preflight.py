"""What is asked of the network before anything is built, and whom a bad answer stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from factory import base, git, pins, preflight, process
from factory.build import PackageSources
from factory.errors import ConfigError, FactoryError, Interrupted, MachineError
from factory.model import Build, GitSource, Outcome, Plan, Project, State, Step, Wheels
from factory.project import all_builds
from factory.registry import Registry
from factory.scheduler import Work
from factory.settings import Settings
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import FILES, partial_plan_of, plan_of, project_of

DIGEST = "sha256:" + "a" * 64
COMMIT = "b" * 40
MIRROR = "mirror.example/hub/rayproject/ray"
OLDER, NEWER = f"{MIRROR}:2.55.1-py311-cpu", f"{MIRROR}:2.60.0-py311-cpu"
CODE = "https://code.example/app.git"
GIT = f"description: G\nsource: {{git: {CODE}, ref: main}}\n"


@dataclass
class Watcher:
    """Remembers what it was told."""

    notes: list[str] = field(default_factory=list)
    ends: list[Outcome] = field(default_factory=list)

    def begin(self, works: Sequence[Work]) -> None: ...
    def started(self, work: Work) -> None: ...
    def line(self, work: Work, text: str) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ended(self, outcome: Outcome) -> None:
        self.ends.append(outcome)


@dataclass
class Network:
    """Stands in for registries and git servers; remembers what it was asked."""

    answers: Mapping[str, str | FactoryError] = field(default_factory=dict)
    silent: str | None = None
    asked: list[str] = field(default_factory=list)

    def resolve(self, registry: Registry, repository: str, tag: str) -> str:
        return self._answer(f"{repository}:{tag}", DIGEST)

    def commit_of(self, source: GitSource) -> str:
        return self._answer(source.name, COMMIT)

    def answers_at(self, registry: Registry, repository: str) -> str | None:
        self.asked.append(repository)
        return self.silent

    def _answer(self, name: str, usual: str) -> str:
        self.asked.append(name)
        answer = self.answers.get(name, usual)
        if isinstance(answer, FactoryError):
            raise answer
        return answer


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    monkeypatch.setattr(base, "resolve", found.resolve)
    monkeypatch.setattr(base, "answers", found.answers_at)
    monkeypatch.setattr(git, "commit_of", found.commit_of)
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})


def project_on(source: str, images: Mapping[str, str] | None = None) -> Project:
    matrix = MATRIX.replace("source: packages", f"source: {source}\n  mirror: mirror.example/hub")
    folders = {f"images/{name}/app": "1" * 64 for name in images or ()}
    return project_of(matrix, images, digests={**FILES, **folders})


def ask(
    settings: Settings, project: Project, builds: Sequence[Build] | None = None
) -> tuple[preflight.Answers, Watcher]:
    watcher = Watcher()
    chosen = all_builds(project) if builds is None else builds
    return preflight.ask(settings, project, chosen, planner, watcher), watcher


def planner(project: Project, builds: Sequence[Build], found: Mapping[str, str]) -> Plan:
    return partial_plan_of(project, found, builds)


def recalled(settings: Settings, project: Project) -> tuple[Project, dict[str, str]]:
    return preflight.recalled(settings, project, all_builds(project))


def told(answers: preflight.Answers) -> list[tuple[str, str, str, int]]:
    return [(one.id, one.state.value, one.reason, one.code) for one in answers.outcomes]


# ------------------------------------------------------------------ looking up


def test_a_base_from_packages_asks_nobody(network: Network, settings: Settings) -> None:
    project = project_on("packages")
    answers, watcher = ask(settings, project)
    assert (network.asked, watcher.ends, answers.outcomes) == ([], [], ())
    assert answers.builds == all_builds(project)
    assert answers.project is project
    assert not settings.state.exists(), "there is nothing to remember"


def test_each_tag_is_looked_up_once_and_pinned(network: Network, settings: Settings) -> None:
    files = {"demo": IMAGE, "other": "description: O\n"}
    project = project_on("registry", files)
    answers, watcher = ask(settings, project)
    assert sorted(network.asked) == [OLDER, NEWER]
    assert answers.pins == pins.load(settings) == {OLDER: DIGEST, NEWER: DIGEST}
    assert len(answers.builds) == 4
    assert {one.reason for one in watcher.ends} == {DIGEST[:19]}
    assert watcher.notes == []


def test_only_what_is_selected_is_asked(network: Network, settings: Settings) -> None:
    project = project_on("registry")
    ask(settings, project, all_builds(project)[:1])
    assert network.asked == [NEWER]


def test_a_git_ref_is_looked_up_and_a_commit_is_not(network: Network, settings: Settings) -> None:
    project = project_on("packages", {"demo": GIT, "fixed": GIT.replace("main", COMMIT)})
    answers, _ = ask(settings, project)
    assert network.asked == [f"{CODE}#main"]
    assert answers.pins == {f"{CODE}#main": COMMIT}


def test_where_a_token_is_needed_a_commit_is_asked_about_too(
    network: Network, settings: Settings
) -> None:
    """git follows no redirect with a token; BuildKit, which is next to show it, would."""
    text = f"description: D\nsource: {{git: https://code.example/a.git, ref: {COMMIT}, token: T}}\n"
    ask(settings, project_on("packages", {"demo": text}))
    assert network.asked == [f"https://code.example/a.git#{COMMIT}"]


def test_a_childs_parent_is_asked_about_too(network: Network, settings: Settings) -> None:
    project = project_on("packages", {"demo": GIT, "child": "description: C\nparent: demo\n"})
    children = [build for build in all_builds(project) if build.image == "child"]
    network.answers = {f"{CODE}#main": ConfigError("gone")}
    answers, _ = ask(settings, project, children)
    assert network.asked == [f"{CODE}#main"]
    assert answers.builds == ()


# -------------------------------------------------------------- bad answers


def test_a_failed_question_stops_the_builds_that_need_it_and_no_others(
    network: Network, settings: Settings
) -> None:
    project = project_on("registry", {"demo": IMAGE, "other": "description: O\n"})
    network.answers = {OLDER: ConfigError("there is no such image", todo="take another")}
    answers, _ = ask(settings, project)
    assert [build.id for build in answers.builds] == [
        "demo:2.60.0-py311-cpu",
        "other:2.60.0-py311-cpu",
    ]
    assert network.asked.count(OLDER) == 1
    why = f"check {OLDER} failed"
    assert told(answers) == [
        (f"check {NEWER}", "done", DIGEST[:19], 0),
        (f"check {OLDER}", "failed", "there is no such image", 2),
        ("build demo:2.55.1-py311-cpu", "blocked", why, 0),
        ("build other:2.55.1-py311-cpu", "blocked", why, 0),
    ]
    assert answers.pins == {NEWER: DIGEST}


def test_a_build_with_two_failed_questions_is_stopped_once(
    network: Network, settings: Settings
) -> None:
    project = project_on("registry", {"demo": GIT})
    gone = MachineError("nobody is there")
    network.answers = {OLDER: gone, NEWER: gone, f"{CODE}#main": ConfigError("no such ref")}
    answers, _ = ask(settings, project)
    assert answers.builds == ()
    assert sorted(one.code for one in answers.outcomes) == [0, 0, 2, 7, 7]


def test_what_was_known_before_stays_known_when_a_question_fails(
    network: Network, settings: Settings
) -> None:
    ask(settings, project_on("registry"))
    network.answers = {NEWER: MachineError("down")}
    answers, _ = ask(settings, project_on("registry"))
    assert NEWER not in answers.pins, "this run does not go by what may be old"
    assert pins.load(settings)[NEWER] == DIGEST


def test_a_tag_that_moved_is_pinned_anew(network: Network, settings: Settings) -> None:
    ask(settings, project_on("registry"))
    moved = "sha256:" + "c" * 64
    network.answers = {NEWER: moved}
    ask(settings, project_on("registry"))
    assert pins.load(settings) == {OLDER: DIGEST, NEWER: moved}


# --------------------------------------------------------------------- auto


def test_auto_is_the_registry_where_it_answers(network: Network, settings: Settings) -> None:
    project = project_on("auto")
    answers, watcher = ask(settings, project)
    assert answers.project.matrix.base.source == "registry"
    assert watcher.notes == [f"base.source auto: bases are {MIRROR}, which answers"]
    assert sorted(network.asked) == [MIRROR, OLDER, NEWER]
    known, found = recalled(settings, project)
    assert known.matrix.base.source == "registry"
    assert found[NEWER] == DIGEST


def test_auto_is_packages_where_it_does_not_and_says_so(
    network: Network, settings: Settings
) -> None:
    network.silent = "mirror.example cannot be reached"
    project = project_on("auto")
    answers, watcher = ask(settings, project)
    assert answers.project.matrix.base.substituted
    assert network.asked == [MIRROR], "once, whatever the number of builds"
    [note] = watcher.notes
    assert f"{MIRROR} does not answer (mirror.example cannot be reached)" in note
    assert "`substituted base`" in note
    assert recalled(settings, project)[0].matrix.base.substituted


def test_auto_is_not_settled_by_what_another_source_was(
    network: Network, settings: Settings
) -> None:
    ask(settings, project_on("packages"))
    assert recalled(settings, project_on("auto"))[0].matrix.base.source == "registry"
    network.silent = "down"
    ask(settings, project_on("auto"))
    elsewhere = project_of(MATRIX.replace("source: packages", "source: auto"))
    assert recalled(settings, elsewhere)[0].matrix.base.source == "registry"
    assert recalled(settings, project_on("registry"))[0] == project_on("registry")


def test_stand_ins_of_another_day_do_not_refuse_what_only_the_registry_has(
    network: Network, settings: Settings
) -> None:
    text = MATRIX.replace("source: packages", "source: auto").replace(
        'python: ["3.11"]', 'python: ["3.11", "3.10"]'
    )
    project = project_of(text.replace('latest: {ray: "2.60.0"}', ""))
    builds = all_builds(project)
    made = [build for build in builds if build.cell.python == "3.11"]
    network.silent = "down"
    ask(settings, project, made)
    assert preflight.recalled(settings, project, made)[0].matrix.base.substituted
    assert not recalled(settings, project)[0].matrix.base.substituted
    plan_again, found = recalled(settings, project)
    assert plan_of(plan_again, found, builds).builds, "so that it can be asked again"


def test_stand_ins_refuse_the_cells_that_there_are_none_for_and_no_others(
    network: Network, settings: Settings
) -> None:
    network.silent = "nobody is there"
    project = project_on("auto")
    matrix = project.matrix
    odd = replace(matrix.cells[0], python="3.12")
    project = replace(project, matrix=replace(matrix, cells=(*matrix.cells, odd)))
    answers, _ = ask(settings, project)
    assert [build.cell.python for build in answers.builds] == ["3.11", "3.11"]
    [refused] = answers.outcomes
    assert (refused.id, refused.code) == (f"build demo:{odd.id}", 2)
    assert "no Debian suite has a Python 3.12" in refused.reason


def test_what_several_builds_are_refused_for_fails_one_and_blocks_the_others(
    settings: Settings,
) -> None:
    images = dict.fromkeys(("demo", "other"), "description: x\n")
    project = project_of(images=images, digests={**FILES, "images/other/app": "1" * 64})
    cell = replace(project.matrix.cells[0], python="3.12")
    odd = [Build(image=name, cell=cell) for name in ("demo", "other")]
    answers, _ = ask(settings, project, [*all_builds(project), *odd])
    assert len(answers.builds) == 4
    first, second = answers.outcomes
    assert (first.id, first.state, first.code) == (f"build {odd[0].id}", State.FAILED, 2)
    assert (second.id, second.state) == (f"build {odd[1].id}", State.BLOCKED)
    assert second.reason == f"{first.id} failed"


def test_before_anything_was_looked_up_auto_is_unresolved(settings: Settings) -> None:
    project, found = recalled(settings, project_on("auto"))
    plan = plan_of(project, found)
    assert {step.unresolved for step in plan.steps.values()} == {(OLDER,), (NEWER,)}


# ---------------------------------------------------------------- interrupts


@pytest.mark.usefixtures("cancellable")
def test_an_interrupt_stops_every_build(network: Network, settings: Settings) -> None:
    class Pressed(Watcher):
        def ended(self, outcome: Outcome) -> None:
            process.cancel_all()

    project = project_on("registry")
    answers = preflight.ask(settings, project, all_builds(project), planner, Pressed())
    assert answers.builds == ()
    builds = [one for one in answers.outcomes if one.verb == "build"]
    assert {(one.state, one.reason, one.code) for one in builds} == {
        (State.CANCELLED, "interrupted", 130)
    }


@pytest.mark.usefixtures("cancellable")
def test_what_failed_before_an_interrupt_is_still_told(
    network: Network, settings: Settings
) -> None:
    class Pressed(Watcher):
        def ended(self, outcome: Outcome) -> None:
            if outcome.state is State.FAILED:
                process.cancel_all()

    network.answers = {OLDER: ConfigError("gone"), NEWER: Interrupted("interrupted")}
    project = project_on("registry")
    answers = preflight.ask(settings, project, all_builds(project), planner, Pressed())
    states = {one.id: one.state for one in answers.outcomes}
    assert states["build demo:2.55.1-py311-cpu"] is State.BLOCKED
    assert states["build demo:2.60.0-py311-cpu"] is State.CANCELLED


# ------------------------------------------------------- before a step is built


def step(key: str, **fields: object) -> Step:
    made = Step(kind="app", name="demo", key=key * 64, parent=None, dockerfile="FROM scratch\n")
    return replace(made, **fields)  # type: ignore[arg-type]  # what a test is about


WHEELS = Wheels(
    name="torch==2.13.0 for Python 3.11", requirements=("torch==2.13.0",), python="3.11"
)


def questions(settings: Settings, *steps: Step) -> dict[str, Work]:
    return preflight.checks(steps, PackageSources, settings)


def test_equal_questions_are_asked_once(settings: Settings) -> None:
    steps = [step("a", wheels=WHEELS), step("b", wheels=WHEELS), step("c")]
    found = questions(settings, *steps)
    assert set(found) == {"a" * 64, "b" * 64}
    [work] = set(found.values())
    assert work.id == "check torch==2.13.0 for Python 3.11"


def test_wheels_are_asked_of_the_hosts_sources_and_only_then(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def sources() -> PackageSources:
        made.append("sources")
        return PackageSources(index="https://index.example")

    def check(
        wheels: Wheels, sources: PackageSources, root: Path, log: Callable[[str], None]
    ) -> str:
        log("looking")
        return f"{wheels.requirements[0]} from {sources.index} for {root}"

    monkeypatch.setattr(preflight, "check_wheels", check)
    [work] = preflight.checks([step("a", wheels=WHEELS)], sources, settings).values()
    assert made == []
    lines: list[str] = []
    state, reason = work.run(lines.append)
    assert (state, lines, made) == (State.DONE, ["looking"], ["sources"])
    assert reason == f"torch==2.13.0 from https://index.example for {settings.root}"


def test_a_secret_that_is_not_set_is_told_before_anything_is_built(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (("LICENCE", "LICENCE"), ("GIT_AUTH_TOKEN", "CODE_TOKEN"))
    [work] = questions(settings, step("a", secrets=secrets)).values()
    assert work.subject == "CODE_TOKEN, LICENCE"
    monkeypatch.setenv("CODE_TOKEN", "hush-hush")
    monkeypatch.delenv("LICENCE", raising=False)
    with pytest.raises(MachineError, match="LICENCE is not set"):
        work.run(lambda _: None)
    monkeypatch.setenv("LICENCE", "hush-hush")
    assert work.run(lambda _: None) == (State.DONE, "set")
