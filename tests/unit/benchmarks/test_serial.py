from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import minimum, requests
from benchmarks.serial import Script
from benchmarks.tree import Tree
from factory.build import PackageSources
from factory.errors import FactoryError
from factory.model import Pair, Selection
from factory.process import Completed, ProcessFailed
from factory.settings import Settings
from factory.trivy import Trivy
from factory.verify import ClusterRequest

SECRET = "https://user:password@index.example/simple"


class Shell:
    """Takes commands down instead of running them; those with ``fails`` in them end with 1."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.commands: list[list[str]] = []

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        self.commands.append(list(argv))
        code = int(bool(self.fails) and self.fails in argv)
        done = Completed(argv=tuple(argv), code=code, stdout="", stderr="it broke", seconds=0.0)
        if code:
            raise ProcessFailed(done)
        return done

    @property
    def verbs(self) -> list[str]:
        known = ("build", "image", "up", "exec", "down", "tag", "push")
        return [next(word for word in known if word in argv) for argv in self.commands]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell()
    monkeypatch.setattr("factory.process.run", made.run)
    found = Trivy(path="trivy", version="0.76.0")
    monkeypatch.setattr("factory.trivy.locate", lambda: found)
    monkeypatch.setattr(Tree, "rootfs", lambda *_: Path("rootfs"))
    return made


@pytest.fixture
def script(tree: Path, tmp_path: Path) -> Script:
    settings = Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tmp_path)})
    made = Tree(folder=tmp_path, settings=settings, mark="bench-1")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    loop = Script(
        tree=made,
        prepared=made.prepare(Selection()),
        sources=PackageSources(index=SECRET),
        cache=tmp_path / "trivy",
        scratch=scratch,
        say=lambda _: None,
    )
    loop.ready()
    return loop


def test_each_build_is_judged_before_the_next_begins_and_all_are_published(
    script: Script, shell: Shell
) -> None:
    script.run()
    judged = ["image", "up", "exec", "down"]
    first, second = script.prepared.plan.builds
    assert shell.verbs == [
        *["build"] * len(first.steps), *judged,
        *["build"] * len(second.steps), *judged,
        *["tag", "push"] * (2 + len(first.floating) + len(second.floating)),
    ]  # fmt: skip  # a line a build


def test_a_step_that_builds_share_is_built_once(script: Script, shell: Shell) -> None:
    plan = script.prepared.plan
    twice = (*plan.builds, plan.builds[0])
    object.__setattr__(plan, "builds", twice)
    script.run()
    assert shell.verbs.count("build") == len(plan.steps)
    assert shell.verbs.count("up") == 3


def test_every_piece_of_work_is_timed(script: Script, shell: Shell) -> None:
    timings = script.run()
    plan = script.prepared.plan
    done = [(verb, subject) for verb, subject, _ in timings]
    assert len(done) == len(plan.steps) + 4 * len(plan.builds)
    last = plan.builds[-1].build.id
    verbs = [verb for verb, subject in done if subject == last]
    assert verbs[-4:] == ["scan", "verify", "down", "publish"]
    assert shell.commands


def test_a_pair_is_a_cluster_of_two_images(
    script: Script, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, asked = script.prepared.plan, list[ClusterRequest]()

    def verify(_: Tree, request: ClusterRequest) -> minimum.Took:
        asked.append(request)
        return minimum.Took(seconds=30.0, down_seconds=10.0, busy_seconds=40.0)

    monkeypatch.setattr(minimum, "verify", verify)
    monkeypatch.setattr(Pair, "refused", "")  # the two here are of different Rays or Pythons
    head, workers = plan.builds
    pair = Pair(cohort="both", head=head.build, workers=workers.build)
    object.__setattr__(plan, "pairs", (pair,))
    timings = script.run()
    refs = plan.steps[head.key].ref, plan.steps[workers.key].ref
    assert [one.head_ref for one in asked] == [*refs, refs[0]]
    assert [one.worker_ref for one in asked] == [*refs, refs[1]]
    assert timings.count(("verify", pair.id, 20.0)) == 1
    assert timings.count(("down", pair.id, 10.0)) == 1


def test_the_build_is_of_the_rendered_dockerfile_under_the_steps_name(
    script: Script, shell: Shell
) -> None:
    script.run()
    step = next(iter(script.prepared.plan.steps.values()))
    argv = shell.commands[0]
    assert argv[argv.index("--tag") + 1] == step.ref
    assert Path(argv[argv.index("--file") + 1]).read_text("utf-8") == step.dockerfile


def test_package_sources_are_in_files_and_in_no_command(script: Script, shell: Shell) -> None:
    script.run()
    file = script.scratch / "uv"
    assert SECRET in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert not any(SECRET in word for argv in shell.commands for word in argv)


def test_a_cluster_is_taken_down_though_its_suite_broke_off(script: Script, shell: Shell) -> None:
    shell.fails = "exec"
    with pytest.raises(FactoryError) as broken:
        script.run()
    assert "it broke" in broken.value.detail
    assert shell.verbs[-2:] == ["exec", "down"]


def test_an_image_that_does_not_pass_ends_the_script(script: Script, shell: Shell) -> None:
    shell.fails = "exec"
    with pytest.raises(FactoryError, match="did not pass"):
        script.run()
    assert "push" not in shell.verbs


def test_the_request_is_about_the_build(script: Script) -> None:
    planned = script.prepared.plan.builds[0]
    request = requests.request_of(
        script.tree.settings, script.prepared.project, planned, "factory.invalid/demo:1"
    )
    assert request.head_ref == request.worker_ref == "factory.invalid/demo:1"
    assert request.cell == planned.build.cell
    assert [path.name for path in request.own_checks] == ["checks.py"]
