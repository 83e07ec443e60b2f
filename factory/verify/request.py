"""What is asked of the gate, and what its verdict depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.model import Cell
from factory.verify import bundle


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterRequest:
    """A cluster to boot and to judge.

    Attributes:
        subject: the id of the build that the verdict is about.
        config_digest: the digest of its image's configuration, to which the verdict is bound.
        head_ref, worker_ref: the images in the engine; they differ in a mixed cluster.
        cell: what Ray and Python are expected to be.
        compose_file: the cluster's definition, ``compose/cluster.yaml``.
        workers: how many, besides the head.
        own_checks: the image's own ``checks.py``, or ``None``.
    """

    subject: str
    config_digest: str
    head_ref: str
    worker_ref: str
    cell: Cell
    compose_file: Path
    workers: int = 2
    own_checks: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """The content of all files that a verdict rests on, read once: what is digested is what is
    used, though somebody edits a file meanwhile."""

    suite: Mapping[str, bytes]
    compose: bytes
    own_checks: bytes | None

    @classmethod
    def of(cls, request: ClusterRequest) -> Material:
        """Read it.

        Raises:
            OSError: one of the files cannot be read.
        """
        return cls(
            suite=bundle.suite_files(),
            compose=request.compose_file.read_bytes(),
            own_checks=request.own_checks.read_bytes() if request.own_checks else None,
        )


def basis(request: ClusterRequest, material: Material | None = None) -> str:
    """Digest of all that a verdict rests on besides the image: the suite, the image's own checks,
    the cluster's definition, its topology, and what was expected.

    Raises:
        OSError: one of the files cannot be read.
    """
    material = material or Material.of(request)
    facts = {
        "suite": bundle.suite_digest(material.suite),
        "own checks": _digest(material.own_checks),
        "compose": _digest(material.compose),
        "workers": request.workers,
        "worker image": "" if request.worker_ref == request.head_ref else request.worker_ref,
        "ray": request.cell.ray,
        "python": request.cell.python,
    }
    return "sha256:" + hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
