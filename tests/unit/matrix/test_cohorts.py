"""Rules for heads and workers → pairs of cells; what pairs nothing is refused, and says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from factory.errors import ConfigError
from factory.model import Build, Cohort, Project
from factory.project import load
from factory.settings import Settings
from tests.conftest import MATRIX, ROOT
from tests.unit.matrix.test_cells import matrix_of

GRID = MATRIX.replace(
    '"2.55.1"]', '"2.55.1"]\n  device: [cpu, gpu]\n  rllib: [false, true]'
).replace(
    'latest: {ray: "2.60.0"}\n', "exclude: [{where: {device: gpu, rllib: true}, reason: big}]"
)


def cohort_of(text: str, matrix: str = GRID) -> Cohort:
    (cohort,) = matrix_of(f"{matrix}\ncohorts:\n  mixed: {text}\n").cohorts
    return cohort


def pairs_of(text: str) -> list[str]:
    cohort = cohort_of(text)
    assert not cohort.refused
    return [f"{head.id} + {workers.id}" for head, workers in cohort.pairs]


def test_a_head_is_paired_with_workers_that_are_like_it_in_all_else() -> None:
    assert pairs_of("{head: {device: gpu}, workers: {device: cpu}}") == [
        "2.60.0-py311-gpu + 2.60.0-py311-cpu",
        "2.55.1-py311-gpu + 2.55.1-py311-cpu",
    ]


def test_what_one_side_names_narrows_the_other_too() -> None:
    narrowed = ["2.60.0-py311-gpu + 2.60.0-py311-cpu"]
    assert pairs_of('{head: {device: gpu, ray: "2.60.0"}, workers: {device: cpu}}') == narrowed
    assert pairs_of('{head: {device: gpu}, workers: {device: cpu, ray: "2.60.0"}}') == narrowed


def test_where_both_name_an_axis_they_may_differ_in_it() -> None:
    rllib = "{head: {rllib: true, ray: '2.60.0'}, workers: {rllib: false}}"
    assert pairs_of(rllib) == ["2.60.0-py311-cpu-rllib + 2.60.0-py311-cpu"]


def test_a_cell_is_never_paired_with_itself() -> None:
    both = (
        "{head: {device: [cpu, gpu], rllib: false, ray: '2.60.0'}, workers: {device: [cpu, gpu]}}"
    )
    assert pairs_of(both) == [
        "2.60.0-py311-cpu + 2.60.0-py311-gpu",
        "2.60.0-py311-gpu + 2.60.0-py311-cpu",
    ]


@pytest.mark.parametrize(
    ("text", "where", "why", "todo"),
    [
        (
            "{head: {device: tpu}, workers: {device: cpu}}",
            "matrix.yaml:16:18",
            "axis device has no value 'tpu'",
            "did you mean gpu or cpu?",
        ),
        (
            "{head: {devise: gpu}, workers: {device: cpu}}",
            "matrix.yaml:16:18",
            "unknown axis 'devise'",
            "did you mean device?",
        ),
        (
            "{head: {device: gpu, rllib: true}, workers: {device: cpu}}",
            "matrix.yaml:16:11",
            "its head names no cell",
            "did you mean 2.60.0-py311-cpu-rllib or 2.60.0-py311-gpu",
        ),
        (
            "{head: {device: gpu}, workers: {rllib: true}}",
            "matrix.yaml:16:3",
            "it pairs no cells: no head has workers of another cell with the same python, ray, "
            "device, rllib",
            "name the axis on both sides",
        ),
    ],
    ids=["value", "axis", "no cell", "no pair"],
)
def test_one_that_pairs_nothing_is_refused_with_its_place_and_what_was_meant(
    text: str, where: str, why: str, todo: str
) -> None:
    cohort = cohort_of(text)
    assert (cohort.where, cohort.refused, cohort.pairs) == (where, why, ())
    assert todo in cohort.todo


def test_the_cells_of_one_that_is_refused_are_known_as_far_as_it_names_some() -> None:
    cohort = cohort_of("{head: {device: tpu}, workers: {device: gpu}}")
    assert [cell.id for cell in cohort.named] == ["2.60.0-py311-gpu", "2.55.1-py311-gpu"]
    assert cohort.names(Build(image="demo", cell=cohort.named[0]))
    assert not cohort.names(Build(image="demo", cell=matrix_of(GRID).cells[0]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{head: {device: gpu}}", "workers"),
        ("{head: {}, workers: {device: cpu}}", "head"),
        ("{head: {device: gpu}, workers: {device: cpu}, heads: {}}", "'heads'"),
        ("{head: {python: 3.11}, workers: {device: cpu}}", 'write "3.11"'),
    ],
)
def test_one_that_is_no_cohort_at_all_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        cohort_of(text)


# ------------------------------------------------------------------ and images


def project_of(tree: Path, cohorts: str, **images: str) -> Project:
    (tree / "matrix.yaml").write_text(f"{GRID}\ncohorts:\n{cohorts}")
    for name, text in images.items():
        (tree / "images" / name / "app").mkdir(parents=True)
        (tree / "images" / name / "image.yaml").write_text(text)
    return load(Settings.from_environment({"FACTORY_ROOT": str(tree)}))


MIXED = "{head: {device: gpu, ray: '2.60.0'}, workers: {device: cpu}}"
CPUS = "description: It\nwhere: {device: cpu}\n"


def test_every_image_that_is_made_for_both_cells_is_paired_or_the_one_that_is_named(
    tree: Path,
) -> None:
    both = f"  all: {MIXED}\n  one: {MIXED[:-1]}, image: demo}}\n"
    project = project_of(tree, both, other="description: It\n", cpus=CPUS)
    assert [(pair.cohort, pair.id) for pair in project.pairs] == [
        ("all", "demo:2.60.0-py311-gpu+2.60.0-py311-cpu"),
        ("all", "other:2.60.0-py311-gpu+2.60.0-py311-cpu"),
    ]


def test_an_image_that_there_is_not_refuses_the_cohort_and_all_that_it_names(tree: Path) -> None:
    project = project_of(tree, f"  mixed: {MIXED[:-1]}, image: dem}}\n")
    (cohort,) = project.refused_cohorts
    assert cohort.refused == "there is no image dem"
    assert cohort.todo == "did you mean demo?"
    assert [cell.id for cell in cohort.named] == ["2.60.0-py311-gpu", "2.60.0-py311-cpu"]
    assert cohort.names(Build(image="demo", cell=cohort.named[0]))


def test_an_image_that_is_made_for_one_side_only_refuses_the_cohort(tree: Path) -> None:
    project = project_of(tree, f"  mixed: {MIXED[:-1]}, image: cpus}}\n", cpus=CPUS)
    (cohort,) = project.refused_cohorts
    assert cohort.refused == "cpus is made for none of its pairs"
    assert not cohort.names(Build(image="demo", cell=cohort.named[0]))


def test_what_must_not_work_by_its_cells_is_paired_and_refused_with_the_reason(tree: Path) -> None:
    mixed = "  mixed: {head: {ray: '2.60.0', device: gpu}, workers: {ray: '2.55.1', device: cpu}}\n"
    (pair,) = project_of(tree, mixed).pairs
    assert pair.refused == "Ray is 2.60.0 on the head and 2.55.1 on the workers"


def test_the_shipped_cohort_pairs_a_head_for_gpus_with_workers_for_cpus() -> None:
    project = load(Settings.from_environment({"FACTORY_ROOT": str(ROOT)}))
    assert [(pair.head.id, pair.workers.id, pair.refused) for pair in project.pairs] == [
        ("ray-app:2.60.0-py311-gpu", "ray-app:2.60.0-py311-cpu", "")
    ]
