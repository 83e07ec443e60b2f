"""Which tags may move, as ECR is told: few filters, none of which fits an immutable tag."""

from __future__ import annotations

import re

import pytest

from factory.errors import ConfigError
from factory.model import Build, Cell, Naming
from factory.plan import filters_of
from factory.plan.filters import derived
from tests.conftest import MATRIX
from tests.unit.plan.projects import plan_of, project_of

CELLS = [
    Cell(python=python, ray=ray, device=device, rllib=rllib)
    for python in ("3.11", "3.13")
    for ray in ("2.60.0", "2.55.1")
    for device in ("cpu", "gpu")
    for rllib in (False, True)
]


def means(filters: tuple[str, ...], tag: str) -> bool:
    forms = [".*".join(map(re.escape, one.split("*"))) for one in filters]
    return any(re.fullmatch(form, tag) for form in forms)


@pytest.mark.parametrize(
    ("naming", "filters"),
    [
        (Naming(), ("*-cpu", "*-gpu", "*-rllib")),
        (Naming(latest=CELLS[0]), ("*-cpu", "*-gpu", "*-rllib", "latest")),
        (
            Naming(tag="build-{cell}-{key}", aliases=("omit-python", "omit-device", "latest-ray"),
                   latest=CELLS[0]),
            ("2.*", "latest", "latest-*"),
        ),
    ],
)  # fmt: skip
def test_filters_mean_all_floating_tags_and_no_immutable_one(
    naming: Naming, filters: tuple[str, ...]
) -> None:
    builds = [Build(image="demo", cell=cell) for cell in CELLS]
    floating = [tag for build in builds for tag in naming.floating_of(build)]
    found = derived(floating, [naming.pattern_of(build) for build in builds])
    assert found == filters
    assert all(means(found, tag) for tag in floating)
    for build in builds:
        for key in ("0" * 64, "f" * 64, "deadbeefcafe", "0c1p2u3g4l5l"):
            assert not means(found, naming.immutable_of(build, key))


def test_few_tags_are_named_one_by_one() -> None:
    assert derived(["b", "a"], []) == ("a", "b")


def ecr(more: str) -> str:
    line = f"  ecr: {{kind: ecr, account: '123456789012', region: eu-central-1{more}}}\n"
    axes = '["3.11", "3.12", "3.13", "3.14"]'
    many = MATRIX.replace('["3.11"]', axes).replace("{ray:", '{python: "3.11", ray:')
    return many.replace("  local: {kind: local}\n", line).replace(
        "source: packages", "source: registry"
    )


def test_where_no_five_filters_do_the_plan_says_what_to_write() -> None:
    short = ", aliases: [omit-python, omit-device, latest-ray, latest]"
    project = project_of(ecr(short))
    with pytest.raises(ConfigError, match="no 4 filters") as caught:
        plan_of(project)
    assert "tag: build-{cell}-{key}" in caught.value.todo
    assert caught.value.where == "matrix.yaml:12:3"
    for mended in (", tag: 'build-{cell}-{key}'", ", repositories: {immutable: false}"):
        text = ecr(short + mended)
        assert plan_of(project_of(text)).builds


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        ("['*-cpu']", "no filter of `exclude` means the floating tag latest"),
        ("['*']", "means immutable tags such as"),
    ],
)
def test_filters_of_the_users_are_held_to_the_tags(exclude: str, said: str) -> None:
    text = ecr(f", repositories: {{exclude: {exclude}}}")
    with pytest.raises(ConfigError, match=re.escape(said)):
        plan_of(project_of(text))


def test_filters_of_the_users_go_before_ours() -> None:
    text = ecr(", repositories: {exclude: ['*cpu', latest]}")
    project = project_of(text)
    (target,) = project.matrix.targets
    repository = target.repository_of(project.builds[0])
    assert filters_of(target, project.builds, repository) == ("*cpu", "latest", "sha256-*")


def test_an_immutable_tag_that_is_like_those_of_evidence_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the filter sha256-\* means immutable tags") as caught:
        plan_of(project_of(ecr(", tag: 'sha256-{key}-{cell}'")))
    assert caught.value.where.startswith("matrix.yaml:12:")
