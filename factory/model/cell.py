"""Points of the matrix, and rules that match them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ID = re.compile(
    r"(?P<ray>[^-]+)-py(?P<major>[0-9])(?P<minor>[0-9]+)-(?P<device>cpu|gpu)"
    r"(?:-(?P<rllib>rllib))?(?:-(?P<rest>.+))?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One point of the matrix.

    Attributes:
        python: minor version, such as ``3.11``.
        ray: full version, such as ``2.60.0``.
        device: ``cpu`` or ``gpu``.
        rllib: whether RLlib (with torch) is part of the image.
        extra: further axes of the user's, as (axis, value) in the order of the matrix.
    """

    python: str
    ray: str
    device: str
    rllib: bool = False
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """The name people type: Ray's tag grammar, then our own suffixes."""
        parts = [self.ray, f"py{self.python.replace('.', '')}", self.device]
        return "-".join((*parts, *self.suffixes))

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What its id has beyond Ray's grammar."""
        return (*(("rllib",) if self.rllib else ()), *(value for _, value in self.extra))

    @property
    def ray_release(self) -> tuple[int, ...]:
        """Major and minor version of Ray, to compare with another: ``(2, 60)``."""
        return tuple(int(number) for number in re.findall(r"\d+", self.ray)[:2])

    @property
    def axes(self) -> dict[str, str]:
        """Axis name to value, as text (``rllib`` is ``true`` or ``false``)."""
        fixed = {
            "python": self.python,
            "ray": self.ray,
            "device": self.device,
            "rllib": str(self.rllib).lower(),
        }
        return fixed | dict(self.extra)


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """Image × cell: the unit that is judged and published."""

    image: str
    cell: Cell

    @property
    def id(self) -> str:
        return f"{self.image}:{self.cell.id}"


def cell_of(name: str) -> Cell | None:
    """The cell of an id, as far as an id tells: values of further axes are one, without the names
    of these. ``None`` if it is no cell's."""
    found = _ID.fullmatch(name)
    if not found:
        return None
    rest = found["rest"]
    return Cell(
        python=f"{found['major']}.{found['minor']}",
        ray=found["ray"],
        device=found["device"],
        rllib=found["rllib"] is not None,
        extra=(("", rest),) if rest else (),
    )


def build_of(name: str) -> Build | None:
    """The same of a build's id."""
    image, _, cell = name.partition(":")
    found = cell_of(cell)
    return Build(image=image, cell=found) if found and image else None


When = tuple[tuple[str, tuple[str, ...]], ...]
"""A rule on cells: axis to the values that it may have; all axes must match."""


def matches(rule: When, cell: Cell) -> bool:
    """Whether a cell is one that a rule means; an empty rule means all."""
    return all(cell.axes.get(axis) in values for axis, values in rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """A cell that the matrix spans but does not keep, and the author's reason."""

    cell: Cell
    reason: str
    where: str
