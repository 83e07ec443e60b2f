"""Which Python packages the steps of a build ask for, base first: what plans and locks rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from factory.model.base import Torch
from factory.model.cell import Build, Cell
from factory.model.image import Image
from factory.model.lock import TEMPLATES, asked_digest, locks_folder
from factory.model.matrix import Project

_MATRIX = "matrix.yaml"
_BARE_FROM = (3, 12)
"""From this Python on, a new environment has pip alone, and neither setuptools nor wheel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What one step asks for.

    Attributes:
        kind: the step's: ``base``, ``rllib``, ``cuda`` or ``app``.
        name: the step's: its kind, or its image's name.
        requirements: lines as installers take them.
        where: the file that asks, relative to the project's root.
        context: the folder, relative to the root, from which the step reads its lock.
        base: where bases come from, ``registry`` or ``packages``: a lock holds what its base lacks.
        torch: what is taken from an index or a folder of its own, or ``None``.
        wheel: a Ray of the user's own, relative to the root, which no lock holds, or ``None``.
        depends: a digest of what that depends on, which locks do hold.
    """

    kind: str
    name: str
    requirements: tuple[str, ...]
    where: str
    context: str
    base: str
    torch: Torch | None = None
    wheel: str | None = None
    depends: str = ""

    @property
    def folder(self) -> str:
        """Where its locks lie, relative to the root."""
        return locks_folder(self.kind, self.context)

    @property
    def digest(self) -> str:
        """What a lock's header says of it."""
        own = [f"with {self.wheel} {self.depends}"] if self.wheel else []
        return asked_digest([*self.requirements, f"on {self.base}", *own])


def asked_by(project: Project, build: Build) -> Iterator[Asked]:
    """What the steps of a build ask for, in the order in which they are installed."""
    cell = build.cell
    if project.matrix.base.substituted:
        yield base_asked(project, cell)
    if cell.rllib:
        yield rllib_asked(project, cell)
    if project.matrix.base.substituted and cell.device == "gpu":
        yield cuda_asked(project, cell)
    for image in project.lineage(build.image):
        found = app_asked(project, image.for_cell(cell))
        if found:
            yield found


def base_asked(project: Project, cell: Cell) -> Asked:
    """What a base that is made from packages asks for: Ray, and what every environment has."""
    extras = ",".join(project.matrix.base.extras)
    major, minor = cell.python.split(".")
    bare = (int(major), int(minor)) >= _BARE_FROM
    seeds = ("pip",) if bare else ("pip", "setuptools", "wheel")
    return _shared(project, "base", (f"ray[{extras}]=={cell.ray}", *seeds))


def rllib_asked(project: Project, cell: Cell) -> Asked:
    """What RLlib asks for. With the CUDA runtime in the same breath, torch and all else share one
    copy of it."""
    device = project.matrix.devices[cell.device]
    assert device.torch, "an RLlib cell without a torch is not supported"
    cuda = device.cuda if project.matrix.base.substituted else None
    wanted = (device.torch.requirement, *([cuda.requirement] if cuda else []))
    return _shared(project, "rllib", (f"ray[rllib]=={cell.ray}", *wanted), torch=device.torch)


def cuda_asked(project: Project, cell: Cell) -> Asked:
    """What a GPU's base that is made from packages asks for."""
    cuda = project.matrix.devices[cell.device].cuda
    assert cuda, "a gpu has a CUDA release: the schema says so"
    return _shared(project, "cuda", (cuda.requirement,))


def app_asked(project: Project, image: Image) -> Asked | None:
    """What an image asks for, its overrides applied; ``None`` if it has no requirements."""
    if image.requirements is None:
        return None
    path, base = f"{image.folder}/{image.requirements}", project.matrix.base
    return Asked(
        kind="app",
        name=image.name,
        requirements=project.requirements.get(path, ()),
        where=path,
        context=image.folder,
        base=base.source,
        wheel=base.wheel if base.substituted else None,
        depends=project.wheel,
    )


def _shared(
    project: Project, kind: str, requirements: tuple[str, ...], torch: Torch | None = None
) -> Asked:
    base = project.matrix.base
    return Asked(
        kind=kind,
        name=kind,
        requirements=requirements,
        where=_MATRIX,
        context=TEMPLATES,
        base=base.source,
        torch=torch,
        wheel=base.wheel if base.substituted else None,
        depends=project.wheel,
    )
