"""What the checks of torch, CUDA and RLlib make of what they find; the finding needs a cluster."""

from __future__ import annotations

import ctypes.util
from pathlib import Path
from typing import Any

import pytest

from factory.verify.smoke.checks.cuda import disagreement, library, runtime_version
from factory.verify.smoke.checks.flavour import copies, misfit
from factory.verify.smoke.checks.rllib import shortfall

VARIABLES = {
    "CUDA_VERSION": "13.0.2",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    "NVIDIA_REQUIRE_CUDA": "cuda>=13.0",
}
LIBRARY = "/site-packages/nvidia/cu13/lib/libcudart.so.13"
CPU_TORCH: dict[str, Any] = {"error": "", "torch": "2.13.0+cpu", "cuda": None, "variable": ""}
GPU_TORCH: dict[str, Any] = {
    "error": "",
    "torch": "2.13.0",
    "cuda": "13.0",
    "variable": "13.0.2",
    "copies": [LIBRARY],
    "loaded": [LIBRARY],
    "version": "13.0",
}


def test_a_torch_of_the_right_flavour_fits() -> None:
    assert misfit(CPU_TORCH, None) == ""
    assert misfit(GPU_TORCH, "13.0") == ""


@pytest.mark.parametrize(
    ("found", "cuda", "says"),
    [
        ({"error": "No module named 'torch'"}, None, "cannot be imported: No module named 'torch'"),
        ({}, None, "torch 2.13.0 is built for CUDA 13.0, not no CUDA"),
        (CPU_TORCH, "13.0", "torch 2.13.0+cpu is built for no CUDA, not CUDA 13.0"),
        ({}, "12.8", "built for CUDA 13.0, not CUDA 12.8"),
        ({"copies": [LIBRARY, "/b.so.12"]}, "13.0", f"2 CUDA runtimes: {LIBRARY}, /b.so.12"),
        ({"copies": []}, "13.0", "0 CUDA runtimes: none"),
        ({"loaded": ["/usr/lib/b.so.13"]}, "13.0", f"loads /usr/lib/b.so.13, not {LIBRARY}"),
        ({"loaded": []}, "13.0", "loads no CUDA runtime"),
        ({"version": "13.1"}, "13.0", "runtime is 13.1"),
        ({"variable": "12.8.1"}, "13.0", "CUDA_VERSION is '12.8.1'"),
        ({"variable": ""}, "13.0", "CUDA_VERSION is ''"),
    ],
)
def test_each_way_in_which_a_torch_can_be_wrong_is_named(
    found: dict[str, Any], cuda: str | None, says: str
) -> None:
    assert says in misfit(GPU_TORCH | found, cuda)


def test_runtimes_are_found_wherever_packages_are_and_counted_once(tmp_path: Path) -> None:
    real = tmp_path / "site" / "nvidia" / "libcudart.so.13"
    bundled = tmp_path / "site" / "torch" / "lib" / "libcudart-9335f6a2.so.12"
    for path in (real, bundled, tmp_path / "site" / "libcublas.so.13"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "site" / "libcudart.so").symlink_to(real)
    folders = [str(tmp_path / "site"), "", str(tmp_path), str(tmp_path / "missing.zip")]
    assert copies(folders) == [str(real), str(bundled)]


def test_variables_that_agree_are_no_complaint() -> None:
    assert disagreement(VARIABLES, "13.0") == ""
    assert disagreement(VARIABLES | {"NVIDIA_DRIVER_CAPABILITIES": "all"}, "13.0") == ""
    brands = "cuda>=13.0 brand=tesla,driver>=535"
    assert disagreement(VARIABLES | {"NVIDIA_REQUIRE_CUDA": brands}, "13.0") == ""


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        *((name, "", f"{name} is not set") for name in VARIABLES),
        ("CUDA_VERSION", "12.8.1", "CUDA_VERSION is 12.8.1, not 13.0"),
        ("NVIDIA_REQUIRE_CUDA", "cuda>=12.8", "NVIDIA_REQUIRE_CUDA is 'cuda>=12.8'"),
        ("NVIDIA_DRIVER_CAPABILITIES", "graphics,utility", "compute and utility are needed"),
    ],
)
def test_a_variable_that_is_missing_or_contradicts_is_named(
    name: str, value: str, says: str
) -> None:
    assert says in disagreement(VARIABLES | {name: value}, "13.0")


def test_a_runtime_that_is_missing_or_is_none_says_so_as_its_version() -> None:
    assert library("13.0") == "libcudart.so.13"
    assert "cannot open" in runtime_version("libcudart.so.no-such")
    other = ctypes.util.find_library("m")
    assert other
    assert "undefined symbol" in runtime_version(other)


def test_training_on_every_worker_that_takes_steps_lacks_nothing() -> None:
    assert shortfall([128, 256], ["a", "b"], head="h", runners=2) == ""


@pytest.mark.parametrize(
    ("steps", "where", "says"),
    [
        ([128, 256], ["a", "h"], "on the head"),
        ([128, 256], ["a", "a"], "on 1 worker(s), not 2"),
        ([128, 256], [], "on 0 worker(s), not 2"),
        ([0, 0], ["a", "b"], "0 → 0 → 0"),
        ([128, 128], ["a", "b"], "0 → 128 → 128"),
    ],
)
def test_training_that_stands_still_or_is_in_one_place_is_named(
    steps: list[int], where: list[str], says: str
) -> None:
    assert says in shortfall(steps, where, head="h", runners=2)
