"""Which cells can be made from packages, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.base import driver_floor, rootfs_for, unsupported
from factory.model import Base, Cell, Cuda, Device, Torch

BASE = Base(source="packages", epoch="2026-11", extras=("default",))
CPU = Device(torch=Torch(version="2.13.0+cpu"))
GPU = Device(cuda=Cuda(name="cuda130"))
DEVICES = {"cpu": CPU, "gpu": GPU}
CELL = Cell(python="3.11", ray="2.60.0", device="cpu")


def why(base: Base = BASE, **changes: object) -> str:
    cell = replace(CELL, **changes)  # type: ignore[arg-type]  # one field or two
    error = unsupported(base, DEVICES, cell)
    if error is None:
        return ""
    assert error.where
    assert error.todo
    return error.what


@pytest.mark.parametrize(
    ("python", "ray", "said"),
    [
        ("3.11", "2.60.0", ""),
        ("3.11", "2.55.1", ""),
        ("3.9", "2.51.2", ""),
        ("3.9", "2.52.0", "Ray 2.52.0 has no wheel for Python 3.9"),
        ("3.8", "2.11.0", "no Debian suite"),
        ("3.13", "2.44.0", "has no wheel"),
        ("3.13", "2.45.0", ""),
        ("3.14", "2.54.1", "has no wheel"),
        ("3.14", "2.55.0", ""),
        ("3.10", "2.60.0", "no Debian suite has a Python 3.10"),
    ],
)
def test_pythons_and_rays_that_do_not_meet_are_told(python: str, ray: str, said: str) -> None:
    found = why(python=python, ray=ray)
    assert said in found
    assert bool(said) == bool(found)


def test_another_python_is_told_with_those_that_there_are() -> None:
    error = unsupported(BASE, DEVICES, replace(CELL, python="3.10"))
    assert error
    assert "3.9, 3.11, 3.13, 3.14" in error.todo


def test_the_registry_has_what_no_debian_suite_has() -> None:
    assert why(replace(BASE, source="registry"), python="3.10") == ""


def test_a_device_is_described_before_it_is_built_for() -> None:
    assert why(device="gpu") == ""
    assert why(rllib=True) == ""
    assert "which torch RLlib gets on device gpu" in why(device="gpu", rllib=True)
    error = unsupported(BASE, {"cpu": CPU}, replace(CELL, device="gpu"))
    assert error
    assert "which CUDA" in error.what


def test_a_cuda_release_has_the_driver_that_its_notes_name() -> None:
    assert driver_floor("13.0") == "580.65.06"
    assert driver_floor("12.8") == "570.26"
    assert driver_floor("12.7") == driver_floor("12.6"), "of one between, that of the one before"
    assert driver_floor("14.0") == driver_floor("13.0")


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        ("wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl", ""),
        ("wheels/ray-2.60.0-cp312-cp312-manylinux2014_x86_64.whl", "is not Ray 2.60.0 for Python"),
        ("wheels/ray-2.60.1-cp311-cp311-manylinux2014_x86_64.whl", "is not Ray 2.60.0 for Python"),
        ("wheels/xray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl", "is not Ray"),
        ("wheels/ray.whl", "is not Ray"),
        ("wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.zip", "is not Ray"),
        ("ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl", "lies at the project's root"),
    ],
)
def test_a_wheel_is_of_the_cells_ray_and_python(wheel: str, said: str) -> None:
    found = why(replace(BASE, wheel=wheel))
    assert said in found
    assert bool(said) == bool(found)


def test_the_root_file_system_is_of_the_pythons_suite_as_of_the_epoch() -> None:
    rootfs = rootfs_for(BASE, CELL)
    assert (rootfs.suite, rootfs.epoch) == ("bookworm", "2026-11")
