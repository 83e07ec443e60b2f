"""Plans by locks: what is installed from which file, and when a lock is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.errors import ConfigError, ConfigErrors
from factory.model import Project
from factory.plan import unlocked
from factory.project import all_builds
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import (
    Written,
    chain,
    keys,
    locked,
    partial_plan_of,
    plan_of,
    project_of,
)

ONE = MATRIX.replace(', "2.55.1"', "")
CELL = "2.60.0-py311-cpu"
BASE, APP = f"dockerfiles/locks/base/{CELL}.txt", f"images/demo/locks/{CELL}.txt"
HUB = "docker.io/rayproject/ray:2.60.0-py311-cpu"
DIGEST = f"sha256:{'d' * 64}"


def refusal(project: Project) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        plan_of(project)
    assert "invoke lock" in caught.value.todo
    return caught.value


def without(project: Written, path: str) -> Written:
    return replace(project, locks={it: asked for it, asked in project.locks.items() if it != path})


def test_a_step_reads_its_lock_in_place_of_its_requirements() -> None:
    steps = chain(plan_of(locked(project_of(ONE))))
    assert f"file {BASE}" in dict(steps["base"].inputs)
    assert f"file {APP}" in dict(steps["app"].inputs)
    assert "file images/demo/requirements.txt" not in dict(steps["app"].inputs)


def test_another_lock_is_another_key_of_the_step_and_what_stands_on_it() -> None:
    project = locked(project_of(ONE))
    other = replace(project, files={**project.files, APP: "9" * 64})
    assert keys(plan_of(other))["base"] == keys(plan_of(project))["base"]
    assert keys(plan_of(other))["app"] != keys(plan_of(project))["app"]


def test_wheels_are_not_looked_up_for_what_is_locked() -> None:
    assert chain(plan_of(project_of(ONE)))["base"].wheels
    assert chain(plan_of(locked(project_of(ONE))))["base"].wheels is None


def test_a_project_without_locks_installs_as_it_says() -> None:
    for step in plan_of(project_of(ONE)).steps.values():
        assert "lock.txt" not in step.dockerfile


def test_an_image_may_be_unlocked_on_a_base_that_is_locked() -> None:
    steps = chain(plan_of(without(locked(project_of(ONE)), APP)))
    assert "--require-hashes" in steps["base"].dockerfile
    assert "--requirement /run/factory/requirements.txt" in steps["app"].dockerfile


def test_what_has_no_lock_in_a_project_with_locks_is_told() -> None:
    project, plain = locked(project_of(MATRIX)), project_of(MATRIX)
    builds = all_builds(project)
    assert unlocked(project, builds) == {}
    assert unlocked(plain, builds) == {}, "who locks nothing is told nothing"
    assert unlocked(without(project, APP), builds) == {
        "images/demo/requirements.txt": [f"demo:{CELL}"]
    }


def test_a_lock_on_a_base_that_is_not_is_refused() -> None:
    error = refusal(without(locked(project_of(ONE)), BASE))
    assert error.where == APP


def test_a_lock_for_other_requirements_is_refused() -> None:
    project = locked(project_of(ONE))
    error = refusal(replace(project, requirements={"images/demo/requirements.txt": ("more",)}))
    assert error.where == APP


@pytest.mark.parametrize(
    "change",
    [
        "extras: [default, serve]",
        "wheel: wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl",
    ],
)
def test_a_lock_for_another_ray_is_refused(change: str) -> None:
    project = locked(project_of(ONE))
    spec = project_of(ONE.replace('"2026-11"', f'"2026-11"\n  packages: {{{change}}}')).matrix
    assert refusal(replace(project, matrix=spec)).where == BASE


def test_a_change_of_epoch_leaves_locks_fit() -> None:
    project = locked(project_of(ONE))
    assert plan_of(replace(project, matrix=project_of(ONE.replace("2026-11", "x")).matrix))


def test_on_a_base_image_a_lock_needs_the_list_of_what_is_in_it() -> None:
    project = locked(project_of(ONE.replace("packages", "registry")), **{HUB: DIGEST})
    assert refusal(project).where == APP
    listed = replace(project, locks={**project.locks, BASE: DIGEST})
    assert "--require-hashes" in chain(plan_of(listed))["app"].dockerfile
    moved = replace(listed, bases={HUB: DIGEST.replace("d", "e")})
    assert refusal(moved).where == APP


def test_the_most_particular_lock_is_taken() -> None:
    project = locked(project_of(ONE, images={"demo": IMAGE}))
    common = APP.replace(CELL, "py311")
    both = replace(
        project,
        locks={**project.locks, common: "0" * 64},
        files={**project.files, common: "8" * 64},
    )
    assert f"file {APP}" in dict(chain(plan_of(both))["app"].inputs)


def test_a_lock_that_contradicts_what_it_stands_on_is_refused() -> None:
    """As after an edit by hand or a merge: it would be installed over Ray's own."""
    project = locked(project_of(ONE))
    fits = {BASE: {"click": "8.2.0", "ray": "2.60.0"}, APP: {"fsspec": "2026.4.0"}}
    assert plan_of(replace(project, locked=fits)).builds
    clash = {**fits, APP: {"click": "8.1.0"}}
    error = refusal(replace(project, locked=clash))
    assert error.where == APP
    assert f"click is 8.1.0 here, and 8.2.0 in {BASE}" in error.what


def test_what_a_lock_is_called_is_in_no_key() -> None:
    """Another cell may make it be called otherwise."""
    project = locked(project_of(ONE))
    common = "images/demo/locks/py311.txt"
    contents = {BASE: "b" * 64, APP: "a" * 64}
    before = keys(plan_of(replace(project, lock_contents=contents)))
    renamed = replace(
        project,
        locks={BASE: project.locks[BASE], common: project.locks[APP]},
        files={**project.files, common: "7" * 64},
        lock_contents={BASE: "b" * 64, common: "a" * 64},
    )
    assert keys(plan_of(renamed)) == before
    other = replace(renamed, lock_contents={BASE: "b" * 64, common: "c" * 64})
    assert keys(plan_of(other))["base"] == before["base"]
    assert keys(plan_of(other))["app"] != before["app"]


def test_a_lock_that_does_not_fit_stops_the_builds_that_install_from_it_and_no_others() -> None:
    project = locked(project_of(MATRIX))
    other = APP.replace("2.60.0", "2.55.1")
    stale = replace(project, locks={**project.locks, other: "0" * 64})
    plan = partial_plan_of(stale)
    assert [one.build.cell.ray for one in plan.builds] == ["2.60.0"]
    [(refused, why)] = plan.refused.items()
    assert (refused.cell.ray, why.where) == ("2.55.1", other)
    used = {key for one in plan.builds for key in one.steps}
    assert set(plan.steps) == used, "nothing of the one that is refused is planned"


def test_what_several_builds_are_refused_for_is_told_once() -> None:
    project = locked(project_of(MATRIX, images={"demo": IMAGE, "second": IMAGE}))
    stale = {it: "0" * 64 for it in project.locks if "/base/" in it}
    plan = partial_plan_of(replace(project, locks={**project.locks, **stale}))
    assert len(plan.refused) == 4
    with pytest.raises(ConfigErrors) as caught:
        plan.whole()
    assert {error.where for error in caught.value.errors} == set(stale)
    assert len(caught.value.errors) == len(stale)
