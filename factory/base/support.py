"""Which Pythons and Rays can be had as packages. Pure.

Sources: Debian's ``python3`` package of each suite; the wheels of ``ray`` on PyPI.
"""

from __future__ import annotations

import hashlib
import re

from factory.errors import ConfigError
from factory.model import Base, Cell, Rootfs

RECIPE = {
    "include": "ca-certificates",
    # Documentation and translations are a third of a minimal system, and no container reads them.
    "exclude": "/usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/share/lintian/*",
    # The system must not remember where it was fetched from: it gets the sources that Debian
    # itself ships as its example; builds see the host's own through a mount.
    "hook": 'cp "$1/usr/share/doc/apt/examples/sources.list" "$1/etc/apt/sources.list"',
}
"""How a minimal Debian is cut to size; part of every base's key."""

SUITES = {"3.11": "bookworm"}
"""Python minor version to the Debian suite whose ``python3`` it is."""

_FIRST_RAY = {"3.13": (2, 45), "3.14": (2, 55)}
_LAST_RAY = {"3.8": (2, 10), "3.9": (2, 51)}
_WHEEL = re.compile(r"ray-(?P<ray>[0-9.]+(?:rc\d+)?)-cp(?P<python>\d+)-.*\.whl", re.ASCII)


def rootfs_for(base: Base, cell: Cell) -> Rootfs:
    """The root file system that a cell's base is made of; the cell must be supported."""
    recipe = hashlib.sha256(repr(RECIPE).encode()).hexdigest()[:8]
    return Rootfs(suite=SUITES[cell.python], epoch=base.epoch, recipe=recipe)


def unsupported(base: Base, cell: Cell) -> ConfigError | None:
    """Why a cell cannot be made from packages, or ``None`` if it can."""
    release = tuple(int(part) for part in re.findall(r"\d+", cell.ray)[:2])
    if release < _FIRST_RAY.get(cell.python, (0, 0)):
        first = ".".join(map(str, _FIRST_RAY[cell.python]))
        return _error(
            cell,
            f"Ray {cell.ray} has no wheel for Python {cell.python}",
            f"take Ray {first} or newer, or exclude the cell",
        )
    if cell.python in _LAST_RAY and release > _LAST_RAY[cell.python]:
        last = ".".join(map(str, _LAST_RAY[cell.python]))
        return _error(
            cell,
            f"Ray {cell.ray} has no wheel for Python {cell.python}",
            f"take Ray {last} or older, or exclude the cell",
        )
    if cell.python not in SUITES:
        return _error(
            cell,
            f"no Debian suite has a Python {cell.python} to make a base from",
            f"take one of: {', '.join(SUITES)}",
        )
    if cell.device != "cpu" or cell.rllib:
        what = "rllib" if cell.rllib else cell.device
        return _error(
            cell,
            f"the packages base cannot make {what} cells yet",
            "exclude the cell, with that as the reason",
        )
    return _wrong_wheel(base, cell)


def _wrong_wheel(base: Base, cell: Cell) -> ConfigError | None:
    if base.wheel is None:
        return None
    folder, _, name = base.wheel.rpartition("/")
    if not folder:
        return ConfigError(
            f"the wheel {name} lies at the project's root",
            where="matrix.yaml",
            todo="move it to a folder of its own, such as wheels/: all of it is sent to builds",
        )
    match = _WHEEL.fullmatch(name)
    wanted = cell.ray, cell.python.replace(".", "")
    if match and (match["ray"], match["python"]) == wanted:
        return None
    return _error(
        cell,
        f"the wheel {name} is not Ray {cell.ray} for Python {cell.python}",
        "name the version and Python of the wheel in the axes, or exclude the cell",
    )


def _error(cell: Cell, what: str, todo: str) -> ConfigError:
    return ConfigError(what, where=f"cell {cell.id}", todo=todo)
