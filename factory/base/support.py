"""Which Pythons, Rays and CUDAs can be had as packages. Pure.

Sources: Debian's ``python3`` package of each suite; the wheels of ``ray`` on PyPI; for drivers, the
table "CUDA Toolkit and Corresponding Driver Versions" in NVIDIA's release notes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from factory.errors import ConfigError
from factory.model import Base, Cell, Device, Rootfs

RECIPE = {
    "include": "ca-certificates",
    # Documentation and translations are a third of a minimal system, and no container reads them.
    "exclude": "/usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/share/lintian/*",
    # The system must not remember where it was fetched from: it gets the sources that Debian
    # itself ships as its example; builds see the host's own through a mount.
    "hook": 'cd "$1/usr/share/doc/apt/examples" && rm "$1/etc/apt/sources.list" && '
    "if [ -f debian.sources ]; then cp debian.sources ../../../../../etc/apt/sources.list.d/; "
    "else cp sources.list ../../../../../etc/apt/; fi",
}
"""How a minimal Debian is cut to size; part of every base's key."""

SUITES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "sid"}
"""Python minor version to the Debian suite whose ``python3`` it is."""

_DRIVERS = {
    "12.0": "525.60.13",
    "12.1": "530.30.02",
    "12.2": "535.54.03",
    "12.3": "545.23.06",
    "12.4": "550.54.14",
    "12.5": "555.42.02",
    "12.6": "560.28.03",
    "12.8": "570.26",
    "12.9": "575.51.03",
    "13.0": "580.65.06",
}

_FIRST_RAY = {"3.13": (2, 45), "3.14": (2, 55)}
_LAST_RAY = {"3.9": (2, 51)}
_WHEEL = re.compile(r"ray-(?P<ray>[0-9.]+(?:rc\d+)?)-cp(?P<python>\d+)-.*\.whl", re.ASCII)


def rootfs_for(base: Base, cell: Cell) -> Rootfs:
    """The root file system that a cell's base is made of; the cell must be supported."""
    recipe = hashlib.sha256(repr(RECIPE).encode()).hexdigest()[:8]
    return Rootfs(suite=SUITES[cell.python], epoch=base.epoch, recipe=recipe)


def driver_floor(cuda: str) -> str:
    """The oldest NVIDIA driver (Linux) that a CUDA release asks for; of one that is not known here,
    the newest known one's before it."""
    known = [release for release in _DRIVERS if _numbers(release) <= _numbers(cuda)]
    return _DRIVERS[max(known, key=_numbers, default="12.0")]


def unsupported(base: Base, devices: Mapping[str, Device], cell: Cell) -> ConfigError | None:
    """Why a cell cannot be made, or ``None`` if, as far as is known without asking, it can."""
    return _wrong_device(devices, cell) or (
        _wrong_packages(base, cell) if base.substituted else None
    )


def _wrong_device(devices: Mapping[str, Device], cell: Cell) -> ConfigError | None:
    device = devices.get(cell.device)
    if device is None:
        what = f"the matrix does not say which CUDA device {cell.device} has"
        return _error(cell, what, f"add `devices: {{{cell.device}: {{cuda: cuda130}}}}`")
    if cell.rllib and device.torch is None:
        what = f"the matrix does not say which torch RLlib gets on device {cell.device}"
        example = "2.13.0" if device.cuda else "2.13.0+cpu"
        todo = f'add `torch: {{version: "{example}"}}` to it under `devices:`'
        return _error(cell, what, todo)
    return None


def _wrong_packages(base: Base, cell: Cell) -> ConfigError | None:
    release = cell.ray_release
    if cell.python not in SUITES:
        what = f"no Debian suite has a Python {cell.python} to make a base from"
        todo = f"take one of {', '.join(SUITES)}, or `base: {{source: registry}}`"
        return _error(cell, what, todo)
    no_wheel = f"Ray {cell.ray} has no wheel for Python {cell.python}"
    if release < _FIRST_RAY.get(cell.python, (0, 0)):
        first = ".".join(map(str, _FIRST_RAY[cell.python]))
        return _error(cell, no_wheel, f"take Ray {first} or newer, or exclude the cell")
    if cell.python in _LAST_RAY and release > _LAST_RAY[cell.python]:
        last = ".".join(map(str, _LAST_RAY[cell.python]))
        return _error(cell, no_wheel, f"take Ray {last} or older, or exclude the cell")
    return _wrong_wheel(base, cell)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


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
