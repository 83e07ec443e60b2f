"""What the user wrote: the matrix and the images, validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


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
        parts += ["rllib"] if self.rllib else []
        parts += [value for _, value in self.extra]
        return "-".join(parts)

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
class Excluded:
    """A cell that the matrix spans but does not keep, and the author's reason."""

    cell: Cell
    reason: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """What an image does differently in the cells that ``when`` matches.

    ``apt`` and ``env`` add to the image's own; ``requirements`` replaces them.
    """

    when: tuple[tuple[str, str], ...]
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    def matches(self, cell: Cell) -> bool:
        return all(cell.axes.get(axis) == value for axis, value in self.when)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An application image: ``images/<name>/image.yaml``, validated.

    Attributes:
        name: the folder's name, and the repository's.
        folder: relative to the project's root.
        source: the application's folder, relative to ``folder``.
        requirements: a pip requirements file, relative to ``folder``, or ``None``.
        apt: Debian packages.
        env: environment variables of the image.
        checks: a Python file with smoke checks of its own, relative to ``folder``, or ``None``.
        overrides: per-cell differences, applied in order.
    """

    name: str
    folder: str
    description: str
    source: str
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    checks: str | None = None
    overrides: tuple[Override, ...] = ()

    def for_cell(self, cell: Cell) -> Image:
        """This image with the overrides that match a cell applied, and none left."""
        image = replace(self, overrides=())
        for override in self.overrides:
            if override.matches(cell):
                image = replace(
                    image,
                    requirements=override.requirements or image.requirements,
                    apt=tuple(dict.fromkeys((*image.apt, *override.apt))),
                    env=tuple((dict(image.env) | dict(override.env)).items()),
                )
        return image


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """Where the base comes from.

    Attributes:
        source: ``packages``: made from Debian and PyPI packages, a stand-in for ``rayproject/ray``.
        epoch: "as of when" for what a key cannot see (Debian's current packages).
        extras: of Ray, such as ``default``.
        wheel: a Ray wheel of the user's own, relative to the project's root, or ``None``.
    """

    source: str
    epoch: str
    extras: tuple[str, ...]
    wheel: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanPolicy:
    """What the scan gate refuses. A secret always is.

    Attributes:
        vulnerabilities: severities that refuse, in capitals.
        misconfigurations: likewise.
        ignore_unfixed: a vulnerability that nobody has a fix for is reported, and not refused.
        database_max_age_days: a vulnerability database older than this counts as none.
    """

    vulnerabilities: frozenset[str] = frozenset({"CRITICAL"})
    misconfigurations: frozenset[str] = frozenset({"CRITICAL", "HIGH"})
    ignore_unfixed: bool = True
    database_max_age_days: int = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A place to publish.

    Attributes:
        name: its key in ``matrix.yaml``.
        registry: ``host:port``, optionally followed by a path prefix.
        accept: the partial reasons with which an image may still be published there.
    """

    name: str
    registry: str
    accept: frozenset[str] = frozenset()

    def repository(self, image: str) -> str:
        """The full repository name of an image, without a tag."""
        return f"{self.registry}/{image}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """``matrix.yaml``, validated and spanned.

    Attributes:
        cells: in the order of the axes, included ones last.
        excluded: with reasons.
        latest: the cell that ``latest`` names, or ``None``.
        base: where the base comes from.
        runtime_apt: Debian packages that every image gets.
        targets: where to publish.
        scan: the scan gate's policy.
        workers: how many workers ``verify`` boots beside the head.
    """

    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    latest: Cell | None
    base: Base
    runtime_apt: tuple[str, ...]
    targets: tuple[Target, ...]
    scan: ScanPolicy
    workers: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """All that a user wrote, read and validated: the input of planning.

    Attributes:
        matrix: the cells and the rest of ``matrix.yaml``.
        images: by name, in order.
        templates: file name to text, of ``dockerfiles/``.
        digests: path relative to the root to the SHA-256 of what is there (file or folder), for
            every path that a Dockerfile of ours reads.
    """

    matrix: Matrix
    images: Mapping[str, Image]
    templates: Mapping[str, str]
    digests: Mapping[str, str]
