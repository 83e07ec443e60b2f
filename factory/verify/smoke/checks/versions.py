"""Whether all nodes run the same Ray and Python, and the ones that the cell names."""

from __future__ import annotations

import platform

import ray

from ..protocol import Expected
from .cluster import alive, expect, on_each


def _versions() -> tuple[str, str]:
    return ray.__version__, platform.python_version()


def versions(expected: Expected) -> None:
    """Ray compares Python to the patch level: 3.11.2 and 3.11.9 do not mix."""
    members = alive()
    found = on_each(members, _versions)
    by_node = ", ".join(
        f"{node.address} has Ray {ray_version} on Python {python}"
        for node, (ray_version, python) in zip(members, found)
    )
    expect(len({*found, _versions()}) == 1, f"the nodes differ: {by_node}")
    complaint = misfit(*_versions(), expected)
    expect(not complaint, complaint)


def misfit(ray_version: str, python: str, expected: Expected) -> str:
    """How these are not the versions that somebody said; empty if they are, or nobody did."""
    if expected.ray and ray_version != expected.ray:
        return f"Ray is {ray_version}, not {expected.ray}"
    minor = ".".join(python.split(".")[:2])
    if expected.python and minor != expected.python:
        return f"Python is {python}, not {expected.python}"
    return ""
