"""What cells stand on: bases, CUDA releases and torch's flavours."""

from __future__ import annotations

from dataclasses import dataclass


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
