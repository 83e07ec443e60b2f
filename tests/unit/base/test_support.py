"""Which cells can be made from packages, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.base import rootfs_for, unsupported
from factory.model import Base, Cell

BASE = Base(source="packages", epoch="2026-11", extras=("default",))
CELL = Cell(python="3.11", ray="2.60.0", device="cpu")


def why(base: Base = BASE, **changes: object) -> str:
    error = unsupported(base, replace(CELL, **changes))  # type: ignore[arg-type]  # one field or two
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
        ("3.9", "2.51.2", "no Debian suite"),
        ("3.9", "2.52.0", "Ray 2.52.0 has no wheel for Python 3.9"),
        ("3.8", "2.11.0", "has no wheel"),
        ("3.13", "2.44.0", "has no wheel"),
        ("3.13", "2.45.0", "no Debian suite has a Python 3.13"),
        ("3.14", "2.54.1", "has no wheel"),
        ("3.14", "2.55.0", "no Debian suite"),
        ("3.10", "2.60.0", "no Debian suite has a Python 3.10"),
    ],
)
def test_pythons_and_rays_that_do_not_meet_are_told(python: str, ray: str, said: str) -> None:
    found = why(python=python, ray=ray)
    assert said in found
    assert bool(said) == bool(found)


def test_what_it_cannot_make_yet_is_told() -> None:
    assert "gpu cells" in why(device="gpu")
    assert "rllib cells" in why(rllib=True)


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
