"""What is asked of the gate, and what its verdict depends on."""

from __future__ import annotations

import hashlib
import json
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


def basis(request: ClusterRequest) -> str:
    """Digest of all that a verdict rests on besides the image: the suite, the image's own checks,
    the cluster's definition, its topology, and what was expected.

    Raises:
        OSError: one of the files cannot be read.
    """
    facts = {
        "suite": bundle.suite_digest(),
        "own checks": _digest(request.own_checks),
        "compose": _digest(request.compose_file),
        "workers": request.workers,
        "worker image": "" if request.worker_ref == request.head_ref else request.worker_ref,
        "ray": request.cell.ray,
        "python": request.cell.python,
    }
    return "sha256:" + hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _digest(path: Path | None) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
