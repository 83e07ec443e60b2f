"""Builds → distinct steps, parents first, and tags."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError, ConfigErrors
from factory.model import MAIN, Build, Cell, PlannedBuild
from factory.plan.tags import check_unique, floating_tags, immutable_tag
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import FILES, plan_of, project_of

CELL = Cell(python="3.11", ray="2.60.0", device="cpu")


def test_shared_steps_are_one_step() -> None:
    files = FILES | {path.replace("demo", "other"): digest for path, digest in FILES.items()}
    plan = plan_of(project_of(images={"demo": IMAGE, "other": IMAGE}, digests=files))
    kinds = [step.kind for step in plan.steps.values()]
    assert len(plan.builds) == 4
    assert (kinds.count("base"), kinds.count("runtime"), kinds.count("app")) == (2, 2, 4)


def test_an_axis_of_the_users_shares_all_that_does_not_depend_on_it() -> None:
    matrix = MATRIX.replace('latest: {ray: "2.60.0"}', "")
    plan = plan_of(project_of(matrix.replace("axes:\n", "axes:\n  flavour: [plain, spicy]\n")))
    kinds = [step.kind for step in plan.steps.values()]
    assert len(plan.builds) == 4
    assert (kinds.count("base"), kinds.count("runtime"), kinds.count("app")) == (2, 2, 4)


def test_parents_come_before_children_and_every_step_is_used() -> None:
    plan = plan_of(project_of())
    seen: set[str] = set()
    for key, step in plan.steps.items():
        assert key == step.key
        assert step.parent is None or step.parent in seen
        seen.add(key)
    assert seen == {key for planned in plan.builds for key in planned.steps}


def test_each_step_is_from_its_parents_tag() -> None:
    plan = plan_of(project_of())
    for step in plan.steps.values():
        if step.parent:
            assert f"\nFROM {plan.steps[step.parent].ref}\n" in step.dockerfile


def test_a_step_reads_only_what_it_names() -> None:
    plan = plan_of(project_of())
    app = plan.steps[plan.builds[0].key]
    assert app.contexts == ((MAIN, "images/demo"),)
    assert {read.path for read in app.reads} == {"app", "requirements.txt"}
    assert dict(app.inputs)["file images/demo/app"] == FILES["images/demo/app"]


def test_cells_that_cannot_be_made_are_all_told() -> None:
    project = project_of(MATRIX.replace("axes:\n", "axes:\n  device: [gpu]\n"))
    with pytest.raises(ConfigErrors) as raised:
        plan_of(project)
    assert [error.where for error in raised.value.errors] == [
        "cell 2.60.0-py311-gpu",
        "cell 2.55.1-py311-gpu",
    ]


def test_tags_name_the_cell_and_the_key() -> None:
    build = Build(image="demo", cell=CELL)
    assert immutable_tag(build, "abcdef0123456789") == "2.60.0-py311-cpu-abcdef012345"
    assert floating_tags(build, CELL) == ("2.60.0-py311-cpu", "latest")
    assert floating_tags(build, None) == ("2.60.0-py311-cpu",)


def planned(image: str, cell: Cell, key: str) -> PlannedBuild:
    build = Build(image=image, cell=cell)
    return PlannedBuild(
        build=build,
        steps=(key,),
        immutable=immutable_tag(build, key),
        floating=floating_tags(build, None),
    )


def test_one_tag_of_two_builds_is_refused() -> None:
    odd = Cell(python="3.11", ray="2.60.0", device="cpu", extra=(("mark", "a" * 12),))
    with pytest.raises(ConfigError, match=f"would both be tagged 2.60.0-py311-cpu-{'a' * 12}"):
        check_unique([planned("demo", CELL, "a" * 64), planned("demo", odd, "b" * 64)])


def test_two_images_may_have_one_tag_each() -> None:
    check_unique([planned("demo", CELL, "a" * 64), planned("other", CELL, "a" * 64)])
