"""What is asked of the gate, and what its verdict depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from factory.model import Cell, Contract
from factory.verify import bundle
from factory.verify.own_checks import OwnChecks
from factory.verify.smoke.protocol import Expected
from factory.verify.smoke.suite import QUICK


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterRequest:
    """A cluster to boot and to judge.

    Attributes:
        subject: the id of the build that the verdict is about.
        config_digest: the digest of its image's configuration, to which the verdict is bound.
        head_ref, worker_ref: the images in the engine; they differ in a mixed cluster.
        cell: what the image is expected to be.
        compose_file: the cluster's definition, ``compose/cluster.yaml``; beside it is
            ``gpu.yaml``, which gives the workers GPUs.
        workers: how many, besides the head.
        own_checks: files of checks, those of the outermost parent image first, the image's own
            last; a later check takes the place of an earlier one with its name.
        cuda: the version of CUDA in an image for GPUs, such as ``13.0``; else ``None``.
        nvidia_runtime: whether the engine can give a container a GPU.
        suite: how much is asked: ``contract``, ``quick`` or ``full``.
        torch: whether the image asks for torch, though its cell has no RLlib.
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

    @property
    def gpus(self) -> bool:
        """Whether the workers are given GPUs."""
        return self.cell.device == "gpu" and self.nvidia_runtime

    @property
    def compose_files(self) -> tuple[Path, ...]:
        """The cluster's definition, each file adding to those before it."""
        more = (self.compose_file.with_name("gpu.yaml"),) if self.gpus else ()
        return (self.compose_file, *more)

    @property
    def expected(self) -> Expected:
        """What the suite is told."""
        return Expected(
            nodes=self.workers + 1,
            ray=self.cell.ray,
            python=self.cell.python,
            device=self.cell.device,
            cuda=self.cuda,
            rllib=self.cell.rllib,
            torch=self.torch or self.cell.rllib,
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
        "gpus": request.gpus,
        "worker image": "" if request.worker_ref == request.head_ref else request.worker_ref,
        "expected": asdict(request.expected),
        "asked": request.suite,
        "writable": list(request.contract.writable),
        "driver": request.driver,
    }


def basis_of(parts: Mapping[str, Any]) -> str:
    """The digest of what ``parts`` gives."""
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
