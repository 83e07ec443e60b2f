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
class GitSource:
    """Application code in a git repository.

    Attributes:
        url: of the repository, over HTTP(S), without credentials.
        ref: a branch, a tag, or a full commit.
        folder: the folder in it that becomes the application, or ``None`` for all of it.
        token: the environment variable that holds a token for it, or ``None``.
    """

    url: str
    ref: str
    folder: str | None = None
    token: str | None = None

    @property
    def name(self) -> str:
        """What its commit is recorded under."""
        return f"{self.url}#{self.ref}"

    @property
    def pinned(self) -> bool:
        """Whether the ref is a commit already, which needs no looking up."""
        return len(self.ref) == 40 and all(digit in "0123456789abcdef" for digit in self.ref)


@dataclass(frozen=True, kw_only=True, slots=True)
class Install:
    """What runs in a builder stage, of which only the results reach the image.

    Attributes:
        script: a Bash script, relative to the image's folder.
        apt: Debian packages that only it needs.
        secrets: environment variables of the host that it sees as files in ``/run/secrets/``.
    """

    script: str
    apt: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


When = tuple[tuple[str, tuple[str, ...]], ...]
"""A rule on cells: axis to the values that it may have; all axes must match."""


def matches(rule: When, cell: Cell) -> bool:
    """Whether a cell is one that a rule means; an empty rule means all."""
    return all(cell.axes.get(axis) in values for axis, values in rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """What an image does differently in the cells that ``when`` matches.

    ``apt`` and ``env`` add to the image's own; ``requirements`` replaces them.
    """

    when: When
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    def matches(self, cell: Cell) -> bool:
        return matches(self.when, cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An application image: ``images/<name>/image.yaml``, validated.

    Attributes:
        name: the folder's name, and the repository's.
        folder: relative to the project's root.
        parent: the image that this one is built on, or ``None``: then it is the cell's own stack.
        where: the cells that it is made for.
        source: the application's folder, relative to ``folder``, a git repository, or ``None``
            where the parent's application is all there is.
        requirements: a pip requirements file, relative to ``folder``, or ``None``.
        apt: Debian packages.
        env: environment variables of the image.
        install: what is compiled or fetched in a stage of its own, or ``None``.
        checks: a Python file with smoke checks of its own, relative to ``folder``, or ``None``.
        overrides: per-cell differences, applied in order.
    """

    name: str
    folder: str
    description: str
    source: str | GitSource | None
    parent: str | None = None
    where: When = ()
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install: Install | None = None
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
        source: ``registry``: ``rayproject/ray`` itself; ``packages``: a stand-in for it, made from
            Debian and PyPI packages; ``auto``: the first of the two that this machine can reach.
        epoch: "as of when" for what a key cannot see (Debian's current packages).
        mirror: ``host[:port][/path]`` under which there is a ``rayproject/ray``, or ``None`` for
            Docker Hub.
        extras: of Ray, such as ``default``; of a packages base.
        wheel: a Ray wheel of the user's own, relative to the project's root, or ``None``; likewise.
    """

    source: str
    epoch: str
    mirror: str | None = None
    extras: tuple[str, ...] = ("default",)
    wheel: str | None = None

    @property
    def substituted(self) -> bool:
        """Whether it is a stand-in for ``rayproject/ray``."""
        return self.source == "packages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Torch:
    """Which torch goes with RLlib on one device.

    Attributes:
        version: with its flavour, such as ``2.13.0+cpu``; without one it is PyPI's own, a CUDA
            build on x86-64.
        index: the Python index to take it from, or ``None`` for those of the host.
        find_links: a folder with its wheels, relative to the project's root, or ``None``.
    """

    version: str
    index: str | None = None
    find_links: str | None = None

    @property
    def requirement(self) -> str:
        """As installers take it. A host's folder of wheels may hold a +cpu torch, which counts as
        newer than the plain version: that one is excluded by name."""
        exact = f"torch=={self.version}"
        return exact if "+" in self.version else f"{exact},!={self.version}+cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cuda:
    """A CUDA release by its name.

    Attributes:
        name: as written in the matrix, such as ``cuda130``.
    """

    name: str

    @property
    def version(self) -> str:
        """Major and minor, such as ``13.0``."""
        digits = self.name.removeprefix("cuda")
        return f"{digits[:-1]}.{digits[-1]}"

    @property
    def platform(self) -> str:
        """As Ray's tags and PyTorch's flavours call it, such as ``cu130``."""
        return f"cu{self.name.removeprefix('cuda')}"

    @property
    def requirement(self) -> str:
        """The runtime as a package: NVIDIA's index of what belongs to a release."""
        return f"cuda-toolkit[cudart]=={self.version}.*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """What the matrix says of one value of the device axis.

    Attributes:
        cuda: the CUDA release of a gpu, ``None`` for a cpu.
        torch: what RLlib cells of this device get, or ``None`` if there are none.
    """

    cuda: Cuda | None = None
    torch: Torch | None = None


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
        devices: what each device is, by its name.
        runtime_apt: Debian packages that every image gets.
        targets: where to publish.
        scan: the scan gate's policy.
        workers: how many workers ``verify`` boots beside the head.
    """

    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    latest: Cell | None
    base: Base
    devices: Mapping[str, Device]
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

    def lineage(self, name: str) -> tuple[Image, ...]:
        """An image and all that it stands on, the root first."""
        image = self.images[name]
        return (*self.lineage(image.parent), image) if image.parent else (image,)

    def made_for(self, name: str, cell: Cell) -> bool:
        """Whether an image and all that it stands on are made for a cell."""
        return all(matches(image.where, cell) for image in self.lineage(name))
