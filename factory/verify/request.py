"""What is asked of the gate, and what its verdict depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from factory.model import COLD_SUITE, Budget, Cell, Contract
from factory.verify import bare, bundle
from factory.verify.own_checks import OwnChecks
from factory.verify.smoke.protocol import Expected
from factory.verify.smoke.suite import QUICK


@dataclass(frozen=True, kw_only=True, slots=True)
class Workers:
    """What the workers of a mixed cluster are, whose image is another one than the head's.

    Attributes:
        config_digest: of their image; the verdict is bound to both.
        cell, cuda, torch: as of ``ClusterRequest``.
    """

    config_digest: str
    cell: Cell
    cuda: str | None = None
    torch: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterRequest:
    """A cluster to boot and to judge.

    Attributes:
        subject: the id of the build, or of the pair, that the verdict is about.
        config_digest: the digest of its image's configuration, to which the verdict is bound.
        head_ref, worker_ref: the images in the engine; they differ in a mixed cluster.
        cell: what the image is expected to be; in a mixed cluster, the head's.
        compose_file: the cluster's definition, ``compose/cluster.yaml``; beside it are
            ``gpu.yaml`` and ``gpu-head.yaml``, which give the workers and the head GPUs, and
            ``cold-start.yaml``, whose workers are started one after the other.
        workers: how many, besides the head.
        own_checks: files of checks, those of the outermost parent image first, the image's own
            last; a later check takes the place of an earlier one with its name.
        cuda: the version of CUDA in an image for GPUs, such as ``13.0``; else ``None``.
        nvidia_runtime: whether the engine can give a container a GPU.
        suite: how much is asked: ``contract``, ``quick``, ``full`` or ``coldstart``.
        torch: whether the image asks for torch, though its cell has no RLlib.
        budget: what workers may take to start, where that is what is asked.
        mixed: what the workers are in a mixed cluster, else ``None``.
        needs: what of Ray's the image relies on, such as ``serve``.
        contract: what the image promises beyond what all do.
        driver: the oldest NVIDIA driver that a label of the image has to name, or ``None``.
        declared: whether a project says what the image is; else that was found in the image.
    """

    subject: str
    config_digest: str
    head_ref: str
    worker_ref: str
    cell: Cell
    compose_file: Path
    workers: int = 2
    own_checks: tuple[Path, ...] = ()
    cuda: str | None = None
    nvidia_runtime: bool = False
    suite: str = QUICK
    torch: bool = False
    needs: tuple[str, ...] = ()
    contract: Contract = field(default_factory=Contract)
    driver: str | None = None
    declared: bool = True
    budget: Budget = field(default_factory=Budget)
    mixed: Workers | None = None

    @property
    def cold(self) -> bool:
        """Whether it is timed how workers start, and nothing else is asked."""
        return self.suite == COLD_SUITE

    @property
    def worker_cell(self) -> Cell:
        """That of the workers' image."""
        return self.mixed.cell if self.mixed else self.cell

    @property
    def worker_gpus(self) -> bool:
        """Whether the workers are given GPUs, which they do without where it is only timed how
        they start."""
        return self.worker_cell.device == "gpu" and self.nvidia_runtime and not self.cold

    @property
    def head_gpus(self) -> bool:
        """Whether the head is: only where none but its image, or that too, is for GPUs."""
        return self.mixed is not None and self.cell.device == "gpu" and self.nvidia_runtime

    @property
    def gpus(self) -> bool:
        """Whether any node is."""
        return self.worker_gpus or self.head_gpus

    @property
    def compose_files(self) -> tuple[Path, ...]:
        """The cluster's definition, each file adding to those before it."""
        more = {
            "gpu.yaml": self.worker_gpus,
            "gpu-head.yaml": self.head_gpus,
            "cold-start.yaml": self.cold,
        }
        added = (self.compose_file.with_name(name) for name, given in more.items() if given)
        return (self.compose_file, *added)

    @property
    def expected(self) -> Expected:
        """What the suite is told."""
        head = self._expected(self)
        return replace(head, workers=self._expected(self.mixed)) if self.mixed else head

    def _expected(self, image: ClusterRequest | Workers) -> Expected:
        cell = image.cell
        return Expected(
            nodes=self.workers + 1,
            ray=cell.ray,
            python=cell.python,
            device=cell.device,
            cuda=image.cuda,
            rllib=cell.rllib,
            torch=image.torch or cell.rllib,
            declared=self.declared,
            data="data" in self.needs,
            serve="serve" in self.needs,
            arbitrary_uid=bool(self.contract.arbitrary_uid),
            read_only=bool(self.contract.read_only),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """The content of all files that a verdict rests on, read once: what is digested is what is
    used, though somebody edits a file meanwhile."""

    suite: Mapping[str, bytes]
    compose: tuple[bytes, ...]
    own_checks: OwnChecks

    @classmethod
    def of(cls, request: ClusterRequest) -> Material:
        """Read it.

        Raises:
            OSError: one of the files cannot be read.
        """
        return cls(
            suite=bundle.suite_files(),
            compose=tuple(path.read_bytes() for path in request.compose_files),
            own_checks=OwnChecks.of((path, path.read_bytes()) for path in request.own_checks),
        )


def basis(request: ClusterRequest, material: Material | None = None) -> str:
    """Digest of all that a verdict rests on besides the image.

    Raises:
        OSError: one of the files cannot be read.
    """
    return basis_of(parts(request, material))


def parts(request: ClusterRequest, material: Material | None = None) -> dict[str, Any]:
    """All that a verdict rests on besides the image, by name: the suite, the image's own checks
    and inherited ones, the cluster's definition, its topology, what was expected, and, of an image
    for GPUs, whether there were any. JSON can hold it.

    Raises:
        OSError: one of the files cannot be read.
    """
    material = material or Material.of(request)
    return {
        "suite": bundle.suite_digest(material.suite),
        "own checks": [_digest(file.content) for file in material.own_checks.files],
        "compose": [_digest(content) for content in material.compose],
        "single containers": bare.settings(),
        "gpus": request.gpus,
        "worker image": _workers(request),
        "expected": asdict(request.expected),
        "asked": request.suite,
        "writable": list(request.contract.writable),
        "driver": request.driver,
        **({"budget": asdict(request.budget)} if request.cold else {}),
    }


def _workers(request: ClusterRequest) -> str:
    """What names the workers' image, where it is another one."""
    if request.mixed:
        return request.mixed.config_digest
    return "" if request.worker_ref == request.head_ref else request.worker_ref


def basis_of(parts: Mapping[str, Any]) -> str:
    """The digest of what ``parts`` gives."""
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
