"""Whose floating tags move together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from factory.model import Build, Cell, Cohort, Project
from factory.plan.groups import release_groups

CPU, GPU, OLD = (
    Cell(python="3.11", ray=ray, device=device)
    for ray, device in (("2.60.0", "cpu"), ("2.60.0", "gpu"), ("2.55.1", "cpu"))
)
HEAD = Cohort(name="gpu-head", where="here", pairs=((GPU, CPU),))


def project(*cohorts: Cohort, together: str = "cohorts") -> Project:
    """Images ``app``, for every cell, and ``train``, which is not made for the old Ray."""
    return cast(
        Project,
        SimpleNamespace(
            images={"app": None, "train": None},
            matrix=SimpleNamespace(cells=(CPU, GPU, OLD), cohorts=cohorts, together=together),
            made_for=lambda image, cell: image == "app" or cell != OLD,
        ),
    )


def build(image: str, cell: Cell) -> Build:
    return Build(image=image, cell=cell)


EVERY = tuple(
    build(image, cell)
    for image, cells in (("app", (CPU, GPU, OLD)), ("train", (CPU, GPU)))
    for cell in cells
)


def groups(found: Project, *builds: Build) -> dict[str, set[str]]:
    return {one.name: {it.id for it in one.builds} for one in release_groups(found, builds)}


def test_a_build_in_no_cohort_moves_by_itself() -> None:
    assert groups(project(), *EVERY) == {one.id: {one.id} for one in EVERY}


def test_a_cohort_moves_together_whatever_images_it_pairs() -> None:
    old = "app:2.55.1-py311-cpu"
    joined = {one.id for one in EVERY} - {old}
    assert groups(project(HEAD), *EVERY) == {"gpu-head": joined, old: {old}}


def test_a_cohort_of_one_image_leaves_the_others_alone() -> None:
    found = groups(project(replace(HEAD, image="train")), *EVERY)
    assert found["gpu-head"] == {"train:2.60.0-py311-cpu", "train:2.60.0-py311-gpu"}
    assert len(found) == 4


def test_a_group_has_all_of_its_members_whatever_was_selected() -> None:
    found = groups(project(replace(HEAD, image="app")), build("app", GPU))
    assert found == {"gpu-head": {"app:2.60.0-py311-cpu", "app:2.60.0-py311-gpu"}}


def test_cohorts_that_share_a_build_are_one_group() -> None:
    other = Cohort(name="old-head", where="here", image="app", pairs=((OLD, CPU),))
    third = Cohort(name="apart", where="here", image="train", pairs=((GPU, CPU),))
    found = groups(project(replace(HEAD, image="app"), third, other), *EVERY)
    assert found == {
        "gpu-head+old-head": {one.id for one in EVERY if one.image == "app"},
        "apart": {one.id for one in EVERY if one.image == "train"},
    }


def test_a_cohort_that_pairs_nothing_groups_nothing() -> None:
    refused = Cohort(name="typo", where="here", refused="no such device")
    assert len(groups(project(refused), *EVERY)) == len(EVERY)


@pytest.mark.parametrize(
    ("cohorts", "names"),
    [((), {"app", "train"}), ((HEAD,), {"app+train"})],
    ids=["apart", "joined by a cohort"],
)
def test_all_builds_of_an_image_move_together_if_they_are_to(
    cohorts: tuple[Cohort, ...], names: set[str]
) -> None:
    found = groups(project(*cohorts, together="images"), *EVERY)
    assert found.keys() == names
    assert set().union(*found.values()) == {one.id for one in EVERY}


def test_everything_moves_together_if_it_is_to() -> None:
    found = groups(project(together="all"), build("app", OLD))
    assert found == {"all": {one.id for one in EVERY}}
