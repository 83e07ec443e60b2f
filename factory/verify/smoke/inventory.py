"""What an image has of all that the nodes of one cluster have to share.

It is read on every node of a cluster, and, as a program of its own, in a container of an image that
is to be half of one.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("numpy", "pyarrow", "pandas", "pydantic", "torch")
"""What objects are commonly made of, where an image has it; cloudpickle is Ray's own copy."""

NONE = "none"
"""The version of what is not there."""


def packing() -> dict[str, str]:
    """The versions of what packs objects, and of what they are made of. Torch's flavour is left
    out: a build for CUDA and one for none read each other's tensors."""
    from ray import cloudpickle

    found = {"cloudpickle": str(cloudpickle.__version__)}
    return {**found, **{name: _version(name).partition("+")[0] for name in PACKAGES}}


def inventory() -> dict[str, str]:
    """That, and the versions that Ray compares."""
    import ray

    return {"ray": str(ray.__version__), "python": platform.python_version(), **packing()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NONE
