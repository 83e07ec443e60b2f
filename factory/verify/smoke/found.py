"""What an image has, for one that nobody describes: found without importing Ray.

It is sent into the image by itself, as text, so it imports nothing of the suite's.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from importlib import metadata

_EXTRAS = ("data", "serve", "rllib")
"""Of Ray's, those that checks are asked by."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def found() -> dict[str, object]:
    """Versions, and what of Ray can be used."""
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "ray": _version("ray"),
        "has_ray": _there("ray"),
        "torch": _there("torch"),
        "extras": installed(metadata.requires("ray") or () if _version("ray") else ()),
    }


def installed(requirements: Iterable[str]) -> list[str]:
    """The extras of which every package is there, by what a package says that it requires."""
    wanted: dict[str, list[str]] = {extra: [] for extra in _EXTRAS}
    for line in requirements:
        name = _NAME.match(line)
        for extra in _EXTRAS:
            if name and re.search(rf"extra\s*==\s*['\"]{extra}['\"]", line):
                wanted[extra].append(name.group())
    return [extra for extra, names in wanted.items() if names and all(map(_version, names))]


def _there(package: str) -> bool:
    """Whether it can be imported; a mere folder of that name is no package of anybody's."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
