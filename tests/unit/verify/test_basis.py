"""A verdict is reused only while everything that it rests on is the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from factory.model import Cell, Contract
from factory.verify import ClusterRequest, bare, basis, bundle
from factory.verify.request import Material


@pytest.fixture
def request_(tmp_path: Path) -> ClusterRequest:
    (tmp_path / "cluster.yaml").write_text("services: {}\n")
    (tmp_path / "checks.py").write_text("def check_it() -> None: ...\n")
    return ClusterRequest(
        subject="ray-app:2.60.0-py311-cpu",
        config_digest="sha256:" + "a" * 64,
        head_ref="ray-app:1",
        worker_ref="ray-app:1",
        cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
        compose_file=tmp_path / "cluster.yaml",
        own_checks=(tmp_path / "checks.py",),
    )


def test_the_same_request_has_the_same_basis(request_: ClusterRequest) -> None:
    assert basis(request_) == basis(replace(request_))
    assert basis(request_).startswith("sha256:")


def test_another_image_of_the_same_kind_is_judged_on_the_same_basis(
    request_: ClusterRequest,
) -> None:
    rebuilt = replace(
        request_, config_digest="sha256:" + "b" * 64, head_ref="ray-app:2", worker_ref="ray-app:2"
    )
    assert basis(rebuilt) == basis(request_)


@pytest.mark.parametrize(
    "changes",
    [
        {"workers": 3},
        {"own_checks": ()},
        {"worker_ref": "other-app:1"},
        {"cell": Cell(python="3.12", ray="2.60.0", device="cpu")},
        {"cell": Cell(python="3.11", ray="2.55.1", device="cpu")},
        {"cell": Cell(python="3.11", ray="2.60.0", device="gpu")},
        {"cell": Cell(python="3.11", ray="2.60.0", device="cpu", rllib=True)},
        {"cuda": "13.0"},
        {"suite": "contract"},
        {"suite": "full"},
        {"torch": True},
        {"declared": False},
        {"needs": ("serve",)},
        {"contract": Contract(read_only=True)},
        {"contract": Contract(writable=("/data",))},
        {"driver": "580.65.06"},
    ],
    ids=str,
)
def test_another_topology_or_expectation_changes_it(
    request_: ClusterRequest, changes: dict[str, object]
) -> None:
    changed = replace(request_, **changes)  # type: ignore[arg-type]  # fields by name
    assert basis(changed) != basis(request_)


def test_a_parents_checks_count_and_so_does_who_inherits_from_whom(
    request_: ClusterRequest, tmp_path: Path
) -> None:
    parents = tmp_path / "parent.py"
    parents.write_text("def check_other() -> None: ...\n")
    both = (parents, *request_.own_checks)
    bases = {
        basis(replace(request_, own_checks=checks))
        for checks in (request_.own_checks, both, both[::-1])
    }
    assert len(bases) == 3


def on_gpu(request: ClusterRequest, *, runtime: bool) -> ClusterRequest:
    cell = replace(request.cell, device="gpu")
    (request.compose_file.with_name("gpu.yaml")).write_text("services: {worker: {}}\n")
    return replace(request, cell=cell, cuda="13.0", nvidia_runtime=runtime)


def test_a_runtime_that_appears_is_another_basis_for_a_gpu_image_alone(
    request_: ClusterRequest,
) -> None:
    with_, without = on_gpu(request_, runtime=True), on_gpu(request_, runtime=False)
    assert basis(with_) != basis(without)
    assert basis(replace(request_, nvidia_runtime=True)) == basis(request_)


def test_what_gives_gpus_counts_where_it_is_used(request_: ClusterRequest) -> None:
    for runtime, counts in ((True, True), (False, False)):
        request = on_gpu(request_, runtime=runtime)
        before = basis(request)
        request.compose_file.with_name("gpu.yaml").write_text("services: {worker: {init: true}}\n")
        assert (basis(request) != before) is counts


@pytest.mark.parametrize("name", ["cluster.yaml", "checks.py"])
def test_a_changed_file_changes_it(request_: ClusterRequest, name: str) -> None:
    before = basis(request_)
    path = request_.compose_file.parent / name
    path.write_text(path.read_text() + "# changed\n")
    assert basis(request_) != before


@pytest.mark.parametrize("name", ["suite.py", "checks/jobs.py", "checks/added.py"])
def test_changed_suite_code_changes_it(
    request_: ClusterRequest, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = basis(request_)
    copy = tmp_path / "smoke"
    shutil.copytree(bundle.SMOKE, copy)
    monkeypatch.setattr(bundle, "SMOKE", copy)
    assert basis(request_) == before
    with (copy / name).open("a") as file:
        file.write("# changed\n")
    assert basis(request_) != before


def test_how_single_containers_are_started_counts(
    request_: ClusterRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = basis(request_)
    monkeypatch.setattr(bare, "LIMITS", (*bare.LIMITS, "--cap-drop=ALL"))
    assert basis(request_) != before


def test_an_edit_after_reading_is_neither_used_nor_digested(request_: ClusterRequest) -> None:
    before, material = basis(request_), Material.of(request_)
    request_.compose_file.write_text("services: {other: {}}\n")
    assert material.compose == (b"services: {}\n",)
    assert basis(request_, material) == before
    assert basis(request_) != before
