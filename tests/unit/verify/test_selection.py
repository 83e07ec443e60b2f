"""What an image is asked: by what it is, and by what the engine can do; the image has no say."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from factory.model import CheckStatus
from factory.verify.selection import Selection
from factory.verify.smoke import own
from factory.verify.smoke.conditions import (
    everywhere,
    made_for_gpus,
    with_a_torch_of_its_own,
    with_gpu_workers,
    with_rllib,
)
from factory.verify.smoke.protocol import Expected
from factory.verify.smoke.suite import (
    CONTRACT,
    FULL,
    LEVELS,
    QUICK,
    SUITE,
    Spec,
)

CPU = Expected(nodes=3, ray="2.60.0", python="3.11")
GPU = replace(CPU, device="gpu", cuda="13.0")
OWN = tuple(own.discover("def check_it(): ...\n", "0-app"))
IMAGES = [replace(image, rllib=rllib) for image, rllib in product((CPU, GPU), (False, True))]


def names(*, asked: object, level: str = QUICK) -> list[str]:
    return [spec.name for spec in SUITE if spec.asked is asked and spec.level == level]


@pytest.mark.parametrize("gpus", [False, True])
def test_a_cpu_image_is_asked_nothing_of_gpus_wherever_it_is_verified(gpus: bool) -> None:
    selection = Selection.of(CPU, OWN, gpus=gpus)
    assert selection.names == (*names(asked=everywhere), "own:it")
    assert selection.skipped == ()


def test_rllib_is_asked_of_images_with_it_and_before_checks_of_their_own() -> None:
    selection = Selection.of(replace(CPU, rllib=True), OWN, gpus=False)
    of_torch = names(asked=with_a_torch_of_its_own)
    of_rllib = names(asked=with_rllib)
    assert selection.names == (*names(asked=everywhere), *of_torch, *of_rllib, "own:it")


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        (replace(GPU, torch=True), True),
        (replace(CPU, torch=True), False),
        (GPU, False),
        (replace(GPU, torch=True, workers=replace(CPU, torch=True)), False),
        (replace(GPU, torch=True, workers=replace(GPU, torch=True)), True),
    ],
)
def test_the_torch_of_an_image_for_gpus_is_looked_at_without_rllib_too(
    expected: Expected, asked: bool
) -> None:
    assert ("torch-flavour" in Selection.of(expected, OWN, gpus=False).names) is asked


def test_a_gpu_image_is_asked_all_where_there_are_gpus() -> None:
    selection = Selection.of(GPU, (), gpus=True)
    asked = (*names(asked=with_gpu_workers), *names(asked=made_for_gpus))
    assert selection.names == (*names(asked=everywhere), *asked)
    assert selection.skipped == ()


def test_workers_that_declare_no_gpu_are_asked_to_schedule_none() -> None:
    mixed = Selection.of(replace(GPU, workers=CPU), (), gpus=False)
    assert "gpu-scheduling" not in mixed.names
    assert "cuda-runtime" in mixed.names


def test_without_gpus_what_needs_one_is_skipped_by_name_with_the_reason_of_policies() -> None:
    selection = Selection.of(GPU, (), gpus=False)
    assert [(check.name, check.status, check.reason) for check in selection.skipped] == [
        ("cuda-device", CheckStatus.SKIPPED, "no NVIDIA runtime")
    ]
    assert "cuda-runtime" in selection.names
    assert "cuda-device" not in selection.names


@pytest.mark.parametrize("image", IMAGES, ids=str)
@pytest.mark.parametrize("gpus", [False, True])
def test_no_check_needs_one_that_is_not_asked_before_it(image: Expected, gpus: bool) -> None:
    """It could never run: what it needs would never have passed."""
    specs: dict[str, Spec] = {spec.name: spec for spec in SUITE}
    for suite in LEVELS:
        selection = Selection.of(image, (), gpus=gpus, suite=suite)
        for asked in (selection.contract, selection.names):
            for index, name in enumerate(asked):
                assert set(specs[name].needs) <= set(asked[:index])


def test_a_suite_has_all_of_the_one_before_it_and_more() -> None:
    found = [Selection.of(CPU, OWN, gpus=False, suite=suite) for suite in LEVELS]
    asked = [{*one.contract, *one.names} for one in found]
    assert asked[0] < asked[1] < asked[2]
    assert asked[2] >= set(names(asked=everywhere, level=FULL))
    assert found[1] == Selection.of(CPU, OWN, gpus=False), "quick is the usual one"


def test_the_contract_is_asked_of_a_container_alone_and_first() -> None:
    selection = Selection.of(CPU, OWN, gpus=False, suite=CONTRACT)
    assert selection.contract[: len(names(asked=everywhere, level=CONTRACT))] == tuple(
        names(asked=everywhere, level=CONTRACT)
    )
    assert (selection.names, selection.skipped) == ((), ())
    full = Selection.of(CPU, OWN, gpus=False, suite=FULL)
    assert full.contract == selection.contract
    assert not set(full.contract) & set(full.names)


def test_torch_is_refused_only_where_nobody_asks_for_it() -> None:
    assert "no-torch" in Selection.of(CPU, (), gpus=False).contract
    assert "no-torch" not in Selection.of(replace(CPU, torch=True), (), gpus=False).contract
