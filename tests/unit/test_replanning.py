"""A run plans once, unless what was looked up meanwhile could change the plan."""

from __future__ import annotations

from pathlib import Path

from factory.model import Selection
from factory.pipeline import _replanned, prepare
from factory.settings import Settings

CODE = "description: It\nsource: {git: 'https://code.example/app.git', ref: main}\n"
COMMIT = {"https://code.example/app.git#main": "c" * 40}


def settings_of(root: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": str(root.parent)})


def test_a_plan_that_rests_on_nothing_that_moves_is_kept(tree: Path) -> None:
    prepared = prepare(settings_of(tree), Selection())
    assert _replanned(prepared, prepared.project, prepared.builds, COMMIT) is prepared.plan


def test_a_plan_that_rests_on_a_branch_is_made_anew(tree: Path) -> None:
    (tree / "images" / "demo" / "image.yaml").write_text(CODE)
    prepared = prepare(settings_of(tree), Selection())
    found = _replanned(prepared, prepared.project, prepared.builds, COMMIT)
    before, after = prepared.plan.builds[0].key, found.builds[0].key
    assert before != after
    assert not found.steps[after].unresolved


def test_a_plan_of_fewer_builds_has_fewer_steps(tree: Path) -> None:
    prepared = prepare(settings_of(tree), Selection())
    found = _replanned(prepared, prepared.project, prepared.builds[:1], {})
    assert [one.build for one in found.builds] == [prepared.builds[0]]
    assert len(found.steps) < len(prepared.plan.steps)
