"""Releases of Ray that the matrix does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from factory.errors import MachineError
from factory.model import Cell, Outdated
from factory.uv import Asking, Unanswered, compile_pins

_FINAL = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_WHERE = "matrix.yaml"


def newer_rays(cells: Iterable[Cell], asking: Asking) -> Iterator[tuple[Outdated, set[Cell]]]:
    """The newest Ray, if it is newer than the matrix's, and the newest patch release of each that
    is there, with the cells that would have it.

    Raises:
        MachineError: no index answers.
    """
    there = tuple(cells)
    rays = sorted({cell.ray for cell in there if _FINAL.fullmatch(cell.ray)}, key=_order)
    found: dict[tuple[str, str], set[Cell]] = {}
    for ray in rays:
        for cell in _one_a_python(there, ray):
            patch = _newest(f"ray~={ray}", cell.python, asking)
            if patch and patch not in rays and _order(patch) > _order(ray):
                same = {one for one in there if (one.ray, one.python) == (ray, cell.python)}
                found.setdefault((ray, patch), set()).update(same)
    for python in sorted({cell.python for cell in there}) if rays else ():
        newest = _newest(f"ray>={rays[-1]}", python, asking)
        if newest and newest not in rays and _order(newest) > _order(rays[-1]):
            found.setdefault((rays[-1], newest), set())
    for (now, newest), which in found.items():
        yield Outdated(kind="ray", name="ray", now=now, newest=newest, where=_WHERE), which


def _one_a_python(cells: Iterable[Cell], ray: str) -> Iterable[Cell]:
    return {cell.python: cell for cell in cells if cell.ray == ray}.values()


def _newest(requirement: str, python: str, asking: Asking) -> str | None:
    try:
        said = compile_pins(
            ["-", "--quiet", "--no-deps"], python=python, asking=asking, stdin=requirement
        )
    except Unanswered as error:
        if error.refused:
            return None
        raise MachineError(
            "no package source says which releases of Ray there are",
            todo="see that pip can install on this host (`invoke doctor`), then run again",
            detail=error.said,
        ) from error
    version = said.stdout.strip().removeprefix("ray==")
    return version if _FINAL.fullmatch(version) else None


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
